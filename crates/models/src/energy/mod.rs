//! Energy-based models: p(x) = exp(-E(x)) / Z, whose normalizer Z nobody can sum, so that they are learned and drawn from by
//! Markov chains. GSN, which learns the chain itself and no energy, stands beside them.
mod annealing;
mod binary;
pub mod boltzmann;
mod chains;
pub mod energy_model;
pub mod gsn;
pub mod rbm;
#[cfg(test)]
mod tests;

use crate::Entry;

/// The family's name in the taxonomy.
pub(crate) const FAMILY: &str = "energy";
/// Its models.
pub(crate) const ENTRIES: &[&Entry] = &[&rbm::ENTRY, &boltzmann::ENTRY, &gsn::ENTRY, &energy_model::ENTRY];
