use crate::items::{GivenArgs, able, each, make_parent, written};
use menagerie::data::Batch;
use menagerie::error::{Error, Result};
use menagerie::files::csv_field;
use menagerie::models::{Capability, Encode};
use menagerie::picture::write_npy;
use menagerie::{Key, Tensor};
use std::path::PathBuf;

/// Arguments of `menagerie encode`.
#[derive(clap::Args)]
#[command(after_help = "Examples:
  menagerie encode runs/vae-001 --split test --out latents.npy
  menagerie encode runs/vae-001 --data fashion --limit 100 --out latents.csv
  menagerie encode runs/avb-001 --draws 200 -n 16 --out posteriors.npy")]
pub(crate) struct Args {
    #[command(flatten)]
    given: GivenArgs,
    /// Encode the first N items
    #[arg(short, value_name = "N", default_value_t = 0, hide_default_value = true)]
    n: usize,
    /// Draw so many latents of each item's own distribution instead of taking its mean, from models that draw
    #[arg(long, value_name = "N", default_value_t = 0, hide_default_value = true,
          value_parser = clap::value_parser!(u32).range(0..=2000))]
    draws: u32,
    /// The same for the same seed
    #[arg(long, value_name = "SEED", default_value_t = 0)]
    seed: u64,
    /// Latents, a row an item, or a draw: .npy or .csv (with the label, where there is one)
    #[arg(long, value_name = "FILE.npy|csv")]
    out: PathBuf,
}

/// Writes the latents of items.
pub(crate) fn run(args: Args) -> Result<()> {
    let kind = args
        .out
        .extension()
        .and_then(|e| e.to_str())
        .unwrap_or_default()
        .to_lowercase();
    if !["npy", "csv"].contains(&kind.as_str()) {
        return Err(Error::usage(
            format!(
                "--out {} does not end in a known kind of file",
                args.out.display()
            ),
            "end it in .npy or .csv",
        ));
    }
    let trained = args.given.model()?;
    let model = able(trained.model.as_encode(), Capability::Encode, &trained.name)?;
    let dataset = args.given.items(&trained)?;
    let (mut values, mut labels, mut width) = (Vec::new(), Vec::new(), 0);
    let rows = args.draws.max(1) as usize;
    let count = each(&*dataset, args.n, |batch| {
        let z = match args.draws {
            0 => model.encode(&batch)?,
            draws => drawn(model, &batch, draws as usize, &args, &trained.name)?,
        };
        width = z.dims()[1];
        values.extend(menagerie::nn::numbers(z));
        let of_item = |label| std::iter::repeat_n(label, rows);
        labels.extend(batch.labels.unwrap_or_default().into_iter().flat_map(of_item));
        Ok(())
    })?;
    let count = count * rows;
    make_parent(&args.out)?;
    if kind == "npy" {
        write_npy(&args.out, &[count, width], &values)?;
    } else {
        let labelled = labels.len() == count;
        let mut text: String = (0..width).map(|i| format!("z{i},")).collect();
        text = format!(
            "{}{}\n",
            text.trim_end_matches(','),
            if labelled { ",label" } else { "" }
        );
        for (i, row) in values.chunks_exact(width.max(1)).enumerate() {
            let row: Vec<String> = row.iter().map(f32::to_string).collect();
            text += &row.join(",");
            if labelled {
                let name = dataset.info().labels.get(labels[i] as usize);
                text += &format!(",{}", csv_field(name.map_or("", String::as_str)));
            }
            text.push('\n');
        }
        menagerie::files::write_atomically(&args.out, text.as_bytes())?;
    }
    written(format_args!("{count} latents of {width} numbers"), &args.out);
    Ok(())
}

/// Draws of each item of a batch, `[items draws, latent]`, an item's one after the other.
fn drawn(model: &dyn Encode, batch: &Batch, draws: usize, args: &Args, name: &str) -> Result<Tensor<2>> {
    match model.draw(batch, draws, Key::new(args.seed))? {
        Some(z) => Ok(z.flatten(0, 1)),
        None => Err(Error::usage(
            format!("an item has one latent in {name}, and none is drawn"),
            "leave out --draws, or take a variational autoencoder",
        )),
    }
}
