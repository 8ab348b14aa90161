//! 3D-RecGAN: the whole shape of one view of it.
//!
//! Yang, Wen, Wang, Clark, Markham, Trigoni (2017), 3D Object Reconstruction from a Single Depth View with Adversarial Learning,
//! arXiv:1708.07969.
//!
//! An encoder-decoder whose levels are joined is given the voxels that a depth camera sees, of each ray the first solid one, and says which
//! are solid; beside the distance to the whole shape, in which solid voxels weigh more, it plays with a Wasserstein critic that is shown
//! the view, too. The paper's critic gives a hundred numbers and takes their mean, where this one has one linear score; its camera looks
//! from 125 places, this one from the front, the back, the left or the right.
use super::Variant;
use super::networks::TranslatorSizes;
use super::networks::translator::volume;
use super::plays::view::{ViewConfig, ViewCritic, ViewSettings};
use super::wgan_gp::WganGp;
use crate::{Capability, Entry, Model, Registered};
use burn::tensor::Device;
use menagerie_data::DataInfo;
use menagerie_data::error::Result;
use menagerie_data::random::Key;

/// See the module.
pub struct RecGan3d;

const NAME: &str = "rec_gan3d";

/// The paper's settings, in smaller networks.
pub(super) fn config() -> ViewConfig {
    let game = WganGp::config();
    ViewConfig {
        model: TranslatorSizes::Volume(volume::Sizes {
            dropout: 0.0,
            ..volume::Sizes::default()
        }),
        critic: ViewCritic::default(),
        view: ViewSettings::default(),
        objective: game.objective,
        penalty: game.penalty,
        optimizer: game.optimizer,
    }
}

impl Registered for RecGan3d {
    type Config = ViewConfig;
    fn defaults() -> ViewConfig {
        config()
    }
    fn check(config: &ViewConfig) -> Result<()> {
        config.check()
    }
    fn build(config: ViewConfig, data: &DataInfo, device: &Device, key: Key) -> Result<Box<dyn Model>> {
        Ok(Box::new(config.view(NAME, data, device, key)?))
    }
}

/// In the registry.
pub(crate) const ENTRY: Entry = Entry {
    name: NAME,
    family: super::FAMILY,
    capabilities: &[Capability::Reconstruct],
    paper: "Yang et al. 2017, 3D Object Reconstruction from a Single Depth View with Adversarial Learning, arXiv:1708.07969",
    recipe: NAME,
    data: &["shapes"],
    tiny: &[
        ("model.width", "4"),
        ("critic.width", "4"),
        ("data.size", "8"),
        ("model.average", "0.9"),
    ],
    ..Entry::of::<RecGan3d>()
};
