//! GP-GAN: what was pasted into an image, blended with it.
//!
//! Wu, Zheng, Zhang, Huang (2017), GP-GAN: Towards Realistic High-Resolution Image Blending, arXiv:1703.07195.
//!
//! L = 0.999 L_2 + 0.001 L_adv                                                                         (equation 2)
//!
//! An encoder-decoder without a way around its small grid learns which colours a pasted image should have, with a Wasserstein
//! critic that sees images alone. For use its answer and the gradients of what was pasted go into the Gauss-Poisson equation
//! ([`Blend`]). The paper solves it from 64 pixels upwards over a pyramid; here once, at the image's size.
use super::game::objective::Rule;
use super::game::penalty::{Clip, Penalties};
use super::networks::TranslatorSizes;
use super::networks::translator::unet;
use super::pix2pix::Pix2pix;
use super::plays::output::{Blend, Output};
use super::plays::paired::PairedSettings;
use super::translation::Translation;
use super::{OfPairs, Pairs, TRANSLATES};
use crate::Entry;
use menagerie_nn::NormOver;

/// See the module.
pub struct GpGan;

impl OfPairs for GpGan {
    const NAME: &'static str = "gp_gan";
    fn config() -> Translation<PairedSettings> {
        Translation {
            model: TranslatorSizes::Unet(unet::Sizes {
                skips: false,
                norm: NormOver::Layer,
                dropout: 0.0,
                ..unet::Sizes::default()
            }),
            translation: PairedSettings {
                game: 1e-3,
                l1: 0.0,
                l2: 0.999,
                output: Output::Blend(Blend::default()),
                conditional: false,
                ..PairedSettings::default()
            },
            objective: Rule::Wasserstein,
            penalty: Penalties {
                clip: Some(Clip::default()),
                ..Penalties::default()
            },
            ..Pix2pix::config()
        }
    }
}

/// In the registry.
pub(crate) const ENTRY: Entry = Entry {
    name: GpGan::NAME,
    family: super::FAMILY,
    capabilities: TRANSLATES,
    paper: "Wu et al. 2017, GP-GAN: Towards Realistic High-Resolution Image Blending, arXiv:1703.07195",
    recipe: GpGan::NAME,
    data: &["portraits:pasted"],
    tiny: super::TINY_TRANSLATOR,
    ..Entry::of::<Pairs<GpGan>>()
};
