//! GAN-CLS: images of descriptions, by a discriminator that also tells the right text from a wrong one.
//!
//! Reed, Akata, Yan, Logeswaran, Schiele, Lee (2016), Generative Adversarial Text to Image Synthesis, arXiv:1605.05396.
//!
//! L_D = log D(x, h) + (log(1 - D(x, h')) + log(1 - D(G(z, h), h))) / 2                               (algorithm 1)
//!
//! with h of an encoder that was trained before (arXiv:1605.05395), and texts between two others for the generator (GAN-INT,
//! equation 5; `text.interpolate = 0` for none). Adam at 2e-4 with a first moment of 0.5, batches of 64 (section 5).
use super::Optimizers;
use super::game::objective::Rule;
use super::networks::{Sizes, dcgan};
use super::plays::described::{DescribedConfig, TextSettings};
use crate::{Capability, Entry, Model, Registered};
use burn::tensor::Device;
use menagerie_data::DataInfo;
use menagerie_data::error::Result;
use menagerie_data::random::Key;

/// See the module.
pub struct GanCls;

const NAME: &str = "gan_cls";

impl Registered for GanCls {
    type Config = DescribedConfig;
    fn defaults() -> Self::Config {
        DescribedConfig {
            model: Sizes::Dcgan(dcgan::Sizes::default()),
            text: TextSettings::default(),
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
        Ok(Box::new(config.described(NAME, data, device, key)?))
    }
}

/// In the registry.
pub(crate) const ENTRY: Entry = Entry {
    name: NAME,
    family: super::FAMILY,
    capabilities: &[Capability::Illustrate],
    paper: "Reed et al. 2016, Generative Adversarial Text to Image Synthesis, arXiv:1605.05396",
    recipe: NAME,
    data: &["portraits"],
    tiny: &[
        ("model.width", "4"),
        ("model.latent", "8"),
        ("text.words", "8"),
        ("text.features", "8"),
        ("text.steps", "1"),
        ("data.size", "8"),
        ("data.limit", "40"),
        ("model.average", "0.9"),
    ],
    ..Entry::of::<GanCls>()
};
