//! Crowns for teeth (Hwang, Azernikov, Efros, Yu 2018, Learning Beyond Human Expertise with Generative Models for Dental Restorations,
//! arXiv:1804.00064): heights where a mask leaves them open, that fit what stands against them. Beside the error of heights and the game counts
//! how the distances to what stands against them are spread (their functional constraint): with g = against - height inside the mask,
//!
//! H_k = mean of max(0, 1 - |g - b_k| / B),   L_fit = sum_k |H_k(made) - H_k(truth)|
//!
//! over bins b_k that are B apart. A crown that is too high goes into what it meets, one that is too low does not chew; the mean error of
//! heights is blind to both.
use burn::tensor::Tensor;
use menagerie_data::error::Result;
use serde::{Deserialize, Serialize};

/// `[translation.output]` of the rule `fit`: channels are heights, those that stand against them, and a mask of what is open.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Fit {
    /// weight of the difference of the histograms of distances; 0 for none
    pub weight: f64,
}

impl Default for Fit {
    fn default() -> Self {
        Fit { weight: 0.1 }
    }
}

impl Fit {
    pub(super) fn check(self) -> Result<()> {
        super::super::super::game::check_weights([("translation.output.weight", self.weight)])
    }
}

/// Where the bins lie, of heights from 0 to 1: from what goes deep into the other side to what is far away.
const BINS: [f64; 12] = [-0.1, -0.05, 0.0, 0.05, 0.1, 0.15, 0.2, 0.25, 0.3, 0.35, 0.4, 0.45];
const APART: f64 = 0.05;

fn channel(x: &Tensor<4>, i: usize) -> Tensor<4> {
    x.clone().narrow(3, i, 1)
}

/// One where given jaws are open, `[batch, height, width, 1]`.
pub(super) fn open(given: &Tensor<4>) -> Tensor<4> {
    let c = given.dims()[3];
    channel(given, c - 1).greater_elem(0.0).float()
}

/// What is said where the mask is open, else the given heights; beside them what was given.
pub(super) fn finished(said: Tensor<4>, given: &Tensor<4>) -> Tensor<4> {
    let (open, c) = (open(given), given.dims()[3]);
    let heights = said * open.clone() + channel(given, 0) * (open.neg() + 1.0);
    Tensor::cat(vec![heights, given.clone().narrow(3, 1, c - 1)], 3)
}

/// The histogram of distances of each item, `[batch, bin]`.
fn histogram(jaws: &Tensor<4>) -> Tensor<2> {
    let (open, [batch, ..]) = (open(jaws), jaws.dims());
    let gap = (channel(jaws, 1) - channel(jaws, 0)) * 0.5;
    let gap = gap.clamp(BINS[0], BINS[BINS.len() - 1]);
    let all = |t: Tensor<4>| t.sum_dim(1).sum_dim(2).reshape([batch, 1]);
    let inside = all(open.clone()).clamp_min(1.0);
    let share = |b: &f64| {
        let near = ((gap.clone() - *b).abs() * (-1.0 / APART) + 1.0).clamp_min(0.0);
        all(near * open.clone()) / inside.clone()
    };
    Tensor::cat(BINS.iter().map(share).collect(), 1)
}

/// L_fit, the mean over items.
pub(super) fn difference(made: &Tensor<4>, truth: &Tensor<4>) -> Tensor<1> {
    let off = histogram(made) - histogram(truth);
    off.abs().sum_dim(1).mean()
}

#[cfg(test)]
mod tests {
    use super::*;
    use burn::tensor::{Device, TensorData};
    use menagerie_data::{Batch, Source};
    use menagerie_nn::{number, numbers};

    fn jaws() -> [Tensor<4>; 2] {
        let set = Source {
            limit: 4,
            ..Source::parse("jaws")
        };
        let set = set.open().unwrap().dataset;
        let batch = Batch::of(&*set, &[0, 1, 2, 3]).unwrap();
        [0, 1].map(|side| {
            let values = batch.side(side).values;
            Tensor::from_data(TensorData::new(values, [4, 32, 48, 3]), &Device::flex())
        })
    }

    /// Shares of all bins are one in sum; of a jaw that is nowhere open but in one pixel they are that pixel's, by hand.
    #[test]
    fn histograms_by_hand() {
        let [_, truth] = jaws();
        for row in numbers(histogram(&truth)).chunks_exact(BINS.len()) {
            assert!((row.iter().sum::<f32>() - 1.0).abs() < 1e-4, "{row:?}");
            assert!(
                row[0] == 0.0 && row[2] > 0.0,
                "true crowns touch and go no further: {row:?}"
            );
        }
        let one = |height: f32| {
            let values = vec![height, 0.5, 1.0, 0.9, 0.5, -1.0];
            Tensor::<4>::from_data(TensorData::new(values, [1, 1, 2, 3]), &Device::flex())
        };
        // A distance of 0.065 in heights from 0 to 1 lies between the bins of 0.05 and 0.1, at three tenths of the way.
        let found = numbers(histogram(&one(0.37)));
        let want = [0.0, 0.0, 0.0, 0.7, 0.3, 0.0];
        assert!(
            found[..6].iter().zip(want).all(|(a, b)| (a - b).abs() < 1e-4),
            "{found:?}"
        );
        let off = number(difference(&one(0.37), &one(0.4)));
        assert!((off - 0.6).abs() < 1e-4, "{off}");
    }

    /// What is not open stays, whatever is said; the truth, said, is the truth.
    #[test]
    fn only_the_crown_is_said() {
        let [given, truth] = jaws();
        let made = finished(channel(&truth, 0), &given);
        assert!(number((made - truth.clone()).abs().max()) < 1e-6);
        let made = finished(channel(&truth, 0) * 0.0 + 0.4, &given);
        let (open, off) = (numbers(open(&given)), numbers((made - given).abs().sum_dim(3)));
        assert!(open.iter().zip(&off).all(|(o, d)| *o == 1.0 || *d == 0.0));
    }
}
