//! FF-GAN: a face that is turned aside, from the front, with the coefficients of a model of faces in the loop.
//!
//! Yin, Yu, Sohn, Liu, Chandraker (2017), Towards Large-Pose Face Frontalization in the Wild, arXiv:1704.06244.
//!
//! The play is `plays/frontal.rs`. Of the paper's networks the generator is an encoder and a decoder told the coefficients; here it is
//! the U-Net, told them as planes.
use super::game::objective::Rule;
use super::networks::translator::unet;
use super::networks::{TranslatorSizes, patch};
use super::plays::frontal::FrontalSettings;
use super::translation::Translation;
use super::{Optimizers, TRANSLATES};
use crate::{Entry, Model, Registered};
use burn::tensor::Device;
use menagerie_data::DataInfo;
use menagerie_data::error::Result;
use menagerie_data::random::Key;
use menagerie_nn::NormOver;

/// See the module.
pub struct FfGan;

const NAME: &str = "ff_gan";

impl Registered for FfGan {
    type Config = Translation<FrontalSettings>;
    fn defaults() -> Self::Config {
        Translation {
            // A norm of each channel by itself would take away what planes of one value say.
            model: TranslatorSizes::Unet(unet::Sizes {
                norm: NormOver::Layer,
                dropout: 0.0,
                ..Default::default()
            }),
            critic: patch::Sizes::default(),
            translation: FrontalSettings::default(),
            objective: Rule::NonSaturating,
            penalty: Default::default(),
            augment: Default::default(),
            optimizer: Optimizers::default(),
        }
    }
    fn check(config: &Self::Config) -> Result<()> {
        config.hears()?;
        config.check()
    }
    fn build(config: Self::Config, data: &DataInfo, device: &Device, key: Key) -> Result<Box<dyn Model>> {
        Ok(Box::new(config.frontal(NAME, data, device, key)?))
    }
}

/// In the registry.
pub(crate) const ENTRY: Entry = Entry {
    name: NAME,
    family: super::FAMILY,
    capabilities: TRANSLATES,
    paper: "Yin et al. 2017, Towards Large-Pose Face Frontalization in the Wild, arXiv:1704.06244",
    recipe: NAME,
    data: &["portraits:frontal"],
    tiny: super::TINY_TRANSLATOR,
    ..Entry::of::<FfGan>()
};
