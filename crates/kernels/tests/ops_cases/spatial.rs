//! Resizing, pooling, pixel shuffles.
use super::*;
use burn::backend::TensorMetadata;
use menagerie_kernels::{
    Filter, Resample, Window, avg_pool2d, blur2d, default, max_pool2d, pixel_shuffle, pixel_unshuffle,
    resize_bilinear, resize_nearest,
};

const TOLERANCE: f64 = 1e-6;

fn check(
    name: String,
    x: Array,
    rng: &mut Numbers,
    reference: &dyn Fn(&[FlexTensor]) -> FlexTensor,
    run: impl Fn(Tensor<4>) -> Tensor<4>,
) {
    Case {
        name,
        inputs: vec![x],
        tolerance: TOLERANCE,
        reference,
    }
    .check(rng, |a, r| {
        let x = leaf::<4>(&a[0]);
        let (y, grads) = back(run(x.clone()), r);
        (y, vec![grad(&x, &grads)])
    });
}

#[test]
fn resizing() {
    let mut rng = Numbers::new(31);
    for (from, to) in [
        ([1, 1], [3, 2]),
        ([4, 5], [8, 10]),
        ([5, 3], [2, 7]),
        ([8, 8], [4, 4]),
        ([3, 6], [3, 6]),
        ([7, 1], [1, 5]),
    ] {
        for (c, filter) in [
            (1, Filter::Nearest),
            (5, Filter::Bilinear { align_corners: false }),
            (16, Filter::Bilinear { align_corners: true }),
        ] {
            let x = rng.array(&[2, from[0], from[1], c]);
            let reference =
                |t: &[FlexTensor]| default::resample::<B>(t[0].clone(), Resample { from, to, filter });
            check(
                format!("{filter:?} {from:?} {to:?}"),
                x,
                &mut rng,
                &reference,
                |x| match filter {
                    Filter::Bilinear { align_corners } => resize_bilinear(x, to, align_corners),
                    _ => resize_nearest(x, to),
                },
            );
        }
    }
}

/// [1, 3, 3, 1] is three means of two neighbours, one after the other.
#[test]
fn blurring() {
    let mut rng = Numbers::new(34);
    for (size, stride, padding) in [([4, 4], 1, 2), ([7, 5], 1, 2), ([8, 6], 2, 1), ([9, 4], 2, 1)] {
        let pool = |x: FlexTensor, stride: usize, padding: usize| {
            let s = x.shape();
            let window = Window {
                kernel: [2; 2],
                stride: [stride; 2],
                padding: [padding; 2],
            };
            let from = [s[1], s[2]];
            let to = window.output_size(from).unwrap();
            let filter = Filter::Average(window);
            default::resample::<B>(x, Resample { from, to, filter })
        };
        let reference = |t: &[FlexTensor]| {
            let x = pool(pool(t[0].clone(), 1, 1), 1, padding - 1);
            pool(x, stride, 0)
        };
        let x = rng.array(&[2, size[0], size[1], 3]);
        check(
            format!("blur2d {size:?} by {stride}"),
            x,
            &mut rng,
            &reference,
            |x| blur2d(x, stride, padding),
        );
    }
}

#[test]
fn pooling() {
    let mut rng = Numbers::new(32);
    for (size, kernel, stride, padding) in [
        ([4, 4], 2, 2, 0),
        ([5, 7], 3, 2, 1),
        ([1, 1], 1, 1, 0),
        ([6, 3], 3, 1, 1),
        ([9, 9], 4, 3, 2),
        ([2, 2], 2, 1, 0),
    ] {
        for c in [1, 3, 20] {
            let (w, x) = (
                Window {
                    kernel: [kernel; 2],
                    stride: [stride; 2],
                    padding: [padding; 2],
                },
                rng.array(&[2, size[0], size[1], c]),
            );
            let to = w.output_size(size).expect("it fits");
            let average = Resample {
                from: size,
                to,
                filter: Filter::Average(w),
            };
            let reference = |t: &[FlexTensor]| default::resample::<B>(t[0].clone(), average);
            check(
                format!("avg_pool2d {w:?}"),
                x.clone(),
                &mut rng,
                &reference,
                |x| avg_pool2d(x, w.kernel, w.stride, w.padding),
            );
            let reference = |t: &[FlexTensor]| default::max_pool::<B>(t[0].clone(), w);
            check(format!("max_pool2d {w:?}"), x, &mut rng, &reference, |x| {
                max_pool2d(x, w.kernel, w.stride, w.padding)
            });
        }
    }
}

#[test]
fn shuffles() {
    let mut rng = Numbers::new(33);
    for (shape, r) in [
        ([1, 1, 1, 4], 2),
        ([2, 3, 5, 8], 2),
        ([2, 2, 1, 27], 3),
        ([1, 2, 2, 3], 1),
    ] {
        let x = rng.array(&shape);
        let reference = |t: &[FlexTensor]| default::pixel_shuffle::<B>(t[0].clone(), r);
        check(format!("pixel_shuffle {shape:?}"), x, &mut rng, &reference, |x| {
            pixel_shuffle(x, r)
        });
        let [b, h, w, c] = shape;
        let x = rng.array(&[b, h * r, w * r, c / (r * r)]);
        let reference = |t: &[FlexTensor]| default::pixel_unshuffle::<B>(t[0].clone(), r);
        check(
            format!("pixel_unshuffle {shape:?}"),
            x,
            &mut rng,
            &reference,
            |x| pixel_unshuffle(x, r),
        );
    }
}
