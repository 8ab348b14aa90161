//! Pointwise operations, norms and noise on two million elements, in turn with Burn's own.
use burn::prelude::*;
use burn::tensor::{Distribution, activation as burn_activation};
use menagerie_kernels::{Activation, activation, batch_norm, layer_norm, noise};
use std::time::Instant;

const SHAPE: [usize; 4] = [64, 32, 16, 64];

/// Milliseconds of the fastest of 15 runs each, taken in turn.
fn race(name: &str, mut ours: impl FnMut(), mut burn: impl FnMut()) {
    let time = |f: &mut dyn FnMut()| {
        let start = Instant::now();
        f();
        start.elapsed().as_secs_f64() * 1e3
    };
    let (mut a, mut b) = (f64::MAX, f64::MAX);
    for _ in 0..15 {
        a = a.min(time(&mut ours));
        b = b.min(time(&mut burn));
    }
    println!("{name}: ours {a:.2} ms, Burn {b:.2} ms, ratio {:.1}", b / a);
}

/// Prints the table.
pub(crate) fn run() {
    let d = Device::flex();
    let x = noise::normal::<4>([1; 8], SHAPE, &d);
    race(
        "normal noise",
        || drop(noise::normal::<4>([2; 8], SHAPE, &d)),
        || drop(Tensor::<4>::random(SHAPE, Distribution::Normal(0.0, 1.0), &d)),
    );
    race(
        "uniform noise",
        || drop(noise::uniform::<4>([2; 8], SHAPE, &d)),
        || drop(Tensor::<4>::random(SHAPE, Distribution::Default, &d)),
    );
    let pointwise: [(&str, Activation, fn(Tensor<4>) -> Tensor<4>); 5] = [
        ("tanh", Activation::Tanh, Tensor::tanh),
        ("sigmoid", Activation::Sigmoid, burn_activation::sigmoid),
        ("silu", Activation::Silu, burn_activation::silu),
        ("gelu", Activation::Gelu, burn_activation::gelu),
        ("softplus", Activation::Softplus, |x| {
            burn_activation::softplus(x, 1.0)
        }),
    ];
    for (name, act, burn) in pointwise {
        race(
            name,
            || drop(activation(x.clone(), act)),
            || drop(burn(x.clone())),
        );
    }
    let leaf = |t: Tensor<4>| Tensor::from_inner(t).require_grad();
    let [one, zero] = [Tensor::<1>::ones([64], &d), Tensor::<1>::zeros([64], &d)].map(Tensor::from_inner);
    let plain = |x: Tensor<4>, axes: &[usize]| {
        let mean = axes.iter().fold(x.clone(), |t, &a| t.mean_dim(a));
        let centred = x - mean;
        let var = axes
            .iter()
            .fold(centred.clone() * centred.clone(), |t, &a| t.mean_dim(a));
        centred / (var + 1e-5).sqrt() * one.clone().reshape([1, 1, 1, 64])
            + zero.clone().reshape([1, 1, 1, 64])
    };
    race(
        "batch norm and ReLU, forward and backward",
        || {
            drop(
                batch_norm(leaf(x.clone()), one.clone(), zero.clone(), 1e-5, Activation::Relu)
                    .0
                    .sum()
                    .backward(),
            )
        },
        || {
            drop(
                burn_activation::relu(plain(leaf(x.clone()), &[0, 1, 2]))
                    .sum()
                    .backward(),
            )
        },
    );
    race(
        "layer norm, forward and backward",
        || {
            drop(
                layer_norm(
                    leaf(x.clone()),
                    one.clone(),
                    zero.clone(),
                    1e-5,
                    Activation::Identity,
                )
                .sum()
                .backward(),
            )
        },
        || drop(plain(leaf(x.clone()), &[3]).sum().backward()),
    );
}
