use crate::items::{GivenArgs, able, as_samples, interleave, pick, write_rows, written};
use menagerie::Key;
use menagerie::error::Result;
use menagerie::models::Capability;
use std::path::PathBuf;

/// Arguments of `menagerie reconstruct`.
#[derive(clap::Args)]
#[command(after_help = "Examples:
  menagerie reconstruct runs/vae-001 --split test --out pairs.png
  menagerie reconstruct runs/denoising_autoencoder-001 --out pairs.png")]
pub(crate) struct Args {
    #[command(flatten)]
    given: GivenArgs,
    /// How many items
    #[arg(short, value_name = "N", default_value_t = 16)]
    n: usize,
    /// The same seed gives the same corruption and the same draws
    #[arg(long, value_name = "S", default_value_t = 0)]
    seed: u64,
    /// A picture (.png) with the item, what the model was shown and what came back side by side, or all of them as .npy
    #[arg(long, value_name = "grid.png", default_value = "reconstruction.png")]
    out: PathBuf,
}

/// Items beside what the model gives back.
pub(crate) fn run(args: Args) -> Result<()> {
    let trained = args.given.model()?;
    let model = able(
        trained.model.as_reconstruct(),
        Capability::Reconstruct,
        &trained.name,
    )?;
    let dataset = args.given.items(&trained)?;
    let n = args.n.clamp(1, dataset.info().count);
    let batch = pick(&*dataset, &(0..n).collect::<Vec<_>>())?;
    let back = model.reconstruct(&batch, Key::new(args.seed).stream("reconstruct"))?;
    let (item, output) = (as_samples(&batch), back.output);
    let parts: Vec<_> = [Some(&item), back.shown.as_ref(), Some(&output)]
        .into_iter()
        .flatten()
        .collect();
    // Several items a row: a picture about twice as wide as high.
    let groups = ((n as f64 * 2.0 / parts.len() as f64).sqrt().ceil() as usize).clamp(1, n);
    write_rows(&interleave(&parts), groups * parts.len(), &args.out)?;
    let shown = if parts.len() == 3 {
        "item, what was shown, what came back"
    } else {
        "item, what came back"
    };
    written(format_args!("{n} items ({shown})"), &args.out);
    Ok(())
}
