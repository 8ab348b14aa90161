//! Every pass by every path against f64 sums, over many shapes.
//!
//! The same tests check other instruction sets and bounds:
//!
//!     MENAGERIE_ISA=avx2 cargo test --release --workspace --test conv
//!     cargo test --workspace --test conv      # debug: every microkernel's ranges are checked
//!
//! and the portable path under Valgrind, which has no AVX-512 (fewer cases, as it is slow; `conv-*`
//! is the test's program, which `cargo test --no-run` names):
//!
//!     MENAGERIE_ISA=portable MENAGERIE_TEST_CASES=12 MENAGERIE_THREADS=2 \
//!         valgrind --error-exitcode=1 target/release/deps/conv-* --test-threads 1 over_random epilogues
mod conv_support;

use conv_support::{Case, PASSES, Random, error};
use menagerie_kernels::conv::{Epilogue, Pass, Path, Shape, winograd};

fn shape(
    batch: usize,
    input: [usize; 2],
    channels: [usize; 2],
    kernel: [usize; 2],
    stride: [usize; 2],
    padding: [usize; 2],
) -> Option<Shape> {
    Shape::new(batch, input, channels, kernel, stride, padding).ok()
}

/// All that a shape can be: odd sizes, one pixel, one channel, one image, uneven kernels, strides
/// and paddings, padding beyond the kernel, dilation, groups, outputs of any size.
fn random_shape(r: &mut Random) -> Shape {
    loop {
        let groups = r.pick(&[1, 1, 1, 1, 2, 3, 8]);
        let multiplier = r.pick(&[1, 1, 2, 5, 17]);
        let [ic, oc] = if groups > 1 {
            [
                groups * r.pick(&[1, 1, 2, 7, 9, 16, 20]),
                groups * r.pick(&[1, multiplier, 16, 66]),
            ]
        } else {
            [
                r.pick(&[1, 2, 3, 7, 9, 16, 20, 33, 70]),
                r.pick(&[1, 3, 8, 16, 17, 40, 65, 100, 130]),
            ]
        };
        let two = |r: &mut Random, low, high| [r.between(low, high), r.between(low, high)];
        let s = Shape {
            batch: r.pick(&[1, 1, 2, 5, 13]),
            input: two(r, 1, 11),
            output: [0, 0],
            in_channels: ic,
            out_channels: oc,
            kernel: two(r, 1, 5),
            stride: two(r, 1, 3),
            padding: two(r, 0, 3),
            dilation: [r.pick(&[1, 1, 2, 3]), r.pick(&[1, 1, 2, 3])],
            groups,
        };
        // Padding after the input differs from that before it, as for causal convolutions.
        if let Ok(s) = s.sized(two(r, 0, 3)) {
            return s;
        }
    }
}

/// How many random cases: `n`, or what `MENAGERIE_TEST_CASES` says.
fn cases(n: u64) -> std::ops::Range<u64> {
    0..std::env::var("MENAGERIE_TEST_CASES")
        .ok()
        .and_then(|v| v.parse().ok())
        .unwrap_or(n)
}

#[test]
fn direct_over_random_shapes() {
    let mut r = Random::new(1);
    for i in cases(300) {
        let case = Case::new(random_shape(&mut r), i);
        for pass in PASSES {
            let got = case.run(pass, Path::Direct, Epilogue::default());
            case.check_direct(pass, &got, &case.truth(pass));
        }
    }
}

#[test]
fn direct_over_shapes_of_networks() {
    let shapes = [
        shape(2, [64, 64], [3, 64], [4, 4], [2, 2], [1, 1]),
        shape(2, [16, 16], [64, 128], [4, 4], [2, 2], [1, 1]),
        shape(70, [4, 4], [128, 1], [4, 4], [1, 1], [0, 0]),
        shape(3, [4, 4], [64, 100], [4, 4], [1, 1], [0, 0]),
        shape(2, [28, 28], [1, 32], [5, 5], [2, 2], [2, 2]),
        shape(2, [9, 9], [48, 48], [1, 1], [1, 1], [0, 0]),
        shape(2, [10, 10], [48, 40], [1, 1], [2, 2], [0, 0]),
        // one-dimensional: a long row, and one that is longer than a line of the streams
        shape(2, [1, 700], [1, 20], [1, 25], [1, 4], [0, 11]),
        shape(2, [1, 613], [20, 24], [1, 9], [1, 1], [0, 4]),
        shape(1, [1, 1100], [16, 16], [1, 4], [1, 2], [0, 1]),
        // sums of more than one block in depth
        shape(1, [3, 3], [1100, 20], [1, 1], [1, 1], [0, 0]),
        shape(1, [4, 4], [20, 1100], [3, 3], [1, 1], [1, 1]),
    ];
    for (i, s) in shapes.into_iter().enumerate() {
        let case = Case::new(s.expect("a valid shape"), i as u64);
        for pass in PASSES {
            let got = case.run(pass, Path::Direct, Epilogue::default());
            case.check_direct(pass, &got, &case.truth(pass));
        }
    }
}

