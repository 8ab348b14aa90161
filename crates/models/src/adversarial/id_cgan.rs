//! ID-CGAN: rain taken out of images.
//!
//! Zhang, Sindagi, Patel (2017), Image De-raining Using a Conditional Generative Adversarial Network, arXiv:1701.05957.
//!
//! L = L_E + 6.6e-3 L_A + L_P                                                                          (equation 3)
//!
//! L_E is the squared error of pixels, L_A the game with a critic that sees both images, L_P the squared difference of what a
//! network sees of them: the paper's is VGG-16, which was trained on photographs; without one it is a network that was never
//! trained, or the critic (`translation.perceiver`). `--set translation.game=0 --set translation.perceptual=0` is L2 alone.
use super::networks::TranslatorSizes;
use super::networks::translator::unet;
use super::pix2pix::Pix2pix;
use super::plays::paired::PairedSettings;
use super::translation::Translation;
use super::{OfPairs, Pairs, TRANSLATES};
use crate::Entry;

/// See the module.
pub struct IdCgan;

impl OfPairs for IdCgan {
    const NAME: &'static str = "id_cgan";
    fn config() -> Translation<PairedSettings> {
        Translation {
            model: TranslatorSizes::Unet(unet::Sizes {
                dropout: 0.0,
                ..unet::Sizes::default()
            }),
            translation: PairedSettings {
                game: 6.6e-3,
                l1: 0.0,
                l2: 1.0,
                perceptual: 1.0,
                ..PairedSettings::default()
            },
            ..Pix2pix::config()
        }
    }
}

/// In the registry.
pub(crate) const ENTRY: Entry = Entry {
    name: IdCgan::NAME,
    family: super::FAMILY,
    capabilities: TRANSLATES,
    paper: "Zhang et al. 2017, Image De-raining Using a Conditional Generative Adversarial Network, arXiv:1701.05957",
    recipe: IdCgan::NAME,
    data: &["portraits:rain"],
    tiny: super::TINY_TRANSLATOR,
    ..Entry::of::<Pairs<IdCgan>>()
};
