//! ALI: the game over pairs, with an encoder that draws.
//!
//! Dumoulin, Belghazi, Poole, Mastropietro, Lamb, Arjovsky, Courville (2016), Adversarially Learned Inference,
//! arXiv:1606.00704.
//!
//! min_(G,E) max_D E_q(x) log D(x, z^) + E_p(z) log(1 - D(x~, z)),  z^ ~ q(z | x), x~ = G(z)          (equation 2)
//!
//! q(z | x) is normal, its mean and deviation read off the item and drawn by reparameterization (section 2.2).
use super::config::Config;
use super::dcgan::Dcgan;
use super::{OVER_PAIRS, Variant};
use crate::{Entry, Model, Registered};
use burn::tensor::Device;
use menagerie_data::DataInfo;
use menagerie_data::error::Result;
use menagerie_data::random::Key;

/// See the module.
pub struct Ali;

impl Registered for Ali {
    type Config = Config;
    fn defaults() -> Config {
        Dcgan::config()
    }
    fn check(config: &Config) -> Result<()> {
        config.check()
    }
    fn build(config: Config, data: &DataInfo, device: &Device, key: Key) -> Result<Box<dyn Model>> {
        Ok(Box::new(config.joint("ali", true, data, device, key)?))
    }
}

/// In the registry.
pub(crate) const ENTRY: Entry = Entry {
    name: "ali",
    family: super::FAMILY,
    capabilities: OVER_PAIRS,
    paper: "Dumoulin et al. 2016, Adversarially Learned Inference, arXiv:1606.00704",
    recipe: "ali",
    data: &["digits"],
    tiny: super::TINY_DCGAN,
    ..Entry::of::<Ali>()
};
