//! 3D-ED-GAN: what is missing of a shape, filled in.
//!
//! Wang, Huang, You, Yang, Neumann (2017), Shape Inpainting using 3D Generative Adversarial Network and Recurrent Convolutional Networks,
//! arXiv:1711.06375.
//!
//! An encoder-decoder is given a shape of which a part is missing and says what belongs there; it learns the distance to the whole shape
//! and a game with a discriminator that sees filled shapes and whole ones (section 3.1). The paper then sharpens slices of a larger
//! grid by a recurrent network, which is not built. Levels of the encoder are joined to those of the decoder, which the paper does not do.
use super::Optimizers;
use super::game::objective::Rule;
use super::networks::TranslatorSizes;
use super::networks::translator::volume;
use super::plays::context::{ContextConfig, ContextSettings, CriticSizes};
use crate::{Capability, Entry, Model, Registered};
use burn::tensor::Device;
use menagerie_data::DataInfo;
use menagerie_data::error::Result;
use menagerie_data::random::Key;

/// See the module.
pub struct EdGan3d;

const NAME: &str = "ed_gan3d";

impl Registered for EdGan3d {
    type Config = ContextConfig;
    fn defaults() -> Self::Config {
        ContextConfig {
            model: TranslatorSizes::Volume(volume::Sizes::default()),
            critic: CriticSizes {
                width: 32,
                ..CriticSizes::default()
            },
            context: ContextSettings {
                hole: 0.6,
                l1: 20.0,
                ..ContextSettings::default()
            },
            semi_supervised: None,
            objective: Rule::NonSaturating,
            penalty: Default::default(),
            augment: Default::default(),
            optimizer: Optimizers::default(),
        }
    }
    fn check(config: &Self::Config) -> Result<()> {
        config.check()
    }
    fn build(config: Self::Config, data: &DataInfo, device: &Device, key: Key) -> Result<Box<dyn Model>> {
        Ok(Box::new(config.context(NAME, data, device, key)?))
    }
}

/// In the registry.
pub(crate) const ENTRY: Entry = Entry {
    name: NAME,
    family: super::FAMILY,
    capabilities: &[Capability::Complete],
    paper: "Wang et al. 2017, Shape Inpainting using 3D GAN and Recurrent Convolutional Networks, arXiv:1711.06375",
    recipe: NAME,
    data: &["shapes"],
    tiny: &[
        ("model.width", "4"),
        ("critic.width", "4"),
        ("data.size", "8"),
        ("model.average", "0.9"),
    ],
    ..Entry::of::<EdGan3d>()
};
