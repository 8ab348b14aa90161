use super::{ComputeArgs, DataArgs};
use crate::output;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use menagerie::Key;
use menagerie::data::{DataInfo, Dataset, Kind, Source};
use menagerie::error::{Error, Result};
use menagerie::evaluate::extractor::Extractor;
use menagerie::evaluate::gather::Gathered;
use menagerie::evaluate::judge::{Judge, METRICS, Metric, Reference, Verdict, gather, metric};
use menagerie::evaluate::subject::Subject;
use menagerie::models::Capability;
use menagerie::run::Run;
use menagerie::run::evaluation::{
    Cache, append_evaluation, data_definition, import_reference, open_extractor, reference_definition, write_reference,
};
use serde_json::{Map, Value};
use std::io::IsTerminal;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Arguments of `menagerie evaluate`.
#[derive(clap::Args)]
#[command(after_help = "Examples:
  menagerie evaluate runs/classifier-001
  menagerie evaluate runs/real_nvp-001 --metrics nll,bpd --split test
  menagerie evaluate runs/dcgan-001 --extractor classifier:runs/classifier-001
  menagerie evaluate samples.npy --data fashion --metrics fid,kid --extractor inception:pt_inception-2015-12-05-6726825d.pth
  menagerie evaluate --list")]
pub struct Args {
    /// A run folder, a folder of images, or samples in a .npy file
    #[arg(required_unless_present = "list")]
    what: Option<PathBuf>,
    /// Metrics, separated by commas [default: those that suit]
    #[arg(long, value_name = "A,B", value_delimiter = ',')]
    metrics: Vec<String>,
    /// List every metric
    #[arg(long)]
    list: bool,
    /// Samples to draw, and items of the data to compare with
    #[arg(short, value_name = "N", default_value_t = 10_000)]
    n: usize,
    /// What gives features: classifier:RUN, inception:FILE, random:SEED or pixels [default: random:0, a baseline]
    #[arg(long, value_name = "E")]
    extractor: Option<String>,
    /// How images are brought to Inception's size: bilinear (as pytorch-fid) or clean (as clean-fid)
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
    /// Take this checkpoint instead of the newest
    #[arg(long, value_name = "STEP")]
    checkpoint: Option<u64>,
    /// Print JSON: {\"metric\": {\"value\", \"error\", \"definition\"}}
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    prepare: DataArgs,
    #[command(flatten)]
    compute: ComputeArgs,
}

/// Data to compare with, and how they are named.
struct Data {
    set: Arc<dyn Dataset>,
    training: Option<Arc<dyn Dataset>>,
    definition: Map<String, Value>,
}

