//! Steps of two small networks of linear layers: the GAN of PyTorch-GAN's `gan.py`, and PyTorch's example VAE.
use crate::peer::{Peer, compare};
use burn::prelude::*;
use burn::tensor::Gradients;
use menagerie_kernels::optim::{AdamStep, adam};
use menagerie_kernels::{Activation, batch_norm, bce_with_logits, linear, noise, softplus_mean, threads};
use std::error::Error;

/// The parameters of one network, flat, with Adam's state.
struct Net {
    shapes: Vec<Vec<usize>>,
    state: Vec<[Tensor<1>; 3]>,
    b1: f64,
    rate: f64,
    steps: i32,
}

impl Net {
    /// Weights by He's rule, then vectors of ones for every norm's gamma, zeros for the rest.
    fn new(shapes: Vec<Vec<usize>>, b1: f64, rate: f64, seed: u32) -> Net {
        let device = Device::flex();
        let make = |(i, s): (usize, &Vec<usize>)| {
            let p = match s[..] {
                [inputs, outputs] => {
                    noise::normal([seed, i as u32, 0, 0, 0, 0, 0, 0], [inputs * outputs], &device)
                        * (1.0 / inputs as f64).sqrt()
                }
                _ => Tensor::<1>::zeros([s[0]], &device),
            };
            [p.clone(), p.zeros_like(), p.zeros_like()]
        };
        let state = shapes.iter().enumerate().map(make).collect();
        Net {
            shapes,
            state,
            b1,
            rate,
            steps: 0,
        }
    }

    fn leaves(&self, tracked: bool) -> Leaves {
        let leaf = |s: &[Tensor<1>; 3]| {
            let p = Tensor::from_inner(s[0].clone());
            if tracked { p.require_grad() } else { p }
        };
        Leaves {
            shapes: self.shapes.clone(),
            flat: self.state.iter().map(leaf).collect(),
        }
    }

    fn update(&mut self, gradients: Vec<Tensor<1>>) {
        self.steps += 1;
        let s = AdamStep {
            rate: (self.rate / (1.0 - self.b1.powi(self.steps))) as f32,
            root: (1.0 / (1.0 - 0.999f64.powi(self.steps)).sqrt()) as f32,
            b1: self.b1 as f32,
            b2: 0.999,
            eps: 1e-8,
            weight_decay: 0.0,
        };
        let old = std::mem::take(&mut self.state);
        let moved = old.into_iter().zip(gradients).map(|([p, m, v], g)| {
            let (p, m, v) = adam(p, g, m, v, s);
            [p, m, v]
        });
        self.state = moved.collect();
    }
}

struct Leaves {
    shapes: Vec<Vec<usize>>,
    flat: Vec<Tensor<1>>,
}

impl Leaves {
    fn weight(&self, i: usize) -> Tensor<2> {
        self.flat[i]
            .clone()
            .reshape([self.shapes[i][0], self.shapes[i][1]])
    }
    fn linear(&self, x: Tensor<2>, i: usize, act: Activation) -> Tensor<2> {
        linear(x, self.weight(i), Some(self.flat[i + 1].clone()), act)
    }
    fn gradients(&self, mut from: Gradients) -> Vec<Tensor<1>> {
        self.flat
            .iter()
            .map(|p| p.grad_remove(&mut from).expect("every parameter is used"))
            .collect()
    }
}

fn key(stream: u32, step: i32) -> [u32; 8] {
    [stream, step as u32, 0, 0, 0, 0, 0, 0]
}

const LEAKY: Activation = Activation::LeakyRelu(0.2);

/// G 100-128-256-512-1024-784 with batch norm, D 784-512-256-1.
struct Gan {
    g: Net,
    d: Net,
    real: Tensor<2>,
}

impl Gan {
    fn new(batch: usize) -> Gan {
        let mut shapes = vec![vec![100, 128], vec![128]];
        for w in [128, 256, 512, 1024].windows(2) {
            shapes.extend([vec![w[0], w[1]], vec![w[1]], vec![w[1]], vec![w[1]]]);
        }
        shapes.extend([vec![1024, 784], vec![784]]);
        let d = vec![
            vec![784, 512],
            vec![512],
            vec![512, 256],
            vec![256],
            vec![256, 1],
            vec![1],
        ];
        let real = noise::uniform([5; 8], [batch, 784], &Device::flex());
        Gan {
            g: Net::new(shapes, 0.5, 2e-4, 1),
            d: Net::new(d, 0.5, 2e-4, 2),
            real,
        }
    }

    fn generate(p: &Leaves, z: Tensor<2>) -> Tensor<2> {
        let mut x = p.linear(z, 0, LEAKY);
        for i in [2, 6, 10] {
            x = p.linear(x, i, Activation::Identity);
            // gan.py's 0.8 is the second argument: epsilon.
            x = batch_norm(x, p.flat[i + 2].clone() + 1.0, p.flat[i + 3].clone(), 0.8, LEAKY).0;
        }
        p.linear(x, 14, Activation::Tanh)
    }

    fn discriminate(p: &Leaves, x: Tensor<2>) -> Tensor<2> {
        let x = p.linear(p.linear(x, 0, LEAKY), 2, LEAKY);
        p.linear(x, 4, Activation::Identity)
    }

