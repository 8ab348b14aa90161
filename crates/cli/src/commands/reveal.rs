use super::hide::message;
use crate::items::{GivenArgs, able, each, make_parent};
use crate::output;
use menagerie::error::{Error, Result};
use menagerie::files;
use menagerie::hiding::{Pair, bit_error};
use menagerie::limits::affordable;

use menagerie::models::{Capability, Samples};
use serde_json::json;
use std::path::PathBuf;

/// Arguments of `menagerie reveal`.
#[derive(clap::Args)]
#[command(after_help = "Examples:
  menagerie hide runs/hiding_gan-001 --message \"at noon\" --out letters/
  menagerie reveal runs/hiding_gan-001 --data letters/
  menagerie reveal runs/hiding_gan-001 --data letters/ --message \"at noon\" --json")]
pub(crate) struct Args {
    #[command(flatten)]
    given: GivenArgs,
    /// Compare with this text or file, and tell the share of bits that are wrong
    #[arg(long, value_name = "TEXT|FILE")]
    message: Option<String>,
    /// Write the message here instead of printing it
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// Reads the message that images say.
pub(crate) fn run(args: Args) -> Result<()> {
    if args.given.prepare.data.is_none() {
        return Err(Error::usage(
            "no images were given",
            "give the folder that `menagerie hide` wrote with --data DIR",
        ));
    }
    let wanted = args.message.as_deref().map(message).transpose()?;
    let trained = args.given.model()?;
    let pair = Pair {
        sender: able(trained.model.as_sample(), Capability::Sample, &trained.name)?,
        receiver: able(trained.model.as_classify(), Capability::Classify, &trained.name)?,
    };
    let dataset = args.given.items(&trained)?;
    let info = dataset.info();
    affordable(
        &format!("{} images", info.count),
        &[2, info.count, info.numbers()],
        "read fewer at a time with --limit",
    )?;

    let mut images = Samples {
        kind: dataset.info().kind,
        shape: [&[0], &dataset.info().shape[..]].concat(),
        values: vec![],
    };
    each(&*dataset, 0, |batch| {
        images.shape[0] += batch.shape[0];
        images.values.extend(batch.values);
        Ok(())
    })?;
    let read = pair.reveal(&images)?;
    let error = wanted.map(|w| bit_error(&w, &read));
    let text = String::from_utf8_lossy(&read).into_owned();
    if let Some(out) = &args.out {
        make_parent(out)?;
        files::write_atomically(out, &read)?;
    }
    if args.json {
        output::json(
            &json!({"message": text, "bytes": read.len(), "images": images.shape[0], "bit_error": error, "out": args.out}),
        );
        return Ok(());
    }
    match &args.out {
        None => output::line(format_args!("{}", menagerie::error::shown(&text))),
        Some(out) => output::line(format_args!(
            "{} bytes of {} images in {}",
            read.len(),
            images.shape[0],
            out.display()
        )),
    }
    if let Some(error) = error {
        output::line(format_args!("{:.2} % of the bits are wrong", 100.0 * error));
    }
    Ok(())
}
