//! GoGAN: a gang of GANs, each ranked above the one before it by a margin.
//!
//! Juefei-Xu, Boddeti, Savvides (2017), Gang of GANs: Generative Adversarial Networks with Maximum Margin Ranking,
//! arXiv:1704.04865.
//!
//! The play is `plays/ranked.rs`; each stage is a WGAN whose critic's loss has a margin.
use super::Variant;
use super::ensemble::Ensemble;
use super::plays::ranked::Ranking;
use super::wgan::Wgan;
use crate::{Capability, Entry, Model, Registered};
use burn::tensor::Device;
use menagerie_data::DataInfo;
use menagerie_data::error::Result;
use menagerie_data::random::Key;

/// See the module.
pub struct GoGan;

impl Registered for GoGan {
    type Config = Ensemble<Ranking>;
    fn defaults() -> Self::Config {
        Ensemble::of(Wgan::config(), Ranking::default())
    }
    fn check(config: &Self::Config) -> Result<()> {
        config.ensemble.check()?;
        config.check_axes("go_gan")
    }
    fn build(config: Self::Config, data: &DataInfo, device: &Device, key: Key) -> Result<Box<dyn Model>> {
        Ok(Box::new(config.ranked("go_gan", data, device, key)?))
    }
}

/// In the registry.
pub(crate) const ENTRY: Entry = Entry {
    name: "go_gan",
    family: super::FAMILY,
    capabilities: &[Capability::Sample, Capability::LatentSpace, Capability::Features],
    paper: "Juefei-Xu et al. 2017, Gang of GANs: Generative Adversarial Networks with Maximum Margin Ranking, arXiv:1704.04865",
    recipe: "go_gan",
    data: &["digits"],
    tiny: &[
        ("model.width", "4"),
        ("model.latent", "8"),
        ("data.size", "8"),
        ("model.average", "0.9"),
        ("ensemble.stages", "2"),
        ("ensemble.steps", "2"),
    ],
    ..Entry::of::<GoGan>()
};
