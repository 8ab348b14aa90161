use super::{ComputeArgs, DataArgs};
use crate::output::{self, number};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use menagerie::Device;
use menagerie::data::{DataInfo, Dataset, Kind, Source};
use menagerie::error::{Error, Result};
use menagerie::judge::subject::Subject;
use menagerie::judge::{METRICS, Metric, Verdict, metric};
use menagerie::models::Capability;
use menagerie::processes;
use menagerie::recipe::Recipe;
use menagerie::run::evaluator::{Compared, Evaluator, Settings};
use menagerie::run::history::{Evaluated, append, best, chooser, damage};
use menagerie::run::{At, Run, read_metrics, steps, write_index};
use serde_json::{Map, Value, json};
use std::io::IsTerminal;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Arguments of `menagerie evaluate`.
#[derive(clap::Args)]
#[command(after_help = "Examples:
  menagerie evaluate runs/classifier-001
  menagerie evaluate runs/real_nvp-001 --metrics nll,bpd --split test
  menagerie evaluate runs/dcgan-001 --extractor classifier:runs/classifier-001
  menagerie evaluate samples.npy --data fashion --metrics fid,kid --extractor inception
  menagerie evaluate runs/vae-001 --every 500 --metrics elbo
  menagerie evaluate runs/ano_gan-001 --metrics auroc,average-precision -n 100
  menagerie evaluate runs/cycle_gan-001 --metrics attribute-flips --reader runs/attribute-reader-001
  menagerie evaluate --list")]
pub(crate) struct Args {
    /// A run folder, a folder of images, or samples in a .npy file
    #[arg(required_unless_present = "list")]
    what: Option<PathBuf>,
    /// Metrics, separated by commas [default: those that suit]
    #[arg(long, value_name = "A,B", value_delimiter = ',')]
    metrics: Vec<String>,
    /// List every metric
    #[arg(long)]
    list: bool,
    /// Samples to draw, and items of the data to compare with [default: as many as there are of these, at most 10000]
    #[arg(short, value_name = "N")]
    n: Option<usize>,
    /// What gives features: classifier:RUN, features:RUN, learned (from the data, once), inception:FILE, imagenet:FILE
    /// (a classifier in PyTorch's weights), random:SEED or pixels [default: learned for images from files without classes, else random:0, a network that was never trained]
    #[arg(long, value_name = "E")]
    extractor: Option<String>,
    /// A run of attribute-reader, or of a classifier, that says what images show: for `attribute-flips` and `asked`
    #[arg(long, value_name = "RUN", conflicts_with = "extractor")]
    reader: Option<String>,
    /// With --reader: what these look at [default: the run's domains, or what the data's sides differ in]
    #[arg(long = "trait", value_name = "NAME", requires = "reader")]
    traits: Vec<String>,
    /// A run of adv_gan that attacks too: for `defended-accuracy`
    #[arg(long, value_name = "RUN")]
    attacker: Option<PathBuf>,
    /// A run that turns images into their layouts: for `layout-agreement`
    #[arg(long, value_name = "RUN")]
    segmenter: Option<PathBuf>,
    /// How images are brought to Inception's size: bilinear (as pytorch-fid) or clean (as clean-fid) [default: bilinear]
    #[arg(long, value_name = "R")]
    resize: Option<String>,
    /// Compare with statistics from this file (pytorch-fid's .npz) instead of the data's own
    #[arg(long, value_name = "FILE.npz")]
    reference: Option<PathBuf>,
    /// Write the data's statistics in pytorch-fid's format
    #[arg(long, value_name = "FILE.npz")]
    export_reference: Option<PathBuf>,
    /// Keep reference statistics in this folder [default: the user's cache]
    #[arg(long, value_name = "DIR")]
    cache: Option<PathBuf>,
    /// The same seed gives the same figures
    #[arg(long, value_name = "S", default_value_t = 0)]
    seed: u64,
    /// Which checkpoint: a step, `newest` or `best` (of those judged while training or by `evaluate --every`)
    #[arg(long, value_name = "STEP|best", default_value = "newest")]
    checkpoint: At,
    /// Judge every checkpoint whose step is a multiple of N, and tell the best, which `--checkpoint best` then takes
    #[arg(long, value_name = "N", conflicts_with = "checkpoint")]
    every: Option<u64>,
    /// Print JSON: {"metric": {"value", "error", "definition"}}
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    prepare: DataArgs,
    #[command(flatten)]
    compute: ComputeArgs,
}

