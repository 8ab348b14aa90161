//! A training step of a translator, as its defaults have it, beside the same networks in PyTorch.
//!
//! ```text
//! menagerie-bench translation-step MODEL [ROUNDS] [BATCH] [SIZE]     pix2pix (batch 1 of 256 pixels) or cycle_gan (1 of 128)
//! ```
use crate::dcgan::{Steps, prepared_from};
use crate::peer::{Peer, compare};
use menagerie::data::Source;
use menagerie::models::StepReport;
use menagerie::recipe::Recipe;
use menagerie::{Device, Key, kernels::threads};
use std::error::Error;

/// What is set in the recipe, so that the model is the paper's; its data, and the papers' size.
fn setup(model: &str) -> Result<(&'static str, usize, &'static [&'static str]), Box<dyn Error>> {
    Ok(match model {
        "pix2pix" => ("portraits:layout", 256, &["model.width=64", "critic.width=64"]),
        "cycle_gan" => (
            "portraits:sides",
            128,
            &[
                "model.width=64",
                "model.blocks=6",
                "model.norm=\"instance\"",
                "model.residual=false",
                "critic.width=64",
                "critic.patch=0",
                "critic.norm=\"instance\"",
                "translation.cycle=10",
                "translation.identity=0.5",
            ],
        ),
        _ => return Err(format!("no peer of {model}; there are pix2pix and cycle_gan").into()),
    })
}

/// Compares the step.
pub(crate) fn run(arguments: &[String]) -> Result<(), Box<dyn Error>> {
    let model = arguments.first().ok_or("which model? pix2pix or cycle_gan")?;
    let (data, usual, settings) = setup(model)?;
    let number = |i: usize, usual| arguments.get(i).map_or(Ok(usual), |v: &String| v.parse());
    let (rounds, batch, size) = (number(1, 3)?, number(2, 1)?, number(3, usual)?);
    let source = Source {
        size: vec![size],
        ..Source::parse(data)
    };
    let (info, batches) = prepared_from(source, batch)?;
    let mut recipe = Recipe::named(model)?;
    let keys: Vec<_> = settings
        .iter()
        .filter_map(|s| s.split_once('='))
        .map(|(k, v)| (k.to_string(), v.to_string()))
        .collect();
    recipe.set_all(&keys)?;
    let built = recipe.build(&info, &Device::flex().autodiff(), Key::new(0))?;
    let mut ours = Steps::new(built, batches);
    let mut last = Ok(StepReport::default());
    let words = [batch, threads(), size].map(|n| n.to_string());
    let words = [std::slice::from_ref(model), &words].concat();
    compare(
        &format!("{model} step, {size}x{size}x3, batch {batch}"),
        rounds,
        1,
        || last = ours.next(),
        Peer::python("translation_step.py", &words)?,
    )?;
    eprintln!("losses at the end: {:?}", last?.scalars);
    Ok(())
}
