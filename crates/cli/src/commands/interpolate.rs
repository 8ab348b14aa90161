use super::directions::Named;
use crate::items::{GivenArgs, able, make_parent, pick, write_rows, written};
use menagerie::data::Kind;

use menagerie::error::{Error, Result};
use menagerie::explore::{Space, SpaceName, Walk, through, walk};
use menagerie::limits::affordable;
use menagerie::models::{Capability, Samples};
use menagerie::{Key, Tensor, picture};

use std::path::{Path, PathBuf};

/// Arguments of `menagerie interpolate`.
#[derive(clap::Args)]
#[command(after_help = "Examples:
  menagerie interpolate runs/dcgan-001 --pairs 6 --out walk.png
    menagerie interpolate runs/stylegan2-001 --through 3,17,42,3 --steps 12 --out walk.gif
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
    /// One walk through the samples of these seeds (as `sample --seeds` draws them), --steps from each to the next; a .gif runs
    /// through it
    #[arg(long, value_name = "S,T,..", value_delimiter = ',', conflicts_with_all = ["from", "pairs"])]
    through: Vec<u64>,
    /// In latents of the prior (z) or in styles (w) [default: w where there are styles]
    #[arg(long, value_name = "z|w")]
    space: Option<Named>,
    /// Pictures of a walk, both ends included
    #[arg(long, value_name = "N", default_value_t = 10)]
    steps: usize,
    /// Walk along a straight line, or along the sphere that a Gaussian prior lives on [default: spherical; in styles linear]
    #[arg(long, value_enum)]
    mode: Option<Mode>,
    /// The same seed gives the same draws
    #[arg(long, value_name = "S", default_value_t = 0)]
    seed: u64,
    /// A picture (.png), a row a walk; an animation (.gif), a column a walk; or all items as .npy
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
    if args.through.len() == 1 {
        return Err(Error::usage(
            "one seed is no way",
            "give --through two seeds or more",
        ));
    }
    if args.from.is_none() && !args.given.prepare.settings().is_empty() {
        return Err(Error::usage(
            "data to choose from, but no --from and --to",
            "name two items, such as --from 0 --to 1",
        ));
    }
    let trained = args.given.model()?;
    let size = [
        2,
        args.pairs.max(args.through.len()),
        args.steps,
        trained.info().shape.iter().product(),
    ];
    affordable(
        &format!("{} walks of {} steps", args.pairs, args.steps),
        &size,
        "ask for fewer, or shorter ones",
    )?;
    let latents = trained.latents()?;
    let space = Space::of(latents, args.space.map(SpaceName::from))?;
    let mode = match (args.mode, space.name()) {
        (Some(Mode::Linear), _) => Walk::Linear,
        // Styles do not lie on a sphere.
        (None, SpaceName::W) => Walk::Linear,
        _ => Walk::Spherical,
    };
    if !args.through.is_empty() {
        let keys = args.through.iter().map(|s| space.draw(1, super::sample::key(*s)));
        let way = through(Tensor::cat(keys.collect(), 0), args.steps, mode);
        let items = space.decode(way)?;
        let count = items.shape[0];
        write_walks(&items, count, args.steps, &args.out)?;
        written(format_args!("a walk of {count} steps"), &args.out);
        return Ok(());
    }

    let (from, to) = match (args.from, args.to) {
        (Some(from), Some(to)) => {
            let encoder = able(trained.model.as_encode(), Capability::Encode, &trained.name)?;
            let dataset = args.given.items(&trained)?;
            let z = encoder.encode(&pick(&*dataset, &[from, to])?)?;
            let z = space.at(z);
            (z.clone().narrow(0, 0, 1), z.narrow(0, 1, 1))
        }
        _ => {
            let key = Key::new(args.seed).stream("interpolate");
            (
                space.draw(args.pairs, key.stream("from")),
                space.draw(args.pairs, key.stream("to")),
            )
        }
    };
    let rows = from.dims()[0];
    let items = space.decode(walk(from, to, args.steps, mode))?;
    write_walks(&items, args.steps, args.steps, &args.out)?;

    written(format_args!("{rows} walks of {} steps", args.steps), &args.out);
    Ok(())
}

/// Walks of `length` items each: a row a walk of at most `columns`, or an animation that runs through all walks at once.
fn write_walks(items: &Samples, length: usize, columns: usize, out: &Path) -> Result<()> {
    match (
        items.kind,
        &items.shape[..],
        out.extension().and_then(|e| e.to_str()),
    ) {
        (Kind::Image, &[n, h, w, c], Some("gif")) => {
            make_parent(out)?;
            let walks = n / length;
            picture::save_animation(&items.values, [walks, length, h, w, c], walks, out)
        }
        _ => write_rows(items, columns, out),
    }
}
