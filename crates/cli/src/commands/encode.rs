use crate::items::{GivenArgs, able, each, make_parent, written};
use menagerie::error::{Error, Result};
use menagerie::files::csv_field;
use menagerie::models::Capability;
use menagerie::picture::write_npy;
use std::path::PathBuf;

/// Arguments of `menagerie encode`.
#[derive(clap::Args)]
#[command(after_help = "Examples:
  menagerie encode runs/vae-001 --split test --out latents.npy
  menagerie encode runs/vae-001 --data fashion --limit 100 --out latents.csv")]
pub(crate) struct Args {
    #[command(flatten)]
    given: GivenArgs,
    /// Encode the first N items
    #[arg(short, value_name = "N", default_value_t = 0, hide_default_value = true)]
    n: usize,
    /// Latents, a row an item: .npy or .csv (with the label, where there is one)
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
    let count = each(&*dataset, args.n, |batch| {
        let z = model.encode(&batch)?;
        width = z.dims()[1];
        values.extend(menagerie::nn::numbers(z));
        labels.extend(batch.labels.unwrap_or_default());
        Ok(())
    })?;
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
