//! Boundary equilibrium GAN: two autoencoding errors, held in a proportion.
//!
//! Berthelot, Schumm, Metz (2017), BEGAN: Boundary Equilibrium Generative Adversarial Networks, arXiv:1703.10717.
//!
//! L_D = L(x) - k_t L(G(z)),  L_G = L(G(z)),  k_(t+1) = k_t + lambda (gamma L(x) - L(G(z)))        (section 3.4)
//!
//! `energy/convergence` is the paper's measure M: it falls as training converges, and ranks checkpoints without looking at
//! samples. The discriminator has no norms, as the paper's.
use super::config::Config;
use super::game::objective::{Equilibrium, Rule};
use super::networks::{Sizes, dcgan};
use super::{OfTwo, Variant};
use crate::Entry;

/// See the module.
pub struct Began;

impl Variant for Began {
    const NAME: &'static str = "began";
    fn config() -> Config {
        let sizes = dcgan::Sizes {
            norm: dcgan::Norm::None,
            ..dcgan::Sizes::default()
        };
        Config {
            objective: Rule::Equilibrium(Equilibrium::default()),
            ..Config::of(Sizes::Dcgan(sizes))
        }
    }
}

/// In the registry.
pub(crate) const ENTRY: Entry = Entry {
    name: Began::NAME,
    family: super::FAMILY,
    capabilities: super::OF_A_DUEL,
    paper: "Berthelot et al. 2017, BEGAN: Boundary Equilibrium Generative Adversarial Networks, arXiv:1703.10717",
    recipe: Began::NAME,
    data: &["digits"],
    tiny: super::TINY_DCGAN,
    ..Entry::of::<OfTwo<Began>>()
};
