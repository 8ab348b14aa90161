use crate::items::{GivenArgs, Trained, able, pick, write_rows, written};
use crate::output;
use menagerie::data::{Batch, Kind};
use menagerie::error::{Error, Result, nearest};
use menagerie::explore::{Reader, Space, SpaceName, Term, Trait, arithmetic, around, by_traits, parse};
use menagerie::limits::affordable;
use menagerie::models::{Capability, LatentSpace};
use menagerie::{Key, Tensor};

use std::path::{Path, PathBuf};

/// Rows of members above the means.
const SHOWN: usize = 3;

/// Arguments of `menagerie arithmetic`.
#[derive(clap::Args)]
#[command(
    after_help = "A term is the mean latent of numbered samples (those of `menagerie sample RUN --seed S`), or with --data of numbered
items or of a class, with --reader of samples in which the reader sees all its words: \"glasses man - man + woman\". Signs stand
alone. The picture has a column a term: some of its members, below them its mean; in the last column variations of the result, and
below them the result.

Examples:
  menagerie arithmetic runs/dcgan-001 \"3,17,20 - 4,9 + 11\"
  menagerie arithmetic runs/vae-001 --data fashion \"coat - pullover + dress\"
  menagerie arithmetic runs/vae-001 --data fashion \"label:bag - 5 + 9\""
)]
pub(crate) struct Args {
    #[command(flatten)]
    given: GivenArgs,
    /// What to work out, such as "3,17 - 4 + 11" or "coat - pullover + dress"
    #[arg(allow_hyphen_values = true)]
    expression: String,
    /// A run that reads attributes or classes: terms are what it sees in samples, and it judges the results, beside those of the
    /// same arithmetic with pixels
    #[arg(long, value_name = "RUN", conflicts_with = "data")]
    reader: Option<PathBuf>,
    /// With --reader: samples among which it looks
    #[arg(long, value_name = "N", default_value_t = 1000)]
    draws: usize,
    /// With --reader: results that are judged
    #[arg(long, value_name = "N", default_value_t = 64)]
    trials: usize,
    /// Items of a class that its mean is taken over
    #[arg(short, value_name = "N", default_value_t = 200)]
    n: usize,
    /// Noise of the result's variations, in each dimension of the latent
    #[arg(long, value_name = "R", default_value_t = 0.25)]
    noise: f32,
    /// The seed of the samples that are numbered, and of the variations
    #[arg(long, value_name = "S", default_value_t = 0)]
    seed: u64,
    /// A picture (.png); or all items as .npy, row by row
    #[arg(long, value_name = "grid.png", default_value = "arithmetic.png")]
    out: PathBuf,
}

/// Adds and takes away latents.
pub(crate) fn run(args: Args) -> Result<()> {
    let expression = parse(&args.expression)?;
    if args.n == 0 || !(args.noise.is_finite() && args.noise >= 0.0) {
        return Err(Error::usage(
            "-n 0 has no mean, and noise cannot be negative",
            "give -n of 1 or more and --noise of 0 or more",
        ));
    }
    let trained = args.given.model()?;
    let space = trained.latents()?;
    if trained.info().kind != Kind::Image {
        return Err(Error::usage(
            format!(
                "the picture is made of images, but this run makes {}",
                trained.info().kind.plural()
            ),
            "see `menagerie encode`",
        ));
    }
    let space = match &args.reader {
        Some(_) => Space::of(space, None)?,
        None => Space::of(space, Some(SpaceName::Z))?,
    };
    let terms = match &args.reader {
        Some(reader) => read_off(
            &args,
            reader,
            space,
            trained.info().shape.iter().product(),
            &expression,
        )?,
        None => {
            let latents = trained.latents()?;
            let of = |(sign, term): &(f32, Term)| Ok((*sign, members(&args, &trained, latents, term)?));
            expression.iter().map(of).collect::<Result<Vec<_>>>()?
        }
    };

    let (means, result) = arithmetic(&terms);
    let shown = terms.iter().map(|t| t.1.dims()[0]).max().unwrap_or(0).min(SHOWN);
    let centre = menagerie::nn::numbers(result.clone());
    let key = Key::new(args.seed).stream("arithmetic");
    let variations = around(&centre, shown, args.noise, key, &result.device());
    // Row by row; where a term has fewer members than are shown, its mean stands in.
    let mut rows = Vec::new();
    for row in 0..shown {
        for (i, (_, members)) in terms.iter().enumerate() {
            let here = row < members.dims()[0];
            rows.push(if here {
                members.clone().narrow(0, row, 1)
            } else {
                means.clone().narrow(0, i, 1)
            });
        }
        rows.push(variations.clone().narrow(0, row, 1));
    }
    rows.extend([means, result]);
    let items = space.decode(Tensor::cat(rows, 0))?;
    write_rows(&items, terms.len() + 1, &args.out)?;
    written(args.expression.trim(), &args.out);
    Ok(())
}

