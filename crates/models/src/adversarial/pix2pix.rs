//! pix2pix: the other image of a pair, from the one that is given.
//!
//! Isola, Zhu, Zhou, Efros (2017), Image-to-Image Translation with Conditional Adversarial Networks, arXiv:1611.07004.
//!
//! min_G max_D  E log D(x, y) + E log(1 - D(x, G(x, z)))  +  100 E ||y - G(x, z)||_1                (equation 4)
//!
//! The L1 term says what the image is on the whole, and where several answers are right gives their blurred middle; the critic
//! of patches says that it must be sharp. G maximizes log D (section 3.3). The paper halves D's loss, which Adam does not see.
use super::game::objective::Rule;
use super::networks::translator::unet;
use super::networks::{TranslatorSizes, patch};
use super::plays::paired::PairedSettings;
use super::translation::Translation;
use super::{OfPairs, Optimizers, Pairs, TRANSLATES};
use crate::Entry;

/// See the module.
pub struct Pix2pix;

impl OfPairs for Pix2pix {
    const NAME: &'static str = "pix2pix";
    fn config() -> Translation<PairedSettings> {
        Translation {
            model: TranslatorSizes::Unet(unet::Sizes::default()),
            critic: patch::Sizes::default(),
            translation: PairedSettings::default(),
            objective: Rule::NonSaturating,
            penalty: Default::default(),
            augment: Default::default(),
            optimizer: Optimizers::default(),
        }
    }
}

/// In the registry.
pub(crate) const ENTRY: Entry = Entry {
    name: Pix2pix::NAME,
    family: super::FAMILY,
    capabilities: TRANSLATES,
    paper: "Isola et al. 2017, Image-to-Image Translation with Conditional Adversarial Networks, arXiv:1611.07004",
    recipe: Pix2pix::NAME,
    data: &["portraits:edges"],
    tiny: super::TINY_TRANSLATOR,
    ..Entry::of::<Pairs<Pix2pix>>()
};