/// Shapes with square kernels that the Winograd path can compute.
fn winograd_shape(r: &mut Random) -> Shape {
    loop {
        let (k, s) = r.pick(&[
            (3, 1),
            (4, 2),
            (3, 1),
            (4, 2),
            (2, 1),
            (4, 1),
            (5, 1),
            (3, 2),
            (5, 2),
            (6, 2),
            (7, 2),
            (9, 2),
        ]);
        let channels = [0; 2].map(|_| r.pick(&[1, 3, 16, 24, 40, 64, 100, 144]));
        let input = [r.between(1, 14), r.between(1, 14)];
        let Ok(s) = Shape::new(
            r.pick(&[1, 2, 3, 7]),
            input,
            channels,
            [k, k],
            [s, s],
            [r.between(0, 3), r.between(0, 3)],
        ) else {
            continue;
        };
        assert!(winograd::possible(&s));
        return s;
    }
}

/// The same with one side of the kernel cut, and of some the last row or column of the output, which is not wanted.
fn cut_shape(r: &mut Random) -> Shape {
    loop {
        let square = winograd_shape(r);
        let mut kernel = square.kernel;
        kernel[r.between(0, 1)] = r.between(1, kernel[0] - 1);
        let cut = Shape { kernel, ..square }.sized(square.padding);
        let Ok(s) = cut else { continue };
        let output = s
            .output
            .map(|n| n - usize::from(n > 1 && r.pick(&[true, false, false])));
        assert!(winograd::possible(&s));
        return Shape { output, ..s };
    }
}

/// Winograd's rounding error, as a multiple of the direct method's, is bounded by its points: how
/// many there are along an axis. Of a kernel that is not square the direct method sums fewer terms than the transforms see.
fn limit(s: &Shape, tile: usize) -> f64 {
    let (long, short) = (s.kernel[0].max(s.kernel[1]), s.kernel[0].min(s.kernel[1]));
    let taps = long.div_ceil(s.stride[0]);
    let by_points = match taps + tile - 1 {
        3 => 4.0,
        4 if taps == 2 => 6.0,
        4 if tile == 2 => 5.0,
        5 if taps == 2 => 12.0,
        _ => 20.0,
    };
    by_points * (long as f64 / short as f64).sqrt()
}

/// Sums of one or two terms are nearly exact by the direct method, so its error counts as at least
/// this much.
const LEAST: f64 = 3e-8;

fn check_winograd(case: &Case, pass: Pass) {
    let truth = case.truth(pass);
    let direct = error(&case.run(pass, Path::Direct, Epilogue::default()), &truth).max(LEAST);
    for tile in [2, 3, 4] {
        let wrong = error(&case.run(pass, Path::Winograd(tile), Epilogue::default()), &truth);
        let limit = limit(&case.s, tile);
        assert!(
            wrong <= limit * direct,
            "{pass:?} by tiles of {tile} of {:?}: error {wrong:.2e}, direct {direct:.2e}",
            case.s
        );
    }
}

#[test]
fn winograd_over_random_shapes() {
    let mut r = Random::new(2);
    for i in cases(120) {
        let case = Case::new(winograd_shape(&mut r), i);
        PASSES.into_iter().for_each(|pass| check_winograd(&case, pass));
    }
}

#[test]
fn winograd_over_kernels_that_are_not_square() {
    let mut r = Random::new(5);
    for i in cases(80) {
        let case = Case::new(cut_shape(&mut r), i);
        PASSES.into_iter().for_each(|pass| check_winograd(&case, pass));
    }
}

