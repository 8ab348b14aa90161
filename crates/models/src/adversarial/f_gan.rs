//! f-GAN: any f-divergence by its variational bound.
//!
//! Nowozin, Cseke, Tomioka (2016), f-GAN: Training Generative Neural Samplers using Variational Divergence Minimization,
//! arXiv:1606.00709.
//!
//! min_G max_T E_x T(x) - E_z f*(T(G(z)))                                                         (equation 4)
//!
//! `objective.divergence` names f; the bound that the discriminator has reached is logged as `d/bound`. Fully connected
//! networks, for points and small images.
use super::config::Config;
use super::game::objective::{FDivergence, Rule};
use super::gan::Gan;
use super::{OfTwo, Variant};
use crate::Entry;

/// See the module.
pub struct FGan;

impl Variant for FGan {
    const NAME: &'static str = "f_gan";
    fn config() -> Config {
        Config {
            objective: Rule::FDivergence(FDivergence::default()),
            ..Gan::config()
        }
    }
}

/// In the registry.
pub(crate) const ENTRY: Entry = Entry {
    name: FGan::NAME,
    family: super::FAMILY,
    capabilities: super::OF_A_DUEL,
    paper: "Nowozin et al. 2016, f-GAN: Training Generative Neural Samplers, arXiv:1606.00709",
    recipe: FGan::NAME,
    data: &["digits", "ring8"],
    tiny: super::TINY_MLP,
    ..Entry::of::<OfTwo<FGan>>()
};
