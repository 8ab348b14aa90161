//! CUT: one way from a side to the other, without pairs and without a way back; patches must stay recognizable.
//!
//! Park, Efros, Zhang, Zhu (2020), Contrastive Learning for Unpaired Image-to-Image Translation, arXiv:2007.15651.
//!
//! L_GAN(G, D)  +  L_PatchNCE(G, H, X)  +  L_PatchNCE(G, H, Y)                                       (equation 5)
//!
//! with least squares for L_GAN. One generator and one critic: a step costs half of CycleGAN's.
use super::game::objective::{LeastSquares, Rule};
use super::networks::translator::resnet;
use super::networks::{TranslatorSizes, patch};
use super::plays::contrastive::ContrastiveSettings;
use super::translation::Translation;
use super::{Optimizers, TRANSLATES};
use crate::{Entry, Model, Registered};
use burn::tensor::Device;
use menagerie_data::DataInfo;
use menagerie_data::error::Result;
use menagerie_data::random::Key;

/// See the module.
pub struct Cut;

const NAME: &str = "cut";

impl Registered for Cut {
    type Config = Translation<ContrastiveSettings>;
    fn defaults() -> Self::Config {
        Translation {
            model: TranslatorSizes::Resnet(resnet::Sizes {
                blocks: 9,
                ..Default::default()
            }),
            critic: patch::Sizes::default(),
            translation: ContrastiveSettings::default(),
            objective: Rule::LeastSquares(LeastSquares::default()),
            penalty: Default::default(),
            augment: Default::default(),
            optimizer: Optimizers::default(),
        }
    }
    fn check(config: &Self::Config) -> Result<()> {
        config.check()
    }
    fn build(config: Self::Config, data: &DataInfo, device: &Device, key: Key) -> Result<Box<dyn Model>> {
        Ok(Box::new(config.by_patches(NAME, data, device, key)?))
    }
}

/// In the registry.
pub(crate) const ENTRY: Entry = Entry {
    name: NAME,
    family: super::FAMILY,
    capabilities: TRANSLATES,
    paper: "Park et al. 2020, Contrastive Learning for Unpaired Image-to-Image Translation, arXiv:2007.15651",
    recipe: NAME,
    data: &["portraits:sides"],
    tiny: &[
        ("model.width", "2"),
        ("model.blocks", "2"),
        ("critic.width", "4"),
        ("translation.features", "8"),
        ("data.size", "16"),
        ("data.limit", "40"),
        ("model.average", "0.9"),
    ],
    ..Entry::of::<Cut>()
};
