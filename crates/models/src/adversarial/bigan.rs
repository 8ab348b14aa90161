//! BiGAN: a generator and an encoder that come to invert each other.
//!
//! Donahue, Krähenbühl, Darrell (2016), Adversarial Feature Learning, arXiv:1605.09782.
//!
//! min_(G,E) max_D E log D(x, E(x)) + E log(1 - D(G(z), z))                                        (equation 3)
//!
//! Items are never compared with their reconstructions; that the pairs look alike is enough (theorem 2).
use super::config::Config;
use super::dcgan::Dcgan;
use super::{OVER_PAIRS, Variant};
use crate::{Entry, Model, Registered};
use burn::tensor::Device;
use menagerie_data::DataInfo;
use menagerie_data::error::Result;
use menagerie_data::random::Key;

/// See the module.
pub struct Bigan;

impl Registered for Bigan {
    type Config = Config;
    fn defaults() -> Config {
        Dcgan::config()
    }
    fn check(config: &Config) -> Result<()> {
        config.check()
    }
    fn build(config: Config, data: &DataInfo, device: &Device, key: Key) -> Result<Box<dyn Model>> {
        Ok(Box::new(config.joint("bigan", false, data, device, key)?))
    }
}

/// In the registry.
pub(crate) const ENTRY: Entry = Entry {
    name: "bigan",
    family: super::FAMILY,
    capabilities: OVER_PAIRS,
    paper: "Donahue et al. 2016, Adversarial Feature Learning, arXiv:1605.09782",
    recipe: "bigan",
    data: &["digits"],
    tiny: super::TINY_DCGAN,
    ..Entry::of::<Bigan>()
};
