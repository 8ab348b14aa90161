//! Hiding by AC-GAN: a message is told by which classes are drawn, and read by the discriminator's classifier.
//!
//! Liu, Zhang, Liu, Zhang, Ke (2017), Coverless Information Hiding Based on Generative Adversarial Networks, arXiv:1712.06951; the game is
//! that of Odena, Olah, Shlens (2016), arXiv:1610.09585.
//!
//! message -> pieces k_i -> classes c_i -> G(z_i, c_i), z_i drawn;  receiver: argmax_c P(c | G(z_i, c_i)) -> pieces -> message
//!
//! Any model that draws by class and tells classes hides in the same way; this one leans on the classifier more than `acgan` does
//! (`condition.weight`), for a message that is read is worth more than variety within a class.
use super::acgan::Acgan;
use super::config::Config;
use super::game::condition::{Condition, IntoDiscriminator};
use super::{OfTwo, Variant};
use crate::Entry;

/// See the module.
pub struct HidingGan;

impl Variant for HidingGan {
    const NAME: &'static str = "hiding_gan";
    fn config() -> Config {
        let condition = Condition {
            discriminator: IntoDiscriminator::Classes,
            weight: 2.0,
            ..Condition::default()
        };
        Config {
            condition: Some(condition),
            ..Acgan::config()
        }
    }
}

/// In the registry.
pub(crate) const ENTRY: Entry = Entry {
    name: HidingGan::NAME,
    family: super::FAMILY,
    capabilities: super::OF_TOLD_CLASSES,
    paper: "Liu et al. 2017, Coverless Information Hiding Based on Generative Adversarial Networks, arXiv:1712.06951",
    recipe: HidingGan::NAME,
    data: &["digits"],
    tiny: super::TINY_DCGAN,
    ..Entry::of::<OfTwo<HidingGan>>()
};
