mod motifs;
mod pack;
mod stats;

use super::DataArgs;
use crate::{items, output};
use menagerie::data::{Kind, Role, Source, SourceInfo, known_sources};
use menagerie::error::{Error, Result, shown};
use menagerie::models::Samples;
use menagerie::recipe::Recipe;
use menagerie::run::draw_samples;
use serde_json::json;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// Arguments of `menagerie data`.
#[derive(clap::Args)]
#[command(after_help = "Examples:
  menagerie data list
  menagerie data show portraits --size 64 --out faces.png
  menagerie data show your/photos --out grid.png --numbers
  menagerie data pack your/photos --size 64 --out photo-shards
  menagerie data stats your/photos")]
pub(crate) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(clap::Subcommand)]
enum Command {
    /// List the sources that come with the program, and the formats that are read from disk
    List {
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// Count, shape, range and labels of a source, and a picture of it
    Show {
        /// A known source or a path
        source: String,
        /// Draw items spread over the set into this picture (.png; of videos also .gif), or write them (.fasta, .txt)
        #[arg(long, value_name = "grid.png")]
        out: Option<PathBuf>,
        /// Items in the picture [default: 64; 8 sounds]
        #[arg(short)]
        n: Option<usize>,
        /// Write the number of each item into the grid
        #[arg(long, requires = "out")]
        numbers: bool,
        /// Print JSON
        #[arg(long)]
        json: bool,
        #[command(flatten)]
        prepare: Box<DataArgs>,
    },
    /// Write a source's images as shards (.tar), prepared once, with their labels and captions
    Pack(Box<pack::Args>),
    /// Count a source item by item: sizes, channels, labels, duplicates, damaged items
    Stats(Box<stats::Args>),
    /// Which known motifs (of JASPAR) sequences of nucleotides hold more often than others do
    Motifs(Box<motifs::Args>),
}

/// Lists or shows data.
pub(crate) fn run(args: Args) -> Result<()> {
    match args.command {
        Command::List { json } => list(json),
        Command::Show {
            source,
            out,
            n,
            numbers,
            json,
            mut prepare,
        } => {
            named(&mut prepare, source, "show")?;
            show(&prepare, out, n, numbers, json)
        }
        Command::Pack(args) => args.run(),
        Command::Stats(args) => args.run(),
        Command::Motifs(args) => args.run(),
    }
}

fn list(json: bool) -> Result<()> {
    if json {
        let all: Vec<_> = known_sources()
            .iter()
            .map(|s| json!({"name": s.name, "about": s.about, "licence": s.licence}))
            .collect();
        output::json(&all.into());
        return Ok(());
    }
    let row = |s: &SourceInfo| vec![s.name.to_string(), format!("{} ({})", s.about, s.licence)];
    output::columns(&known_sources().iter().map(row).collect::<Vec<_>>());
    output::line(
        "\nAny path works too: a folder of images (sub-folders are labels), IDX files (raw or gzipped), CIFAR binary batches, .npy/.npz, .csv/.tsv of numbers, .fasta, Stockholm and lines of letters (.smi, .txt), a folder of .wav and .flac files, shards (.tar, .parquet; x-{000..127}.tar).",
    );
    Ok(())
}

/// Puts the source of an argument where the flags have theirs.
fn named(prepare: &mut DataArgs, source: String, command: &str) -> Result<()> {
    if prepare.data.is_some() {
        let problem = format!("`data {command}` takes the source as its argument, not by --data");
        return Err(Error::usage(problem, "leave it out"));
    }
    prepare.data = Some(source);
    Ok(())
}

/// The source that the flags describe.
fn source(prepare: &DataArgs) -> Result<Source> {
    // Through a recipe, so that a wrong value gets the same answer as in `train`.
    let mut recipe = Recipe::named("dcgan")?.with("data.source", "\"fashion\"")?;
    recipe.set_all(&prepare.settings())?;
    recipe.data()
}

fn show(prepare: &DataArgs, out: Option<PathBuf>, n: Option<usize>, numbers: bool, json: bool) -> Result<()> {
    let source = source(prepare)?;
    let opened = source.open()?;
    for w in &opened.warnings {
        eprintln!("warning: {w}");
    }
    let info = opened.dataset.info();
    let splits = splits(&source, info.count);
    if let Some(out) = &out {
        let few = matches!(info.kind, Kind::Audio | Kind::Video | Kind::Voxels | Kind::Notes);
        let n = n.unwrap_or(if few { 8 } else { 64 });
        let n = n.min(info.count).max(1);
        let wanted = if info.kind == Kind::Points {
            2000.min(info.count)
        } else {
            n
        };
        let mut values = Vec::new();
        // Spread over the set: many a folder is sorted by class.
        for i in 0..wanted {
            opened
                .dataset
                .get(i * info.count / wanted)?
                .values
                .extend(info.kind, &mut values);
        }
        let samples = Samples {
            kind: info.kind,
            shape: [&[wanted], &info.shape[..]].concat(),
            values,
        };
        match numbers {
            true => items::write_numbered(&samples, out)?,
            false if is_picture(out) => drop(draw_samples(&samples, opened.dataset.density(), out)?),
            false => items::write_of(info, &samples, out)?,
        }
    }
    if json {
        output::json(
            &json!({"count": info.count, "shape": info.shape, "labels": info.labels, "shares": info.shares, "range": [info.range.0, info.range.1],
            "kind": info.kind, "attributes": info.attributes, "rate": info.rate, "alphabet": info.alphabet,
            "columns": info.columns, "splits": splits}),
        );
        return Ok(());
    }
    let kind = info.kind.plural();
    let shape: Vec<_> = info.shape.iter().map(usize::to_string).collect();
    output::line(format_args!(
        "{}: {} {kind} of {}, values {} to {}",
        shown(&info.source),
        output::grouped(info.count),
        shape.join("x"),
        info.range.0,
        info.range.1
    ));
    let part = |split: &str| match splits.get(split) {
        Some(n) => format!("{} {split}", output::grouped(*n)),
        None => format!("no {split}"),
    };
    output::line(format_args!("splits: {}, {}", part("train"), part("test")));
    if info.kind == Kind::Sequence {
        output::line(format_args!(
            "{} places of {}",
            info.shape[0],
            info.alphabet_in_words()
        ));
    }
    for column in &info.columns {
        let what = match &column.classes[..] {
            [] => format!("mean {:.4}, deviation {:.4}", column.mean, column.deviation),
            classes => shown(&classes.join(", ")).into_owned(),
        };
        let role = match column.role {
            Role::Feature => "",
            Role::Outcome => " (the outcome)",
            Role::Protected => " (protected)",
            Role::Parameter => " (a parameter)",
        };
        output::line(format_args!("column {}{role}: {what}", shown(&column.name)));
    }
    if info.rate > 0 {
        output::line(format_args!(
            "{} samples a second: {} s each",
            info.rate,
            info.shape[0] as f64 / info.rate as f64
        ));
    }
    if !info.labels.is_empty() {
        output::line(format_args!(
            "{} labels: {}",
            info.labels.len(),
            shortened(&info.labels)
        ));
        let labelled = info.shares.iter().sum::<f64>();
        if !info.shares.is_empty() && labelled < 1.0 - 0.5 / info.count as f64 {
            let without = ((1.0 - labelled) * info.count as f64).round() as usize;
            output::line(format_args!("{} {kind} have no label", output::grouped(without)));
        }
    }
    if !info.attributes.is_empty() {
        output::line(format_args!(
            "{} attributes: {}",
            info.attributes.len(),
            shortened(&info.attributes)
        ));
    }
    if let Some(out) = out {
        let what = if is_picture(&out) { "picture" } else { "items" };
        output::line(format_args!("{what} in {}", out.display()));
    }
    Ok(())
}

/// How many items the parts of a source have that it has; `count` of the one that is opened.
fn splits(source: &Source, count: usize) -> BTreeMap<&'static str, usize> {
    let mut splits = BTreeMap::new();
    for split in ["train", "test"] {
        if source.split == split {
            splits.insert(split, count);
            continue;
        }
        let other = Source {
            split: split.into(),
            ..source.clone()
        };
        match other.open() {
            Ok(opened) => drop(splits.insert(split, opened.dataset.info().count)),
            Err(Error::Split { .. }) => {}
            // What was asked for has been found good.
            Err(e) => eprintln!("warning: its {split} split cannot be read: {e}"),
        }
    }
    splits
}

fn is_picture(out: &Path) -> bool {
    out.extension().is_some_and(|e| e.eq_ignore_ascii_case("png"))
}

fn shortened(names: &[String]) -> String {
    let shown = names
        .iter()
        .take(40)
        .map(|n| shown(n))
        .collect::<Vec<_>>()
        .join("; ");
    if names.len() > 40 { shown + "; ..." } else { shown }
}
