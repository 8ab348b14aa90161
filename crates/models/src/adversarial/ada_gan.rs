//! AdaGAN: boosting, a mixture of generators of which each fills in what the others miss.
//!
//! Tolstikhin, Gelly, Bousquet, Simon-Gabriel, Schölkopf (2017), AdaGAN: Boosting Generative Models, arXiv:1701.02386.
//!
//! The play is `plays/boosted.rs`.
use super::Variant;
use super::ensemble::Ensemble;
use super::gan::Gan;
use super::plays::boosted::Boosting;
use crate::{Capability, Entry, Model, Registered};
use burn::tensor::Device;
use menagerie_data::DataInfo;
use menagerie_data::error::Result;
use menagerie_data::random::Key;

/// See the module.
pub struct AdaGan;

impl Registered for AdaGan {
    type Config = Ensemble<Boosting>;
    fn defaults() -> Self::Config {
        Ensemble::of(Gan::config(), Boosting::default())
    }
    fn check(config: &Self::Config) -> Result<()> {
        config.ensemble.check()?;
        config.check_axes("ada_gan")
    }
    fn build(config: Self::Config, data: &DataInfo, device: &Device, key: Key) -> Result<Box<dyn Model>> {
        Ok(Box::new(config.boosted("ada_gan", data, device, key)?))
    }
}

/// In the registry.
pub(crate) const ENTRY: Entry = Entry {
    name: "ada_gan",
    family: super::FAMILY,
    capabilities: &[Capability::Sample, Capability::LatentSpace],
    paper: "Tolstikhin et al. 2017, AdaGAN: Boosting Generative Models, arXiv:1701.02386",
    recipe: "ada_gan",
    data: &["grid25", "digits"],
    tiny: &[
        ("model.width", "16"),
        ("model.depth", "2"),
        ("model.latent", "4"),
        ("ensemble.members", "2"),
        ("ensemble.steps", "1"),
        ("ensemble.judge_steps", "1"),
        ("ensemble.pool", "2"),
    ],
    ..Entry::of::<AdaGan>()
};
