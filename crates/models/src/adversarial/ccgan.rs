//! CC-GAN: holes of images filled in from what is around them, by a discriminator that also learns from few labels.
//!
//! Denton, Gross, Fergus (2016), Semi-Supervised Learning with Context-Conditional Generative Adversarial Networks,
//! arXiv:1611.06430.
//!
//! The generator sees the image with a hole; the discriminator sees images whose hole it has filled, and whole ones, and tells the
//! classes of those that have labels by a second head (`train.labels = 1000` keeps that many). No latent is drawn: dropout is what
//! makes two answers differ. The paper also gives the generator the hole in a quarter of its size for images of 96 pixels, which
//! is not built. `context.l1` adds the distance to what was there (Pathak et al. 2016, arXiv:1604.07379), which the paper leaves
//! out and a short training needs.
use super::Optimizers;
use super::game::objective::Rule;
use super::game::semi_supervised::SemiSupervised;
use super::networks::TranslatorSizes;
use super::networks::translator::unet;
use super::plays::context::{ContextConfig, ContextSettings, CriticSizes};
use crate::{Capability, Entry, Model, Registered};
use burn::tensor::Device;
use menagerie_data::DataInfo;
use menagerie_data::error::Result;
use menagerie_data::random::Key;

/// See the module.
pub struct Ccgan;

const NAME: &str = "ccgan";

impl Registered for Ccgan {
    type Config = ContextConfig;
    fn defaults() -> Self::Config {
        ContextConfig {
            model: TranslatorSizes::Unet(unet::Sizes::default()),
            critic: CriticSizes::default(),
            context: ContextSettings::default(),
            semi_supervised: Some(SemiSupervised::default()),
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
    capabilities: &[Capability::Complete, Capability::Classify],
    paper: "Denton et al. 2016, Semi-Supervised Learning with Context-Conditional Generative Adversarial Networks, arXiv:1611.06430",
    recipe: NAME,
    data: &["digits"],
    tiny: &[
        ("model.width", "4"),
        ("critic.width", "4"),
        ("data.size", "8"),
        ("model.average", "0.9"),
    ],
    ..Entry::of::<Ccgan>()
};
