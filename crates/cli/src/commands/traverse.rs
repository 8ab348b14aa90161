use super::directions::sweeps;
use crate::items::{GivenArgs, Trained, able, pick, write_rows, written};
use crate::output;
use menagerie::burn::tensor::TensorData;
use menagerie::error::{Error, Result};
use menagerie::explore::{Direction, Effects, Space, effects, sweep, sweep_plane};
use menagerie::limits::affordable;
use menagerie::models::{Capability, LatentSpace};
use menagerie::run::Run;
use menagerie::{Device, Key, Tensor};
use serde_json::json;
use std::path::{Path, PathBuf};

/// Arguments of `menagerie traverse`.
#[derive(clap::Args)]
#[command(after_help = "Examples:
  menagerie traverse runs/vae-001                          # a row a dimension
  menagerie traverse runs/vae-001 --dims 3,7 --range -2:2
  menagerie traverse runs/vae-001 --data fashion --item 5  # around a real item
  menagerie traverse runs/dcgan-001 --seed 7               # around a sample
  menagerie traverse runs/info_gan-001 --choices           # a row a sample, a column a category
    menagerie directions runs/dcgan-001 --out ways.json
  menagerie traverse runs/dcgan-001 --directions ways.json --names 1,3
  menagerie traverse runs/beta_vae-001 --read runs/attribute-reader-001 --range -2:2")]
pub(crate) struct Args {
    #[command(flatten)]
    given: GivenArgs,
    /// Latent dimensions [default: the first ten; both of a two-dimensional latent, as a plane]
    #[arg(long, value_name = "A,B,..", value_delimiter = ',')]
    dims: Vec<usize>,
    /// Along these directions instead (a file of `menagerie directions`), a row each
    #[arg(long, value_name = "FILE", conflicts_with_all = ["dims", "read"])]
    directions: Option<PathBuf>,
    /// With --directions: these of them alone
    #[arg(long, value_name = "A,B,..", value_delimiter = ',', requires = "directions")]
    names: Vec<String>,
    /// From and to, in standard deviations of the prior
    #[arg(long, value_name = "A:B", default_value = "-3:3", allow_hyphen_values = true)]
    range: String,
    /// Pictures of a row
    #[arg(long, value_name = "N", default_value_t = 11)]
    steps: usize,
    /// Around this item of the data (needs a model that encodes) instead of the prior's centre
    #[arg(long, value_name = "I")]
    item: Option<usize>,
    /// Around the first sample of this seed, as `sample --seeds` draws it, instead of the prior's centre
    #[arg(long, value_name = "S", conflicts_with = "item")]
    seed: Option<u64>,
    /// Instead of dimensions the choices of a code that is a category (info_gan): a column each, a row for each of eight samples
    #[arg(long, conflicts_with_all = ["dims", "directions", "item", "read", "range", "steps"])]
    choices: bool,
    /// A picture (.png), a row a dimension; or all items as .npy
    #[arg(long, value_name = "grid.png", default_value = "traversal.png")]
    out: PathBuf,
    /// A run that reads attributes: also says which of them each dimension changes on its way through the range
    #[arg(long, value_name = "RUN")]
    read: Option<PathBuf>,
    /// With --read: draws from the prior that are moved
    #[arg(long, value_name = "N", default_value_t = 64)]
    draws: usize,
    /// With --read: print every change as JSON
    #[arg(long, requires = "read")]
    json: bool,
}

/// Moves one latent dimension at a time.
pub(crate) fn run(args: Args) -> Result<()> {
    let range = range(&args.range)?;
    if args.steps < 2 {
        return Err(Error::usage("a row has two ends", "give --steps of 2 or more"));
    }
    let trained = args.given.model()?;
    let within = trained.latents_within(None)?;
    let space = &*within;
    let rows = args.dims.len().max(args.names.len()).max(10);
    let item = trained.info().shape.iter().product::<usize>().max(space.latent());
    affordable(
        &format!("rows of {} pictures", args.steps),
        &[2, rows, args.steps, item],
        "give fewer --steps",
    )?;
    if let Some(file) = &args.directions {
        return along(&args, file, &trained, range);
    }
    if args.choices {
        return chosen(&args, &trained, space);
    }
    let latent = space.latent();
    if let Some(bad) = args.dims.iter().find(|&&d| d >= latent) {
        let problem = format!("latent dimension {bad} was asked for, but the run has {latent}");
        return Err(Error::usage(
            problem,
            format!("dimensions count from 0 to {}", latent - 1),
        ));
    }
    let centre = match start(&args, &trained, space)? {
        Some(start) => menagerie::nn::numbers(start),
        None => vec![0.0; latent],
    };
    let plane = latent == 2 && (args.dims.is_empty() || args.dims.len() == 2);
    let dims: Vec<usize> = if args.dims.is_empty() {
        (0..latent.min(10)).collect()
    } else {
        args.dims.clone()
    };
    let device = args.given.compute.device()?;
    let z = match plane {
        true => sweep_plane(&centre, [dims[0], dims[1]], range, args.steps, &device),
        false => sweep(&centre, &dims, range, args.steps, &device),
    };
    let items = space.decode(z)?;
    write_rows(&items, args.steps, &args.out)?;
    if let Some(reader) = &args.read {
        let effects = read(reader, space, &dims, range, args.draws, &device)?;
        if args.json {
            let rows: Vec<&[f64]> = effects.changes.chunks(effects.attributes.len().max(1)).collect();
            output::json(&json!({"dims": effects.dims, "attributes": effects.attributes, "changes": rows}));
            return Ok(());
        }
        show(&effects, range);
    }
    match plane {
        true => written("the plane of the latent", &args.out),
        false => written(format_args!("dimensions {dims:?}, a row each,"), &args.out),
    }
    Ok(())
}

