use crate::items::{
    GivenArgs, Trained, able, as_samples, each, interleave, make_parent, pick, write_of, write_rows, written,
};
use menagerie::Key;
use menagerie::data::{DataInfo, Kind, read_image};
use menagerie::error::{Error, Result, nearest};
use menagerie::judge::around_the_middle;

use menagerie::models::{Capability, Complete, Samples};
use std::path::{Path, PathBuf};

/// Arguments of `menagerie complete`.
#[derive(clap::Args)]
#[command(after_help = "Examples:
  menagerie complete runs/pixel_cnn-001 --mask lower-half --out grid.png
  menagerie complete runs/gain-001 --data your/table.csv --out filled.csv
  menagerie complete runs/pixel_cnn-001 --data your/photos --channels 1 --mask mask.png -k 6")]
pub(crate) struct Args {
    #[command(flatten)]
    given: GivenArgs,
    /// How many items
    #[arg(short, value_name = "N", default_value_t = 8)]
    n: usize,
    /// Different completions of each
    #[arg(short, value_name = "K", default_value_t = 4)]
    k: usize,
    /// What is hidden: lower-half, right-half, center, or an image of the items' size (black is hidden)
    #[arg(long, value_name = "MASK", default_value = "lower-half")]
    mask: String,
    /// The same seed gives the same completions
    #[arg(long, value_name = "S", default_value_t = 0)]
    seed: u64,
    /// Of a table: all of it, without gaps (.csv). A picture (.png), a row an item: the item, what is known of it, the completions; or all of them as .npy
    #[arg(long, value_name = "grid.png", default_value = "completed.png")]
    out: PathBuf,
}

/// Fills in what is hidden.
pub(crate) fn run(args: Args) -> Result<()> {
    if args.k == 0 || args.n == 0 {
        return Err(Error::usage(
            "nothing is asked for",
            "give -n and -k of 1 or more",
        ));
    }
    let trained = args.given.model()?;
    let model = able(trained.model.as_complete(), Capability::Complete, &trained.name)?;
    if model.takes_missing() {
        return table(&args, &trained, model);
    }
    let dataset = args.given.items(&trained)?;
    let n = args.n.min(dataset.info().count);
    let batch = pick(&*dataset, &(0..n).collect::<Vec<_>>())?;
    let known = mask(&args.mask, dataset.info())?;
    let key = Key::new(args.seed).stream("complete");
    let drawn = (0..args.k)
        .map(|k| model.complete(&batch, &known, key.step(k as u64)))
        .collect::<Result<Vec<_>>>()?;
    let item = as_samples(&batch);
    let nothing = item.kind.hidden();
    let masked = hide(&item, &known, nothing);
    let parts: Vec<&Samples> = [&item, &masked].into_iter().chain(&drawn).collect();
    match trained.info().kind {
        Kind::Audio => write_of(trained.info(), &interleave(&parts), &args.out)?,
        _ => write_rows(&interleave(&parts), parts.len(), &args.out)?,
    }
    written(
        format_args!(
            "{n} items, each with what is known of it and {} completions,",
            args.k
        ),
        &args.out,
    );
    Ok(())
}

/// Fills in a table's missing values, row by row, and writes all of it.
fn table(args: &Args, trained: &Trained, model: &dyn Complete) -> Result<()> {
    let dataset = args.given.items(trained)?;
    let (columns, key) = (dataset.info().numbers(), Key::new(args.seed).stream("complete"));
    let out = match args.out == Path::new("completed.png") {
        true => Path::new("completed.csv"),
        false => &args.out,
    };
    if out.extension().is_none_or(|e| e != "csv") {
        let problem = format!("--out {} is for pictures, and this is a table", out.display());
        return Err(Error::usage(problem, "end it in .csv"));
    }
    let (mut text, mut gaps) = (String::new(), 0);
    let count = each(&*dataset, 0, |batch| {
        gaps += batch.values.iter().filter(|v| v.is_nan()).count();
        let filled = model.complete(&batch, &vec![true; columns], key)?;
        for row in filled.values.chunks_exact(columns) {
            let fields: Vec<String> = row.iter().map(f32::to_string).collect();
            text.push_str(&fields.join(","));
            text.push('\n');
        }
        Ok(())
    })?;
    make_parent(out)?;
    menagerie::files::write_atomically(out, text.as_bytes())?;
    written(
        format_args!("{count} rows, in which {gaps} values were missing,"),
        out,
    );
    Ok(())
}

/// What is known: one entry a position.
fn mask(name: &str, info: &DataInfo) -> Result<Vec<bool>> {
    // Images have height and width, shapes have slices of both; sound and points count as one row.
    let (slices, h, w) = match info.shape[..] {
        [h, w, _] => (1, h, w),
        [d, h, w, _] => (d, h, w),
        _ => (1, 1, info.shape[0]),
    };
    let by = |f: &dyn Fn(usize, usize) -> bool| (0..slices * h * w).map(|i| f(i / w % h, i % w)).collect();

    Ok(match name {
        "lower-half" if h > 1 => by(&|y, _| y < h / 2),
        "lower-half" | "right-half" => by(&|_, x| x < w / 2),
        "center" if info.shape.len() > 2 => around_the_middle(&info.shape),
        "center" => by(&|_, x| !(w / 4..w - w / 4).contains(&x)),
        file if slices == 1 && Path::new(file).is_file() => {
            let p = read_image(file)?;
            if (p.height, p.width) != (h, w) {
                let problem = format!("the mask has {}x{} pixels, the items {h}x{w}", p.height, p.width);
                return Err(Error::data(file, problem, "give a mask of the items' size"));
            }
            p.bytes.chunks_exact(p.channels).map(|v| v[0] >= 128).collect()
        }
        other => {
            let fix = nearest(other, ["lower-half", "right-half", "center"]);
            return Err(Error::usage(format!("there is no mask or file `{other}`"), fix));
        }
    })
}

/// The items with everything hidden at that value: mid-grey, or empty.
fn hide(item: &Samples, known: &[bool], nothing: f32) -> Samples {
    let per_item: usize = item.shape[1..].iter().product();
    let channels = per_item / known.len();
    let values = item.values.iter().enumerate().map(|(i, &v)| {
        if known[i % per_item / channels] {
            v
        } else {
            nothing
        }
    });
    Samples {
        values: values.collect(),
        ..item.clone()
    }
}
