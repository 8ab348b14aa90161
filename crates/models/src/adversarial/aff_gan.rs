//! AffGAN: super-resolution that keeps what it was given.
//!
//! Sonderby, Caballero, Theis, Shi, Huszar (2017), Amortised MAP Inference for Image Super-resolution, arXiv:1610.04490.
//!
//! Of all large images that shrink to the given one a squared error takes the mean, which is none of them. The probable ones
//! (MAP) minimize the cross-entropy of the data; a network that stands in for the search (amortised) minimizes
//!
//! KL(q || p) = E log q(y) / p(y),  and the ratio is that of a critic: E log (1 - D(y)) / D(y)         (equations 9 and 10)
//!
//! over answers that are projected onto those images ([`Affine`]), so that no term has to hold them there. The critic sees images
//! alone, through noise that falls (section 3.4). The paper's images are made by a network of its own; here it is a residual one.
use super::game::augment::{Augment, Noise};
use super::game::objective::Rule;
use super::networks::TranslatorSizes;
use super::networks::translator::resnet;
use super::pix2pix::Pix2pix;
use super::plays::output::{Affine, Output};
use super::plays::paired::PairedSettings;
use super::translation::Translation;
use super::{OfPairs, Pairs, TRANSLATES};
use crate::Entry;
use menagerie_nn::NormOver;

/// See the module.
pub struct AffGan;

impl OfPairs for AffGan {
    const NAME: &'static str = "aff_gan";
    fn config() -> Translation<PairedSettings> {
        Translation {
            model: TranslatorSizes::Resnet(resnet::Sizes {
                residual: true,
                norm: NormOver::Layer,
                ..resnet::Sizes::default()
            }),
            translation: PairedSettings {
                l1: 0.0,
                output: Output::Affine(Affine::default()),
                conditional: false,
                ..PairedSettings::default()
            },
            objective: Rule::LogRatio,
            augment: Augment {
                noise: Some(Noise::default()),
                ..Augment::default()
            },
            ..Pix2pix::config()
        }
    }
}

/// In the registry.
pub(crate) const ENTRY: Entry = Entry {
    name: AffGan::NAME,
    family: super::FAMILY,
    capabilities: TRANSLATES,
    paper: "Sonderby et al. 2017, Amortised MAP Inference for Image Super-resolution, arXiv:1610.04490",
    recipe: AffGan::NAME,
    data: &["shrunk:portraits"],
    tiny: super::TINY_TRANSLATOR,
    ..Entry::of::<Pairs<AffGan>>()
};
