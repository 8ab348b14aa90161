//! AlphaGAN: who is in front, and by how much, from an image and a trimap.
//!
//! Lutz, Amplianitis, Smolic (2018), AlphaGAN: Generative adversarial networks for natural image matting, arXiv:1807.10088.
//!
//! L = L_alpha + L_comp + L_GAN                                                                        (section 3.3)
//!
//! L_alpha is the mean absolute error of alpha where the trimap is open, L_comp that of the composite it makes, and the critic of
//! patches sees composites with the trimap ([`Matte`]). The paper's generator is a ResNet-50 trained on photographs with a
//! decoder joined to it level by level; here it is the U-Net.
use super::networks::TranslatorSizes;
use super::networks::translator::unet;
use super::pix2pix::Pix2pix;
use super::plays::output::{Matte, Output};
use super::plays::paired::PairedSettings;
use super::translation::Translation;
use super::{OfPairs, Pairs, TRANSLATES};
use crate::Entry;

/// See the module.
pub struct AlphaGan;

impl OfPairs for AlphaGan {
    const NAME: &'static str = "alpha_gan";
    fn config() -> Translation<PairedSettings> {
        Translation {
            model: TranslatorSizes::Unet(unet::Sizes {
                dropout: 0.0,
                ..unet::Sizes::default()
            }),
            translation: PairedSettings {
                l1: 1.0,
                output: Output::Matte(Matte::default()),
                ..PairedSettings::default()
            },
            ..Pix2pix::config()
        }
    }
}

/// In the registry.
pub(crate) const ENTRY: Entry = Entry {
    name: AlphaGan::NAME,
    family: super::FAMILY,
    capabilities: TRANSLATES,
    paper: "Lutz et al. 2018, AlphaGAN: Generative adversarial networks for natural image matting, arXiv:1807.10088",
    recipe: AlphaGan::NAME,
    data: &["portraits:matte"],
    tiny: super::TINY_TRANSLATOR,
    ..Entry::of::<Pairs<AlphaGan>>()
};
