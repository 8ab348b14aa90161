use super::ComputeArgs;
use super::moves::Moves;

use crate::items::{Trained, able};
use crate::{items, output};
use menagerie::Key;
use menagerie::data::{DataInfo, Kind};
use menagerie::error::{Error, Result, nearest};
use menagerie::limits::affordable;
use menagerie::processes;

use menagerie::models::{Capability, SampleRequest, Samples};
use menagerie::run::{At, Run};
use serde_json::json;
use std::path::{Path, PathBuf};

/// Samples of one key that are drawn at a time.
const AT_ONCE: usize = 250;

/// Arguments of `menagerie sample`.
#[derive(clap::Args)]
#[command(after_help = "Examples:
  menagerie sample runs/dcgan-001 -n 100 --out grid.png
  menagerie sample runs/gated_pixel_cnn-001 --label 3 --temperature 0.9
  menagerie sample runs/dcgan-001 -n 1000 --seed 7 --out samples.npy
  menagerie sample runs/dcgan-001 --seeds 3,17,42 --grid 3x1
  menagerie directions runs/dcgan-001 --out ways.json
  menagerie sample runs/dcgan-001 --directions ways.json --move 1=2 --move 3=-1
  menagerie sample runs/fair_gan-001 -n 1000 --out rows.csv
  menagerie sample runs/lapgan-001 --stages --out levels.png
  menagerie sample runs/stylegan2-001 --style-from 3,5 --coarse 17,42
  menagerie sample runs/gan_cls-001 --text \"a smiling face with red hair and round glasses\"
  menagerie sample runs/protein_gan-001 -n 1000 --out family.fasta
  menagerie sample runs/dna_gan-001 --maximize activity --out active.fasta
  menagerie sample runs/wavenet-001 --seconds 2 -n 3 --out sounds/")]
pub(crate) struct Args {
    /// A run folder, or what `export` has made of one
    run: PathBuf,
    /// How many samples [default: 64; 8 sounds or videos; 1 sound for a .wav]
    #[arg(short, long, value_name = "N")]
    n: Option<usize>,
    /// The same seed gives the same samples
    #[arg(long, value_name = "S", default_value_t = 0)]
    seed: u64,
    /// The first sample of each of these seeds
    #[arg(long, value_name = "S,T,..", value_delimiter = ',', conflicts_with_all = ["seed", "n"])]
    seeds: Vec<u64>,
    /// The picture's columns and rows [default: a square]
    #[arg(long, value_name = "CxR", conflicts_with = "numbers")]
    grid: Option<String>,
    #[command(flatten)]
    moves: Moves,
    /// A picture (.png), a folder of files (DIR/), an array (.npy), of one sound a .wav, of videos an animation (.gif), of
    /// sequences letters (.fasta, .txt), of a table's rows a .csv
    #[arg(long, default_value = "samples.png")]
    out: PathBuf,
    /// Draw what comes on the way to each of -n samples [default: 8], a row each (levels of lapgan, stages of go_gan, strokes of
    /// spiral), or a film of it (.gif)
    #[arg(long, conflicts_with_all = ["seeds", "grid", "numbers", "label", "text"])]
    stages: bool,
    /// Write the number of each sample into the grid
    #[arg(long)]
    numbers: bool,
    /// Draw from this class (conditional models)
    #[arg(long, value_name = "L")]
    label: Option<String>,
    /// Make images of this description, -n of each [default: 8]; may be given several times (models with the capability
    /// text-to-image)
    #[arg(long, value_name = "TEXT", conflicts_with_all = ["label", "seeds", "grid", "numbers"])]
    text: Vec<String>,
    /// Let the latents climb to where this number is predicted to be high (models with the capability maximize)
    #[arg(long, value_name = "NAME", conflicts_with_all = ["seeds", "grid", "numbers", "label", "text", "stages"])]
    maximize: Option<String>,
    /// Length of a sound, from models that can go on beyond what they were trained on
    #[arg(long, value_name = "S")]
    seconds: Option<f64>,
    /// Scale the latents: below 1 for more typical, less varied samples
    #[arg(long, value_name = "PSI", default_value_t = 1.0)]
    truncation: f64,
    /// Divide the logits: below 1 for more typical, less varied samples (models that draw number by number, and flows)
    #[arg(long, value_name = "T", default_value_t = 1.0)]
    temperature: f64,
    /// Which checkpoint: a step, `newest` or `best` (of those judged while training or by `evaluate --every`)
    #[arg(long, value_name = "STEP|best", default_value = "newest")]
    checkpoint: At,
    /// Print JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    compute: ComputeArgs,
}

