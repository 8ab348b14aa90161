use crate::items::{GivenArgs, able, pick, write_rows, written};
use menagerie::error::{Error, Result};
use menagerie::explore::{sweep, sweep_plane};
use menagerie::models::Capability;
use std::path::PathBuf;

/// Arguments of `menagerie traverse`.
#[derive(clap::Args)]
#[command(after_help = "Examples:
  menagerie traverse runs/vae-001                          a row a dimension
  menagerie traverse runs/vae-001 --dims 3,7 --range -2:2
  menagerie traverse runs/vae-001 --data fashion --item 5  around a real item")]
pub struct Args {
    #[command(flatten)]
    given: GivenArgs,
    /// Latent dimensions [default: the first ten; both of a two-dimensional latent, as a plane]
    #[arg(long, value_name = "A,B,..", value_delimiter = ',')]
    dims: Vec<usize>,
    /// From and to, in standard deviations of the prior
    #[arg(long, value_name = "A:B", default_value = "-3:3", allow_hyphen_values = true)]
    range: String,
    /// Pictures of a row
    #[arg(long, value_name = "N", default_value_t = 11)]
    steps: usize,
    /// Around this item of the data (needs a model that encodes) instead of the prior's centre
    #[arg(long, value_name = "I")]
    item: Option<usize>,
    /// A picture (.png), a row a dimension; or all items as .npy
    #[arg(long, value_name = "grid.png", default_value = "traversal.png")]
    out: PathBuf,
}

/// Moves one latent dimension at a time.
pub fn run(args: Args) -> Result<()> {
    let range = range(&args.range)?;
    if args.steps < 2 {
        return Err(Error::usage("a row has two ends", "give --steps of 2 or more"));
    }
    let trained = args.given.model()?;
    let space = able(trained.model.as_latent_space(), Capability::LatentSpace, &trained.name)?;
    let latent = space.latent();
    if let Some(bad) = args.dims.iter().find(|&&d| d >= latent) {
        let problem = format!("latent dimension {bad} was asked for, the run has {latent}");
        return Err(Error::usage(problem, format!("dimensions count from 0 to {}", latent - 1)));
    }
    let centre = match args.item {
        Some(i) => {
            let encoder = able(trained.model.as_encode(), Capability::Encode, &trained.name)?;
            let dataset = args.given.items(&trained)?;
            encoder.encode(&pick(&*dataset, &[i])?)?.into_data().as_slice::<f32>().unwrap_or_default().to_vec()
        }
        None => vec![0.0; latent],
    };
    let plane = latent == 2 && (args.dims.is_empty() || args.dims.len() == 2);
    let dims: Vec<usize> = if args.dims.is_empty() { (0..latent.min(10)).collect() } else { args.dims.clone() };
    let device = args.given.compute.device()?;
    let z = match plane {
        true => sweep_plane(&centre, [dims[0], dims[1]], range, args.steps, &device),
        false => sweep(&centre, &dims, range, args.steps, &device),
    };
    let items = space.decode(z)?;
    write_rows(&items, args.steps, &args.out)?;
    match plane {
        true => written("the plane of the latent", &args.out),
        false => written(format_args!("dimensions {dims:?}, a row each,"), &args.out),
    }
    Ok(())
}

fn range(text: &str) -> Result<[f32; 2]> {
    let ends: Option<Vec<f32>> = text.split(':').map(|p| p.trim().parse().ok().filter(|v: &f32| v.is_finite())).collect();
    match ends.as_deref() {
        Some(&[a, b]) => Ok([a, b]),
        _ => Err(Error::usage(format!("--range {text} is not two numbers"), "write it as -3:3")),
    }
}