/// Samples that `--choices` shows.
const CHOSEN: usize = 8;

/// Rows of samples, from the left to the right with each choice of the first code that is one.
fn chosen(args: &Args, trained: &Trained, space: &dyn LatentSpace) -> Result<()> {
    let Some(choices) = space.choices().into_iter().next() else {
        let problem = format!("no part of a latent of `{}` is a choice", trained.name);
        return Err(Error::usage(problem, "leave --choices out"));
    };
    let draws = space.prior(CHOSEN, super::sample::key(args.seed.unwrap_or(0)));
    let device = draws.device();
    let (latent, count) = (space.latent(), choices.len());
    affordable(
        &format!("rows of {count} pictures"),
        &[
            CHOSEN,
            count,
            trained.info().shape.iter().product::<usize>().max(latent),
        ],
        "train it with fewer codes.categories",
    )?;
    let mut all = Vec::with_capacity(CHOSEN * count * latent);
    for draw in menagerie::nn::numbers(draws).chunks_exact(latent) {
        for choice in choices.clone() {
            let at = all.len();
            all.extend_from_slice(draw);
            all[at + choices.start..at + choices.end].fill(0.0);
            all[at + choice] = 1.0;
        }
    }
    let rows = Tensor::from_data(TensorData::new(all, [CHOSEN * count, latent]), &device);
    write_rows(&space.decode(rows)?, count, &args.out)?;
    written(format_args!("{count} choices of {CHOSEN} samples"), &args.out);
    Ok(())
}

/// The latent that rows go through where it is asked for: of an item, or of a draw.
fn start(args: &Args, trained: &Trained, space: &dyn LatentSpace) -> Result<Option<Tensor<2>>> {
    match (args.item, args.seed) {
        (Some(i), _) => {
            let encoder = able(trained.model.as_encode(), Capability::Encode, &trained.name)?;
            encoder
                .encode(&pick(&*args.given.items(trained)?, &[i])?)
                .map(Some)
        }
        (None, Some(seed)) => Ok(Some(space.prior(1, super::sample::key(seed)))),
        (None, None) => Ok(None),
    }
}

/// A row of items along each direction of a file, from where it is asked for or the space's centre.
fn along(args: &Args, file: &Path, trained: &Trained, [from, to]: [f32; 2]) -> Result<()> {
    let known = super::directions::read(file, trained)?;
    let latents = trained.latents_within(None)?;
    let space = Space::of(&*latents, Some(known.space))?;
    let chosen: Vec<Direction> = match args.names.is_empty() {
        true => known.directions.clone(),
        false => {
            let named = args.names.iter().map(|n| known.named(n).cloned());
            named.collect::<Result<_>>()?
        }
    };
    let start = match start(args, trained, &*latents)? {
        Some(start) => space.at(start),
        None => space.centre(),
    };
    let rows = sweeps(&start, &chosen, [from, to], args.steps);
    write_rows(&space.decode(rows)?, args.steps, &args.out)?;
    let names: Vec<&str> = chosen.iter().map(|d| d.name.as_str()).collect();
    written(format_args!("{}, a row each,", names.join(", ")), &args.out);
    Ok(())
}

/// What a run that reads attributes says about the dimensions.
fn read(
    path: &Path,
    space: &dyn LatentSpace,
    dims: &[usize],
    range: [f32; 2],
    draws: usize,
    device: &Device,
) -> Result<Effects> {
    if draws < 2 {
        return Err(Error::usage(
            "one draw has no spread to compare with",
            "give --draws of 2 or more",
        ));
    }
    let run = Run::open(path)?;
    let name = run.recipe()?.model_name().to_string();
    let (model, _, warnings) = run.model(None, device)?;
    for w in warnings {
        eprintln!("warning: {w}");
    }
    effects(
        space,
        able(model.as_read_attributes(), Capability::ReadAttributes, &name)?,
        dims,
        range,
        draws,
        Key::new(0),
    )
}

/// Attributes of a line.
const SHOWN: usize = 4;

fn show(effects: &Effects, [from, to]: [f32; 2]) {
    output::line(format_args!(
        "from {from} to {to}: amounts as the mean change over their range; choices as the share of samples that change; hues as turns over 180 degrees"
    ));
    for (place, dim) in effects.dims.iter().enumerate() {
        let one = |&(a, change): &(usize, f64)| format!("{} {change:+.2}", effects.attributes[a]);
        let most: Vec<String> = effects.of(place).iter().take(SHOWN).map(one).collect();
        output::line(format_args!("dimension {dim}: {}", most.join(", ")));
    }
}

pub(crate) fn range(text: &str) -> Result<[f32; 2]> {
    let ends: Option<Vec<f32>> = text
        .split(':')
        .map(|p| p.trim().parse().ok().filter(|v: &f32| v.is_finite()))
        .collect();
    match ends.as_deref() {
        Some(&[a, b]) => Ok([a, b]),
        _ => Err(Error::usage(
            format!("--range {text} is not two numbers"),
            "write it as -3:3",
        )),
    }
}
