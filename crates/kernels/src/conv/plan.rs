//! Which path a pass takes: the cheapest by a model of what each costs.
//!
//! The unit is one multiply-add of a product at full speed (12 ps on one core with AVX-512 at
//! 2.7 GHz). The constants were fitted to layers of 32 to 512 channels and batches of 8 and 64, and agree
//! with most of them within a fifth; what they decide are factors of 1.2 to 2.
use super::micro::LANES;
use super::{Pass, Path, Shape, winograd};
use crate::isa::{Isa, amd, isa};

/// What a path costs on a kind of processor.
struct Costs {
    /// a float of transformed weights, for each point along an axis (the points are as many streams): where they stay in L2,
    /// and where they do not
    kernel: [f64; 2],
    /// a float of transformed weight gradients
    sum: f64,
    /// a multiply-add of the direct path, which gathers its rows
    direct: f64,
    /// the same of the direct weight gradient, which copies rows for every row of the kernel
    direct_weight: f64,
}

const INTEL: Costs = Costs {
    kernel: [5.0, 17.0],
    sum: 80.0,
    direct: 1.0,
    direct_weight: 1.35,
};
/// Nearer L3, and AVX-512 that multiplies no faster than AVX2.
const AMD: Costs = Costs {
    kernel: [5.0, 9.0],
    sum: 35.0,
    direct: 1.3,
    direct_weight: 1.65,
};

/// A product of transformed tiles: some of its operands come from L3.
const PRODUCT: f64 = 1.25;
/// The same of the weight gradient, whose operands are both streams.
const WEIGHT_PRODUCT: f64 = 1.3;
/// A float of transformed tiles or results: computed, stored and loaded again.
const TILE: f64 = 30.0;
/// Floats of transformed weights that stay in L2.
const SMALL: f64 = 1e6;
/// A weight that is transposed before its transform.
const TRANSPOSE: f64 = 20.0;
/// A multiply-add of the direct path with very few input channels: short sums, and for the input
/// gradient few columns.
const DIRECT_FEW: [f64; 2] = [1.5, 2.4];
/// The batch that paths are chosen for. Only the weight gradient, and all of a training, look at the real one: else what becomes of
/// an item must not depend on how many others come with it, down to the last bit.
const BATCH: usize = 64;

/// The cheapest path for a pass. Kernels that are not square are those of masked convolutions, whose outputs must not depend on
/// what lies beyond them, down to the last bit: forward they stay direct, as tiles of Winograd's see their neighbours' inputs.
pub(super) fn cheapest(s: &Shape, pass: Pass, by_batch: bool) -> Path {
    let paths = [Path::Direct, Path::Winograd(2), Path::Winograd(4)];
    let masked = pass == Pass::Forward && s.kernel[0] != s.kernel[1];
    let paths = if winograd::possible(s) && !masked && s.x_len() > 0 && s.y_len() > 0 {
        &paths[..]
    } else {
        &paths[..1]
    };
    *paths
        .iter()
        .min_by(|a, b| cost(s, pass, **a, by_batch).total_cmp(&cost(s, pass, **b, by_batch)))
        .unwrap_or(&Path::Direct)
}

fn cost(s: &Shape, pass: Pass, path: Path, by_batch: bool) -> f64 {
    let costs = if amd() { AMD } else { INTEL };
    let by_batch = by_batch || pass == Pass::Weight;
    let batch = if by_batch { s.batch } else { BATCH };
    let padded = |n: usize| n.next_multiple_of(LANES) as f64;
    let (ic, oc) = (padded(s.in_channels), padded(s.out_channels));
    let Path::Winograd(m) = path else {
        let few = s.in_channels <= super::direct::FEW;
        let channels = match pass {
            Pass::Forward | Pass::Weight => s.in_channels as f64 * oc,
            Pass::Input => s.out_channels as f64 * if few { s.in_channels as f64 } else { ic },
        };
        let each = match (few, pass) {
            (true, pass) => DIRECT_FEW[usize::from(pass == Pass::Input)],
            (false, Pass::Weight) => costs.direct_weight,
            _ => costs.direct,
        };
        return (batch * s.output[0] * s.output[1] * s.kernel[0] * s.kernel[1]) as f64 * channels * each;
    };
    let m = winograd::outputs(s, m);
    let points = (m + winograd::taps(s) - 1) as f64;
    let phases = (s.stride[0] * s.stride[1]) as f64;
    // The input gradient has a correlation for each phase of x, the others one whose input has them.
    let (k, n, correlations, grid) = match pass {
        Pass::Input => (
            oc,
            ic,
            phases,
            [s.input[0].div_ceil(s.stride[0]), s.input[1].div_ceil(s.stride[1])],
        ),
        _ => (phases * ic, oc, 1.0, s.output),
    };
    let tiles = correlations * (batch * grid[0].div_ceil(m) * grid[1].div_ceil(m)) as f64;
    let square = points * points;
    let (product, weights) = match pass {
        Pass::Weight => (WEIGHT_PRODUCT, costs.sum),
        _ => (
            PRODUCT,
            points * costs.kernel[usize::from(square * correlations * k * n > SMALL)],
        ),
    };
    let transposed = if pass == Pass::Input {
        TRANSPOSE * s.w_len() as f64
    } else {
        0.0
    };
    // Narrower vectors slow products down more than transforms, which wait for memory.
    let memory = if isa() == Isa::Avx512 { 1.0 } else { 0.5 };
    let transforms = square * (tiles * (k + n) * TILE + correlations * k * n * weights) + transposed;
    square * tiles * k * n * product + memory * transforms
}

