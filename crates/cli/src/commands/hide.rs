use super::ComputeArgs;
use crate::items::{able, make_parent, write_of};
use crate::output;
use menagerie::Key;
use menagerie::error::{Error, Result};
use menagerie::hiding::{Pair, bit_error};
use menagerie::limits::affordable;
use menagerie::models::Capability;
use menagerie::run::{At, Run};
use serde_json::json;
use std::path::{Path, PathBuf};

/// Arguments of `menagerie hide`.
#[derive(clap::Args)]
#[command(
    after_help = "The message is told by which classes are drawn, in order: three bits an image of ten classes. No image is changed.

Examples:
  menagerie hide runs/hiding_gan-001 --message \"at noon\" --out letters/
  menagerie reveal runs/hiding_gan-001 --data letters/ --message \"at noon\"
  menagerie hide runs/hiding_gan-001 --message \"at noon\" --tries 1 --out grid.png"
)]
pub(crate) struct Args {
    /// A run of hiding_gan, or another that draws by class and classifies
    run: PathBuf,
    /// What is hidden: a text, or a file
    #[arg(long, value_name = "TEXT|FILE")]
    message: String,
    /// A folder of images in their order (DIR/); a picture (.png) is only to look at
    #[arg(long, value_name = "DIR|grid.png")]
    out: PathBuf,
    /// Draws of an image until the run's own classifier reads it right
    #[arg(long, value_name = "N", default_value_t = 16)]
    tries: usize,
    /// The same seed gives the same images
    #[arg(long, value_name = "S", default_value_t = 0)]
    seed: u64,
    /// Which checkpoint: a step, `newest` or `best` (of those judged while training or by `evaluate --every`)
    #[arg(long, value_name = "STEP|best", default_value = "newest")]
    checkpoint: At,
    /// Print JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    compute: ComputeArgs,
}

/// A message that may hold so many bytes at most.
const MOST: u64 = 1 << 20;

/// A text, or what a file holds.
pub(super) fn message(given: &str) -> Result<Vec<u8>> {
    let path = Path::new(given);
    if !path.is_file() {
        return Ok(given.as_bytes().to_vec());
    }
    let size = std::fs::metadata(path).map_err(Error::io("read", path))?.len();
    match size {
        0 => Err(Error::usage(
            format!("{given} is empty"),
            "give a file or text of a byte or more",
        )),
        1..=MOST => std::fs::read(path).map_err(Error::io("read", path)),
        _ => Err(Error::usage(
            format!("{given} has {size} bytes, and {MOST} at most are hidden"),
            "give a smaller one",
        )),
    }
}

/// Hides a message in images that are drawn.
pub(crate) fn run(args: Args) -> Result<()> {
    let message = message(&args.message)?;
    if args.tries == 0 {
        return Err(Error::usage("--tries 0 draws nothing", "give 1 or more"));
    }
    let device = args.compute.device()?;
    let run = Run::open(&args.run)?;
    let name = run.recipe()?.model_name().to_string();
    let (model, checkpoint, warnings) = run.model(args.checkpoint, &device)?;
    warnings.iter().for_each(|w| eprintln!("warning: {w}"));
    let pair = Pair {
        sender: able(model.as_sample(), Capability::Sample, &name)?,
        receiver: able(model.as_classify(), Capability::Classify, &name)?,
    };
    let info = &checkpoint.state.data;
    let count = (8 * message.len()).div_ceil(pair.bits()?);
    affordable(
        &format!("{count} images"),
        &[3, count, info.numbers()],
        "hide less at a time",
    )?;
    let images = pair.hide(&message, args.tries, Key::new(args.seed).stream("hide"))?;
    let error = bit_error(&message, &pair.reveal(&images)?);
    make_parent(&args.out)?;
    write_of(info, &images, &args.out)?;
    if args.json {
        let told = json!({"images": count, "bytes": message.len(), "bits_per_image": pair.bits()?, "bit_error": error, "out": args.out});
        output::json(&told);
        return Ok(());
    }
    output::line(format_args!(
        "{} bytes in {count} images in {}; read back, {:.1} % of their bits are wrong",
        message.len(),
        args.out.display(),
        100.0 * error
    ));
    Ok(())
}