/// Samples and items of the data where `-n` does not say how many, if there are so many items.
const USUAL: usize = 10_000;

/// Judges a run or samples.
pub(crate) fn run(args: Args) -> Result<()> {
    if args.list {
        return list(args.json);
    }
    if args.n == Some(0) {
        return Err(Error::usage(
            "-n 0 leaves nothing to judge",
            "give thousands if you can",
        ));
    }
    args.metrics.iter().try_for_each(|m| metric(m).map(drop))?;
    let device = args.compute.device()?;
    let what = args.what.as_deref().unwrap_or(Path::new("."));
    if what.join("recipe.toml").is_file() {
        return judge_run(&args, &Run::open(what)?, &device);
    }
    if args.every.is_some() || args.checkpoint != At::Newest {
        return Err(Error::usage(
            format!("{} is not a run, so it has no checkpoints", what.display()),
            "leave out --every and --checkpoint",
        ));
    }
    let samples = open_samples(
        &args,
        Source {
            split: "all".into(),
            ..Source::parse(&what.display().to_string())
        },
    )?;
    let subject = Subject::Items(&*samples);
    let verdicts = evaluator(&args, subject, None, &device)?.judge(subject, &mut Progress::new().teller())?;
    show(&verdicts, args.json);
    Ok(())
}

/// Judges one checkpoint of a run, or several of which the best is told.
fn judge_run(args: &Args, run: &Run, device: &Device) -> Result<()> {
    let recipe = run.recipe()?;
    // Where earlier figures cannot be read, new ones can be given all the same.
    let said = damage(run).unwrap_or_else(|e| Some(e.to_string()));
    said.iter().for_each(|w| eprintln!("warning: {w}"));
    let chosen = match args.every {
        Some(every) => multiples(run, every)?.into_iter().map(At::Step).collect(),
        None => vec![args.checkpoint],
    };
    let mut judged = Vec::new();
    let mut ready: Option<(Evaluator, Option<String>)> = None;
    for at in chosen {
        let (model, checkpoint, warnings) = match run.model(at, device) {
            Err(e) if args.every.is_some() => {
                eprintln!("warning: skipped: {e}");
                continue;
            }
            other => other?,
        };
        warnings.iter().for_each(|w| eprintln!("warning: {w}"));
        let state = &checkpoint.state;
        let subject = Subject::Model {
            model: &*model,
            name: recipe.model_name(),
            info: &state.data,
        };
        let (evaluator, best_by) = match &mut ready {
            Some(ready) => ready,
            none => {
                let evaluator = evaluator(args, subject, Some(recipe.data()?), device)?.beside(
                    &recipe,
                    &state.data,
                    device,
                )?;
                let best_by = if args.every.is_some() {
                    chooser_of(&recipe, evaluator.names())?
                } else {
                    None
                };
                none.insert((evaluator, best_by))
            }
        };
        let verdicts = evaluator.judge(subject, &mut Progress::new().teller())?;
        let found = Evaluated::new(
            state.step,
            state.images,
            state.seconds,
            best_by.clone(),
            &verdicts,
        );
        // What was found is printed, whether or not it can be kept.
        let kept = if processes::only_helps() {
            Ok(())
        } else {
            append(run, &found, &verdicts)
        };
        match kept {
            Ok(()) if processes::only_helps() => {}

            // The page shows them, too, where it can be written.
            Ok(()) => {
                drop(read_metrics(&run.file("metrics.jsonl")).and_then(|lines| write_index(run, &lines)))
            }
            Err(e) => eprintln!("warning: the figures are not kept in the run: {e}"),
        }
        if args.every.is_none() {
            show(&verdicts, args.json);
            return Ok(());
        }
        if !args.json {
            output::line(format_args!("step {}", state.step));
            show(&verdicts, false);
        }
        judged.push(json!({"step": state.step, "metrics": to_json(&verdicts)}));
    }
    if judged.is_empty() {
        return Err(Error::run(
            run.path(),
            "none of its checkpoints could be judged",
            "see the warnings above",
        ));
    }
    let best = best(run)?;
    if args.json {
        let best = best.map(|b| json!({"step": b.step, "metric": b.metric, "value": b.value}));
        output::json(&json!({"checkpoints": judged, "best": best}));
    } else if let Some(b) = best {
        output::line(format_args!(
            "best by {}: {} at step {}, which `--checkpoint best` takes",
            b.label,
            number(b.value),
            b.step
        ));
    }
    Ok(())
}

