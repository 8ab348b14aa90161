//! The discriminator of patches (Isola et al. 2017, arXiv:1611.07004, section 3.2.2 and appendix 6.1.2): a convolutional network
//! that says of every patch of an image whether it looks real; what is larger than a patch is left to the other terms of the
//! loss. Behind n strided layers a patch has 1 (a pixel alone), 16, 34, 70, 142, 286 pixels of side for n = 0 to 5.
use burn::module::Module;
use menagerie_data::error::{Error, Result};
use menagerie_nn::pyramid::channels;
use menagerie_nn::{Activation, Conv2d, Dual, Init, ItemNorm, Linear, NormOver, Weights};
use serde::{Deserialize, Serialize};

/// `[critic]`: sizes of the discriminator of patches.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Sizes {
    /// channels of the first layer; they double with every halving, up to eight times as many (paper: 64)
    pub width: usize,
    /// side of a patch in pixels: 1, 16, 34, 70 (the paper's), 142 or 286; 0 for 70 from 128 pixels of the image's shorter side
    /// on, 34 from 48 on, else 16
    pub patch: usize,
    /// `instance` (the papers') or `layer`: what of an item is normalized together
    pub norm: NormOver,
    /// spectral normalization of its weights, in place of norms
    pub spectral_norm: bool,
}

/// Sides of patches by the number of strided layers.
const PATCHES: [usize; 6] = [1, 16, 34, 70, 142, 286];

impl Default for Sizes {
    fn default() -> Self {
        Sizes {
            width: 64,
            patch: 0,
            norm: NormOver::Instance,
            spectral_norm: false,
        }
    }
}

impl Sizes {
    /// Strided layers for images of that size.
    fn layers(&self, [h, w]: [usize; 2]) -> usize {
        let patch = match (self.patch, h.min(w)) {
            (0, 128..) => 70,
            (0, 48..) => 34,
            (0, _) => 16,
            (side, _) => side,
        };
        PATCHES.iter().position(|p| *p == patch).unwrap_or(1)
    }

    /// Refuses sizes that are none.
    ///
    /// # Errors
    /// [`Error::Recipe`] with the key.
    pub fn check(&self) -> Result<()> {
        if self.width == 0 {
            return Err(Error::recipe("critic.width", "0 is too small", "give 1 or more"));
        }
        if self.patch != 0 && !PATCHES.contains(&self.patch) {
            let problem = format!("no network sees patches of {} pixels", self.patch);
            return Err(Error::recipe(
                "critic.patch",
                problem,
                "give 1, 16, 34, 70, 142 or 286, or 0 for what suits",
            ));
        }
        Ok(())
    }

    /// Refuses images that are too small for its layers.
    ///
    /// # Errors
    /// [`Error::Recipe`] with the key.
    pub fn fits(&self, size: [usize; 2]) -> Result<()> {
        let n = self.layers(size);
        // Two layers without a stride follow, each of which takes a row and a column.
        match n == 0 || size.iter().all(|s| s >> n >= 3) {
            true => Ok(()),
            false => Err(Error::recipe(
                "critic.patch",
                format!(
                    "patches of {} pixels do not fit into {} x {}",
                    PATCHES[n], size[0], size[1]
                ),
                "give a smaller one, or larger images with data.size",
            )),
        }
    }
}

const STD: Weights = Weights::Normal(0.02);
const LEAKY: Activation = Activation::LeakyRelu(0.2);

/// See the module.
#[derive(Module, Debug)]
pub struct Trunk {
    convs: Vec<Conv2d>,
    /// of all but the first
    norms: Vec<ItemNorm>,
    score: Conv2d,
    #[module(skip)]
    patches: usize,
}