#[cfg(test)]
mod tests {
    use super::*;

    fn path_of(pass: Pass, batch: usize, side: usize, channels: [usize; 2], k: usize, stride: usize) -> Path {
        cheapest(
            &Shape::new(batch, [side; 2], channels, [k; 2], [stride; 2], [1; 2]).unwrap(),
            pass,
            false,
        )
    }

    fn path(batch: usize, side: usize, channels: [usize; 2], k: usize, stride: usize) -> Path {
        path_of(Pass::Forward, batch, side, channels, k, stride)
    }

    #[test]
    fn sensible_choices() {
        assert_eq!(path(64, 32, [64, 128], 4, 2), Path::Winograd(4));
        assert_eq!(path(64, 16, [128, 128], 3, 1), Path::Winograd(4));
        assert_eq!(path(64, 32, [40, 100], 3, 1), Path::Winograd(4));
        // few tiles of many channels
        for pass in [Pass::Forward, Pass::Input, Pass::Weight] {
            assert_ne!(path_of(pass, 64, 8, [256, 512], 4, 2), Path::Direct);
        }
        // transforming so many weights for so few tiles does not pay
        assert_eq!(path_of(Pass::Weight, 1, 4, [512, 512], 4, 2), Path::Direct);
        // few channels, and kernels without a transform
        assert_eq!(path(64, 64, [3, 64], 4, 2), Path::Direct);
        assert_eq!(path(64, 32, [64, 64], 7, 1), Path::Direct);
        assert_eq!(path(0, 32, [64, 64], 3, 1), Path::Direct);
    }

    #[test]
    fn a_masked_kernel_stays_direct_forward_alone() {
        let s = Shape {
            output: [28; 2],
            ..Shape::new(64, [28; 2], [128; 2], [2, 3], [1; 2], [1; 2]).unwrap()
        };
        assert_eq!(cheapest(&s, Pass::Forward, false), Path::Direct);
        assert!(
            [Pass::Input, Pass::Weight]
                .iter()
                .all(|&p| cheapest(&s, p, false) != Path::Direct)
        );
    }

    #[test]
    fn an_item_takes_the_same_path_in_any_company() {
        for pass in [Pass::Forward, Pass::Input] {
            for (side, channels) in [(4, [512, 512]), (8, [16, 24]), (16, [64, 128]), (32, [3, 64])] {
                let of = |batch| path_of(pass, batch, side, channels, 4, 2);
                assert!(
                    [2, 3, 7, 64, 200].iter().all(|&b| of(b) == of(1)),
                    "{pass:?} {side} {channels:?}"
                );
            }
        }
    }

    #[test]
    fn a_training_looks_at_its_batch() {
        // A 4x4 kernel of many channels on both sides is not worth its transform for the few tiles of a single small grid, on any
        // processor.
        let shape = |batch| Shape::new(batch, [8; 2], [256, 512], [4; 2], [2; 2], [1; 2]).unwrap();
        for pass in [Pass::Forward, Pass::Input] {
            assert_eq!(cheapest(&shape(1), pass, true), Path::Direct, "{pass:?}");
            assert_ne!(cheapest(&shape(1), pass, false), Path::Direct, "{pass:?}");
            let full = [true, false].map(|by_batch| cheapest(&shape(BATCH), pass, by_batch));
            assert_eq!(full[0], full[1], "{pass:?}");
        }
    }
}
