//! AM-GAN: each sample is pulled to the one class it is most like.
//!
//! Zhou, Cai, Rong, Song, Ren, Zhang, Yu, Wang (2017), Activation Maximization Generative Adversarial Nets,
//! arXiv:1703.02000.
//!
//! L_D = CE(D(x), y) + CE(D(G(z)), K + 1),  L_G = CE(D(G(z)), argmax_(k <= K) D_k(G(z)))   (equation 12, section 4.2)
//!
//! The generator hears no class: labels sharpen its gradient, not its input.
use super::config::Config;
use super::dcgan::Dcgan;
use super::game::condition::{Condition, IntoDiscriminator, IntoGenerator};
use super::game::objective::Rule;
use super::{OfTwo, Variant};
use crate::Entry;

/// See the module.
pub struct AmGan;

impl Variant for AmGan {
    const NAME: &'static str = "am_gan";
    fn config() -> Config {
        let condition = Condition {
            generator: IntoGenerator::Nothing,
            discriminator: IntoDiscriminator::ClassesAndSamples,
            ..Condition::default()
        };
        Config {
            objective: Rule::Classes,
            condition: Some(condition),
            ..Dcgan::config()
        }
    }
}

/// In the registry.
pub(crate) const ENTRY: Entry = Entry {
    name: AmGan::NAME,
    family: super::FAMILY,
    capabilities: super::OF_A_DUEL,
    paper: "Zhou et al. 2017, Activation Maximization Generative Adversarial Nets, arXiv:1703.02000",
    recipe: AmGan::NAME,
    data: &["digits"],
    tiny: super::TINY_DCGAN,
    ..Entry::of::<OfTwo<AmGan>>()
};
