//! A run from code: begun, stopped, gone on with, drawn from and exported.
//! `cargo run --release -p menagerie --example train -- photos runs/mine`
use menagerie::export::{Format, Options, export};
use menagerie::models::{Capability, SampleRequest};
use menagerie::recipe::Recipe;
use menagerie::run::{At, Event, Run, Trainer, draw_samples};
use menagerie::{Device, Key, Result};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

/// Trains DCGAN on `data` into the new folder `folder`, with a stop in the middle.
pub(crate) fn run(data: &str, folder: &Path, steps: u64) -> Result<()> {
    // Every key of a recipe can be set, as by `--set` on the command line.
    let mut recipe = Recipe::named("dcgan")?;
    recipe.set_all(&[
        ("data.source".into(), format!("{data:?}")),
        ("data.size".into(), "32".into()),
        ("train.steps".into(), steps.to_string()),
    ])?;
    let device = Device::flex().autodiff();

    // Whoever sets `stop` ends the training after the step at hand; a checkpoint is written.
    let stop = AtomicBool::new(false);
    let mut trainer = Trainer::create(recipe, folder, &device)?;
    trainer.train(&stop, &mut |event| match event {
        Event::Step { step, .. } if step == steps / 2 => stop.store(true, Ordering::Relaxed),
        Event::Trouble(trouble) => println!("{}: {}", trouble.name, trouble.advice),
        _ => {}
    })?;
    // One trainer writes a run at a time.
    drop(trainer);

    // It goes on exactly there: the weights are those of a training that never stopped.
    let mut trainer = Trainer::resume(folder, None, &device)?;
    let summary = trainer.train(&AtomicBool::new(false), &mut |_| {})?;
    println!(
        "{} steps in {:.0} s: {:?}",
        summary.step, summary.seconds, summary.last
    );
    drop(trainer);

    // From here on the folder is enough: no data, no recipe.
    let run = Run::open(folder)?;
    let (model, _, _) = run.model(At::Newest, &Device::flex())?;
    let sampler = model
        .as_sample()
        .ok_or_else(|| Capability::Sample.missing("dcgan"))?;
    let samples = sampler.sample(&SampleRequest::new(64, Key::new(7)))?;
    draw_samples(&samples, None, &folder.join("drawn.png"))?;
    let files = export(
        &run,
        At::Newest,
        &folder.join("exported"),
        &Options::new(Format::Safetensors),
        &Device::flex(),
    )?;
    println!("exported: {files:?}");
    Ok(())
}

fn main() -> Result<()> {
    let args: Vec<String> = std::env::args().collect();
    let given = |i: usize, usual: &str| args.get(i).cloned().unwrap_or(usual.into());
    let steps = given(3, "1000").parse().unwrap_or(1000);
    run(
        &given(1, "fashion"),
        Path::new(&given(2, "runs/from-code")),
        steps,
    )
}