/// Draws samples into a file or folder.
pub(crate) fn run(args: Args) -> Result<()> {
    if args.n == Some(0) {
        return Err(Error::usage("-n 0 asks for nothing", "give 1 or more"));
    }
    if !(args.truncation.is_finite() && args.truncation >= 0.0) {
        return Err(Error::usage(
            format!("--truncation {} cannot scale anything", args.truncation),
            "give 0 or more; 1 is the prior as trained",
        ));
    }
    if !(args.temperature.is_finite() && args.temperature > 0.0) {
        return Err(Error::usage(
            format!("--temperature {} cannot be used", args.temperature),
            "give more than 0; 1 is as trained",
        ));
    }
    let grid = args.grid.as_deref().map(columns_and_rows).transpose()?;
    let device = args.compute.device()?;
    let run = Run::open(&args.run)?;
    let (model, checkpoint, warnings) = run.sampler(args.checkpoint, &device)?;
    for w in warnings {
        eprintln!("warning: {w}");
    }
    let name = run.recipe()?.model_name().to_string();
    let trained = Trained {
        run,
        name,
        model,
        checkpoint,
    };
    let info = trained.info();
    if !args.text.is_empty() {
        return illustrate(&args, &trained);
    }
    if args.stages {
        return stages(&args, &trained);
    }
    if let Some(goal) = &args.maximize {
        return maximize(&args, goal, &trained);
    }
    if trained.model.as_sample().is_none() && trained.model.as_illustrate().is_some() {
        return Err(Error::usage(
            format!(
                "`{}` makes images of descriptions, and none was given",
                trained.name
            ),
            "give --text \"...\"",
        ));
    }
    let count = args.n.or(grid.map(|[c, r]| c * r)).unwrap_or(match info.kind {
        _ if !args.seeds.is_empty() => args.seeds.len(),
        Kind::Audio if items::is_wav(&args.out) => 1,
        Kind::Voxels if args.out.extension().is_some_and(|e| e == "obj") => 1,
        Kind::Notes if args.out.extension().is_some_and(|e| e == "mid" || e == "midi") => 1,
        Kind::Audio | Kind::Video => 8,
        Kind::Voxels | Kind::Notes => 16,
        _ => 64,
    });
    let length = args.seconds.map(|s| length(s, info)).transpose()?;
    // Twice: as they are drawn, and as they are written.
    let size = [
        2,
        count,
        info.shape.iter().product::<usize>().max(length.unwrap_or(0)),
    ];
    affordable(
        &format!("{count} samples"),
        &size,
        "draw fewer at a time, with another --seed each time",
    )?;
    let label = args.label.as_deref().map(|l| label_index(l, info)).transpose()?;
    // One draw of `count`, or one of each seed.
    let keys: Vec<(usize, Key)> = match args.seeds.is_empty() {
        true => vec![(count, key(args.seed))],
        false => args.seeds.iter().map(|s| (1, key(*s))).collect(),
    };
    let (samples, columns) = match args.moves.asked() {
        true => args.moves.draw(&trained, &keys, args.truncation, label)?,
        false => {
            let sampler = able(trained.model.as_sample(), Capability::Sample, &trained.name)?;
            let requests = keys.into_iter().flat_map(|(count, key)| {
                let some = (0..count).step_by(AT_ONCE).enumerate();
                some.map(move |(i, from)| SampleRequest {
                    count: AT_ONCE.min(count - from),
                    key: if i == 0 { key } else { key.step(i as u64) },
                    label,
                    truncation: args.truncation,
                    temperature: args.temperature,
                    length,
                })
            });
            let requests: Vec<SampleRequest> = requests.collect();
            (joined(processes::drawn(sampler, &requests)?), None)
        }
    };
    if processes::only_helps() {
        return Ok(());
    }

    let count = samples.shape[0];
    match (args.numbers, grid.map(|g| g[0]).or(columns)) {
        (true, _) => items::write_numbered(&samples, &args.out)?,
        (false, Some(columns)) => items::write_rows(&samples, columns, &args.out)?,
        (false, None) => items::write_of(info, &samples, &args.out)?,
    }
    let checkpoint = &trained.checkpoint;

    let privacy = trained.model.privacy();
    if args.json {
        let mut told = json!({"count": count, "shape": samples.shape[1..], "step": checkpoint.state.step, "seed": args.seed, "out": args.out});
        if let Some(p) = privacy {
            told["epsilon"] = p.epsilon.into();
            told["delta"] = p.delta.into();
        }
        output::json(&told);
    } else {
        let privacy = privacy.map_or(String::new(), |p| {
            format!(
                "; of any item of its data they tell no more than epsilon {:.3} at delta {:.1e} allows",
                p.epsilon, p.delta
            )
        });
        output::line(format_args!(
            "{count} samples of step {} in {}{privacy}",
            checkpoint.state.step,
            args.out.display()
        ));
    }
    Ok(())
}

