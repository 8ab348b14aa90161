//! GeneGAN: what one side of the data has and the other has not is cut out of an image, and put into another.
//!
//! Zhou, Xiao, Yang, Feng, He, He (2017), GeneGAN: Learning Object Transfiguration and Attribute Subspace from Unpaired Data,
//! arXiv:1705.04932.
//!
//! (A, u) = E(Au), (B, e) = E(B0);   Au' = G(A, u), B0' = G(B, 0), A0 = G(A, 0), Bu = G(B, u)               (section 3.1)
//!
//! with a game for either side, a loss of images given back, of e, and of the parallelogram Au + B0 = A0 + Bu (section 3.2). Two
//! things differ from the paper: the gene u is a few numbers that scale and shift norms on the way back, where the paper has channels
//! of the grid, so that images of any size can give each other theirs; and the paper does not say how the losses are weighed.
use super::game::objective::{LeastSquares, Rule};
use super::networks::{coded, patch};
use super::plays::crossed::CrossedSettings;
use super::translation::Translation;
use super::{Optimizers, TRANSLATES};
use crate::{Entry, Model, Registered};
use burn::tensor::Device;
use menagerie_data::DataInfo;
use menagerie_data::error::Result;
use menagerie_data::random::Key;
use menagerie_nn::NormOver;

/// See the module.
pub struct GeneGan;

const NAME: &str = "gene_gan";

impl Registered for GeneGan {
    type Config = Translation<CrossedSettings, coded::Sizes>;
    fn defaults() -> Self::Config {
        Translation {
            model: coded::Sizes {
                style: 16,
                norm: NormOver::Layer,
                ..Default::default()
            },
            critic: patch::Sizes::default(),
            translation: CrossedSettings::default(),
            objective: Rule::LeastSquares(LeastSquares::default()),
            penalty: Default::default(),
            augment: Default::default(),
            optimizer: Optimizers::default(),
        }
    }
    fn check(config: &Self::Config) -> Result<()> {
        config.check()?;
        config.check_gene()
    }
    fn build(config: Self::Config, data: &DataInfo, device: &Device, key: Key) -> Result<Box<dyn Model>> {
        Ok(Box::new(config.crossed(NAME, data, device, key)?))
    }
}

/// In the registry.
pub(crate) const ENTRY: Entry = Entry {
    name: NAME,
    family: super::FAMILY,
    capabilities: TRANSLATES,
    paper: "Zhou et al. 2017, GeneGAN: Learning Object Transfiguration and Attribute Subspace from Unpaired Data, arXiv:1705.04932",
    recipe: NAME,
    data: &["portraits:sides"],
    tiny: super::TINY_CODED,
    ..Entry::of::<GeneGan>()
};