    fn step(&mut self) -> f32 {
        let z = noise::normal(key(3, self.g.steps), [self.real.dims()[0], 100], &Device::flex());
        let g = self.g.leaves(true);
        let fake = Self::generate(&g, Tensor::from_inner(z));
        let loss = softplus_mean(Self::discriminate(&self.d.leaves(false), fake.clone()), -1.0);
        let gradients = g.gradients(loss.backward());
        let fake = fake.inner();
        drop((g, loss));
        self.g.update(gradients);
        let d = self.d.leaves(true);
        let real = softplus_mean(
            Self::discriminate(&d, Tensor::from_inner(self.real.clone())),
            -1.0,
        );
        let loss = (real + softplus_mean(Self::discriminate(&d, Tensor::from_inner(fake)), 1.0)) * 0.5;
        let gradients = d.gradients(loss.backward());
        drop(d);
        self.d.update(gradients);
        loss.inner().into_scalar()
    }
}

/// 784-400-20-400-784 with binary cross-entropy.
struct Vae {
    net: Net,
    real: Tensor<2>,
}

impl Vae {
    fn new(batch: usize) -> Vae {
        let mut shapes = vec![];
        for [i, o] in [[784, 400], [400, 40], [20, 400], [400, 784]] {
            shapes.extend([vec![i, o], vec![o]]);
        }
        Vae {
            net: Net::new(shapes, 0.9, 1e-3, 1),
            real: noise::uniform([5; 8], [batch, 784], &Device::flex()),
        }
    }

    fn step(&mut self) -> f32 {
        let batch = self.real.dims()[0];
        let p = self.net.leaves(true);
        let x = Tensor::from_inner(self.real.clone());
        let code = p.linear(p.linear(x.clone(), 0, Activation::Relu), 2, Activation::Identity);
        let (mean, log_var) = (code.clone().narrow(1, 0, 20), code.narrow(1, 20, 20));
        let noise = Tensor::from_inner(noise::normal::<2>(
            key(4, self.net.steps),
            [batch, 20],
            &Device::flex(),
        ));
        let z = mean.clone() + noise * (log_var.clone() * 0.5).exp();
        let logits = p.linear(p.linear(z, 4, Activation::Relu), 6, Activation::Identity);
        let divergence =
            (log_var.clone().exp() + mean.powi_scalar(2) - log_var - 1.0).sum() * (0.5 / batch as f64);
        let loss = bce_with_logits(logits, x) * 784.0 + divergence;
        let gradients = p.gradients(loss.backward());
        drop(p);
        self.net.update(gradients);
        loss.inner().into_scalar()
    }
}

/// Compares both steps with PyTorch's. Arguments: rounds (7).
pub(crate) fn run(arguments: &[String]) -> Result<(), Box<dyn Error>> {
    let rounds = arguments.first().map_or(Ok(7), |v| v.parse())?;
    let peer = |model: &str, batch: usize| {
        Peer::python(
            "mlp_step.py",
            &[model.into(), batch.to_string(), threads().to_string()],
        )
    };
    let mut last = 0.0;
    let mut gan = Gan::new(64);
    compare("MLP GAN step", rounds, 40, || last = gan.step(), peer("gan", 64)?)?;
    eprintln!("discriminator's loss at the end: {last:.4}");
    let mut vae = Vae::new(128);
    compare(
        "MLP VAE step",
        rounds,
        100,
        || last = vae.step(),
        peer("vae", 128)?,
    )?;
    eprintln!("loss at the end: {last:.4}");
    Ok(())
}

/// Times a linear layer's three products by our kernels and by Burn's matrix product, in turn.
pub(crate) fn linear_layers() {
    let d = Device::flex();
    for [n, i, o] in [
        [64, 100, 128],
        [64, 128, 256],
        [64, 256, 512],
        [64, 512, 1024],
        [64, 1024, 784],
        [64, 784, 512],
        [64, 512, 256],
        [64, 256, 1],
        [128, 784, 400],
        [128, 400, 784],
    ] {
        let x = noise::normal::<2>([1; 8], [n, i], &d);
        let w = noise::normal::<2>([2; 8], [i, o], &d);
        let time = |f: &dyn Fn()| {
            let runs = (200_000_000 / (n * i * o)).clamp(5, 2000);
            let start = std::time::Instant::now();
            (0..runs).for_each(|_| f());
            start.elapsed().as_secs_f64() / runs as f64 * 1e6
        };
        let flops = 2e-3 * (n * i * o) as f64;
        let step = |ours: bool| {
            let (x, w) = (
                Tensor::from_inner(x.clone()).require_grad(),
                Tensor::from_inner(w.clone()).require_grad(),
            );
            let y = if ours {
                linear(x.clone(), w.clone(), None, Activation::Identity)
            } else {
                x.clone().matmul(w.clone())
            };
            drop(y.backward());
        };
        let best = |f: &dyn Fn()| (0..7).map(|_| time(f)).fold(f64::MAX, f64::min);
        let ours = best(&|| drop(linear(x.clone(), w.clone(), None, Activation::Identity)));
        let burn = best(&|| drop(x.clone().matmul(w.clone())));
        let (ours_all, burn_all) = (best(&|| step(true)), best(&|| step(false)));
        println!(
            "{n} x {i} x {o}: forward ours {ours:.1} us ({:.0} GFLOP/s), Burn {burn:.1} us ({:.0}); with backward ours {ours_all:.1} us ({:.0}), Burn {burn_all:.1} us ({:.0})",
            flops / ours,
            flops / burn,
            3.0 * flops / ours_all,
            3.0 * flops / burn_all
        );
    }
}
