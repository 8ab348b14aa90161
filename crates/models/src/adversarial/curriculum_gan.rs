//! A generator that is taught by several discriminators; a bandit mixes their lessons.
//!
//! Doan, Monteiro, Albuquerque, Mazoure, Durand, Pineau, Hjelm (2018), On-line Adaptative Curriculum Learning for GANs,
//! arXiv:1808.00020.
//!
//! The play is `plays/teachers.rs`.
use super::Variant;
use super::dcgan::Dcgan;
use super::ensemble::Ensemble;
use super::plays::teachers::Curriculum;
use crate::{Capability, Entry, Model, Registered};
use burn::tensor::Device;
use menagerie_data::DataInfo;
use menagerie_data::error::Result;
use menagerie_data::random::Key;

/// See the module.
pub struct CurriculumGan;

impl Registered for CurriculumGan {
    type Config = Ensemble<Curriculum>;
    fn defaults() -> Self::Config {
        Ensemble::of(Dcgan::config(), Curriculum::default())
    }
    fn check(config: &Self::Config) -> Result<()> {
        config.ensemble.check()?;
        config.check_axes("curriculum_gan")
    }
    fn build(config: Self::Config, data: &DataInfo, device: &Device, key: Key) -> Result<Box<dyn Model>> {
        Ok(Box::new(config.taught("curriculum_gan", data, device, key)?))
    }
}

/// In the registry.
pub(crate) const ENTRY: Entry = Entry {
    name: "curriculum_gan",
    family: super::FAMILY,
    capabilities: &[Capability::Sample, Capability::LatentSpace, Capability::Features],
    paper: "Doan et al. 2018, On-line Adaptative Curriculum Learning for GANs, arXiv:1808.00020",
    recipe: "curriculum_gan",
    data: &["digits"],
    tiny: super::TINY_DCGAN,
    ..Entry::of::<CurriculumGan>()
};
