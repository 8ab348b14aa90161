use super::DataArgs;
use crate::output;
use menagerie::data;
use menagerie::error::{Error, Result, shown};
use serde_json::json;
use std::path::PathBuf;

/// Arguments of `menagerie data pack`.
#[derive(clap::Args)]
#[command(after_help = "Examples:
  menagerie data pack digits --out digit-shards
  menagerie data pack your/photos --size 32 --out small-shards --shard-size 100MB")]
pub(super) struct Args {
    /// A known source or a path
    source: String,
    /// The folder to write, which must not be there or be empty
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    /// Bytes of a shard: a number with kB, MB or GB
    #[arg(long, value_name = "SIZE", default_value = "256MB")]
    shard_size: String,
    /// Print JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    prepare: DataArgs,
}

impl Args {
    /// Packs the training part and, where there is one, the test part.
    pub(super) fn run(mut self) -> Result<()> {
        let shard_bytes = bytes(&self.shard_size)?;
        let splits = splits(&self.prepare);
        super::named(&mut self.prepare, self.source, "pack")?;
        let source = super::source(&self.prepare)?;
        let splits: Vec<&str> = splits.iter().map(String::as_str).collect();
        let packed = data::pack(&source, &splits, shard_bytes, &self.out)?;
        for w in &packed.warnings {
            output::tell(format_args!("warning: {w}"));
        }
        if self.json {
            output::json(&json!(packed));
            return Ok(());
        }
        for part in &packed.parts {
            output::line(format_args!(
                "{}: {} images in {} shards",
                part.split,
                output::grouped(part.items),
                output::grouped(part.shards)
            ));
        }
        let shape: Vec<_> = packed.shape.iter().map(usize::to_string).collect();
        output::line(format_args!(
            "{} bytes of images of {} in {}; train with --data {}",
            output::grouped(packed.bytes as usize),
            shape.join("x"),
            self.out.display(),
            shown(&self.out.display().to_string())
        ));
        Ok(())
    }
}

/// Both parts, unless the flags name one.
pub(super) fn splits(prepare: &DataArgs) -> Vec<String> {
    match &prepare.split {
        Some(split) => vec![split.clone()],
        None => vec!["train".into(), "test".into()],
    }
}

/// Bytes from a text as `256MB`.
fn bytes(text: &str) -> Result<u64> {
    let at = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (number, unit) = text.split_at(at);
    let factor = match unit.trim().to_lowercase().as_str() {
        "" | "b" => Some(1),
        "k" | "kb" => Some(1000),
        "m" | "mb" => Some(1_000_000),
        "g" | "gb" => Some(1_000_000_000),
        _ => None,
    };
    let bytes = number
        .parse::<u64>()
        .ok()
        .zip(factor)
        .and_then(|(n, f)| n.checked_mul(f));
    bytes.filter(|b| *b > 0).ok_or_else(|| {
        Error::usage(
            format!("`{text}` is not the size of a shard"),
            "give bytes as 256MB, with kB, MB or GB",
        )
    })
}

#[cfg(test)]
mod tests {
    #[test]
    fn sizes_of_shards() {
        let of = |t: &str| super::bytes(t).ok();
        assert_eq!(
            [of("256MB"), of("1 gb"), of("500")],
            [Some(256_000_000), Some(1_000_000_000), Some(500)]
        );
        assert_eq!(
            [of("0"), of("MB"), of("12XB"), of("99999999999GB"), of("-1")],
            [None; 5]
        );
    }
}
