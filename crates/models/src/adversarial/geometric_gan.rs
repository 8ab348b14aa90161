//! Geometric GAN: the discriminator as a support vector machine.
//!
//! Lim, Ye (2017), Geometric GAN, arXiv:1705.02894.
//!
//! min_D E max(0, 1 - s(x)) + E max(0, 1 + s(G(z))),  min_G - E s(G(z))                 (equations 17 and 18)
//!
//! Only items within the margin move the hyperplane; their share is logged as `d/support-vectors`. The paper trains with
//! RMSprop; Adam with DCGAN's settings serves here, so that the objective alone differs.
use super::config::Config;
use super::dcgan::Dcgan;
use super::game::objective::Rule;
use super::{OfTwo, Variant};
use crate::Entry;

/// See the module.
pub struct GeometricGan;

impl Variant for GeometricGan {
    const NAME: &'static str = "geometric_gan";
    fn config() -> Config {
        Config {
            objective: Rule::Hinge,
            ..Dcgan::config()
        }
    }
}

/// In the registry.
pub(crate) const ENTRY: Entry = Entry {
    name: GeometricGan::NAME,
    family: super::FAMILY,
    capabilities: super::OF_A_DUEL,
    paper: "Lim & Ye 2017, Geometric GAN, arXiv:1705.02894",
    recipe: GeometricGan::NAME,
    data: &["digits"],
    tiny: super::TINY_DCGAN,
    ..Entry::of::<OfTwo<GeometricGan>>()
};