/// Images of descriptions, a row each.
fn illustrate(args: &Args, trained: &Trained) -> Result<()> {
    let model = able(
        trained.model.as_illustrate(),
        Capability::Illustrate,
        &trained.name,
    )?;
    let each = args.n.unwrap_or(8);
    let info = trained.info();
    affordable(
        &format!("{} images of each description", each),
        &[2, each, args.text.len(), info.numbers()],
        "ask for fewer with -n",
    )?;
    for text in &args.text {
        let unknown = model.unknown(text);
        let known = menagerie::data::words_of(text).count() > unknown.len();
        if let (Some(_), true) = (unknown.first(), known) {
            eprintln!(
                "warning: {} in no description that this run learned from, and passed over: {}",
                if unknown.len() == 1 {
                    "a word is"
                } else {
                    "words are"
                },
                unknown.join(", ")
            );
        }
    }
    let texts: Vec<String> = args
        .text
        .iter()
        .flat_map(|t| std::iter::repeat_n(t.clone(), each))
        .collect();
    if processes::only_helps() {
        return Ok(());
    }
    let samples = model.illustrate(&texts, key(args.seed))?;

    items::write_rows(&samples, each, &args.out)?;
    let step = trained.checkpoint.state.step;
    if args.json {
        output::json(
            &json!({"count": texts.len(), "shape": samples.shape[1..], "step": step, "seed": args.seed, "text": args.text, "out": args.out}),
        );
    } else {
        output::line(format_args!(
            "{} images of {} descriptions, of step {step}, in {}",
            texts.len(),
            args.text.len(),
            args.out.display()
        ));
    }
    Ok(())
}

/// Samples whose latents have climbed to where a number is predicted to be high.
fn maximize(args: &Args, goal: &str, trained: &Trained) -> Result<()> {
    let model = able(trained.model.as_maximize(), Capability::Maximize, &trained.name)?;
    let reads = able(
        trained.model.as_read_attributes(),
        Capability::ReadAttributes,
        &trained.name,
    )?;
    let (goals, count) = (model.goals(), args.n.unwrap_or(64));
    let Some(place) = goals.iter().position(|g| g == goal) else {
        return Err(Error::usage(
            format!("`{}` predicts no number `{goal}`", trained.name),
            nearest(goal, goals.iter().map(String::as_str)),
        ));
    };
    let size = [8, count, trained.info().numbers()];
    affordable(&format!("{count} samples"), &size, "ask for fewer with -n")?;
    let both = model.maximize(place, count, key(args.seed))?;
    let predicted = |samples: &Samples| -> Result<f64> {
        let all = reads.attributes(&items::as_batch(samples))?;
        Ok(all
            .iter()
            .skip(place)
            .step_by(goals.len())
            .map(|v| *v as f64)
            .sum::<f64>()
            / count as f64)
    };
    let [before, after] = [predicted(&both[0])?, predicted(&both[1])?];
    items::write_of(trained.info(), &both[1], &args.out)?;
    let step = trained.checkpoint.state.step;
    if args.json {
        output::json(
            &json!({"count": count, "step": step, "seed": args.seed, "goal": goal, "before": before, "after": after, "out": args.out}),
        );
    } else {
        output::line(format_args!(
            "{count} samples of step {step}, of which {goal} is predicted to be {after:.3} (before: {before:.3}), in {}",
            args.out.display()
        ));
    }
    Ok(())
}

/// What is drawn on the way to samples, a row each.
fn stages(args: &Args, trained: &Trained) -> Result<()> {
    let (space, info, count) = (trained.latents()?, trained.info(), args.n.unwrap_or(8));
    affordable(
        &format!("all stages of {count} samples"),
        &[8, count, info.numbers()],
        "ask for fewer with -n",
    )?;
    let parts = space.stages(space.prior(count, key(args.seed)) * args.truncation)?;
    if parts.is_empty() || info.kind != Kind::Image {
        return Err(Error::usage(
            format!("`{}` draws its items at once, not in stages", trained.name),
            "leave --stages out",
        ));
    }
    let is_film = args
        .out
        .extension()
        .is_some_and(|e| e.eq_ignore_ascii_case("gif"));
    // What is small would hardly be seen in a film.
    let by = if is_film {
        (FILM / info.shape[0].max(1)).max(1)
    } else {
        1
    };
    let size = [info.shape[0] * by, info.shape[1] * by, info.shape[2]];
    let parts: Vec<Samples> = parts.iter().map(|part| enlarged(part, &size)).collect();
    let all = items::interleave(&parts.iter().collect::<Vec<_>>());
    match is_film {
        true => film(
            &all.values,
            [count, parts.len(), size[0], size[1], size[2]],
            &args.out,
        )?,
        false => items::write_rows(&all, parts.len(), &args.out)?,
    }
    let step = trained.checkpoint.state.step;
    if args.json {
        output::json(
            &json!({"count": count, "stages": parts.len(), "step": step, "seed": args.seed, "out": args.out}),
        );
    } else {
        let stages = parts.len();
        items::written(
            format_args!("{stages} stages of {count} samples of step {step}"),
            &args.out,
        );
    }
    Ok(())
}

