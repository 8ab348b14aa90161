//! AlignGAN: one conditional GAN draws pairs of two domains, though no pair was ever seen.
//!
//! Mao, Li, Xie (2017), AlignGAN: Learning to Align Cross-Domain Images with Conditional Generative Adversarial Networks,
//! arXiv:1707.01400; the penalty is that of Mao, Li (2018), arXiv:1805.02456.
//!
//! min_G max_D E log D(x_d, d) + E log(1 - D(G(z, d), d)) + weight E |h(z, d_1) - h(z, d_2)|^2
//!
//! All layers serve both domains. The generator is told the domain at each of them, the discriminator at its first; what keeps pairs
//! together is that the generator's first layer, which decides what is drawn, may hardly hear it. CoGAN has layers of each
//! domain's own instead. Labels as a second condition (section 3.3) are not here.
use super::config::Config;
use super::game::penalty::{Alignment, Penalties};
use super::networks::{Sizes, coupled};
use super::{OfTwo, Variant};
use crate::Entry;

/// See the module.
pub struct AlignGan;

impl Variant for AlignGan {
    const NAME: &'static str = "align_gan";
    fn config() -> Config {
        Config {
            penalty: Penalties {
                alignment: Some(Alignment::default()),
                ..Penalties::default()
            },
            ..Config::of(Sizes::Coupled(coupled::Sizes {
                own: 0,
                told: true,
                ..coupled::Sizes::default()
            }))
        }
    }
}

/// In the registry.
pub(crate) const ENTRY: Entry = Entry {
    name: AlignGan::NAME,
    family: super::FAMILY,
    capabilities: super::OF_A_DUEL,
    paper: "Mao et al. 2017, AlignGAN: Learning to Align Cross-Domain Images with Conditional GANs, arXiv:1707.01400",
    recipe: AlignGan::NAME,
    data: &["digits::edges:digits", "portraits:edges"],
    tiny: &[
        ("model.width", "4"),
        ("model.latent", "8"),
        ("data.size", "16"),
        ("data.limit", "40"),
        ("model.average", "0.9"),
    ],
    ..Entry::of::<OfTwo<AlignGan>>()
};