/// So many weights that their transforms are made in parts: of channels forward, of phases for the input gradient.
fn weights_in_parts(batch: usize) -> Option<Shape> {
    shape(batch, [8, 8], [272, 300], [4, 4], [2, 2], [1, 1])
}

#[test]
fn winograd_over_several_blocks() {
    // Enough tiles for several blocks of them, and weights too large for a thread's own blocks.
    for (i, s) in [
        shape(24, [32, 32], [32, 48], [4, 4], [2, 2], [1, 1]),
        shape(6, [32, 32], [64, 64], [3, 3], [1, 1], [1, 1]),
        weights_in_parts(2),
        shape(2, [6, 6], [320, 352], [3, 3], [1, 1], [1, 1]),
    ]
    .into_iter()
    .enumerate()
    {
        let case = Case::new(s.expect("a valid shape"), i as u64);
        PASSES.into_iter().for_each(|pass| check_winograd(&case, pass));
    }
}

/// Taps without weights are passed over, and a kernel of nothing else stores its epilogue, however many channels it has.
#[test]
fn kernels_of_zeros() {
    for channels in [3, 40, 1100] {
        for taps in [0, 1, 5] {
            let s = shape(2, [4, 5], [channels, 20], [2, 3], [1, 1], [1, 1]).expect("a valid shape");
            let mut case = Case::new(s, 7);
            case.w[taps * channels * 20..].fill(0.0);
            let shift = [0.5; 20];
            let mut y = vec![f32::NAN; s.y_len()];
            let e = Epilogue {
                shift: Some(&shift),
                ..Epilogue::default()
            };
            menagerie_kernels::conv::forward_by(Path::Direct, &s, &case.x, &case.w, &mut y, e);
            let truth: Vec<f64> = case.truth(Pass::Forward).iter().map(|v| v + 0.5).collect();
            assert!(error(&y, &truth) < 1e-6, "{channels} channels, {taps} taps");
        }
    }
}

#[test]
fn epilogues_on_both_paths() {
    let mut r = Random::new(3);
    for i in cases(40) {
        let s = match i {
            0 => weights_in_parts(1).expect("a valid shape"),
            i if i % 2 == 0 => winograd_shape(&mut r),
            _ => random_shape(&mut r),
        };
        let case = Case::new(s, i);
        for pass in [Pass::Forward, Pass::Input] {
            let channels = if pass == Pass::Forward {
                s.out_channels
            } else {
                s.in_channels
            };
            let (scale, shift) = (r.floats(channels), r.floats(channels));
            let scale = (i % 3 != 0).then_some(&scale[..]);
            let shift = (i % 4 != 1).then_some(&shift[..]);
            let slope = r.pick(&[0.0, 0.2, 1.0]);
            let mut truth = case.truth(pass);
            for (i, v) in truth.iter_mut().enumerate() {
                *v = *v * scale.map_or(1.0, |s| f64::from(s[i % channels]))
                    + shift.map_or(0.0, |s| f64::from(s[i % channels]));
                *v *= if *v < 0.0 { f64::from(slope) } else { 1.0 };
            }
            let e = Epilogue { scale, shift, slope };
            let direct = error(&case.run(pass, Path::Direct, e), &truth);
            assert!(direct < 2e-6, "{pass:?} of {s:?}: {direct:e}");
            if winograd::possible(&s) {
                for tile in [2, 3, 4] {
                    // Few results, and the shift may cancel most of them: only gross errors count here.
                    let wrong = error(&case.run(pass, Path::Winograd(tile), e), &truth);
                    assert!(wrong < 1e-5, "{pass:?} by {tile} of {s:?}: {wrong:e}");
                }
            }
        }
    }
}

#[test]
fn empty_batches() {
    let s = Shape {
        batch: 0,
        ..Shape::new(1, [8, 8], [16, 16], [4, 4], [2, 2], [1, 1]).unwrap()
    };
    let case = Case::new(s, 0);
    assert!(
        case.run(Pass::Forward, Path::Direct, Epilogue::default())
            .is_empty()
    );
    assert!(
        case.run(Pass::Input, Path::Winograd(4), Epilogue::default())
            .is_empty()
    );
    assert!(
        case.run(Pass::Weight, Path::Winograd(4), Epilogue::default())
            .iter()
            .all(|&v| v == 0.0)
    );
}