/// Terms as the reader sees them in samples; says how often results show what they are to.
fn read_off(
    args: &Args,
    reader: &Path,
    space: Space,
    numbers: usize,
    expression: &[(f32, Term)],
) -> Result<Vec<(f32, Tensor<2>)>> {
    if args.draws < 16 || args.trials == 0 {
        return Err(Error::usage(
            "there is nothing to look among, or to judge",
            "give --draws of 16 or more and --trials of 1 or more",
        ));
    }
    affordable(
        &format!("{} draws and {} results", args.draws, args.trials),
        &[
            3,
            args.draws.saturating_add(args.trials),
            numbers.max(space.width()),
        ],
        "give fewer --draws and --trials",
    )?;
    let (model, name) = super::directions::opened(reader, &args.given.compute.device()?)?;
    let reader = Reader::of(&*model, &name)?;
    let named = |(sign, term): &(f32, Term)| match term {
        Term::Numbers(_) => Err(Error::usage(
            "with --reader a term is what it sees, not a number",
            "name attributes or classes, or leave --reader out",
        )),
        Term::Class(words) => {
            let traits = words.split_whitespace().map(|w| reader.named(w));
            Ok((*sign, traits.collect::<Result<Vec<Trait>>>()?))
        }
    };
    let asked = expression.iter().map(named).collect::<Result<Vec<_>>>()?;
    let key = Key::new(args.seed).stream("sample");
    let found = by_traits(space, reader, &asked, args.draws, args.trials, key)?;
    for ((_, traits), members) in asked.iter().zip(&found.members) {
        let names: Vec<&str> = traits.iter().map(|t| t.name.as_str()).collect();
        output::line(format_args!(
            "`{}` is seen in {} of {} samples",
            names.join(" "),
            members.dims()[0],
            args.draws
        ));
    }
    let wanted: Vec<&str> = found.wanted.iter().map(|t| t.name.as_str()).collect();
    output::line(format_args!(
        "`{}` is seen in {:.0} % of {} results; adding and taking away pixels: {:.0} %",
        wanted.join(" "),
        100.0 * found.share,
        found.trials,
        100.0 * found.of_items
    ));
    let signs = asked.into_iter().map(|(sign, _)| sign);
    Ok(signs.zip(found.members).collect())
}

/// The latents of a term.
fn members(args: &Args, trained: &Trained, space: &dyn LatentSpace, term: &Term) -> Result<Tensor<2>> {
    if args.given.prepare.data.is_none() {
        let Term::Numbers(numbers) = term else {
            return Err(Error::usage(
                "a term that is not made of numbers is a class of the data, and no data were given",
                "give --data SOURCE, or numbers of samples",
            ));
        };
        let last = numbers.iter().max().copied().unwrap_or(0);
        affordable(
            &format!("samples up to number {last}"),
            &[last.saturating_add(1), space.latent()],
            "give smaller numbers",
        )?;
        // As `menagerie sample` draws them.
        let z = space.prior(last + 1, Key::new(args.seed).stream("sample"));
        return Ok(Tensor::cat(
            numbers.iter().map(|&i| z.clone().narrow(0, i, 1)).collect(),
            0,
        ));
    }
    let encoder = able(trained.model.as_encode(), Capability::Encode, &trained.name)?;
    let dataset = args.given.items(trained)?;
    match term {
        Term::Numbers(numbers) => encoder.encode(&pick(&*dataset, numbers)?),
        Term::Class(name) => {
            let known = &dataset.info().labels;
            let unknown = || {
                // Of data whose classes the run does not know, none is left: the names there are are the run's.
                let (holder, names) = match known.is_empty() {
                    true => (trained.run.path().display().to_string(), &trained.info().labels),
                    false => (dataset.info().source.clone(), known),
                };
                let fix = match names.is_empty() {
                    true => "its items have no classes; give numbers of items".into(),
                    false => nearest(name, names.iter().map(String::as_str)),
                };
                Error::usage(format!("{holder} has no class `{name}`"), fix)
            };
            let class = known.iter().position(|k| k == name).ok_or_else(unknown)? as u32;
            let mut rows = Vec::new();
            let (mut found, mut from) = (0, 0u32);
            let count = dataset.info().count as u32;
            while found < args.n && from < count {
                let to = count.min(from + 64);
                let all = Batch::of(&*dataset, &(from..to).collect::<Vec<_>>())?;
                let of_class = |(i, l): (usize, &u32)| (*l == class).then_some(all.indices[i]);
                let mut chosen: Vec<u32> = all
                    .labels
                    .iter()
                    .flatten()
                    .enumerate()
                    .filter_map(of_class)
                    .collect();
                chosen.truncate(args.n - found);
                if !chosen.is_empty() {
                    rows.push(encoder.encode(&Batch::of(&*dataset, &chosen)?)?);
                }
                (found, from) = (found + chosen.len(), to);
            }
            if rows.is_empty() {
                return Err(Error::data(
                    &dataset.info().source,
                    format!("has no item of the class `{name}`"),
                    "choose another",
                ));
            }
            Ok(Tensor::cat(rows, 0))
        }
    }
}
