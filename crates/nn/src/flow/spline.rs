//! Monotonic rational-quadratic splines (Durkan et al. 2019, Neural Spline Flows, arXiv:1906.04032): maps of [-B, B] to
//! itself that go through learned knots with learned slopes, and are the identity beyond. Where an affine map moves and
//! stretches, a spline can push the modes of a density together.
use crate::{Activation, activation, activations};
use burn::tensor::Tensor;
use menagerie_kernels::linear;

/// B: standard normal latents lie further out with a probability of 0.003.
pub(super) const REACH: f64 = 3.0;
/// Smallest width and height of a bin, as a share of the whole, and smallest slope at a knot.
const SMALLEST: f64 = 1e-4;

/// Parameters a number for `bins` bins: widths, heights, and slopes at the inner knots.
pub(super) const fn parameters(bins: usize) -> usize {
    3 * bins - 1
}

/// The bin of every number: `[n, 1]` each.
struct Bin {
    /// left end, and width
    x: [Tensor<2>; 2],
    /// lower end, and height
    y: [Tensor<2>; 2],
    /// slopes at the left and the right knot
    slopes: [Tensor<2>; 2],
    /// 1 inside of [-B, B], 0 beyond
    inside: Tensor<2>,
}

/// Splines, one a row.
struct Knots {
    /// widths and left ends of the bins, `[n, bins]`
    x: [Tensor<2>; 2],
    /// heights and lower ends
    y: [Tensor<2>; 2],
    /// at all `bins + 1` knots
    slopes: Tensor<2>,
}

impl Knots {
    /// From the network's output `[n, 3 bins - 1]`. Zeros give the identity.
    fn new(h: Tensor<2>, bins: usize) -> Knots {
        let n = h.dims()[0];
        let device = h.device();
        // Sums of the bins before each: a product with a triangle of ones.
        let before = Tensor::<2>::ones([bins, bins], &device).triu(1);
        let axis = |part: Tensor<2>| {
            let share = activations::keep(burn::tensor::activation::softmax(part, 1));
            let size = (share * (1.0 - SMALLEST * bins as f64) + SMALLEST) * (2.0 * REACH);
            let start = linear(size.clone(), before.clone(), None, Activation::Identity) - REACH;
            [size, start]
        };
        // softplus(h + softplus^-1(1)): slope 1 at zero; and 1 at both ends, where the identity begins.
        let inner = h.clone().narrow(1, 2 * bins, bins - 1) + (std::f64::consts::E - 1.0).ln();
        let inner = activation(inner, Activation::Softplus) * (1.0 - SMALLEST) + SMALLEST;
        let end = Tensor::ones([n, 1], &device);
        let slopes = Tensor::cat(vec![end.clone(), inner, end], 1);
        Knots {
            x: axis(h.clone().narrow(1, 0, bins)),
            y: axis(h.narrow(1, bins, bins)),
            slopes,
        }
    }

    /// The bin that `v` `[n, 1]` lies in along the x axis, or along the y axis.
    fn find(self, v: &Tensor<2>, along_x: bool) -> Bin {
        let [n, bins] = self.x[0].dims();
        let [_, starts] = if along_x { &self.x } else { &self.y };
        let plain = |t: &Tensor<2>| {
            if t.is_autodiff() {
                Tensor::from_inner(t.clone().inner())
            } else {
                t.clone()
            }
        };
        let (starts, at) = (plain(starts), plain(v));
        // 1 for the bins that begin at or before v, the first always; less those of which the next does, too.
        let begun = at.clone().expand([n, bins]).greater_equal(starts).float();
        let begun = Tensor::cat(
            vec![Tensor::ones([n, 1], &at.device()), begun.narrow(1, 1, bins - 1)],
            1,
        );
        let next = Tensor::cat(
            vec![
                begun.clone().narrow(1, 1, bins - 1),
                Tensor::zeros([n, 1], &at.device()),
            ],
            1,
        );
        let one = begun - next;
        let pick = |t: Tensor<2>| (t * one.clone()).sum_dim(1);
        let [width, left] = self.x.map(pick);
        let [height, low] = self.y.map(pick);
        let slopes = [0, 1].map(|k| pick(self.slopes.clone().narrow(1, k, bins)));
        let inside = at.abs().lower_elem(REACH).float();
        Bin {
            x: [left, width],
            y: [low, height],
            slopes,
            inside,
        }
    }
}

/// y, and ln dy/dx, for x `[n, 1]` and the network's output h `[n, 3 bins - 1]`.
pub(super) fn forward(x: Tensor<2>, h: Tensor<2>, bins: usize) -> (Tensor<2>, Tensor<2>) {
    let clamped = x.clone().clamp(-REACH, REACH);
    let bin = Knots::new(h, bins).find(&clamped, true);
    let [left, width] = bin.x.clone();
    let at = ((clamped - left) / width).clamp(0.0, 1.0);
    let (y, log_slope) = evaluate(&bin, at);
    let outside = -bin.inside.clone() + 1.0;
    (y * bin.inside.clone() + x * outside, log_slope * bin.inside)
}

/// x, and ln dx/dy.
pub(super) fn inverse(y: Tensor<2>, h: Tensor<2>, bins: usize) -> (Tensor<2>, Tensor<2>) {
    let clamped = y.clone().clamp(-REACH, REACH);
    let bin = Knots::new(h, bins).find(&clamped, false);
    let ([left, width], [low, height], [d0, d1]) = (bin.x.clone(), bin.y.clone(), bin.slopes.clone());
    // The quadratic of their equations 6 to 8, solved in the form that does not cancel.
    let s = height.clone() / width.clone();
    let up = clamped - low;
    let bend = d0.clone() + d1 - s.clone() * 2.0;
    let a = height.clone() * (s.clone() - d0.clone()) + up.clone() * bend.clone();
    let b = height * d0 - up.clone() * bend;
    let c = -s * up;
    let root = (b.clone().square() - a * c.clone() * 4.0).clamp_min(0.0).sqrt();
    // The denominator is 0 only with c, at the left end of a bin.
    let at = (c * 2.0 / (-b - root).clamp_max(-1e-30)).clamp(0.0, 1.0);
    let (_, log_slope) = evaluate(&bin, at.clone());
    let outside = -bin.inside.clone() + 1.0;
    (
        (left + at * width) * bin.inside.clone() + y * outside,
        -log_slope * bin.inside,
    )
}

/// Their equations 4 and 5: the value and the logarithm of the slope at a share `at` in [0, 1] of the bin.
fn evaluate(bin: &Bin, at: Tensor<2>) -> (Tensor<2>, Tensor<2>) {
    let ([_, width], [low, height], [d0, d1]) = (bin.x.clone(), bin.y.clone(), bin.slopes.clone());
    let s = height.clone() / width;
    let rest = -at.clone() + 1.0;
    let between = at.clone() * rest.clone();
    let denominator = s.clone() + (d0.clone() + d1.clone() - s.clone() * 2.0) * between.clone();
    let numerator = s.clone() * at.clone().square() + d0.clone() * between.clone();
    let y = low + height * numerator / denominator.clone();
    let slope = d1 * at.square() + s.clone() * between * 2.0 + d0 * rest.square();
    // Widths, heights and slopes are bounded below, and so are these.
    (y, s.log() * 2.0 + slope.log() - denominator.log() * 2.0)
}
