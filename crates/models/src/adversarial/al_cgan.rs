//! AL-CGAN: a scene of a layout, which says where, and of attributes, which say how it is to be.
//!
//! Karacan, Akata, Erdem, Erdem (2016), Learning to Generate Images of Outdoor Scenes from Attributes and Semantic Layouts,
//! arXiv:1612.00215.
//!
//! The play is `plays/scene.rs`. The paper's layouts are of 18 classes of outdoor scenes and its attributes 40 of transience (how
//! sunny, how foggy); here they are of painted faces.
use super::game::objective::Rule;
use super::networks::translator::unet;
use super::networks::{TranslatorSizes, patch};
use super::plays::scene::SceneSettings;
use super::translation::Translation;
use super::{Optimizers, TRANSLATES};
use crate::{Entry, Model, Registered};
use burn::tensor::Device;
use menagerie_data::DataInfo;
use menagerie_data::error::Result;
use menagerie_data::random::Key;
use menagerie_nn::NormOver;

/// See the module.
pub struct AlCgan;

const NAME: &str = "al_cgan";

impl Registered for AlCgan {
    type Config = Translation<SceneSettings>;
    fn defaults() -> Self::Config {
        Translation {
            // A norm of each channel by itself would take away what planes of one value say.
            model: TranslatorSizes::Unet(unet::Sizes {
                norm: NormOver::Layer,
                dropout: 0.0,
                ..Default::default()
            }),
            critic: patch::Sizes {
                norm: NormOver::Layer,
                ..Default::default()
            },
            translation: SceneSettings::default(),
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
        Ok(Box::new(config.of_scenes(NAME, data, device, key)?))
    }
}

/// In the registry.
pub(crate) const ENTRY: Entry = Entry {
    name: NAME,
    family: super::FAMILY,
    capabilities: TRANSLATES,
    paper: "Karacan et al. 2016, Learning to Generate Images of Outdoor Scenes from Attributes and Semantic Layouts, arXiv:1612.00215",
    recipe: NAME,
    data: &["portraits:layout"],
    tiny: super::TINY_TRANSLATOR,
    ..Entry::of::<AlCgan>()
};
