//! One training step of DCGAN-64 (Radford et al. 2016), written directly on the kernels' operations.
use crate::peer::{Peer, compare};
use burn::prelude::*;
use burn::tensor::Gradients;
use menagerie_kernels::optim::{AdamStep, adam};
use menagerie_kernels::{
    Activation, Geometry, batch_norm, conv_transpose2d, conv2d, noise, softplus_mean, threads,
};
use std::error::Error;

/// A network of five convolutions, or of their transposes backwards, with batch norm between.
struct Net {
    weights: Vec<Tensor<4>>,
    /// gamma and beta, by norm
    norms: Vec<[Tensor<1>; 2]>,
    moments: Vec<[Tensor<1>; 2]>,
    steps: i32,
}

/// The network's parameters on the tape, or off it when frozen.
struct Leaves {
    weights: Vec<Tensor<4>>,
    norms: Vec<[Tensor<1>; 2]>,
}

const EPS: f32 = 1e-5;

impl Net {
    fn new(channels: [usize; 6], norms: &[usize], seed: u32, device: &Device) -> Net {
        let weight = |(i, c): (usize, &[usize])| {
            noise::normal::<4>([seed, i as u32, 0, 0, 0, 0, 0, 0], [4, 4, c[0], c[1]], device) * 0.02
        };
        let weights: Vec<Tensor<4>> = channels.windows(2).enumerate().map(weight).collect();
        let norms: Vec<_> = norms
            .iter()
            .map(|&c| [Tensor::ones([c], device), Tensor::zeros([c], device)])
            .collect();
        let sizes = weights
            .iter()
            .map(|w| w.shape().num_elements())
            .chain(norms.iter().flatten().map(|n: &Tensor<1>| n.dims()[0]));
        let moments = sizes
            .map(|n| [Tensor::zeros([n], device), Tensor::zeros([n], device)])
            .collect();
        Net {
            weights,
            norms,
            moments,
            steps: 0,
        }
    }

    fn leaves(&self, tracked: bool) -> Leaves {
        fn leaf<const D: usize>(t: &Tensor<D>, tracked: bool) -> Tensor<D> {
            let t = Tensor::from_inner(t.clone());
            if tracked { t.require_grad() } else { t }
        }
        Leaves {
            weights: self.weights.iter().map(|w| leaf(w, tracked)).collect(),
            norms: self
                .norms
                .iter()
                .map(|n| [leaf(&n[0], tracked), leaf(&n[1], tracked)])
                .collect(),
        }
    }

    /// Adam with the paper's numbers; consumes the leaves, so that parameters are updated in place.
    fn update(&mut self, gradients: Vec<Tensor<1>>) {
        self.steps += 1;
        let (b1, b2) = (0.5f64, 0.999f64);
        let s = AdamStep {
            rate: (2e-4 / (1.0 - b1.powi(self.steps))) as f32,
            root: (1.0 / (1.0 - b2.powi(self.steps)).sqrt()) as f32,
            b1: b1 as f32,
            b2: b2 as f32,
            eps: 1e-8,
            weight_decay: 0.0,
        };
        let mut state = std::mem::take(&mut self.moments).into_iter().zip(gradients);
        let mut moments = Vec::new();
        let mut next = |p: Tensor<1>| {
            let ([m, v], g) = state.next().expect("as many as parameters");
            let (p, m, v) = adam(p, g, m, v, s);
            moments.push([m, v]);
            p
        };
        let flat = |w: Tensor<4>| w.clone().reshape([w.shape().num_elements()]);
        self.weights = std::mem::take(&mut self.weights)
            .into_iter()
            .map(|w| {
                let shape = w.dims();
                next(flat(w)).reshape(shape)
            })
            .collect();
        self.norms = std::mem::take(&mut self.norms)
            .into_iter()
            .map(|n| n.map(&mut next))
            .collect();
        self.moments = moments;
    }
}

impl Leaves {
    /// Gradients in the order of [`Net::update`].
    fn gradients(&self, mut from: Gradients) -> Vec<Tensor<1>> {
        let mut out = Vec::new();
        for w in &self.weights {
            let g = w.grad_remove(&mut from).expect("every weight is used");
            let n = g.shape().num_elements();
            out.push(g.reshape([n]));
        }
        out.extend(
            self.norms
                .iter()
                .flatten()
                .map(|n| n.grad_remove(&mut from).expect("every norm is used")),
        );
        out
    }