/// Pixels of a film's images, about, and how often its last stage is shown.
const FILM: usize = 64;
const LAST: usize = 8;

/// Stages of samples after each other, the samples beside each other; the last one stays a while.
fn film(stages: &[f32], [count, frames, h, w, c]: [usize; 5], out: &Path) -> Result<()> {
    let n = h * w * c;
    let mut values = Vec::with_capacity(stages.len() + count * LAST * n);
    for item in stages.chunks_exact(frames * n) {
        values.extend_from_slice(item);
        (0..LAST).for_each(|_| values.extend_from_slice(&item[(frames - 1) * n..]));
    }
    items::make_parent(out)?;
    let columns = (count as f64).sqrt().ceil() as usize;
    menagerie::picture::save_animation(&values, [count, frames + LAST, h, w, c], columns, out)
}

/// Images at the size of `shape`, each pixel repeated.
fn enlarged(samples: &Samples, shape: &[usize]) -> Samples {
    let ([count, h, w, c], [to_h, to_w, _]) = (
        <[usize; 4]>::try_from(&samples.shape[..]).unwrap_or_default(),
        <[usize; 3]>::try_from(shape).unwrap_or_default(),
    );
    let mut values = Vec::with_capacity(count * to_h * to_w * c);
    for image in samples.values.chunks_exact((h * w * c).max(1)) {
        for (y, x) in (0..to_h).flat_map(|y| (0..to_w).map(move |x| (y, x))) {
            let from = (y * h / to_h * w + x * w / to_w) * c;
            values.extend_from_slice(&image[from..from + c]);
        }
    }
    Samples {
        kind: samples.kind,
        shape: vec![count, to_h, to_w, c],
        values,
    }
}

/// The key of the samples of a seed.
pub(super) fn key(seed: u64) -> Key {
    Key::new(seed).stream("sample")
}

/// Draws after each other.
fn joined(parts: Vec<Samples>) -> Samples {
    let mut parts = parts.into_iter();
    let Some(mut all) = parts.next() else {
        unreachable!("one draw at least")
    };
    for part in parts {
        all.shape[0] += part.shape[0];
        all.values.extend(part.values);
    }
    all
}

/// `8x4`: columns and rows.
fn columns_and_rows(text: &str) -> Result<[usize; 2]> {
    let sides: Option<Vec<usize>> = text
        .split('x')
        .map(|n| n.parse().ok().filter(|n| *n > 0))
        .collect();
    match sides.as_deref() {
        Some(&[c, r]) => Ok([c, r]),
        _ => Err(Error::usage(
            format!("--grid {text} is no grid"),
            "give columns and rows, such as 8x4",
        )),
    }
}

/// Samples of so many seconds.
fn length(seconds: f64, info: &DataInfo) -> Result<usize> {
    if info.kind != Kind::Audio {
        return Err(Error::usage(
            format!(
                "--seconds is for sounds, and this run makes {}",
                info.kind.plural()
            ),
            "leave it out",
        ));
    }
    let samples = (seconds * info.rate as f64).round();
    if !(1.0..=3600.0 * info.rate as f64).contains(&samples) {
        return Err(Error::usage(
            format!("--seconds {seconds} cannot be made"),
            "give more than 0, and 3600 at most",
        ));
    }
    Ok(samples as usize)
}

/// The number of a class, by its name or its number.
pub(crate) fn label_index(label: &str, info: &DataInfo) -> Result<u32> {
    let known = &info.labels;
    // Where names are numbers, a number is a name.
    let numbered = known.iter().all(|k| k.parse::<i64>().is_ok());
    let index = || {
        label
            .parse::<usize>()
            .ok()
            .filter(|i| !numbered && *i < known.len())
    };
    let Some(found) = known.iter().position(|k| k == label).or_else(index) else {
        let fix = match known.is_empty() {
            true => "its data have no classes: leave --label out".into(),
            false => nearest(label, known.iter().map(String::as_str)),
        };
        return Err(Error::usage(format!("the run has no class `{label}`"), fix));
    };
    if info.shares.get(found) == Some(&0.0) {
        let problem = format!("the run has seen no item of class `{}` in training", known[found]);
        let there = known.iter().zip(&info.shares).filter(|(_, s)| **s > 0.0);
        let there: Vec<&str> = there.map(|(k, _)| k.as_str()).collect();
        return Err(Error::usage(
            problem,
            format!("classes it has seen: {}", there.join(", ")),
        ));
    }
    Ok(found as u32)
}
