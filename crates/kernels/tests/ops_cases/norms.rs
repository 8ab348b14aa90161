//! Normalizations.
use super::*;
use menagerie_kernels::{Activation, batch_norm, default, group_norm, layer_norm, scale_shift};

const ACTS: [Activation; 6] = [
    Activation::LeakyRelu(0.2),
    Activation::Identity,
    Activation::Relu,
    Activation::Tanh,
    Activation::Silu,
    Activation::Softplus,
];
const TOLERANCE: f64 = 2e-6;
const EPS: f32 = 1e-3;

fn shapes() -> [[usize; 4]; 9] {
    [
        [2, 1, 1, 1],
        [1, 3, 5, 1],
        [3, 4, 4, 2],
        [5, 1, 2, 3],
        [2, 3, 3, 16],
        [4, 1, 1, 33],
        [2, 9, 7, 20],
        [1, 40, 40, 6],
        [3, 2, 2, 130],
    ]
}

#[test]
fn batch_norm_with_activation() {
    let mut rng = Numbers::new(11);
    for (i, shape) in shapes().into_iter().enumerate() {
        let (act, c) = (ACTS[i % ACTS.len()], shape[3]);
        let inputs = vec![
            rng.array(&shape).map(|v| 3.0 * v + 1.5),
            rng.array(&[c]),
            rng.array(&[c]),
        ];
        let name = format!("batch_norm {shape:?} {act:?}");
        let reference = |t: &[FlexTensor]| {
            default::batch_norm_act::<B>(t[0].clone(), t[1].clone(), t[2].clone(), EPS, act).0
        };
        Case {
            name,
            inputs,
            tolerance: TOLERANCE,
            reference: &reference,
        }
        .check(&mut rng, |a, r| {
            let (x, gamma, beta) = (leaf::<4>(&a[0]), leaf::<1>(&a[1]), leaf::<1>(&a[2]));
            let (y, grads) = back(batch_norm(x.clone(), gamma.clone(), beta.clone(), EPS, act).0, r);
            (
                y,
                vec![grad(&x, &grads), grad(&gamma, &grads), grad(&beta, &grads)],
            )
        });
    }
}

#[test]
fn batch_statistics_far_from_zero() {
    let mut rng = Numbers::new(12);
    // Mean a thousand times the deviation; the first row an outlier.
    let mut x = rng.array(&[700, 3]).map(|v| 1000.0 + v);
    x.values[..3].iter_mut().for_each(|v| *v = -5000.0);
    let (_, mean, var) =
        default::batch_norm_act::<B>(x.double(), ones(3), ones(3), EPS, Activation::Identity);
    let d = Device::flex();
    let (_, m, v) = batch_norm::<2>(
        x.tensor(&d),
        Tensor::ones([3], &d),
        Tensor::ones([3], &d),
        EPS,
        Activation::Identity,
    );
    assert!(worst(&floats(&m), &doubles(mean), 0.0) < 2e-7);
    assert!(worst(&floats(&v), &doubles(var), 0.0) < 2e-6);
}

fn ones(n: usize) -> FlexTensor {
    Array {
        shape: vec![n],
        values: vec![1.0; n],
    }
    .double()
}

#[test]
fn scale_and_shift_with_activation() {
    let mut rng = Numbers::new(13);
    for (i, shape) in shapes().into_iter().enumerate() {
        let (act, c) = (ACTS[i % ACTS.len()], shape[3]);
        let inputs = vec![rng.array(&shape), rng.array(&[c]), rng.array(&[c])];
        let name = format!("scale_shift {shape:?} {act:?}");
        let reference =
            |t: &[FlexTensor]| default::scale_shift::<B>(t[0].clone(), t[1].clone(), t[2].clone(), act);
        Case {
            name,
            inputs,
            tolerance: TOLERANCE,
            reference: &reference,
        }
        .check(&mut rng, |a, r| {
            let (x, s, t) = (leaf::<4>(&a[0]), leaf::<1>(&a[1]), leaf::<1>(&a[2]));
            let (y, grads) = back(scale_shift(x.clone(), s.clone(), t.clone(), act), r);
            (y, vec![grad(&x, &grads), grad(&s, &grads), grad(&t, &grads)])
        });
    }
}

#[test]
fn group_norm_with_activation() {
    let mut rng = Numbers::new(14);
    let cases = [
        ([2, 3, 3, 4], 2),
        ([1, 1, 1, 6], 1),
        ([3, 5, 7, 6], 6),
        ([2, 4, 4, 32], 8),
        ([1, 9, 9, 40], 1),
        ([2, 2, 3, 1], 1),
    ];
    for (i, (shape, groups)) in cases.into_iter().enumerate() {
        let (act, [b, h, w, c]) = (ACTS[i % ACTS.len()], shape);
        let inputs = vec![
            rng.array(&shape).map(|v| 2.0 * v - 1.0),
            rng.array(&[c]),
            rng.array(&[c]),
        ];
        let name = format!("group_norm {shape:?} {groups} {act:?}");
        let reference = |t: &[FlexTensor]| {
            let x = t[0].reshape(burn::tensor::Shape::new([b, h * w, c]));
            let y = default::group_norm::<B>(x, t[1].clone(), t[2].clone(), groups, EPS, act).0;
            y.reshape(burn::tensor::Shape::new(shape))
        };
        Case {
            name,
            inputs,
            tolerance: 4.0 * TOLERANCE,
            reference: &reference,
        }
        .check(&mut rng, |a, r| {
            let (x, s, t) = (leaf::<4>(&a[0]), leaf::<1>(&a[1]), leaf::<1>(&a[2]));
            let (y, grads) = back(group_norm(x.clone(), groups, s.clone(), t.clone(), EPS, act), r);
            (y, vec![grad(&x, &grads), grad(&s, &grads), grad(&t, &grads)])
        });
    }
}

#[test]
fn layer_norm_with_activation() {
    let mut rng = Numbers::new(15);
    for (i, [n, c]) in [[1, 7], [5, 16], [9, 100], [70, 33]].into_iter().enumerate() {
        let act = ACTS[i % ACTS.len()];
        let inputs = vec![rng.array(&[n, c]), rng.array(&[c]), rng.array(&[c])];
        let name = format!("layer_norm {n} {c} {act:?}");
        let reference = |t: &[FlexTensor]| {
            let x = t[0].reshape(burn::tensor::Shape::new([n, 1, c]));
            let y = default::group_norm::<B>(x, t[1].clone(), t[2].clone(), 1, EPS, act).0;
            y.reshape(burn::tensor::Shape::new([n, c]))
        };
        Case {
            name,
            inputs,
            tolerance: 4.0 * TOLERANCE,
            reference: &reference,
        }
        .check(&mut rng, |a, r| {
            let (x, s, t) = (leaf::<2>(&a[0]), leaf::<1>(&a[1]), leaf::<1>(&a[2]));
            let (y, grads) = back(layer_norm(x.clone(), s.clone(), t.clone(), EPS, act), r);
            (y, vec![grad(&x, &grads), grad(&s, &grads), grad(&t, &grads)])
        });
    }
}