/// Judges a run or samples.
pub fn run(args: Args) -> Result<()> {
    if args.list {
        return list(args.json);
    }
    if args.n == 0 {
        return Err(Error::usage("-n 0 leaves nothing to judge", "give thousands if you can"));
    }
    let named: Vec<&Metric> = args.metrics.iter().map(|m| metric(m).map(|m| m.0)).collect::<Result<_>>()?;
    let device = args.compute.device()?;
    let what = args.what.as_deref().unwrap_or(Path::new("."));
    if what.join("recipe.toml").is_file() {
        let run = Run::open(what)?;
        let name = run.recipe()?.model_name().to_string();
        let (model, checkpoint, warnings) = run.model(args.checkpoint, &device)?;
        warnings.iter().for_each(|w| eprintln!("warning: {w}"));
        let info = &checkpoint.state.data;
        let data = data(&args, Some(run.recipe()?.data()?), info)?;
        let subject = Subject::Model { model: &*model, name: &name, info };
        let verdicts = judge(&args, &named, subject, data.as_ref(), &device)?;
        let s = &checkpoint.state;
        append_evaluation(&run, s.step, s.images, s.seconds, &verdicts)?;
        show(&verdicts, args.json);
        return Ok(());
    }
    let samples = Source { split: "all".into(), ..Source::parse(&what.display().to_string()) };
    let opened = open_samples(&args, samples)?;
    let data = data(&args, None, opened.info())?;
    let verdicts = judge(&args, &named, Subject::Items(&*opened), data.as_ref(), &device)?;
    show(&verdicts, args.json);
    Ok(())
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

/// The data to compare with: those named, or the run's own, of its test split where it has one.
fn data(args: &Args, own: Option<Source>, info: &DataInfo) -> Result<Option<Data>> {
    let given = args.prepare.data.is_some();
    let mut source = match (&args.prepare.data, own) {
        // Prepared as the run's own data were.
        (Some(named), Some(own)) => Source { source: named.clone(), limit: 0, format: "auto".into(), ..own },
        (Some(named), None) => Source::parse(named),
        (None, Some(own)) => own,
        (None, None) => return Ok(None),
    };
    source = prepared(source, args)?;
    source.format = args.prepare.data_format.clone().unwrap_or(source.format);
    source.limit = args.prepare.limit.unwrap_or(source.limit);
    if !given && source.source != "portraits" && args.prepare.limit.is_none() {
        // The training data's limit says nothing about held-out items.
        source.limit = 0;
    }
    let of = |split: &str| Source { split: split.into(), ..source.clone() };
    let (source, opened) = match &args.prepare.split {
        Some(split) => (of(split), of(split).open()?),
        None => match of("test").open() {
            Ok(opened) => (of("test"), opened),
            // No test split.
            Err(_) => (of("train"), of("train").open().or_else(|_| of("all").open())?),
        },
    };
    opened.warnings.iter().for_each(|w| eprintln!("warning: {w}"));
    let set = opened.dataset;
    let theirs = set.info();
    if theirs.kind != info.kind || theirs.shape != info.shape {
        let say = |i: &DataInfo| format!("{} of {}", i.kind.plural(), i.shape.iter().map(usize::to_string).collect::<Vec<_>>().join("x"));
        let fix = match theirs.kind == Kind::Image && info.kind == Kind::Image {
            true => format!("bring them together with --size {}x{} --channels {}", info.shape[0], info.shape[1], info.shape[2]),
            false => "compare with data of the same kind".into(),
        };
        return Err(Error::data(&source.source, format!("holds {}, what is judged {}", say(theirs), say(info)), fix));
    }
    let training = if source.split == "test" { of("train").open().ok().map(|o| o.dataset) } else { None };
    Ok(Some(Data { definition: data_definition(&source, &*set)?, set, training }))
}

/// A bar on a terminal, silence elsewhere.
struct Progress(ProgressBar);

impl Progress {
    fn new() -> Progress {
        let target = if std::io::stderr().is_terminal() { ProgressDrawTarget::stderr() } else { ProgressDrawTarget::hidden() };
        let bar = ProgressBar::with_draw_target(Some(1), target);
        let style = ProgressStyle::with_template("{msg}  {pos}/{len} {wide_bar} {eta} left");
        bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
        Progress(bar)
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

fn judge(args: &Args, named: &[&Metric], subject: Subject, data: Option<&Data>, device: &menagerie::Device) -> Result<Vec<Verdict>> {
    let progress = Progress::new();
    let needs_features = |m: &&Metric| m.needs.extractor();
    let draws = match subject {
        Subject::Model { model, .. } => model.as_sample().is_some(),
        Subject::Items(_) => true,
    };
    let wanted = args.export_reference.is_some()
        || if named.is_empty() { draws && subject.info().kind == Kind::Image } else { named.iter().any(needs_features) };
    let extractor = wanted.then(|| extractor(args, device)).transpose()?;
    let compared = args.export_reference.is_some() || named.is_empty() || named.iter().any(|m| m.needs.reference_features());
    let gathered = match (&extractor, data) {
        (Some(e), Some(data)) if compared => Some(reference(args, e, data, &progress)?),
        _ => None,
    };
    let reference =
        data.map(|d| Reference { set: &*d.set, definition: &d.definition, training: d.training.as_deref(), gathered: gathered.as_ref() });
    let mut judge = Judge::new(subject, reference, extractor.as_ref(), args.n, Key::new(args.seed).stream("evaluate"));
    let names: Vec<String> =
        if args.metrics.is_empty() { judge.usual().into_iter().map(String::from).collect() } else { args.metrics.clone() };
    if names.is_empty() {
        let problem = match subject {
            Subject::Items(_) if data.is_none() => "samples are compared with data, and none were given",
            _ => "no metric suits it",
        };
        return Err(Error::usage(problem, "give --data SOURCE, and --metrics of `menagerie evaluate --list`"));
    }
    let mut verdicts = Vec::new();
    for name in &names {
        verdicts.extend(judge.work_out(name, &mut |what, done, total| progress.tell(what, done, total))?);
    }
    Ok(verdicts)
}

fn extractor(args: &Args, device: &menagerie::Device) -> Result<Extractor> {
    if args.extractor.is_none() {
        eprintln!("note: features are those of `random:0`, a network that was never trained; --extractor classifier:RUN tells more");
    }
    open_extractor(args.extractor.as_deref().unwrap_or("random:0"), args.resize.as_deref(), device)
}

/// Statistics of the data: imported, from the cache, or gathered now.
fn reference(args: &Args, extractor: &Extractor, data: &Data, progress: &Progress) -> Result<Gathered> {
    if let Some(path) = &args.reference {
        return import_reference(path, extractor);
    }
    let count = args.n.min(data.set.info().count);
    let definition = reference_definition(&data.definition, extractor, count);
    let cache = Cache::at(args.cache.clone());
    let gathered = match cache.as_ref().and_then(|c| c.read(&definition)) {
        Some(g) => g,
        None => {
            let g = gather(&*data.set, extractor, count, &mut |what, done, total| progress.tell(what, done, total))?;
            if let Some(Err(e)) = cache.map(|c| c.write(&definition, &g)) {
                eprintln!("warning: the statistics of the data are not kept: {e}");
            }
            g
        }
    };
    if let Some(path) = &args.export_reference {
        write_reference(path, &definition, &gathered, false)?;
    }
    Ok(gathered)
}

fn show(verdicts: &[Verdict], json: bool) {
    if json {
        let all: Map<String, Value> = verdicts.iter().map(|v| (v.metric.clone(), v.to_json())).collect();
        return output::json(&all.into());
    }
    let width = verdicts.iter().map(|v| v.metric.len()).max().unwrap_or(0);
    for v in verdicts {
        let error = v.error.map_or(String::new(), |e| format!(" ± {}", number(e)));
        output::line(format_args!("{:width$}  {}{error}", v.metric, number(v.value)));
        if let Some(w) = &v.warning {
            eprintln!("warning: {}: {w}", v.metric);
        }
    }
}

/// Four digits that tell.
fn number(v: f64) -> String {
    match v.abs() {
        0.0 => "0".into(),
        a if a >= 1000.0 => format!("{v:.0}"),
        a if a >= 0.01 => {
            let digits = (3 - a.log10().floor() as i32).clamp(0, 6) as usize;
            format!("{v:.digits$}")
        }
        _ => format!("{v:.3e}"),
    }
}

fn list(json: bool) -> Result<()> {
    if json {
        let one = |m: &Metric| serde_json::json!({"name": m.name, "about": m.about, "higher_is_better": m.higher_is_better, "needs": m.needs.words()});
        output::json(&METRICS.iter().map(one).collect::<Vec<_>>().into());
        return Ok(());
    }
    for m in METRICS {
        let better = match m.higher_is_better {
            Some(true) => "more is better",
            Some(false) => "less is better",
            None => "",
        };
        output::line(format_args!("{:16} {} ({better}); needs {}", m.name, m.about, m.needs.words()));
    }
    let able = Capability::ALL.iter().map(|c| c.name()).collect::<Vec<_>>().join(", ");
    output::line(format_args!("capabilities: {able}; `menagerie list --can CAPABILITY` names the models"));
    Ok(())
}
