//! DiscoGAN: relations between two sides, found without pairs.
//!
//! Kim, Cha, Kim, Lee, Kim (2017), Learning to Discover Cross-Domain Relations with Generative Adversarial Networks,
//! arXiv:1703.05192.
//!
//! L_GAN_A + L_GAN_B + L_CONST_A + L_CONST_B, with d the mean squared error and the logarithms of the first GAN  (equations 3 to 9)
//!
//! The generators have no way around the small grid in their middle, and the critics see nearly all of an image: so shapes may
//! change, and details are lost. Here critics keep scores of large patches, where the paper's have one score an image.
use super::game::objective::Rule;
use super::networks::translator::unet;
use super::networks::{TranslatorSizes, patch};
use super::plays::cycle::{CycleSettings, CycleVariant, ThereAndBack};
use super::translation::{Distance, Translation};
use super::{Optimizers, TRANSLATES};
use crate::Entry;
use menagerie_nn::OptimizerConfig;

/// See the module.
pub struct DiscoGan;

impl CycleVariant for DiscoGan {
    const NAME: &'static str = "disco_gan";
    fn config() -> Translation<CycleSettings> {
        Translation {
            model: TranslatorSizes::Unet(unet::Sizes {
                skips: false,
                dropout: 0.0,
                ..Default::default()
            }),
            critic: patch::Sizes::default(),
            translation: CycleSettings {
                game: 1.0,
                cycle: 1.0,
                identity: 0.0,
                distance: Distance::L2,
                pool: 0,
                discriminator_steps: 1,
            },
            objective: Rule::NonSaturating,
            penalty: Default::default(),
            augment: Default::default(),
            optimizer: Optimizers::both(OptimizerConfig::adam(2e-4).betas(0.5, 0.999).weight_decay(1e-4)),
        }
    }
}

/// In the registry.
pub(crate) const ENTRY: Entry = Entry {
    name: DiscoGan::NAME,
    family: super::FAMILY,
    capabilities: TRANSLATES,
    paper: "Kim et al. 2017, Learning to Discover Cross-Domain Relations with Generative Adversarial Networks, arXiv:1703.05192",
    recipe: DiscoGan::NAME,
    data: &["portraits:sides"],
    tiny: super::TINY_TRANSLATOR,
    ..Entry::of::<ThereAndBack<DiscoGan>>()
};
