use super::ComputeArgs;
use crate::{items, output};
use menagerie::Key;
use menagerie::error::{Error, Result, nearest};
use menagerie::models::{Capability, SampleRequest};
use menagerie::run::Run;
use serde_json::json;
use std::path::PathBuf;

/// Arguments of `menagerie sample`.
#[derive(clap::Args)]
pub struct Args {
    /// A run folder
    run: PathBuf,
    /// How many samples
    #[arg(short, long, value_name = "N", default_value_t = 64)]
    n: usize,
    /// The same seed gives the same samples
    #[arg(long, value_name = "S", default_value_t = 0)]
    seed: u64,
    /// A picture (.png), a folder of pictures (DIR/), or an array (.npy)
    #[arg(long, default_value = "samples.png")]
    out: PathBuf,
    /// Draw from this class (conditional models)
    #[arg(long, value_name = "L")]
    label: Option<String>,
    /// Scale the latents: below 1 for more typical, less varied samples
    #[arg(long, value_name = "PSI", default_value_t = 1.0)]
    truncation: f64,
    /// Divide the logits: below 1 for more typical, less varied samples (models that draw number by number, and flows)
    #[arg(long, value_name = "T", default_value_t = 1.0)]
    temperature: f64,
    /// Take this checkpoint instead of the newest
    #[arg(long, value_name = "STEP")]
    checkpoint: Option<u64>,
    /// Print JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    compute: ComputeArgs,
}

/// Draws samples into a file or folder.
pub fn run(args: Args) -> Result<()> {
    if args.n == 0 {
        return Err(Error::usage("-n 0 asks for nothing", "give 1 or more"));
    }
    if !(args.truncation.is_finite() && args.truncation >= 0.0) {
        return Err(Error::usage(format!("--truncation {} is no scale", args.truncation), "give 0 or more; 1 is the prior as trained"));
    }
    if !(args.temperature.is_finite() && args.temperature > 0.0) {
        return Err(Error::usage(format!("--temperature {} is none", args.temperature), "give more than 0; 1 is as trained"));
    }
    let device = args.compute.device()?;
    let run = Run::open(&args.run)?;
    let (model, checkpoint, warnings) = run.model(args.checkpoint, &device)?;
    for w in warnings {
        eprintln!("warning: {w}");
    }
    let name = run.recipe()?.model_name().to_string();
    let sampler = model.as_sample().ok_or_else(|| Capability::Sample.missing(&name))?;
    let label = args.label.as_deref().map(|l| label_index(l, &checkpoint.state.data.labels)).transpose()?;
    let key = Key::new(args.seed).stream("sample");
    let request = SampleRequest { count: args.n, key, label, truncation: args.truncation, temperature: args.temperature };
    let samples = sampler.sample(&request)?;
    items::write(&samples, &args.out)?;
    if args.json {
        output::json(
            &json!({"count": args.n, "shape": samples.shape[1..], "step": checkpoint.state.step, "seed": args.seed, "out": args.out}),
        );
    } else {
        output::line(format_args!("{} samples of step {} in {}", args.n, checkpoint.state.step, args.out.display()));
    }
    Ok(())
}

fn label_index(label: &str, known: &[String]) -> Result<u32> {
    let found = known.iter().position(|k| k == label).or_else(|| label.parse::<usize>().ok().filter(|i| *i < known.len()));
    let fix = || {
        if known.is_empty() {
            "its data have no classes: leave --label out".into()
        } else {
            nearest(label, known.iter().map(String::as_str))
        }
    };
    found.map(|i| i as u32).ok_or_else(|| Error::usage(format!("the run knows no class `{label}`"), fix()))
}
