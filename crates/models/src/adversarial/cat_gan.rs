//! Categorical GAN: classes that nobody has named.
//!
//! Springenberg (2015), Unsupervised and Semi-supervised Learning with Categorical Generative Adversarial Networks,
//! arXiv:1511.06390.
//!
//! D is sure of data, unsure of samples, and uses its K classes alike; G makes samples that D is sure of (equation 9).
use super::config::Config;
use super::dcgan::Dcgan;
use super::game::objective::{Categorical, Rule};
use super::{OfTwo, Variant};
use crate::Entry;

/// See the module.
pub struct CatGan;

impl Variant for CatGan {
    const NAME: &'static str = "cat_gan";
    fn config() -> Config {
        Config {
            objective: Rule::Categorical(Categorical::default()),
            ..Dcgan::config()
        }
    }
}

/// In the registry.
pub(crate) const ENTRY: Entry = Entry {
    name: CatGan::NAME,
    family: super::FAMILY,
    capabilities: super::OF_GROUPS,
    paper: "Springenberg 2015, Unsupervised and Semi-supervised Learning with Categorical GANs, arXiv:1511.06390",
    recipe: CatGan::NAME,
    data: &["digits"],
    tiny: super::TINY_DCGAN,
    ..Entry::of::<OfTwo<CatGan>>()
};
