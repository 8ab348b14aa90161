//! A training step of one of the library's GANs on 64x64x3, as its defaults have it, beside the same networks and penalties in PyTorch.
//!
//! ```text
//! menagerie-bench gan-step MODEL [ROUNDS] [BATCH] [compile]     wgan_gp, sngan, acgan, r3gan or biggan
//! ```
use crate::dcgan::{Steps, prepared_from};
use crate::peer::{Peer, compare};
use menagerie::data::Source;
use menagerie::models::StepReport;
use menagerie::models::adversarial::{
    Config, Variant, acgan::Acgan, biggan::Biggan, r3gan::R3gan, sngan::Sngan, wgan_gp::WganGp,
};
use menagerie::{Device, Key, kernels::threads};
use std::error::Error;

/// The defaults of that name, and the name as the registry has it.
fn config(model: &str) -> Result<(&'static str, Config), Box<dyn Error>> {
    Ok(match model {
        "wgan_gp" => (WganGp::NAME, WganGp::config()),
        "sngan" => (Sngan::NAME, Sngan::config()),
        "acgan" => (Acgan::NAME, Acgan::config()),
        "r3gan" => (R3gan::NAME, R3gan::config()),
        "biggan" => (Biggan::NAME, Biggan::config()),
        _ => {
            return Err(format!("no peer of {model}; there are wgan_gp, sngan, acgan, r3gan, biggan").into());
        }
    })
}

/// Compares the step. Arguments: the model, rounds (3), items of a batch (64), and words for PyTorch's script.
pub(crate) fn run(arguments: &[String]) -> Result<(), Box<dyn Error>> {
    let model = arguments
        .first()
        .ok_or("which model? wgan_gp, sngan, acgan, r3gan or biggan")?;
    let number = |i: usize, usual| arguments.get(i).map_or(Ok(usual), |v: &String| v.parse());
    let (rounds, batch) = (number(1, 3)?, number(2, 64)?);
    let (name, config) = config(model)?;
    // Digits have classes; enlarged, they cost as much as any other picture.
    let source = Source {
        size: vec![64],
        channels: 3,
        ..Source::parse("digits")
    };
    let (info, batches) = prepared_from(source, batch)?;
    let duel = config.duel(name, &info, &Device::flex().autodiff(), Key::new(0))?;
    let mut ours = Steps::new(Box::new(duel), batches);
    let mut last = Ok(StepReport::default());
    let mut words = vec![name.to_string(), batch.to_string(), threads().to_string()];
    words.extend(arguments.iter().skip(3).cloned());
    compare(
        &format!("{name} step, 64x64x3, batch {batch}"),
        rounds,
        1,
        || last = ours.next(),
        Peer::python("gan_step.py", &words)?,
    )?;
    eprintln!("losses at the end: {:?}", last?.scalars);
    Ok(())
}
