//! GAWWN: what is to be drawn, and where.
//!
//! Reed, Akata, Mohan, Tenka, Schiele, Lee (2016), Learning What and Where to Draw, arXiv:1610.02454.
//!
//! The play is `plays/scene.rs`, whose layout is a box, with the paper's two pathways in both networks (`networks/translator/pathways.rs`,
//! `translation.within`). What is to be drawn is said by attributes here, where the paper has sentences; its second model, which is told
//! key points (beak, tail) instead of a box, is not here.
use super::TRANSLATES;
use super::al_cgan::AlCgan;
use super::networks::TranslatorSizes;
use super::networks::translator::pathways;
use super::plays::scene::SceneSettings;
use super::translation::Translation;
use crate::{Entry, Model, Registered};
use burn::tensor::Device;
use menagerie_data::DataInfo;
use menagerie_data::error::Result;
use menagerie_data::random::Key;

/// See the module.
pub struct Gawwn;

const NAME: &str = "gawwn";

impl Registered for Gawwn {
    type Config = Translation<SceneSettings>;
    fn defaults() -> Self::Config {
        let al_cgan = AlCgan::defaults();
        Translation {
            model: TranslatorSizes::Pathways(pathways::Sizes::default()),
            translation: SceneSettings {
                within: true,
                ..al_cgan.translation
            },
            ..al_cgan
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
    paper: "Reed et al. 2016, Learning What and Where to Draw, arXiv:1610.02454",
    recipe: NAME,
    data: &["portraits:placed"],
    tiny: super::TINY_TRANSLATOR,
    ..Entry::of::<Gawwn>()
};