/// Steps of the run's checkpoints that are multiples of a number.
fn multiples(run: &Run, every: u64) -> Result<Vec<u64>> {
    let all = steps(&run.file("checkpoints"))?;
    let found: Vec<u64> = all
        .iter()
        .copied()
        .filter(|s| every > 0 && s.is_multiple_of(every))
        .collect();
    if found.is_empty() {
        let have = match all.is_empty() {
            true => format!(
                "train it further: `menagerie train --resume {}`",
                run.path().display()
            ),
            false => format!(
                "there are {}",
                all.iter().map(u64::to_string).collect::<Vec<_>>().join(", ")
            ),
        };
        return Err(Error::usage(
            format!("--every {every}: no checkpoint's step is a multiple of it"),
            have,
        ));
    }
    Ok(found)
}

/// The metric that chooses the best: the recipe's if it is among those that are worked out.
fn chooser_of(recipe: &Recipe, names: &[String]) -> Result<Option<String>> {
    let wished = recipe.evaluate()?.best;
    chooser(&wished, names).or_else(|_| chooser("", names))
}

/// Samples in a file or folder, prepared as the flags say.
fn open_samples(args: &Args, source: Source) -> Result<Arc<dyn Dataset>> {
    if !Path::new(&source.source).exists() {
        return Err(Error::usage(
            format!("there is no run, folder or file `{}`", source.source),
            "give a run, a folder of images or a .npy file",
        ));
    }
    let source = prepared(source, args)?;
    let opened = source.open()?;
    opened.warnings.iter().for_each(|w| eprintln!("warning: {w}"));
    Ok(opened.dataset)
}

/// A source with the flags' size and channels.
fn prepared(mut source: Source, args: &Args) -> Result<Source> {
    if let Some(size) = &args.prepare.size {
        source.size = Source::parse_size(size)?;
    }
    source.channels = args.prepare.channels.unwrap_or(source.channels);
    source.max_bad = args.prepare.max_bad.unwrap_or(source.max_bad);
    Ok(source)
}

/// The data to compare with: those named, or the run's own.
fn data(args: &Args, own: Option<Source>, info: &DataInfo) -> Result<Option<Compared>> {
    let learned = own.clone();
    let source = match (&args.prepare.data, own) {
        // Prepared as the run's own data were.
        (Some(named), Some(own)) => Source {
            source: named.clone(),
            limit: 0,
            without: vec![],
            holdout: 0.0,
            format: "auto".into(),
            array: String::new(),
            ..own
        },
        (Some(named), None) => Source::parse(named),
        (None, Some(own)) => Compared::of_run(own),
        (None, None) => return Ok(None),
    };
    let mut source = prepared(source, args)?;
    source.format = args.prepare.data_format.clone().unwrap_or(source.format);
    source.limit = args.prepare.limit.unwrap_or(source.limit);
    source.without.clone_from(&args.prepare.without);
    source.holdout = args.prepare.holdout.unwrap_or(source.holdout);
    let (mut data, mut warnings) = Compared::open(&source, args.prepare.split.as_deref(), info)?;
    warnings.extend(learned.and_then(|own| data.beside(&own)));
    warnings.iter().for_each(|w| eprintln!("warning: {w}"));
    Ok(Some(data))
}

/// What data to compare with are: as the subject's; of a classifier that learned from two sides, images of one where such are given. A linear
/// probe learns the classes that the data have, whatever the run has learned from.
fn of_data(args: &Args, own: Option<&Source>, subject: Subject) -> Result<DataInfo> {
    let probed = !args.metrics.is_empty() && args.metrics.iter().all(|m| m == "linear-probe");
    let info = &DataInfo {
        labels: if probed {
            vec![]
        } else {
            subject.info().labels.clone()
        },
        ..subject.info().clone()
    };
    let classifies = matches!(subject, Subject::Model { model, .. } if model.as_classify().is_some());
    let (Some(named), Some(own), true) = (&args.prepare.data, own, classifies && info.kind == Kind::Unpaired)
    else {
        return Ok(info.clone());
    };
    let named = Source {
        source: named.clone(),
        ..own.clone()
    };
    let mut info = info.clone();
    if named.side(0)?.is_none() {
        info.kind = Kind::Image;
        info.shape[2] /= 2;
    }
    Ok(info)
}

