//! Networks written with the library's layers and optimizer, beside the same ones in PyTorch.
//!
//! ```text
//! menagerie-bench vae-mlp [ROUNDS]   a step of a VAE 784-400-20-400-784, batch 128, Adam
//! menagerie-bench residual [ROUNDS]  four residual blocks of two 3x3 convolutions, 128 channels, 16x16, batch 64:
//!                                    forward, and backward to all weights
//! ```
//!
//! Further words go to PyTorch's script of the second (`contiguous`).
use crate::peer::{Peer, compare};
use burn::module::Module;
use burn::tensor::{Gradients, Tensor};
use menagerie::kernels::{bce_with_logits, noise, threads};
use menagerie::nn::{Activation, Conv2d, Init, Linear, Optimizer, OptimizerConfig, Weights};
use menagerie::{Device, Key};
use std::error::Error;

/// Dimensions of the VAE's latent.
const LATENT: usize = 20;

/// The variational autoencoder of Kingma & Welling 2013 (arXiv:1312.6114) with Bernoulli pixels.
#[derive(Module, Debug)]
struct Vae {
    encode: Linear,
    /// mean and logarithm of the variance, side by side
    code: Linear,
    decode: Linear,
    pixels: Linear,
}

impl Vae {
    fn new(device: &Device) -> Vae {
        let init = Init::new(Key::new(0), device);
        let linear = |name: &str, inputs, outputs| Linear::of([inputs, outputs]).init(&init.at(name));
        Vae {
            encode: linear("encode", 784, 400),
            code: linear("code", 400, 2 * LATENT),
            decode: linear("decode", LATENT, 400),
            pixels: linear("pixels", 400, 784),
        }
    }

    /// Negative evidence lower bound in nats an item (their equation 10), with one draw of the latent.
    fn loss(&self, x: Tensor<2>, key: Key) -> Tensor<1> {
        let [batch, pixels] = x.dims();
        let code = self.code.forward(
            self.encode.forward(x.clone(), Activation::Relu),
            Activation::Identity,
        );
        let (mean, log_variance) = (code.clone().narrow(1, 0, LATENT), code.narrow(1, LATENT, LATENT));
        let draw: Tensor<2> = noise::normal(key.words(), [batch, LATENT], &x.device());
        let z = mean.clone() + draw * (log_variance.clone() * 0.5).exp();
        let logits = self
            .pixels
            .forward(self.decode.forward(z, Activation::Relu), Activation::Identity);
        let divergence = (log_variance.clone().exp() + mean.powi_scalar(2) - log_variance - 1.0).sum()
            * (0.5 / batch as f64);
        bce_with_logits(logits, x) * pixels as f64 + divergence
    }
}

/// The VAE's step.
pub(crate) fn vae(arguments: &[String]) -> Result<(), Box<dyn Error>> {
    let rounds = arguments.first().map_or(Ok(7), |v| v.parse())?;
    let (batch, device, key) = (128, Device::flex().autodiff(), Key::new(1));
    let x: Tensor<2> = noise::uniform(key.words(), [batch, 784], &device);
    let mut network = Some(Vae::new(&device));
    let mut optimizer = Optimizer::new(OptimizerConfig::adam(1e-3));
    let (mut steps, mut last) = (0, f32::NAN);
    let step = || {
        steps += 1;
        network = network.take().map(|vae| {
            let loss = vae.loss(x.clone(), key.step(steps));
            last = loss.clone().into_scalar();
            optimizer.step(vae, &mut [loss.backward()], false).0
        });
    };
    let peer = Peer::python(
        "mlp_step.py",
        &["vae".into(), batch.to_string(), threads().to_string()],
    )?;
    compare("MLP VAE step by the library's layers", rounds, 100, step, peer)?;
    eprintln!("loss at the end: {last:.4}");
    Ok(())
}

/// Blocks of the residual stack.
const BLOCKS: usize = 4;

/// `x + conv(relu(conv(x)))` (He et al. 2015, arXiv:1512.03385) over and over.
#[derive(Module, Debug)]
struct Stack {
    first: Vec<Conv2d>,
    second: Vec<Conv2d>,
}

impl Stack {
    fn new(device: &Device) -> Stack {
        let convs = |name: &str| {
            let init = Init::new(Key::new(0), device).at(name);
            let conv = || Conv2d::of([128, 128]).padding(1).weights(Weights::Normal(0.02));
            (0..BLOCKS).map(|i| conv().init(&init.nth(i))).collect()
        };
        Stack {
            first: convs("first"),
            second: convs("second"),
        }
    }

    fn forward(&self, x: Tensor<4>) -> Tensor<4> {
        self.first.iter().zip(&self.second).fold(x, |x, (first, second)| {
            let change = second.forward(first.forward(x.clone(), Activation::Relu), Activation::Identity);
            x + change
        })
    }
}

/// The residual stack.
pub(crate) fn residual(arguments: &[String]) -> Result<(), Box<dyn Error>> {
    let rounds = arguments.first().map_or(Ok(7), |v| v.parse())?;
    let (batch, device, key) = (64, Device::flex().autodiff(), Key::new(1));
    let made = |name: &str| noise::normal::<4>(key.stream(name).words(), [batch, 16, 16, 128], &device);
    let (x, toward, stack) = (made("x"), made("toward"), Stack::new(&device));
    let mut last: Option<Gradients> = None;
    let step = || {
        drop(last.take());
        let loss = (stack.forward(x.clone()) * toward.clone()).mean();
        last = Some(loss.backward());
    };
    let mut peer = vec![batch.to_string(), threads().to_string(), BLOCKS.to_string()];
    peer.extend(arguments.iter().skip(1).cloned());
    compare(
        "residual 3x3 stack, forward and backward",
        rounds,
        2,
        step,
        Peer::python("residual.py", &peer)?,
    )?;
    if let Some(gradients) = last {
        let (_, norm) = Optimizer::new(OptimizerConfig::default()).step(stack, &mut [gradients], true);
        eprintln!("norm of the gradient: {:.4e}", norm.unwrap_or(f64::NAN));
    }
    Ok(())
}
