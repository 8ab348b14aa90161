use super::sample::label_index;
use crate::items::{GivenArgs, Trained, make_parent, write_rows, written};
use crate::output;
use menagerie::error::{Error, Result};
use menagerie::explore::{
    Direction, Directions, Reader, Space, SpaceName, Trait, by_importance, first_weights, follow, of_traits,
    principal, sefa,
};
use menagerie::limits::affordable;
use menagerie::models::{LatentSpace, Model};
use menagerie::run::{At, Run};
use menagerie::{Device, Key, Tensor};
use serde_json::json;
use std::path::{Path, PathBuf};

/// Arguments of `menagerie directions`.
#[derive(clap::Args)]
#[command(
    after_help = "Without --reader directions are numbered by importance: `sefa` takes what the decoder's first weights stretch most, `pca`
what varies most. With one they are named: `attribute` finds the plane that parts what shows an attribute from what does not. A trait
is an attribute (an amount, or of a choice whether there is any), `no-NAME`, NAME=NUMBER, or a class.

Examples:
  menagerie directions runs/dcgan-001                              # by importance
  menagerie traverse runs/dcgan-001 --directions directions.json
  menagerie sample runs/dcgan-001 --directions directions.json --move 1=2
  menagerie directions runs/stylegan2-001 --reader runs/attribute-reader-001 --traits yaw"
)]
pub(crate) struct Args {
    #[command(flatten)]
    given: GivenArgs,
    /// How to find them [default: attribute with --reader; else sefa, or pca for a model without such weights]
    #[arg(long, value_enum)]
    method: Option<Method>,
    /// A run that reads attributes or classes
    #[arg(long, value_name = "RUN")]
    reader: Option<PathBuf>,
    /// With --reader: what to find directions for [default: every amount, choice or class that it reads]
    #[arg(long, value_name = "A,B,..", value_delimiter = ',', requires = "reader")]
    traits: Vec<String>,
    /// With --reader: what is to stay as it is
    #[arg(long, value_name = "A,B,..", value_delimiter = ',', requires = "reader")]
    hold: Vec<String>,
    /// How many, by importance
    #[arg(short, value_name = "N", default_value_t = 8)]
    n: usize,
    /// Draws that they are learned from
    #[arg(long, value_name = "N", default_value_t = 1000)]
    draws: usize,
    /// Within this class, of a model that draws by class [default: its commonest]
    #[arg(long, value_name = "NAME")]
    label: Option<String>,
    /// In latents of the prior (z) or in styles (w) [default: w where there are styles]
    #[arg(long, value_name = "z|w")]
    space: Option<Named>,
    /// From and to of the picture's rows, in standard deviations of draws
    #[arg(long, value_name = "A:B", default_value = "-3:3", allow_hyphen_values = true)]
    range: String,
    /// Pictures of a row
    #[arg(long, value_name = "N", default_value_t = 7)]
    steps: usize,
    /// The same seed gives the same draws
    #[arg(long, value_name = "S", default_value_t = 0)]
    seed: u64,
    /// The file of directions (.json); a picture of them, a row each, lies beside it (.png)
    #[arg(long, value_name = "FILE", default_value = "directions.json")]
    out: PathBuf,
    /// Print them, and what they change, as JSON
    #[arg(long)]
    json: bool,
}

#[derive(Clone, Copy, PartialEq, clap::ValueEnum)]
enum Method {
    Sefa,
    Pca,
    Attribute,
}

/// The name of a space on the command line.
#[derive(Clone, Copy, clap::ValueEnum)]
pub(crate) enum Named {
    Z,
    W,
}

impl From<Named> for SpaceName {
    fn from(name: Named) -> Self {
        match name {
            Named::Z => SpaceName::Z,
            Named::W => SpaceName::W,
        }
    }
}

