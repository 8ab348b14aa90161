//! Matting (Lutz, Amplianitis, Smolic 2018, AlphaGAN: Generative adversarial networks for natural image matting,
//! arXiv:1807.10088). A composite is C = alpha F + (1 - alpha) B; the network is given C and a trimap and says alpha. Where the
//! trimap is sure, it is alpha. Losses beside the game (section 3.3): the mean absolute error of alpha over what is open, and that
//! of the composite that it makes of the true F and B. The critic sees that composite, and the trimap.
use burn::tensor::Tensor;
use menagerie_data::error::Result;
use serde::{Deserialize, Serialize};

/// `[translation.output]` of the rule `matte`: the given side has a trimap as its last channel, the other one alpha.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Matte {
    /// weight of the error of composites
    pub composition: f64,
}

impl Default for Matte {
    fn default() -> Self {
        Matte { composition: 1.0 }
    }
}

impl Matte {
    pub(super) fn check(self) -> Result<()> {
        super::super::super::game::check_weights([("translation.output.composition", self.composition)])
    }
}

/// The last channel of images.
fn last(x: &Tensor<4>) -> Tensor<4> {
    let c = x.dims()[3];
    x.clone().narrow(3, c - 1, 1)
}

fn colours(x: &Tensor<4>) -> Tensor<4> {
    let c = x.dims()[3];
    x.clone().narrow(3, 0, c - 1)
}

/// One where the trimap of given images leaves open what is in front, else zero: `[batch, height, width, 1]`.
pub(super) fn open(given: &Tensor<4>) -> Tensor<4> {
    last(given).abs().lower_elem(0.5).float()
}

/// The given colours with an alpha: what is said where the trimap is open, else what that says.
pub(super) fn finished(said: Tensor<4>, given: &Tensor<4>) -> Tensor<4> {
    let (open, sure) = (open(given), last(given).sign());
    let alpha = said * open.clone() + sure * (open.neg() + 1.0);
    Tensor::cat(vec![colours(given), alpha], 3)
}

/// What composites are made of: the true front, and what is behind it.
pub(super) struct Scene {
    front: Tensor<4>,
    behind: Tensor<4>,
}

/// Of what is hidden further than this nothing can be said but what is seen of the rest.
const HIDDEN: f64 = 0.9;

impl Scene {
    /// From composites and the truth. The colours behind follow from B = (C - alpha F) / (1 - alpha) where they are seen;
    /// elsewhere they are the mean of what is seen of the image's background: alpha there is 1, and what else could be behind
    /// is not known.
    pub(super) fn of(given: &Tensor<4>, truth: &Tensor<4>) -> Scene {
        let alpha = (last(truth) + 1.0) * 0.5;
        let front = colours(truth);
        let seen = alpha.clone().neg() + 1.0;
        let rest = colours(given) - alpha.clone() * front.clone();
        let of_all = |x: Tensor<4>| x.mean_dim(1).mean_dim(2);
        let mean = of_all(rest.clone()) / (of_all(seen.clone()) + 1e-3);
        let hidden = alpha.greater_elem(HIDDEN).float();
        let there = rest / seen.clamp_min(1.0 - HIDDEN);
        let behind = there * (hidden.clone().neg() + 1.0) + mean * hidden;
        Scene {
            front,
            behind: behind.clamp(-1.0, 1.0),
        }
    }

    /// The composite by the alpha of an image.
    pub(super) fn composed(&self, image: &Tensor<4>) -> Tensor<4> {
        let alpha = (last(image) + 1.0) * 0.5;
        self.behind.clone() + alpha * (self.front.clone() - self.behind.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use burn::tensor::{Device, TensorData};
    use menagerie_data::{Batch, Source};
    use menagerie_nn::numbers;

    fn mattes() -> [Tensor<4>; 2] {
        let source = Source {
            size: vec![32],
            limit: 4,
            ..Source::parse("portraits:matte")
        };
        let set = source.open().unwrap().dataset;
        let batch = Batch::of(&*set, &[0, 1, 2, 3]).unwrap();
        [0, 1].map(|side| {
            let values = batch.side(side).values;
            Tensor::from_data(TensorData::new(values, [4, 32, 32, 4]), &Device::flex())
        })
    }

    fn largest(x: Tensor<4>) -> f32 {
        x.abs().max().into_scalar::<f32>()
    }

    /// The true alpha gives the composite back, to the rounding of 8 bits behind a front that hides nine tenths; another does not.
    #[test]
    fn the_true_alpha_composes_what_was_given() {
        let [given, truth] = mattes();
        let scene = Scene::of(&given, &truth);
        let back = scene.composed(&truth) - colours(&given);
        assert!(largest(back.clone()) < 0.25, "{}", largest(back));
        assert!(back.abs().mean().into_scalar::<f32>() < 0.01);
        let other = Tensor::cat(vec![colours(&truth), last(&truth) * 0.5], 3);
        let off = scene.composed(&other) - colours(&given);
        assert!(off.abs().mean().into_scalar::<f32>() > 0.02);
    }

    /// Nothing that is said moves what the trimap is sure of.
    #[test]
    fn a_trimap_is_kept() {
        let [given, truth] = mattes();
        for said in [-1.0, 0.3] {
            let made = finished(given.clone().narrow(3, 0, 1) * 0.0 + said, &given);
            let (alpha, tri, want) = (numbers(last(&made)), numbers(last(&given)), numbers(last(&truth)));
            let mut open = 0;
            for ((a, t), truth) in alpha.iter().zip(&tri).zip(&want) {
                if t.abs() < 0.5 {
                    open += 1;
                    assert_eq!(*a, said as f32);
                } else {
                    assert_eq!(a, truth, "the trimap is right where it is sure");
                }
            }
            let share = super::open(&given).mean().into_scalar::<f32>();
            assert!((share - open as f32 / alpha.len() as f32).abs() < 1e-6 && share > 0.02);
            assert_eq!(largest(colours(&made) - colours(&given)), 0.0);
        }
    }
}
