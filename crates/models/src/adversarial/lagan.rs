//! LAGAN: pictures of jets by location-aware networks.
//!
//! de Oliveira, Paganini, Nachman (2017), Learning Particle Physics by Example: Location-Aware Generative Adversarial Networks for
//! Physics Synthesis, arXiv:1701.05927.
//!
//! The game of ACGAN, in which the discriminator tells the process (one prong or two) beside what is real; locally connected layers in
//! both networks, minibatch discrimination, and a ReLU at the generator's end, so that most pixels are exactly empty (section 4). The
//! paper's pictures are of 25 pixels and its channels hold GeV; these hold the root of their share of 300 GeV.
use super::config::Config;
use super::game::condition::{Condition, IntoDiscriminator, IntoGenerator};
use super::networks::{Sizes, local};
use super::{OfTwo, Variant};
use crate::Entry;

/// See the module.
pub struct Lagan;

impl Variant for Lagan {
    const NAME: &'static str = "lagan";
    fn config() -> Config {
        Config {
            condition: Some(Condition {
                discriminator: IntoDiscriminator::Classes,
                generator: IntoGenerator::Concatenate,
                ..Condition::default()
            }),
            ..Config::of(Sizes::Local(local::Sizes::default()))
        }
    }
}

/// In the registry.
pub(crate) const ENTRY: Entry = Entry {
    name: Lagan::NAME,
    family: super::FAMILY,
    capabilities: super::OF_TOLD_CLASSES,
    paper: "de Oliveira et al. 2017, Learning Particle Physics by Example: Location-Aware GANs, arXiv:1701.05927",
    recipe: Lagan::NAME,
    data: &["jets"],
    tiny: &[
        ("model.width", "4"),
        ("model.local", "3"),
        ("model.latent", "8"),
        ("model.minibatch", "0"),
        ("model.average", "0.9"),
        ("data.limit", "60"),
    ],
    ..Entry::of::<OfTwo<Lagan>>()
};
