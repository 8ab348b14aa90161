//! A training step of the library's `stylegan2` (64x64x3, width 16, 128 latents), with its lazy penalties, beside the same networks
//! in PyTorch. Rounds are of 16 steps, so that each holds one R1 and four path lengths.
//!
//! ```text
//! menagerie-bench stylegan2 [ROUNDS] [BATCH]
//! ```
use crate::dcgan::{Steps, prepared_of};
use crate::peer::{Peer, compare};
use menagerie::models::StepReport;
use menagerie::models::adversarial::networks::{Sizes, stylegan2};
use menagerie::models::adversarial::{Config, Variant, stylegan2::Stylegan2};
use menagerie::{Device, Key, kernels::threads};
use std::error::Error;

/// Compares the step. Arguments: rounds (3), items of a batch (16).
pub(crate) fn step(arguments: &[String]) -> Result<(), Box<dyn Error>> {
    let number = |i: usize, usual| arguments.get(i).map_or(Ok(usual), |v: &String| v.parse());
    let (rounds, batch) = (number(0, 3)?, number(1, 16)?);
    let (info, batches) = prepared_of("portraits", batch)?;
    let config = Config {
        model: Sizes::Stylegan2(stylegan2::Sizes {
            width: 16,
            ..stylegan2::Sizes::default()
        }),
        ..Stylegan2::config()
    };
    let model = config.duel("stylegan2", &info, &Device::flex().autodiff(), Key::new(0))?;
    let mut ours = Steps::new(Box::new(model), batches);
    let mut last = Ok(StepReport::default());
    compare(
        "StyleGAN2 step, 64x64x3, width 16, lazy penalties",
        rounds,
        16,
        || last = ours.next(),
        Peer::python("stylegan2.py", &[batch.to_string(), threads().to_string()])?,
    )?;
    eprintln!("losses at the end: {:?}", last?.scalars);
    Ok(())
}
