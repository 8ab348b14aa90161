use crate::items::{GivenArgs, Trained, able, interleave, make_parent, pick, write_rows, written};
use crate::output;
use menagerie::data::{Batch, DataInfo, Kind, known_sources};
use menagerie::error::{Error, Result};
use menagerie::limits::affordable;
use menagerie::models::{Capability, Predict, Samples};
use menagerie::{Key, picture};
use serde_json::json;
use std::path::{Path, PathBuf};

/// Arguments of `menagerie predict`.
#[derive(clap::Args)]
#[command(after_help = "Examples:
  menagerie predict runs/conditional_vae-colorize-001 --split test --samples 6 --out colours.png
  menagerie predict runs/video_vae-001 --split test --frames 12 --samples 4 --out futures.gif
  menagerie predict runs/cs_gan-001 --split test -n 10 --samples 2 --out translations.txt")]
pub(crate) struct Args {
    #[command(flatten)]
    given: GivenArgs,
    /// How many items
    #[arg(short, value_name = "N", default_value_t = 6)]
    n: usize,
    /// Draws an item
    #[arg(long, value_name = "K", default_value_t = 4)]
    samples: usize,
    /// Frames that are given of each video (default: as few as the model needs)
    #[arg(long, value_name = "N")]
    context: Option<usize>,
    /// Forget labels and attributes of the items, so that the model reads them from what it is given
    #[arg(long)]
    unlabelled: bool,
    /// The same seed gives the same draws
    #[arg(long, value_name = "S", default_value_t = 0)]
    seed: u64,
    /// A picture (.png): condition, truth and draws of an item in a row, or film strips below each other; videos also as an
    /// animation (.gif); or the draws alone as .npy; sentences and their answers as text (.txt) (default: prediction.png, of sentences
    /// none: they are printed)
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// What is asked of the model.
struct Question {
    /// the items, of videos all frames that there are
    whole: Batch,
    /// what the model is given of them
    given: Batch,
    /// frames given and frames to add; 0 of what is no video
    context: usize,
    frames: usize,
}

/// Draws answers to conditions.
pub(crate) fn run(mut args: Args) -> Result<()> {
    if args.samples == 0 || args.n == 0 {
        return Err(Error::usage(
            "0 draws or items leave nothing to show",
            "give -n and --samples 1 or more",
        ));
    }
    let asked = args.given.prepare.frames.take();
    let trained = args.given.model()?;
    let model = able(trained.model.as_predict(), Capability::Predict, &trained.name)?;
    if !model.draws() {
        args.samples = 1;
    }
    let question = question(&mut args, &trained, model, asked)?;
    let (n, numbers) = (
        question.whole.shape[0],
        question.whole.shape[1..].iter().product::<usize>(),
    );
    let frames = if question.frames > 0 {
        numbers / question.whole.shape[1] * (question.context + question.frames)
    } else {
        numbers
    };
    affordable(
        &format!("{} draws", args.samples),
        &[4, args.samples + 2, n, frames],
        "ask for fewer --samples, items or --frames",
    )?;
    let key = Key::new(args.seed).stream("predict");
    let draw = |k: usize| model.predict(&question.given, question.frames, key.step(k as u64));
    let draws = (0..args.samples).map(draw).collect::<Result<Vec<Samples>>>()?;
    if draws[0].kind == Kind::Sequence {
        let likeliest = model.likeliest(&question.given)?;
        return sentences(&args, trained.info(), &question.whole, likeliest, &draws);
    }
    let truth = truth(&question);
    let out = args.out.clone().unwrap_or_else(|| "prediction.png".into());
    make_parent(&out)?;
    match (out.extension().and_then(|e| e.to_str()), draws[0].kind) {
        (Some("npy"), _) => arrays(&draws, &out)?,
        (Some("png"), Kind::Video) => strips(&question, &draws, &out)?,
        (Some("gif"), Kind::Video) => animation(&question, &draws, &out)?,
        (Some("png"), Kind::Image) => rows(model.condition(&question.given)?, &truth, &draws, &out)?,
        (Some("png"), Kind::Voxels) => {
            let condition = model.condition(&question.given)?;
            let parts: Vec<&Samples> = condition.iter().chain([&truth]).chain(&draws).collect();
            write_rows(&interleave(&parts), parts.len(), &out)?;
        }
        _ => {
            let problem = format!(
                "--out {} does not end in a kind of file that can show this",
                out.display()
            );
            return Err(Error::usage(
                problem,
                "end it in .png or .npy, for videos also .gif",
            ));
        }
    }
    report(&args, &out, &draws, &truth)
}

/// Sentences, what belongs to them, the likeliest answers and those drawn: printed, or written as text.
fn sentences(
    args: &Args,
    info: &DataInfo,
    whole: &Batch,
    likeliest: Option<Samples>,
    draws: &[Samples],
) -> Result<()> {
    if let Some(out) = args
        .out
        .as_ref()
        .filter(|o| o.extension().is_none_or(|e| e != "txt"))
    {
        let problem = format!("--out {} is not for sentences", out.display());
        return Err(Error::usage(problem, "end it in .txt, or leave it out"));
    }
    let true_pairs = info.letters(&whole.values);
    let mut answers: Vec<(&str, Vec<String>)> = vec![];
    answers.extend(likeliest.map(|l| ("likeliest", info.letters(&l.values))));
    answers.extend(draws.iter().map(|d| ("drawn", info.letters(&d.values))));
    if args.json {
        let all: Vec<_> = (0..true_pairs.len())
            .map(|i| {
                let of = |what: &str| -> Vec<&String> {
                    let some = answers.iter().filter(|(w, _)| *w == what);
                    some.map(|(_, lines)| &lines[i]).collect()
                };
                json!({"true": true_pairs[i], "likeliest": of("likeliest"), "drawn": of("drawn")})
            })
            .collect();
        output::json(&json!({"count": all.len(), "samples": draws.len(), "pairs": all}));
        return Ok(());
    }
    let mut text = String::new();
    for (i, pair) in true_pairs.iter().enumerate() {
        text += &format!("{:<10} {pair}\n", "true");
        for (what, lines) in &answers {
            text += &format!("{what:<10} {}\n", lines[i]);
        }
    }
    match &args.out {
        Some(out) => {
            make_parent(out)?;
            std::fs::write(out, text).map_err(Error::io("write", out))?;
            written(
                format_args!("{} items, {} draws each", true_pairs.len(), draws.len()),
                out,
            );
        }
        None => text.lines().for_each(|l| output::line(format_args!("{l}"))),
    }
    Ok(())
}

/// Opens the items; of videos, as many frames as are given and asked for, as far as there are.
fn question(
    args: &mut Args,
    trained: &Trained,
    model: &dyn Predict,
    asked: Option<usize>,
) -> Result<Question> {
    let own = trained.info();
    let video = model.context() > 0;
    let context = args.context.unwrap_or(model.context());
    if !video && (asked.is_some() || args.context.is_some()) {
        return Err(Error::usage(
            format!("`{}` was not trained to predict frames", trained.name),
            "leave out --frames and --context",
        ));
    }
    if video && context < model.context() {
        return Err(Error::usage(
            format!("{} goes on from {} frames", trained.name, model.context()),
            "give a larger --context, or none",
        ));
    }
    let frames = if video {
        asked.unwrap_or(own.shape[0].saturating_sub(context).max(1))
    } else {
        0
    };
    if video && !(1..=4096).contains(&frames) {
        return Err(Error::usage(
            format!("--frames {frames} cannot be added"),
            "give 1 to 4096",
        ));
    }
    let name = match &args.given.prepare.data {
        Some(name) => name.clone(),
        None => trained.run.recipe()?.data()?.source,
    };
    let drawn = known_sources().iter().any(|k| k.name == name) || name.starts_with("moving:");
    if video && drawn {
        // What is drawn goes on as long as it is asked to.
        args.given.prepare.frames = Some(context.saturating_add(frames));
    } else if video {
        args.given.prepare.frames = Some(0);
        args.given.prepare.data_format.get_or_insert("video".into());
    }
    let dataset = args.given.items_of(trained, true)?;
    let count = dataset.info().count;
    let mut whole = pick(&*dataset, &(0..args.n.min(count)).collect::<Vec<_>>())?;
    if args.unlabelled {
        (whole.labels, whole.attributes) = (None, vec![]);
    }
    if !video {
        return Ok(Question {
            given: whole.clone(),
            whole,
            context: 0,
            frames: 0,
        });
    }
    let known = whole.shape[1];
    if known < context {
        let problem = format!("videos have {known} frames, but {context} are needed as context");
        return Err(Error::data(
            &dataset.info().source,
            problem,
            format!("give a --context of {known} or less, or longer videos"),
        ));
    }
    let each = known * whole.shape[2..].iter().product::<usize>();
    let mut given = whole.clone();
    given.shape[1] = context;
    given.values = whole
        .values
        .chunks_exact(each)
        .flat_map(|v| v[..each / known * context].to_vec())
        .collect();
    Ok(Question {
        whole,
        given,
        context,
        frames,
    })
}

/// What the draws should be, as far as it is known.
fn truth(q: &Question) -> Samples {
    let (kind, shape, values) = (q.whole.kind, &q.whole.shape, &q.whole.values);
    match kind {
        Kind::Video => {
            let n: usize = shape[2..].iter().product();
            let to = shape[1].min(q.context + q.frames);
            let values = values
                .chunks_exact(shape[1] * n)
                .flat_map(|v| v[q.context * n..to * n].to_vec())
                .collect();
            Samples {
                kind,
                shape: [&[shape[0], to - q.context], &shape[2..]].concat(),
                values,
            }
        }
        // What is asked for is the second half of the channels: the right image, a shape as it will be.
        Kind::Pair | Kind::Voxels => {
            let c = shape.last().map_or(1, |channels| channels / 2).max(1);
            let values = values.chunks_exact(2 * c).flat_map(|p| p[c..].to_vec()).collect();
            Samples {
                kind: if kind == Kind::Pair { Kind::Image } else { kind },
                shape: [&shape[..shape.len() - 1], &[c]].concat(),
                values,
            }
        }
        _ => Samples {
            kind,
            shape: shape.clone(),
            values: values.clone(),
        },
    }
}

/// Item `i` of some.
fn item(of: &Samples, i: usize) -> &[f32] {
    let n: usize = of.shape[1..].iter().product();
    &of.values[i * n..(i + 1) * n]
}

/// A row an item: condition, truth, draws.
fn rows(condition: Option<Samples>, truth: &Samples, draws: &[Samples], out: &Path) -> Result<()> {
    let &[n, h, w, c] = &draws[0].shape[..] else {
        return Err(Error::usage("these draws are not images", "give --out FILE.npy"));
    };
    let columns = usize::from(condition.is_some()) + 1 + draws.len();
    let mut values = Vec::with_capacity(n * columns * h * w * c);
    for i in 0..n {
        if let Some(condition) = &condition {
            let channels = condition.shape[3];
            // Grey beside colours becomes grey in colours.
            values.extend(
                item(condition, i)
                    .chunks_exact(channels)
                    .flat_map(|p| (0..c).map(|k| p[k % channels]).collect::<Vec<_>>()),
            );
        }
        values.extend_from_slice(item(truth, i));
        draws.iter().for_each(|d| values.extend_from_slice(item(d, i)));
    }
    picture::grid(&values, [n * columns, h, w, c], columns).save(out)
}

/// The given frames of item `i` and what follows, of a whole length; frames that are not known are white.
fn film(q: &Question, i: usize, after: &[f32]) -> Vec<f32> {
    let n: usize = q.whole.shape[2..].iter().product();
    let mut film = q.given.values[i * q.context * n..(i + 1) * q.context * n].to_vec();
    film.extend_from_slice(after);
    film.resize((q.context + q.frames) * n, 1.0);
    film
}

/// All films of an item after each other: what is true, then the draws.
fn films(q: &Question, draws: &[Samples]) -> Vec<f32> {
    let truth = truth(q);
    let of = |i: usize| {
        let all = [&truth].into_iter().chain(draws);
        all.flat_map(move |d| film(q, i, item(d, i)))
            .collect::<Vec<f32>>()
    };
    (0..q.whole.shape[0]).flat_map(of).collect()
}

/// Film strips: of each item the truth, and a strip a draw.
fn strips(q: &Question, draws: &[Samples], out: &Path) -> Result<()> {
    let [n, h, w, c] = [0, 2, 3, 4].map(|i| q.whole.shape[i]);
    picture::film_strips(
        &films(q, draws),
        [n * (1 + draws.len()), q.context + q.frames, h, w, c],
    )
    .save(out)
}

/// An animation: a row an item, the truth first.
fn animation(q: &Question, draws: &[Samples], out: &Path) -> Result<()> {
    let [n, h, w, c] = [0, 2, 3, 4].map(|i| q.whole.shape[i]);
    let columns = 1 + draws.len();
    picture::save_animation(
        &films(q, draws),
        [n * columns, q.context + q.frames, h, w, c],
        columns,
        out,
    )
}

/// The draws alone, `[items, draws, ..]`, in [0, 1].
fn arrays(draws: &[Samples], out: &Path) -> Result<()> {
    let n = draws[0].shape[0];
    let values: Vec<f32> = (0..n)
        .flat_map(|i| {
            draws
                .iter()
                .flat_map(move |d| item(d, i).iter().map(|v| v * 0.5 + 0.5))
        })
        .collect();
    picture::write_npy(out, &[&[n, draws.len()], &draws[0].shape[1..]].concat(), &values)
}

/// For k = 1 to all draws: the mean over items of the least mean squared error of the first k, where values span 2.
fn best_of(draws: &[Samples], truth: &Samples) -> Vec<f64> {
    let n = truth.shape[0];
    let error = |d: &Samples, i: usize| {
        let (a, b) = (item(truth, i), item(d, i));
        a.iter()
            .zip(b)
            .map(|(a, b)| ((a - b) as f64).powi(2))
            .sum::<f64>()
            / a.len().max(1) as f64
    };
    let mut best = vec![f64::INFINITY; n];
    let after = draws.iter().map(|d| {
        best.iter_mut()
            .enumerate()
            .for_each(|(i, b)| *b = b.min(error(d, i)));
        best.iter().sum::<f64>() / n as f64
    });
    after.collect()
}

fn report(args: &Args, out: &Path, draws: &[Samples], truth: &Samples) -> Result<()> {
    let n = draws[0].shape[0];
    // Of a future of which only a part is known, that part is compared.
    let best = if item(truth, 0).is_empty() {
        vec![]
    } else {
        best_of(draws, truth)
    };
    if args.json {
        let shape = &draws[0].shape[1..];
        output::json(
            &json!({"count": n, "samples": draws.len(), "shape": shape, "best_of_k_mse": best, "out": out}),
        );
        return Ok(());
    }
    written(format_args!("{n} items, {} draws each", draws.len()), out);
    if let (Some(one), Some(all)) = (best.first(), best.last()) {
        output::line(format_args!(
            "mean squared error of one draw {one:.5}, of the best of {}: {all:.5}",
            draws.len()
        ));
    }
    Ok(())
}
