//! MUNIT: contents that two sides have in common, and styles of their own, without pairs.
//!
//! Huang, Liu, Belongie, Kautz (2018), Multimodal Unsupervised Image-to-Image Translation, arXiv:1804.04732.
//!
//! L_GAN^A + L_GAN^B + lambda_x (L_recon^a + L_recon^b) + lambda_c (L_recon^{c_a} + L_recon^{c_b})
//!   + lambda_s (L_recon^{s_a} + L_recon^{s_b}),   lambda_x = 10, lambda_c = lambda_s = 1                  (equation 5)
//!
//! with least squares for L_GAN, styles of 8 numbers, Adam at 1e-4 with moments of 0.5 and 0.999 and a weight decay of 1e-4
//! (appendix B.1). The paper's critics look at three scales; these at one.
use super::game::objective::{LeastSquares, Rule};
use super::networks::{coded, patch};
use super::plays::coded::{CodedConfig, CodedSettings};
use super::{Optimizers, TRANSLATES};
use crate::{Entry, Model, Registered};
use burn::tensor::Device;
use menagerie_data::DataInfo;
use menagerie_data::error::Result;
use menagerie_data::random::Key;
use menagerie_nn::OptimizerConfig;

/// See the module.
pub struct Munit;

const NAME: &str = "munit";

impl Registered for Munit {
    type Config = CodedConfig;
    fn defaults() -> Self::Config {
        CodedConfig {
            model: coded::Sizes::default(),
            critic: patch::Sizes::default(),
            translation: CodedSettings::default(),
            objective: Rule::LeastSquares(LeastSquares::default()),
            penalty: Default::default(),
            augment: Default::default(),
            optimizer: Optimizers::both(OptimizerConfig::adam(1e-4).betas(0.5, 0.999).weight_decay(1e-4)),
        }
    }
    fn check(config: &Self::Config) -> Result<()> {
        config.check()
    }
    fn build(config: Self::Config, data: &DataInfo, device: &Device, key: Key) -> Result<Box<dyn Model>> {
        Ok(Box::new(config.by_codes(NAME, data, device, key)?))
    }
}

/// In the registry.
pub(crate) const ENTRY: Entry = Entry {
    name: NAME,
    family: super::FAMILY,
    capabilities: TRANSLATES,
    paper: "Huang et al. 2018, Multimodal Unsupervised Image-to-Image Translation, arXiv:1804.04732",
    recipe: NAME,
    data: &["portraits:sides", "portraits:edges"],
    tiny: super::TINY_CODED,
    ..Entry::of::<Munit>()
};
