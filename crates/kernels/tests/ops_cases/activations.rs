//! Activations and losses.
use super::*;
use menagerie_kernels::{
    Activation, RowLoss, activation, bce_with_logits, default, gate, row_loss, softplus_mean,
};

const ACTS: [Activation; 8] = [
    Activation::Identity,
    Activation::Relu,
    Activation::LeakyRelu(0.2),
    Activation::Tanh,
    Activation::Sigmoid,
    Activation::Silu,
    Activation::Gelu,
    Activation::Softplus,
];

#[test]
fn activations() {
    let mut rng = Numbers::new(21);
    for act in ACTS
        .into_iter()
        .chain([Activation::LeakyRelu(-0.5), Activation::LeakyRelu(0.0)])
    {
        for n in [1, 7, 64, 1000] {
            let inputs = vec![rng.array(&[n]).map(|v| 3.0 * v)];
            let reference = |t: &[FlexTensor]| default::activation::<B>(t[0].clone(), act);
            let case = Case {
                name: format!("{act:?} {n}"),
                inputs,
                tolerance: 1e-6,
                reference: &reference,
            };
            case.check(&mut rng, |a, r| {
                let x = leaf::<1>(&a[0]);
                let (y, grads) = back(activation(x.clone(), act), r);
                (y, vec![grad(&x, &grads)])
            });
        }
    }
}

/// The default body against the formula in f64, then the kernel and its gradient against it.
#[test]
fn gates() {
    let mut rng = Numbers::new(23);
    for (shape, half) in [
        ([1, 1, 2], 1),
        ([2, 3, 10], 5),
        ([4, 9, 192], 32),
        ([3, 200, 64], 32),
    ] {
        let inputs = vec![rng.array(&shape).map(|v| 3.0 * v)];
        let reference = |t: &[FlexTensor]| default::gate::<B>(t[0].clone(), half);
        let formula = |row: &[f64]| -> Vec<f64> {
            (0..half)
                .map(|k| row[k].tanh() / (1.0 + (-row[half + k]).exp()))
                .collect()
        };
        let want: Vec<f64> = inputs[0]
            .values
            .chunks_exact(2 * half)
            .flat_map(formula)
            .collect();
        let got = doubles(reference(&[inputs[0].double()]));
        assert!(
            got.len() == want.len() && got.iter().zip(&want).all(|(a, b)| (a - b).abs() < 1e-12),
            "{shape:?}"
        );
        Case {
            name: format!("gate {shape:?}"),
            inputs,
            tolerance: 1e-6,
            reference: &reference,
        }
        .check(&mut rng, |a, r| {
            let x = leaf::<3>(&a[0]);
            let (y, grads) = back(gate(x.clone(), half), r);
            (y, vec![grad(&x, &grads)])
        });
    }
}

#[test]
fn losses() {
    let mut rng = Numbers::new(22);
    for n in [1, 5, 64, 5000] {
        let logits = rng.array(&[n]).map(|v| 8.0 * v);
        let targets = rng.array(&[n]).map(|v| v.abs().min(1.0));
        let reference = |t: &[FlexTensor]| default::bce_with_logits::<B>(t[0].clone(), t[1].clone());
        let case = Case {
            name: format!("bce {n}"),
            inputs: vec![logits.clone(), targets],
            tolerance: 1e-6,
            reference: &reference,
        };
        case.check(&mut rng, |a, r| {
            let (x, t) = (leaf::<1>(&a[0]), leaf::<1>(&a[1]));
            let (y, grads) = back(bce_with_logits(x.clone(), t.clone()), r);
            (y, vec![grad(&x, &grads), grad(&t, &grads)])
        });
        for sign in [-1.0, 1.0] {
            let reference = |t: &[FlexTensor]| default::softplus_mean::<B>(t[0].clone(), sign);
            let case = Case {
                name: format!("softplus {n}"),
                inputs: vec![logits.clone()],
                tolerance: 1e-6,
                reference: &reference,
            };
            case.check(&mut rng, |a, r| {
                let x = leaf::<1>(&a[0]);
                let (y, grads) = back(softplus_mean(x.clone(), sign), r);
                (y, vec![grad(&x, &grads)])
            });
        }
    }
}

/// Several rows a target, widths that are no multiple of a vector.
#[test]
fn losses_by_row() {
    let mut rng = Numbers::new(23);
    for loss in [RowLoss::Bernoulli, RowLoss::Square] {
        for (m, n, d) in [(1, 1, 1), (6, 3, 17), (10, 2, 784), (40, 40, 1000)] {
            let x = rng.array(&[m, d]).map(|v| 4.0 * v);
            let t = rng.array(&[n, d]).map(|v| v.abs().min(1.0));
            let fixed = t.double();
            let reference = |a: &[FlexTensor]| default::row_loss::<B>(a[0].clone(), fixed.clone(), loss);
            let case = Case {
                name: format!("{loss:?} {m} {n} {d}"),
                inputs: vec![x],
                tolerance: 2e-6,
                reference: &reference,
            };
            case.check(&mut rng, |a, r| {
                let x = leaf::<2>(&a[0]);
                let (y, grads) = back(row_loss(x.clone(), t.tensor(&Device::flex().autodiff()), loss), r);
                (y, vec![grad(&x, &grads)])
            });
        }
    }
}
