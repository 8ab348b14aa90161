//! A GAN of molecules as SMILES: WGAN-GP on letters as ones among zeros.
//!
//! Gulrajani, Ahmed, Arjovsky, Dumoulin, Courville (2017), Improved Training of Wasserstein GANs, arXiv:1704.00028, section 5.4, on
//! lines of SMILES padded to the longest. Unlike ORGAN (Guimaraes et al. 2017, arXiv:1705.10843) nothing but the critic says what a
//! molecule is: the figures of `evaluate` (`validity`, `uniqueness`, `novelty`) tell how much of the grammar it has found, beside a
//! Markov chain of letters.
use super::config::Config;
use super::protein_gan::ProteinGan;
use super::{OfTwo, Variant};
use crate::Entry;

/// See the module.
pub struct MoleculeGan;

impl Variant for MoleculeGan {
    const NAME: &'static str = "molecule_gan";
    fn config() -> Config {
        ProteinGan::config()
    }
}

/// In the registry.
pub(crate) const ENTRY: Entry = Entry {
    name: MoleculeGan::NAME,
    family: super::FAMILY,
    capabilities: super::OF_A_DUEL,
    paper: "Gulrajani et al. 2017, Improved Training of Wasserstein GANs, arXiv:1704.00028, on SMILES",
    recipe: MoleculeGan::NAME,
    data: &["molecules"],
    tiny: super::TINY_SEQUENCE,
    ..Entry::of::<OfTwo<MoleculeGan>>()
};