    fn discriminate(&self, x: Tensor<4>) -> Tensor<4> {
        let leaky = Activation::LeakyRelu(0.2);
        let mut x = conv2d(x, self.weights[0].clone(), None, Geometry::new(2, 1), leaky);
        for (w, [gamma, beta]) in self.weights[1..4].iter().zip(&self.norms) {
            x = conv2d(x, w.clone(), None, Geometry::new(2, 1), Activation::Identity);
            x = batch_norm(x, gamma.clone(), beta.clone(), EPS, leaky).0;
        }
        conv2d(
            x,
            self.weights[4].clone(),
            None,
            Geometry::new(1, 0),
            Activation::Identity,
        )
    }

    fn generate(&self, mut x: Tensor<4>) -> Tensor<4> {
        for i in (1..5).rev() {
            let g = if i == 4 {
                Geometry::new(1, 0)
            } else {
                Geometry::new(2, 1)
            };
            let [gamma, beta] = &self.norms[i - 1];
            x = conv_transpose2d(x, self.weights[i].clone(), None, g, None, Activation::Identity);
            x = batch_norm(x, gamma.clone(), beta.clone(), EPS, Activation::Relu).0;
        }
        conv_transpose2d(
            x,
            self.weights[0].clone(),
            None,
            Geometry::new(2, 1),
            None,
            Activation::Tanh,
        )
    }
}

/// A discriminator, a generator and a batch of stand-in data.
pub(crate) struct Game {
    d: Net,
    g: Net,
    real: Tensor<4>,
    steps: u32,
}

impl Game {
    /// Fresh networks and `batch` images of noise.
    pub(crate) fn new(batch: usize) -> Game {
        let device = Device::flex();
        let real = noise::uniform::<4>([9, 0, 0, 0, 0, 0, 0, 0], [batch, 64, 64, 3], &device) * 2.0 - 1.0;
        Game {
            d: Net::new([3, 64, 128, 256, 512, 1], &[128, 256, 512], 1, &device),
            g: Net::new([3, 64, 128, 256, 512, 100], &[64, 128, 256, 512], 2, &device),
            real,
            steps: 0,
        }
    }

    /// One update of the discriminator and one of the generator; returns the discriminator's loss.
    pub(crate) fn step(&mut self) -> f32 {
        self.steps += 1;
        let batch = self.real.dims()[0];
        let z = noise::normal::<4>(
            [3, self.steps, 0, 0, 0, 0, 0, 0],
            [batch, 1, 1, 100],
            &self.real.device(),
        );
        let generator = self.g.leaves(true);
        let fake = generator.generate(Tensor::from_inner(z));
        let discriminator = self.d.leaves(true);
        let loss_real = softplus_mean(
            discriminator.discriminate(Tensor::from_inner(self.real.clone())),
            -1.0,
        );
        let on_real = discriminator.gradients(loss_real.backward());
        let loss_fake = softplus_mean(discriminator.discriminate(fake.clone().detach()), 1.0);
        let on_fake = discriminator.gradients(loss_fake.backward());
        drop(discriminator);
        self.d
            .update(on_real.into_iter().zip(on_fake).map(|(a, b)| a + b).collect());
        let loss = softplus_mean(self.d.leaves(false).discriminate(fake), -1.0);
        let gradients = generator.gradients(loss.backward());
        drop((generator, loss));
        self.g.update(gradients);
        (loss_real.inner() + loss_fake.inner()).into_scalar()
    }
}

/// Compares the step with PyTorch's. Arguments: rounds (7), batch (64), `bf16` for PyTorch's autocast.
pub(crate) fn run(arguments: &[String]) -> Result<(), Box<dyn Error>> {
    let number = |i: usize, default: usize| arguments.get(i).map_or(Ok(default), |v| v.parse());
    let (rounds, batch) = (number(0, 7)?, number(1, 64)?);
    let mut peer = vec![batch.to_string(), threads().to_string()];
    peer.extend(arguments.get(2).cloned());
    let peer = Peer::python("dcgan_step.py", &peer)?;
    let mut game = Game::new(batch);
    let mut last = 0.0;
    compare("DCGAN-64 step", rounds, 2, || last = game.step(), peer)?;
    eprintln!("discriminator's loss at the end: {last:.4}");
    Ok(())
}
