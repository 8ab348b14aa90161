//! A training step of the library's `glow` (28x28x1, two levels of eight steps, networks of 128 channels, batch 64),
//! as `menagerie train glow-fashion` runs it, beside the same network in PyTorch.
//!
//! Further words go to PyTorch's script (`contiguous` for its other memory layout).
use crate::dcgan::{Steps, prepared};
use crate::peer::{Peer, compare};
use menagerie::models::StepReport;
use menagerie::models::flow::glow::Config;
use menagerie::{Device, Key, kernels::threads};
use std::error::Error;

/// Compares the step. Arguments: rounds (7), words for the peer.
pub(crate) fn step(arguments: &[String]) -> Result<(), Box<dyn Error>> {
    let (info, batches) = prepared("fashion")?;
    let model = Config::default().build(&info, &Device::flex().autodiff(), Key::new(0))?;
    let mut ours = Steps::new(Box::new(model), batches);
    let mut last = Ok(StepReport::default());
    let rounds = arguments.first().map_or(Ok(7), |v| v.parse())?;
    let mut peer = vec!["step".to_string(), threads().to_string()];
    peer.extend(arguments.iter().skip(1).cloned());
    compare(
        "glow step, 28x28, L 2, K 8, width 128, batch 64",
        rounds,
        2,
        || last = ours.next(),
        Peer::python("glow.py", &peer)?,
    )?;
    eprintln!("at the end: {:?}", last?.scalars);
    Ok(())
}
