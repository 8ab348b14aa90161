//! Activations and losses.
use super::*;
use menagerie_kernels::{Activation, activation, bce_with_logits, default, softplus_mean};

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
    for act in ACTS.into_iter().chain([Activation::LeakyRelu(-0.5), Activation::LeakyRelu(0.0)]) {
        for n in [1, 7, 64, 1000] {
            let inputs = vec![rng.array(&[n]).map(|v| 3.0 * v)];
            let reference = |t: &[FlexTensor]| default::activation::<B>(t[0].clone(), act);
            let case = Case { name: format!("{act:?} {n}"), inputs, tolerance: 1e-6, reference: &reference };
            case.check(&mut rng, |a, r| {
                let x = leaf::<1>(&a[0]);
                let (y, grads) = back(activation(x.clone(), act), r);
                (y, vec![grad(&x, &grads)])
            });
        }
    }
}

#[test]
fn losses() {
    let mut rng = Numbers::new(22);
    for n in [1, 5, 64, 5000] {
        let logits = rng.array(&[n]).map(|v| 8.0 * v);
        let targets = rng.array(&[n]).map(|v| v.abs().min(1.0));
        let reference = |t: &[FlexTensor]| default::bce_with_logits::<B>(t[0].clone(), t[1].clone());
        let case = Case { name: format!("bce {n}"), inputs: vec![logits.clone(), targets], tolerance: 1e-6, reference: &reference };
        case.check(&mut rng, |a, r| {
            let (x, t) = (leaf::<1>(&a[0]), leaf::<1>(&a[1]));
            let (y, grads) = back(bce_with_logits(x.clone(), t.clone()), r);
            (y, vec![grad(&x, &grads), grad(&t, &grads)])
        });
        for sign in [-1.0, 1.0] {
            let reference = |t: &[FlexTensor]| default::softplus_mean::<B>(t[0].clone(), sign);
            let case = Case { name: format!("softplus {n}"), inputs: vec![logits.clone()], tolerance: 1e-6, reference: &reference };
            case.check(&mut rng, |a, r| {
                let x = leaf::<1>(&a[0]);
                let (y, grads) = back(softplus_mean(x.clone(), sign), r);
                (y, vec![grad(&x, &grads)])
            });
        }
    }
}
