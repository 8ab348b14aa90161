//! The library's `vae` with convolutions, as `menagerie train` runs it, beside the same networks in PyTorch.
//!
//! ```text
//! menagerie-bench vae-conv [ROUNDS]  a training step, batches of 64 of 64x64x3 from `portraits`
//! ```
//!
//! Further words go to PyTorch's script (`contiguous`).
use crate::dcgan::{BATCH, Steps, prepared};
use crate::peer::{Peer, compare};
use menagerie::kernels::threads;
use menagerie::models::StepReport;
use menagerie::models::variational::Sizes;
use menagerie::models::variational::likelihood::Observation;
use menagerie::models::variational::networks::Architecture;
use menagerie::models::variational::vae::Config;
use menagerie::{Device, Key};
use std::error::Error;

/// The step.
pub(crate) fn step(arguments: &[String]) -> Result<(), Box<dyn Error>> {
    let rounds = arguments.first().map_or(Ok(7), |v| v.parse())?;
    let (info, batches) = prepared("portraits")?;
    let model = Sizes {
        network: Architecture::Conv,
        latent: 32,
        hidden: vec![256],
        width: 32,
        observation: Observation::Gaussian,
        deviation: 0.25,
        ..Default::default()
    };
    let config = Config {
        model,
        ..Default::default()
    };
    let mut ours = Steps::new(
        Box::new(config.build("vae", &info, &Device::flex().autodiff(), Key::new(0))?),
        batches,
    );
    let mut peer = vec![BATCH.to_string(), threads().to_string()];
    peer.extend(arguments.iter().skip(1).cloned());
    let mut last = Ok(StepReport::default());
    compare(
        "convolutional VAE step, 64x64x3",
        rounds,
        4,
        || last = ours.next(),
        Peer::python("vae_conv.py", &peer)?,
    )?;
    eprintln!("losses at the end: {:?}", last?.scalars);
    Ok(())
}