/// Everything that judging needs, as the flags say.
fn evaluator(args: &Args, subject: Subject, own: Option<Source>, device: &Device) -> Result<Evaluator> {
    let info = of_data(args, own.as_ref(), subject)?;
    let data = data(args, own, &info)?;
    let available = data.as_ref().map_or(USUAL, Compared::count);
    let settings = Settings {
        metrics: args.metrics.clone(),
        count: args.n.unwrap_or(USUAL.min(available)),
        extractor: args
            .reader
            .as_ref()
            .map_or(args.extractor.clone(), |r| Some(format!("features:{r}"))),
        traits: args.traits.clone(),
        attacker: args.attacker.clone(),
        segmenter: args.segmenter.clone(),
        resize: args.resize.clone(),
        reference: args.reference.clone(),
        export_reference: args.export_reference.clone(),
        cache: args.cache.clone(),
        seed: args.seed,
    };
    let ready = Evaluator::new(settings, subject, data, device, &mut Progress::new().teller())?;
    match ready.taken() {
        Some("learned") => eprintln!(
            "note: features are `learned` from the data, without labels; --extractor inception:FILE gives figures to put \
             beside a paper's"
        ),
        Some(_) => eprintln!(
            "note: features are those of `random:0`, a network that was never trained; {}",
            if subject.info().labels.is_empty() {
                "--extractor learned, of a network that learns from the data, tells more"
            } else {
                "--extractor classifier:RUN, of a run of `menagerie train classifier --data SOURCE`, tells more"
            }
        ),
        None => {}
    }
    ready.notes().iter().for_each(|n| eprintln!("warning: {n}"));
    Ok(ready)
}

/// A bar on a terminal, silence elsewhere.
struct Progress(ProgressBar);

impl Progress {
    fn new() -> Progress {
        let target = if std::io::stderr().is_terminal() {
            ProgressDrawTarget::stderr()
        } else {
            ProgressDrawTarget::hidden()
        };
        let bar = ProgressBar::with_draw_target(Some(1), target);
        let style = ProgressStyle::with_template("{msg}  {pos}/{len} {wide_bar} {eta} left");
        bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
        Progress(bar)
    }

    /// Shows how far it is; the bar goes when this does.
    fn teller(self) -> impl FnMut(&str, usize, usize) {
        move |what, done, total| self.tell(what, done, total)
    }

    fn tell(&self, what: &str, done: usize, total: usize) {
        if self.0.message() != what {
            self.0.set_message(what.to_string());
            self.0.reset_eta();
        }
        self.0.set_length(total as u64);
        self.0.set_position(done as u64);
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.0.finish_and_clear();
    }
}

fn to_json(verdicts: &[Verdict]) -> Value {
    verdicts
        .iter()
        .map(|v| (v.metric.clone(), v.to_json()))
        .collect::<Map<String, Value>>()
        .into()
}

fn show(verdicts: &[Verdict], json: bool) {
    if json {
        return output::json(&to_json(verdicts));
    }
    let labels: Vec<String> = verdicts.iter().map(Verdict::label).collect();
    let width = labels.iter().map(|l| l.chars().count()).max().unwrap_or(0);
    for (v, label) in verdicts.iter().zip(&labels) {
        let error = v.error.map_or(String::new(), |e| format!(" ± {}", number(e)));
        output::line(format_args!("{label:width$}  {}{error}", number(v.value)));
        if let Some(w) = &v.warning {
            eprintln!("warning: {label}: {w}");
        }
    }
}

fn list(json: bool) -> Result<()> {
    if json {
        let one = |m: &Metric| serde_json::json!({"name": m.name, "about": m.about, "higher_is_better": m.higher_is_better, "needs": m.needs.words()});
        output::json(&METRICS.iter().map(one).collect::<Vec<_>>().into());
        return Ok(());
    }
    let row = |m: &Metric| {
        let better = match m.higher_is_better {
            Some(true) => " (more is better)",
            Some(false) => " (less is better)",
            None => "",
        };
        vec![
            m.name.to_string(),
            format!("{}{better}; needs {}", m.about, m.needs.words()),
        ]
    };
    output::columns(&METRICS.iter().map(row).collect::<Vec<_>>());
    let able = Capability::ALL
        .iter()
        .map(|c| c.name())
        .collect::<Vec<_>>()
        .join(", ");
    output::line(format_args!(
        "capabilities: {able}; `menagerie list --can CAPABILITY` names the models"
    ));
    Ok(())
}
