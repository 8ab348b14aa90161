//! DualGAN: translation there and back by Wasserstein critics.
//!
//! Yi, Zhang, Tan, Gong (2017), DualGAN: Unsupervised Dual Learning for Image-to-Image Translation, arXiv:1704.02510.
//!
//! l_G = lambda_U ||u - G_B(G_A(u, z), z')|| + lambda_V ||v - G_A(G_B(v, z'), z)|| - D_B(G_B(v, z')) - D_A(G_A(u, z))  (equation 3)
//!
//! with lambda from 100 to 1000, U-Nets whose dropout is the noise, weights cut to ±0.01, RMSProp, and 2 to 4 updates of the
//! critics for each of the generators (section 3 and algorithm 1).
use super::game::objective::Rule;
use super::game::penalty::{Clip, Penalties};
use super::networks::translator::unet;
use super::networks::{TranslatorSizes, patch};
use super::plays::cycle::{CycleSettings, CycleVariant, ThereAndBack};
use super::translation::{Distance, Translation};
use super::{Optimizers, TRANSLATES};
use crate::Entry;
use menagerie_nn::OptimizerConfig;

/// See the module.
pub struct DualGan;

impl CycleVariant for DualGan {
    const NAME: &'static str = "dual_gan";
    fn config() -> Translation<CycleSettings> {
        Translation {
            model: TranslatorSizes::Unet(unet::Sizes::default()),
            critic: patch::Sizes::default(),
            translation: CycleSettings {
                game: 1.0,
                cycle: 500.0,
                identity: 0.0,
                distance: Distance::L1,
                pool: 0,
                discriminator_steps: 3,
            },
            objective: Rule::Wasserstein,
            penalty: Penalties {
                clip: Some(Clip::default()),
                ..Default::default()
            },
            augment: Default::default(),
            optimizer: Optimizers::both(OptimizerConfig::rms_prop(5e-5)),
        }
    }
}

/// In the registry.
pub(crate) const ENTRY: Entry = Entry {
    name: DualGan::NAME,
    family: super::FAMILY,
    capabilities: TRANSLATES,
    paper: "Yi et al. 2017, DualGAN: Unsupervised Dual Learning for Image-to-Image Translation, arXiv:1704.02510",
    recipe: DualGan::NAME,
    data: &["portraits:sides"],
    tiny: super::TINY_TRANSLATOR,
    ..Entry::of::<ThereAndBack<DualGan>>()
};
