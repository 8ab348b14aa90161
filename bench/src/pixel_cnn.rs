//! The library's `pixel_cnn` with 15 residual blocks of 128 features at 28x28, black and white, beside PyTorch.
//!
//! ```text
//! menagerie-bench pixel-cnn-step [ROUNDS]     a training step of 64 images
//! menagerie-bench pixel-cnn-sample [ROUNDS]   16 images; PyTorch: 784 passes, of which it runs a few
//! ```
use crate::dcgan::{Steps, prepared};
use crate::peer::{Peer, compare};
use menagerie::models::autoregressive::pixel_cnn::{Config, Sizes};
use menagerie::models::{Sample, SampleRequest, StepReport};
use menagerie::nn::levels::Binarization;
use menagerie::{Device, Key, kernels::threads};
use std::error::Error;

fn config() -> Config {
    let model = Sizes {
        levels: 2,
        binarization: Binarization::Dynamic,
        ..Sizes::default()
    };
    Config {
        model,
        ..Config::default()
    }
}

fn rounds(arguments: &[String], default: usize) -> Result<usize, Box<dyn Error>> {
    Ok(arguments.first().map_or(Ok(default), |v| v.parse())?)
}

fn peer(what: &str, batch: usize) -> Result<Peer, Box<dyn Error>> {
    Peer::python(
        "pixel_cnn.py",
        &[what.into(), batch.to_string(), threads().to_string()],
    )
}

/// The training step.
pub(crate) fn step(arguments: &[String]) -> Result<(), Box<dyn Error>> {
    let (info, batches) = prepared("fashion")?;
    let model = config().build(&info, &Device::flex().autodiff(), Key::new(0))?;
    let mut ours = Steps::new(Box::new(model), batches);
    let mut last = Ok(StepReport::default());
    compare(
        "PixelCNN step, 15 x 128, 64 of 28x28",
        rounds(arguments, 3)?,
        1,
        || last = ours.next(),
        peer("step", 64)?,
    )?;
    eprintln!("losses at the end: {:?}", last?.scalars);
    Ok(())
}

/// 16 samples.
pub(crate) fn sample(arguments: &[String]) -> Result<(), Box<dyn Error>> {
    let (info, _) = prepared("fashion")?;
    let model = config().build(&info, &Device::flex(), Key::new(0))?;
    let request = SampleRequest::new(16, Key::new(0));
    let mut last = model.sample(&request);
    compare(
        "16 samples of PixelCNN, 15 x 128, 28x28",
        rounds(arguments, 3)?,
        1,
        || last = model.sample(&request),
        peer("sample", 16)?,
    )?;
    eprintln!("shape of the samples: {:?}", last?.shape);
    Ok(())
}
