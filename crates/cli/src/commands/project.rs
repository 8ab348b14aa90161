use crate::items::{GivenArgs, as_samples, bar, interleave, make_parent, pick, write_rows, written};
use crate::output;
use menagerie::data::Kind;
use menagerie::error::{Error, Result};
use menagerie::explore::{ProjectionSettings, Space, SpaceName, project};
use menagerie::limits::affordable;
use menagerie::models::Samples;
use menagerie::{Key, picture};
use serde_json::json;
use std::path::PathBuf;

/// Arguments of `menagerie project`.
#[derive(clap::Args)]
#[command(
    after_help = "The picture has a row an item: the item, what the latent found for it gives, and their difference (grey: none).

Examples:
  menagerie project runs/dcgan-001 --data fashion --split test -n 8
  menagerie project runs/stylegan2-001 --data your/photos --space w+
  menagerie project runs/dcgan-001 --data fashion --out latents.npy"
)]
pub(crate) struct Args {
    #[command(flatten)]
    given: GivenArgs,
    /// The first N items of the data
    #[arg(short, value_name = "N", default_value_t = 8)]
    n: usize,
    /// These items instead, by number
    #[arg(long, value_name = "I,J,..", value_delimiter = ',')]
    items: Vec<usize>,
    /// Latents of the prior (z), a style (w), or a style for each place of the decoder (w+) [default: w where there are styles, else z]
    #[arg(long, value_name = "z|w|w+")]
    space: Option<String>,
    /// Updates of the latents
    #[arg(long, value_name = "N", default_value_t = 300)]
    steps: usize,
    /// The largest learning rate, in standard deviations of draws
    #[arg(long, value_name = "R", default_value_t = 0.1)]
    learning_rate: f64,
    /// Of the draws to begin with, and of the noise
    #[arg(long, value_name = "S", default_value_t = 0)]
    seed: u64,
    /// A picture (.png), or the latents as .npy: [items, numbers], of w+ [items, places, numbers]
    #[arg(long, value_name = "grid.png", default_value = "projected.png")]
    out: PathBuf,
    /// Print errors as JSON
    #[arg(long)]
    json: bool,
}

/// Finds latents whose items are closest to given ones.
pub(crate) fn run(args: Args) -> Result<()> {
    let (space, every_place) = match args.space.as_deref() {
        None => (None, false),
        Some("z") => (Some(SpaceName::Z), false),
        Some("w") => (Some(SpaceName::W), false),
        Some("w+") => (Some(SpaceName::W), true),
        Some(other) => {
            let problem = format!("there is no space `{other}`");
            return Err(Error::usage(problem, "give --space z, w or w+"));
        }
    };
    if args.n == 0 || args.steps == 0 || !(args.learning_rate.is_finite() && args.learning_rate > 0.0) {
        return Err(Error::usage(
            "nothing would be projected",
            "give -n and --steps of 1 or more, and --learning-rate above 0",
        ));
    }
    let trained = args.given.model()?;
    let latents = trained.latents()?;
    let space = Space::of(latents, space)?;
    if trained.info().kind != Kind::Image {
        let problem = format!(
            "images are projected, but this run makes {}",
            trained.info().kind.plural()
        );
        return Err(Error::usage(problem, "see `menagerie encode`"));
    }
    let dataset = args.given.items(&trained)?;
    let wanted: Vec<usize> = match args.items.is_empty() {
        true => (0..args.n.min(dataset.info().count)).collect(),
        false => args.items.clone(),
    };
    let size = [4, wanted.len(), trained.info().shape.iter().product()];
    affordable(
        &format!("{} items", wanted.len()),
        &size,
        "project fewer at a time",
    )?;
    let items = as_samples(&pick(&*dataset, &wanted)?);
    let settings = ProjectionSettings {
        steps: args.steps,
        every_place,
        rate: args.learning_rate,
        key: Key::new(args.seed).stream("project"),
    };
    let bar = bar((args.steps * wanted.len().div_ceil(16)) as u64);
    let found = project(space, &items, settings, &mut |step, _| {
        bar.set_position(step as u64)
    })?;
    bar.finish_and_clear();
    if args.out.extension().is_some_and(|e| e == "npy") {
        let shape = match every_place {
            true => vec![wanted.len(), found.places, found.width],
            false => vec![wanted.len(), found.width],
        };
        make_parent(&args.out)?;
        picture::write_npy(&args.out, &shape, &found.vectors)?;
    } else {
        let off = items.values.iter().zip(&found.items.values);
        let difference = Samples {
            values: off.map(|(a, b)| (b - a) / 2.0).collect(),
            ..items.clone()
        };
        write_rows(&interleave(&[&items, &found.items, &difference]), 3, &args.out)?;
    }
    let [first, last] = &found.errors;
    if args.json {
        output::json(&json!({"items": wanted, "first": first, "last": last}));
        return Ok(());
    }
    output::line("squared error a number, where numbers span 2: of the closest draw, of the latent found");
    for ((item, a), b) in wanted.iter().zip(first).zip(last) {
        output::line(format_args!("item {item}: {a:.4}, {b:.4}"));
    }
    written(format_args!("{} items projected", wanted.len()), &args.out);
    Ok(())
}
