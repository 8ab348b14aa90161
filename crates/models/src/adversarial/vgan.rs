//! VGAN: videos of a foreground that moves in front of a background that does not.
//!
//! Vondrick, Pirsiavash, Torralba (2016), Generating Videos with Scene Dynamics, arXiv:1609.02612.
//!
//! G(z) = m(z) f(z) + (1 - m(z)) b(z)                                                               (equation 4)
//!
//! f and the mask m by convolutions over time, height and width, b one image for all frames, of the same latent; the discriminator is
//! such convolutions, too. `penalty.foreground` keeps the mask small, so that the background is used.
use super::config::Config;
use super::game::penalty::{Foreground, Penalties};
use super::networks::video::Dynamics;
use super::networks::{Sizes, video};
use super::{OfTwo, Variant};
use crate::Entry;

/// See the module.
pub struct Vgan;

impl Variant for Vgan {
    const NAME: &'static str = "vgan";
    fn config() -> Config {
        let model = Sizes::Video(video::Sizes {
            dynamics: Dynamics::Convolution,
            latent: 100,
            judge_frames: false,
            ..video::Sizes::default()
        });
        Config {
            penalty: Penalties {
                foreground: Some(Foreground::default()),
                ..Penalties::default()
            },
            ..Config::of(model)
        }
    }
}

/// In the registry.
pub(crate) const ENTRY: Entry = Entry {
    name: Vgan::NAME,
    family: super::FAMILY,
    capabilities: super::OF_A_DUEL,
    paper: "Vondrick et al. 2016, Generating Videos with Scene Dynamics, arXiv:1609.02612",
    recipe: Vgan::NAME,
    data: &["portraits:video", "moving:digits"],
    tiny: super::TINY_VIDEO,
    ..Entry::of::<OfTwo<Vgan>>()
};
