//! MoCoGAN: videos of a content that stays and motions that follow each other.
//!
//! Tulyakov, Liu, Yang, Kautz (2018), MoCoGAN: Decomposing Motion and Content for Video Generation, arXiv:1707.04993.
//!
//! x_t = G(z_C, z_M(t)),   z_M(t) = R(e_t, z_M(t - 1)),   e_t ~ N(0, I)                               (section 3)
//!
//! min_{G, R} max_{D_I, D_V}  F(D_I, D_V, G, R): the original game, once over single frames and once over whole videos (equation 5).
//! The one makes every frame look right, the other makes them follow each other. Every frame is judged here, where the paper draws
//! one of each video.
use super::config::Config;
use super::networks::{Sizes, video};
use super::{OfTwo, Variant};
use crate::Entry;

/// See the module.
pub struct Mocogan;

impl Variant for Mocogan {
    const NAME: &'static str = "mocogan";
    fn config() -> Config {
        Config::of(Sizes::Video(video::Sizes::default()))
    }
}

/// In the registry.
pub(crate) const ENTRY: Entry = Entry {
    name: Mocogan::NAME,
    family: super::FAMILY,
    capabilities: super::OF_A_DUEL,
    paper: "Tulyakov et al. 2018, MoCoGAN: Decomposing Motion and Content for Video Generation, arXiv:1707.04993",
    recipe: Mocogan::NAME,
    data: &["portraits:video", "moving:digits"],
    tiny: super::TINY_VIDEO,
    ..Entry::of::<OfTwo<Mocogan>>()
};
