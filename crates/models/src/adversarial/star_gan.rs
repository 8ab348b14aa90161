//! StarGAN: one generator between any number of domains.
//!
//! Choi, Choi, Kim, Ha, Kim, Choo (2018), StarGAN: Unified Generative Adversarial Networks for Multi-Domain Image-to-Image
//! Translation, arXiv:1711.09020.
//!
//! L_G = L_adv + lambda_cls L_cls^f + lambda_rec L_rec,   lambda_cls = 1, lambda_rec = 10              (equation 6)
//!
//! with the Wasserstein distance and a gradient penalty of weight 10 for L_adv, five updates of the critic for each of the
//! generator, Adam at 1e-4 (sections 3.3 and 5.1).
use super::game::objective::Rule;
use super::game::penalty::{Gradient, Penalties};
use super::networks::translator::resnet;
use super::networks::{TranslatorSizes, patch};
use super::plays::domains::DomainSettings;
use super::translation::Translation;
use super::{Optimizers, TRANSLATES};
use crate::{Entry, Model, Registered};
use burn::tensor::Device;
use menagerie_data::DataInfo;
use menagerie_data::error::Result;
use menagerie_data::random::Key;
use menagerie_nn::{NormOver, OptimizerConfig};

/// See the module.
pub struct StarGan;

const NAME: &str = "star_gan";

impl Registered for StarGan {
    type Config = Translation<DomainSettings>;
    fn defaults() -> Self::Config {
        Translation {
            model: TranslatorSizes::Resnet(resnet::Sizes {
                norm: NormOver::Layer,
                ..Default::default()
            }),
            critic: patch::Sizes::default(),
            translation: DomainSettings::default(),
            objective: Rule::Wasserstein,
            penalty: Penalties {
                gradient: Some(Gradient::default()),
                ..Default::default()
            },
            augment: Default::default(),
            optimizer: Optimizers::both(OptimizerConfig::adam(1e-4).betas(0.5, 0.999)),
        }
    }
    fn check(config: &Self::Config) -> Result<()> {
        config.hears()?;
        config.check()
    }
    fn build(config: Self::Config, data: &DataInfo, device: &Device, key: Key) -> Result<Box<dyn Model>> {
        Ok(Box::new(config.between_domains(NAME, data, device, key)?))
    }
}

/// In the registry.
pub(crate) const ENTRY: Entry = Entry {
    name: NAME,
    family: super::FAMILY,
    capabilities: TRANSLATES,
    paper: "Choi et al. 2018, StarGAN: Unified Generative Adversarial Networks for Multi-Domain Image-to-Image Translation, arXiv:1711.09020",
    recipe: NAME,
    data: &["portraits"],
    tiny: &[
        ("model.width", "2"),
        ("model.blocks", "1"),
        ("critic.width", "4"),
        ("translation.discriminator_steps", "2"),
        ("data.size", "16"),
        ("data.limit", "40"),
        ("model.average", "0.9"),
    ],
    ..Entry::of::<StarGan>()
};
