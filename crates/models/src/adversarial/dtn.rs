//! DTN: images of one domain as such of another, so that a classifier sees the same in both.
//!
//! Taigman, Polyak, Wolf (2016), Unsupervised Cross-Domain Image Generation, arXiv:1611.02200.
//!
//! The play is `plays/transferred.rs`. The classifier is that of a run (`--target RUN`), or one that learns on the first side's classes
//! before the game; the paper has one that was trained before.
use super::Optimizers;
use super::networks::dcgan;
use super::plays::target::TargetSettings;
use super::plays::transferred::{TransferConfig, TransferSettings};
use crate::{Entry, Model, Registered};
use burn::tensor::Device;
use menagerie_data::DataInfo;
use menagerie_data::error::Result;
use menagerie_data::random::Key;

/// See the module.
pub struct Dtn;

impl Registered for Dtn {
    type Config = TransferConfig;
    fn defaults() -> TransferConfig {
        TransferConfig {
            model: dcgan::Sizes::default(),
            transfer: TransferSettings::default(),
            target: TargetSettings::default(),
            optimizer: Optimizers::default(),
        }
    }
    fn check(config: &TransferConfig) -> Result<()> {
        config.check()
    }
    fn build(config: TransferConfig, data: &DataInfo, device: &Device, key: Key) -> Result<Box<dyn Model>> {
        Ok(Box::new(config.transferred("dtn", data, device, key)?))
    }
}

/// In the registry.
pub(crate) const ENTRY: Entry = Entry {
    name: "dtn",
    family: super::FAMILY,
    capabilities: super::TRANSLATES,
    paper: "Taigman et al. 2016, Unsupervised Cross-Domain Image Generation, arXiv:1611.02200",
    recipe: "dtn",
    data: &["digits::edges:digits"],
    tiny: &[
        ("model.width", "4"),
        ("model.average", "0.9"),
        ("data.size", "16"),
        ("data.limit", "40"),
        ("transfer.from", "2"),
        ("target.model.width", "4"),
        ("target.model.average", "0.9"),
    ],
    ..Entry::of::<Dtn>()
};
