//! IAN: a VAE and a GAN in one, whose encoder stands on the discriminator.
//!
//! Brock, Lim, Ritchie, Weston (2016), Neural Photo Editing with Introspective Adversarial Networks, arXiv:1609.07093.
//!
//! The play is `plays/introspective.rs`. The paper's multiscale dilated blocks are not here: the networks are DCGAN's.
use super::dcgan::Dcgan;
use super::plays::introspective::{Introspection, IntrospectiveConfig};
use super::{OVER_PAIRS, Variant};
use crate::{Entry, Model, Registered};
use burn::tensor::Device;
use menagerie_data::DataInfo;
use menagerie_data::error::Result;
use menagerie_data::random::Key;

/// See the module.
pub struct Ian;

impl Registered for Ian {
    type Config = IntrospectiveConfig;
    fn defaults() -> IntrospectiveConfig {
        let axes = Dcgan::config();
        IntrospectiveConfig {
            model: axes.model,
            introspection: Introspection::default(),
            optimizer: axes.optimizer,
        }
    }
    fn check(config: &IntrospectiveConfig) -> Result<()> {
        config.check()
    }
    fn build(
        config: IntrospectiveConfig,
        data: &DataInfo,
        device: &Device,
        key: Key,
    ) -> Result<Box<dyn Model>> {
        Ok(Box::new(config.introspective("ian", data, device, key)?))
    }
}

/// In the registry.
pub(crate) const ENTRY: Entry = Entry {
    name: "ian",
    family: super::FAMILY,
    capabilities: OVER_PAIRS,
    paper: "Brock et al. 2016, Neural Photo Editing with Introspective Adversarial Networks, arXiv:1609.07093",
    recipe: "ian",
    data: &["digits"],
    tiny: super::TINY_DCGAN,
    ..Entry::of::<Ian>()
};