/// Finds directions of a latent space.
pub(crate) fn run(args: Args) -> Result<()> {
    let range = super::traverse::range(&args.range)?;
    if args.steps < 2 || args.n == 0 || args.draws < 16 {
        return Err(Error::usage(
            "a row has two ends, and directions are learned from draws",
            "give --steps of 2 or more, -n of 1 or more and --draws of 16 or more",
        ));
    }
    let method = match (args.method, &args.reader) {
        (Some(Method::Attribute), None) => {
            return Err(Error::usage(
                "--method attribute needs somebody who reads attributes",
                "give --reader RUN, of attribute-reader or of a classifier",
            ));
        }
        (m, _) => m,
    };
    let trained = args.given.model()?;
    let class = args
        .label
        .as_deref()
        .map(|l| label_index(l, trained.info()))
        .transpose()?;
    let within = trained.latents_within(class)?;
    let latents = &*within;
    let space = Space::of(latents, args.space.map(SpaceName::from))?;
    let item: usize = trained.info().shape.iter().product();
    affordable(
        &format!("{} draws", args.draws),
        &[2, args.draws, item.max(space.width())],
        "give fewer --draws",
    )?;
    if method == Some(Method::Pca) {
        let products = format!("products of {} draws with each other", args.draws);
        affordable(&products, &[2, args.draws, args.draws], "give fewer --draws")?;
    }
    let most = args.n.min(space.width()).max(args.traits.len());
    affordable(
        &format!("{most} rows of {} pictures", args.steps),
        &[2, most, args.steps, item.max(space.width())],
        "give fewer --steps",
    )?;
    let device = args.given.compute.device()?;
    let read_by = args.reader.as_deref().map(|r| opened(r, &device)).transpose()?;
    let reader = match &read_by {
        Some((model, name)) => Some(Reader::of(&**model, name)?),
        None => None,
    };
    let key = Key::new(args.seed).stream("directions");
    let (method, found) = find(&args, method, latents, space, reader, key)?;
    let all = Directions {
        model: trained.name.clone(),
        run: trained.run.identity(&trained.checkpoint)?,
        space: space.name(),
        method: method.into(),
        directions: found,
    };
    make_parent(&args.out)?;
    all.save(&args.out)?;
    let picture = args.out.with_extension("png");
    write_rows(
        &space.decode(sweeps(&space.centre(), &all.directions, range, args.steps))?,
        args.steps,
        &picture,
    )?;
    let mut followed = Vec::new();
    if let Some(reader) = reader {
        for d in &all.directions {
            followed.push(follow(space, reader, d, 64, key.stream("followed"))?);
        }
    }
    if args.json {
        output::json(
            &json!({"method": method, "space": space.name(), "directions": all.directions, "followed": followed}),
        );
        return Ok(());
    }
    for (d, read) in all.directions.iter().zip(&followed) {
        let most: Vec<String> = read
            .iter()
            .take(4)
            .map(|f| format!("{} {:+.2} ({:+.1} sd)", f.attribute, f.correlation, f.change))
            .collect();
        output::line(format_args!(
            "{:<16} follows its amount: {}",
            d.name,
            most.join(", ")
        ));
    }
    written(format_args!("{} directions", all.directions.len()), &args.out);
    written("a row each", &picture);
    Ok(())
}

fn find(
    args: &Args,
    method: Option<Method>,
    latents: &dyn LatentSpace,
    space: Space,
    reader: Option<Reader>,
    key: Key,
) -> Result<(&'static str, Vec<Direction>)> {
    match (method, reader) {
        (Some(Method::Attribute) | None, Some(reader)) => {
            let named = |names: &[String]| {
                names
                    .iter()
                    .map(|n| reader.named(n))
                    .collect::<Result<Vec<Trait>>>()
            };
            let wanted = match args.traits.is_empty() {
                // Hues have no direction; all else has.
                true => reader
                    .names()
                    .iter()
                    .filter_map(|n| reader.named(n).ok())
                    .collect(),
                false => named(&args.traits)?,
            };
            let held = named(&args.hold)?;
            let found = of_traits(space, reader, &wanted, &held, args.draws, key)?;
            Ok(("attribute", found))
        }
        (Some(Method::Pca), _) => Ok(("pca", principal(space, args.n, args.draws, key)?)),
        (Some(Method::Sefa), _) => Ok(("sefa", sefa(space, first_weights(latents, space), args.n, key)?)),
        _ => by_importance(latents, space, args.n, args.draws, key),
    }
}

/// A model that reads, and its name.
pub(crate) fn opened(path: &Path, device: &Device) -> Result<(Box<dyn Model>, String)> {
    let run = Run::open(path)?;
    let name = run.recipe()?.model_name().to_string();
    let (model, _, warnings) = run.model(At::Newest, device)?;
    for w in warnings {
        eprintln!("warning: {w}");
    }
    Ok((model, name))
}

/// Rows of vectors, one a direction, through a vector `[1, width]`: `[directions * steps, width]`.
pub(crate) fn sweeps(
    start: &Tensor<2>,
    directions: &[Direction],
    [from, to]: [f32; 2],
    steps: usize,
) -> Tensor<2> {
    let at = |i: usize| from + (to - from) * i as f32 / (steps.max(2) - 1) as f32;
    let moved = directions
        .iter()
        .flat_map(|d| (0..steps).map(move |i| d.moved(start.clone(), at(i))));
    Tensor::cat(moved.collect(), 0)
}

/// Directions of a file that are this run's.
pub(crate) fn read(path: &Path, trained: &Trained) -> Result<Directions> {
    let directions = Directions::read(path)?;
    let latents = trained.latents_within(None)?;
    // The space may be one that this model has not.
    let space = Space::of(&*latents, Some(directions.space)).or_else(|_| Space::of(&*latents, None))?;
    let identity = trained.run.identity(&trained.checkpoint)?;
    directions.check(&identity, &trained.name, space)?;
    Ok(directions)
}
