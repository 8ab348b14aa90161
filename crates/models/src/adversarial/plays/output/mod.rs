//! What becomes of what a translator says: the image itself, or what a constraint that is known exactly makes of it.
mod affine;
mod blend;
mod fit;
mod matte;

pub use affine::Affine;
pub use blend::Blend;
pub use fit::Fit;
pub use matte::Matte;

use burn::tensor::Tensor;
use menagerie_data::DataInfo;
use menagerie_data::error::{Error, Result};
use serde::{Deserialize, Serialize};

/// `[translation.output]`: how the answer of the network becomes the image.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(tag = "rule", rename_all = "kebab-case", deny_unknown_fields)]
pub enum Output {
    /// it is the image
    #[default]
    Image,
    /// squares of it get the means that they have in the given image (Sonderby et al. 2017)
    Affine(Affine),
    /// it is an alpha where the given trimap does not say it (Lutz et al. 2018)
    Matte(Matte),
    /// it is the colours, low in frequency, of what has the gradients of a pasted image (Wu et al. 2017)
    Blend(Blend),
    /// it is heights where a mask is open, which are to fit what stands against them (Hwang et al. 2018)
    Fit(Fit),
}

impl Output {
    /// Refuses numbers that it cannot have.
    ///
    /// # Errors
    /// [`Error::Recipe`] with the key.
    pub fn check(self) -> Result<()> {
        match self {
            Output::Image => Ok(()),
            Output::Affine(o) => o.check(),
            Output::Matte(o) => o.check(),
            Output::Blend(o) => o.check(),
            Output::Fit(o) => o.check(),
        }
    }

    /// Refuses images whose sides are not what it is about.
    ///
    /// # Errors
    /// [`Error::Data`].
    pub(super) fn fits(self, model: &str, info: &DataInfo, [h, w, c]: [usize; 3]) -> Result<()> {
        let (what, fix) = match self {
            Output::Image => return Ok(()),
            Output::Fit(_) if c == 3 => return Ok(()),
            Output::Fit(_) => {
                let problem = format!(
                    "{model} is given heights, what stands against them and a mask as three channels, and these images have {c}"
                );
                return Err(Error::data(&info.source, problem, "give jaws"));
            }
            Output::Affine(a) if h.min(w) >= a.side => return Ok(()),
            Output::Affine(a) => {
                return Err(Error::recipe(
                    "translation.output.side",
                    format!("squares of {} pixels do not fit into {h} x {w}", a.side),
                    "give a smaller one, or larger images with data.size",
                ));
            }
            Output::Matte(_) => (
                "a trimap (and on the other side alpha)",
                "give portraits:matte, or two folders of RGBA files as A::B with data.channels=4",
            ),
            Output::Blend(_) => (
                "the place of what was pasted",
                "give portraits:pasted, or two folders of RGBA files as A::B with data.channels=4",
            ),
        };
        match c {
            2 | 4 => Ok(()),
            _ => {
                let problem =
                    format!("{model} is given images with {what} as a fourth channel, and these have {c}");
                Err(Error::data(&info.source, problem, fix))
            }
        }
    }

    /// Channels of what the network says, of images of so many.
    pub(super) fn said(self, channels: usize) -> usize {
        match self {
            Output::Matte(_) | Output::Fit(_) => 1,
            Output::Blend(_) => channels - 1,
            Output::Image | Output::Affine(_) => channels,
        }
    }

    /// Channels that the critic sees of images of so many, with what was given or without.
    pub(super) fn seen(self, channels: usize, conditional: bool) -> usize {
        let (alone, given) = match self {
            Output::Image | Output::Affine(_) => (channels, channels),
            Output::Matte(_) => (channels - 1, 1),
            Output::Blend(_) => (channels - 1, channels),
            Output::Fit(_) => (1, channels),
        };
        if conditional { alone + given } else { alone }
    }

    /// What the network says `[batch, height, width, said]` of given images, as an image; while it learns.
    pub(super) fn finished(self, said: Tensor<4>, given: &Tensor<4>) -> Tensor<4> {
        match self {
            Output::Image => said,
            Output::Affine(a) => a.projected(said, given),
            Output::Matte(_) => matte::finished(said, given),
            Output::Blend(_) => blend::beside_mask(said, given),
            Output::Fit(_) => fit::finished(said, given),
        }
    }

    /// The same for use.
    pub(super) fn for_use(self, said: Tensor<4>, given: &Tensor<4>) -> Tensor<4> {
        match self {
            Output::Blend(b) => b.solved(said, given),
            other => other.finished(said, given),
        }
    }

    /// The channels of an image that the network decides.
    pub(super) fn decided(self, image: Tensor<4>) -> Tensor<4> {
        let c = image.dims()[3];
        match self {
            Output::Image | Output::Affine(_) => image,
            Output::Matte(_) => image.narrow(3, c - 1, 1),
            Output::Blend(_) => image.narrow(3, 0, c - 1),
            Output::Fit(_) => image.narrow(3, 0, 1),
        }
    }

    /// By what a mean over all pixels is divided, so that it is one over those that are decided.
    pub(super) fn share(self, given: &Tensor<4>) -> Option<Tensor<1>> {
        match self {
            Output::Matte(_) => Some(matte::open(given).mean().clamp_min(1e-3)),
            Output::Fit(_) => Some(fit::open(given).mean().clamp_min(1e-3)),
            _ => None,
        }
    }

    /// A loss of its own, with its weight.
    pub(super) fn loss(
        self,
        made: &Tensor<4>,
        given: &Tensor<4>,
        truth: &Tensor<4>,
    ) -> Option<(&'static str, f64, Tensor<1>)> {
        match self {
            Output::Matte(m) if m.composition > 0.0 => {
                let scene = matte::Scene::of(given, truth);
                let off = scene.composed(made) - scene.composed(truth);
                Some(("loss/composition", m.composition, off.abs().mean()))
            }
            Output::Fit(f) if f.weight > 0.0 => {
                // What is divided by the open share later is a mean over items, not pixels.
                let share = fit::open(given).mean().clamp_min(1e-3);
                Some(("loss/fit", f.weight, fit::difference(made, truth) * share))
            }
            _ => None,
        }
    }

    /// An image of the second side as the critic sees it beside what was given, or alone.
    pub(super) fn shown(
        self,
        given: &Tensor<4>,
        image: Tensor<4>,
        truth: &Tensor<4>,
        conditional: bool,
    ) -> Tensor<4> {
        let c = given.dims()[3];
        let (image, beside) = match self {
            Output::Image | Output::Affine(_) => (image, given.clone()),
            Output::Blend(_) | Output::Fit(_) => (self.decided(image), given.clone()),
            Output::Matte(_) => (
                matte::Scene::of(given, truth).composed(&image),
                given.clone().narrow(3, c - 1, 1),
            ),
        };
        match conditional {
            true => Tensor::cat(vec![beside, image], 3),
            false => image,
        }
    }
}