impl Trunk {
    /// For images of that shape; `biased` says whether a constant in the score is seen.
    pub fn new(s: &Sizes, [h, w, colours]: [usize; 3], biased: bool, init: &Init) -> Self {
        let n = s.layers([h, w]);
        let conv = |[a, b]: [usize; 2], stride: usize, bias: bool, at: Init| {
            let of = match n {
                0 => Conv2d::of([a, b]).kernel(1),
                _ => Conv2d::of([a, b]).kernel(4).stride(stride).padding(1),
            };
            of.weights(STD)
                .bias_if(bias)
                .spectral_if(s.spectral_norm)
                .init(&at)
        };
        let at = |i: usize| if i == 0 { colours } else { channels(s.width, i) };
        // Strided layers, and one more without a stride.
        let depth = n.max(1) + 1;
        let stride = |i: usize| if i < depth { 2 } else { 1 };
        let side = |s: usize| match n {
            0 => s,
            _ => ((s >> n) - 1).saturating_sub(1),
        };
        Trunk {
            convs: (1..=depth)
                .map(|i| {
                    let bias = i == 1 || s.spectral_norm;
                    conv([at(i - 1), at(i)], stride(i), bias, init.at("conv").nth(i))
                })
                .collect(),
            norms: match s.spectral_norm {
                true => vec![],
                false => (2..=depth)
                    .map(|i| ItemNorm::new(at(i), s.norm, &init.at("norm").nth(i)))
                    .collect(),
            },
            score: conv([at(depth), 1], 1, biased, init.at("score")),
            patches: side(h) * side(w),
        }
    }

    /// What each layer sees, and the score of every patch `[batch, patches]`.
    pub fn layers(&self, x: Dual<4>) -> (Vec<Dual<4>>, Dual<2>) {
        let mut seen = Vec::new();
        let x = self.convs.iter().enumerate().fold(x, |x, (i, conv)| {
            let x = match i.checked_sub(1).and_then(|i| self.norms.get(i)) {
                Some(norm) => norm.dual(conv.dual(x, Activation::Identity), LEAKY),
                None => conv.dual(x, LEAKY),
            };
            seen.push(x.clone());
            x
        });
        let scores = self.score.dual(x, Activation::Identity);
        (seen, scores.linear(|t| t.flatten::<2>(1, 3)))
    }

    /// Patches of an image of the size it was made for.
    pub fn features(&self) -> usize {
        self.patches
    }

    pub(super) fn smooth(&self) -> bool {
        !self.norms.is_empty()
    }

    /// A head that reads numbers off the scores of all patches.
    pub(super) fn head(&self, outputs: usize, init: &Init) -> Linear {
        Linear::of([self.patches, outputs])
            .weights(STD)
            .init(&init.at("logit"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use burn::tensor::{Device, Tensor};
    use menagerie_data::Key;
    use menagerie_nn::numbers;

    /// A patch has the side that is asked for: a score changes with the pixels of that square and no other.
    #[test]
    fn patches_have_the_sizes_of_the_paper() {
        let device = Device::flex().autodiff();
        for (patch, side) in [(1, 8), (16, 40), (34, 64), (70, 128)] {
            let s = Sizes {
                width: 2,
                patch,
                spectral_norm: true,
                ..Sizes::default()
            };
            let d = Trunk::new(&s, [side, side, 1], true, &Init::new(Key::new(3), &device));
            let x = Tensor::<4>::ones([1, side, side, 1], &device).require_grad();
            let (_, scores) = d.layers(x.clone().into());
            let patches = scores.value.dims()[1];
            assert_eq!(patches, d.features());
            let across = patches.isqrt();
            let middle = across / 2 * across + across / 2;
            let score = scores.value.slice([0..1, middle..middle + 1]).sum();
            let g = numbers(x.grad(&score.backward()).unwrap());
            let rows = (0..side).filter(|y| g[y * side..(y + 1) * side].iter().any(|v| *v != 0.0));
            assert_eq!(rows.count(), patch);
        }
    }

    #[test]
    fn patches_that_cannot_be_are_refused() {
        let of = |patch| Sizes {
            patch,
            ..Sizes::default()
        };
        assert!(of(70).check().is_ok() && of(0).check().is_ok());
        let e = of(50).check().unwrap_err().to_string();
        assert!(e.contains("critic.patch") && e.contains("70"), "{e}");
        assert!(of(70).fits([24, 30]).is_ok());
        let e = of(142).fits([32, 64]).unwrap_err().to_string();
        assert!(e.contains("critic.patch") && e.contains("32 x 64"), "{e}");
        assert_eq!([8, 32, 64, 256].map(|s| of(0).layers([s, s])), [1, 1, 2, 3]);
    }
}
