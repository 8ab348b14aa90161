//! InfoGAN: latent codes that mean something, found without labels.
//!
//! Chen, Duan, Houthooft, Schulman, Sutskever, Abbeel (2016), InfoGAN: Interpretable Representation Learning by Information
//! Maximizing Generative Adversarial Nets, arXiv:1606.03657.
//!
//! min_(G,Q) max_D V(D, G) - lambda L_I(G, Q),  L_I = E log Q(c | G(z, c)) + H(c)                  (equations 5 and 6)
//!
//! The codes stand behind the latent proper: `traverse --dims` moves them. Q shares the discriminator's trunk (appendix C).
use super::config::{Config, Optimizers};
use super::dcgan::Dcgan;
use super::game::codes::Codes;
use super::{OfTwo, Variant};
use crate::Entry;
use menagerie_nn::OptimizerConfig;

/// See the module.
pub struct InfoGan;

impl Variant for InfoGan {
    const NAME: &'static str = "info_gan";
    fn config() -> Config {
        Config {
            codes: Some(Codes::default()),
            // Five times as fast as the discriminator (appendix C.1).
            optimizer: Optimizers {
                generator: OptimizerConfig::adam(1e-3).betas(0.5, 0.999),
                ..Optimizers::default()
            },
            ..Dcgan::config()
        }
    }
}

/// In the registry.
pub(crate) const ENTRY: Entry = Entry {
    name: InfoGan::NAME,
    family: super::FAMILY,
    capabilities: super::OF_CODES,
    paper: "Chen et al. 2016, InfoGAN: Interpretable Representation Learning, arXiv:1606.03657",
    recipe: InfoGan::NAME,
    data: &["digits"],
    tiny: super::TINY_DCGAN,
    ..Entry::of::<OfTwo<InfoGan>>()
};
