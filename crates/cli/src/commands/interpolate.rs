use crate::items::{GivenArgs, able, pick, write_rows, written};
use menagerie::Key;
use menagerie::error::{Error, Result};
use menagerie::explore::{Walk, walk};
use menagerie::limits::affordable;
use menagerie::models::Capability;
use std::path::PathBuf;

/// Arguments of `menagerie interpolate`.
#[derive(clap::Args)]
#[command(after_help = "Examples:
  menagerie interpolate runs/dcgan-001 --pairs 6 --out walk.png
  menagerie interpolate runs/vae-001 --from 3 --to 17 --data fashion --split test")]
pub(crate) struct Args {
    #[command(flatten)]
    given: GivenArgs,
    /// Begin at this item of the data (needs a model that encodes)
    #[arg(long, value_name = "I", requires = "to")]
    from: Option<usize>,
    /// End at this item
    #[arg(long, value_name = "J", requires = "from")]
    to: Option<usize>,
    /// Without items: walks between so many pairs of draws from the prior
    #[arg(long, value_name = "N", default_value_t = 4, conflicts_with = "from")]
    pairs: usize,
    /// Pictures of a walk, both ends included
    #[arg(long, value_name = "N", default_value_t = 10)]
    steps: usize,
    /// Walk along a straight line, or along the sphere that a Gaussian prior lives on
    #[arg(long, value_enum, default_value_t = Mode::Spherical)]
    mode: Mode,
    /// The same seed gives the same draws
    #[arg(long, value_name = "S", default_value_t = 0)]
    seed: u64,
    /// A picture (.png), a row a walk; or all items as .npy
    #[arg(long, value_name = "walk.png", default_value = "interpolation.png")]
    out: PathBuf,
}

#[derive(Clone, Copy, clap::ValueEnum)]
enum Mode {
    Linear,
    Spherical,
}

/// Walks through the latent space.
pub(crate) fn run(args: Args) -> Result<()> {
    if args.steps < 2 || args.pairs == 0 {
        return Err(Error::usage(
            "a walk has two ends",
            "give --steps of 2 or more and --pairs of 1 or more",
        ));
    }
    if args.from.is_none() && !args.given.prepare.settings().is_empty() {
        return Err(Error::usage(
            "data to choose from, but no --from and --to",
            "name two items, such as --from 0 --to 1",
        ));
    }
    let trained = args.given.model()?;
    let size = [2, args.pairs, args.steps, trained.info().shape.iter().product()];
    affordable(
        &format!("{} walks of {} steps", args.pairs, args.steps),
        &size,
        "ask for fewer, or shorter ones",
    )?;
    let space = able(
        trained.model.as_latent_space(),
        Capability::LatentSpace,
        &trained.name,
    )?;
    let (from, to) = match (args.from, args.to) {
        (Some(from), Some(to)) => {
            let encoder = able(trained.model.as_encode(), Capability::Encode, &trained.name)?;
            let dataset = args.given.items(&trained)?;
            let z = encoder.encode(&pick(&*dataset, &[from, to])?)?;
            (z.clone().narrow(0, 0, 1), z.narrow(0, 1, 1))
        }
        _ => {
            let key = Key::new(args.seed).stream("interpolate");
            (
                space.prior(args.pairs, key.stream("from")),
                space.prior(args.pairs, key.stream("to")),
            )
        }
    };
    let rows = from.dims()[0];
    let mode = match args.mode {
        Mode::Linear => Walk::Linear,
        Mode::Spherical => Walk::Spherical,
    };
    let items = space.decode(walk(from, to, args.steps, mode))?;
    write_rows(&items, args.steps, &args.out)?;
    written(format_args!("{rows} walks of {} steps", args.steps), &args.out);
    Ok(())
}
