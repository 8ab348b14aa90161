//! Projection discriminator: the class as a direction of the features.
//!
//! Miyato, Koyama (2018), cGANs with Projection Discriminator, arXiv:1802.05637.
//!
//! s(x, y) = y^T V phi(x) + psi(phi(x))                                                            (equation 3)
//!
//! Residual networks with spectral norm and the hinge, as SNGAN; the generator hears the class through its norms.
use super::config::Config;
use super::game::condition::{Condition, IntoDiscriminator, IntoGenerator};
use super::sngan::Sngan;
use super::{OfTwo, Variant};
use crate::Entry;

/// See the module.
pub struct ProjectionGan;

impl Variant for ProjectionGan {
    const NAME: &'static str = "projection_gan";
    fn config() -> Config {
        let condition = Condition {
            generator: IntoGenerator::BatchNorm,
            discriminator: IntoDiscriminator::Projection,
            ..Condition::default()
        };
        Config {
            condition: Some(condition),
            ..Sngan::config()
        }
    }
}

/// In the registry.
pub(crate) const ENTRY: Entry = Entry {
    name: ProjectionGan::NAME,
    family: super::FAMILY,
    capabilities: super::OF_CLASSES,
    paper: "Miyato & Koyama 2018, cGANs with Projection Discriminator, arXiv:1802.05637",
    recipe: ProjectionGan::NAME,
    data: &["digits"],
    tiny: super::TINY_RESNET,
    ..Entry::of::<OfTwo<ProjectionGan>>()
};
