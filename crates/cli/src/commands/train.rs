use super::{ComputeArgs, DataArgs};
use crate::output::{self, duration, grouped, number};
use crate::signals;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use menagerie::data::Source;
use menagerie::error::{Error, Result, nearest};
use menagerie::judge::label;
use menagerie::models::Capability;
use menagerie::processes;
use menagerie::recipe::Recipe;
use menagerie::run::{At, Event, Follower, Plan, Run, Summary, Trainer};
use serde_json::json;
use std::io::IsTerminal;
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;

/// Arguments of `menagerie train`.
#[derive(clap::Args)]
#[command(after_help = "Examples:
  menagerie train dcgan
  menagerie train dcgan-portraits --steps 2000 --seed 7
  menagerie train dcgan --data your/photos --size 64 --set model.width=96 --out runs/photos
  menagerie train dcgan --set optimizer.generator.learning_rate=1e-4 --dry-run
  menagerie train gan-grid25
  menagerie train ano_gan --without bag
  menagerie train adv_gan --data fashion --target runs/classifier-001
  menagerie train real_nvp --evaluate-every 500 --set evaluate.metrics=bpd
  menagerie train --resume runs/dcgan-001 --steps 10000 --set optimizer.generator.learning_rate=1e-4
  menagerie train --from runs/dcgan-001 --set optimizer.generator.learning_rate=1e-4 --steps 1000")]
pub(crate) struct Args {
    /// A model (`menagerie list`) or a recipe that comes with the program
    #[arg(required_unless_present_any = ["resume", "recipe", "from"], conflicts_with_all = ["resume", "from"])]
    name: Option<String>,
    /// Go on exactly where this run stopped; --data says where its data are now
    #[arg(long, value_name = "RUN", conflicts_with_all = ["recipe", "from", "out", "seed", "batch", "size", "channels", "frames", "length", "rate", "split", "holdout", "limit", "data_format", "dry_run"])]
    resume: Option<PathBuf>,
    /// Begin a new run with the weights and the recipe of this one
    #[arg(long, value_name = "RUN", conflicts_with = "recipe")]
    from: Option<PathBuf>,
    /// Which checkpoint --from takes: a step, `newest` or `best`
    #[arg(long, value_name = "STEP|best", default_value = "newest", requires = "from")]
    checkpoint: At,
    /// Take the recipe from this file
    #[arg(long, value_name = "FILE", conflicts_with = "name")]
    recipe: Option<PathBuf>,
    /// Where to write the run [default: runs/NAME-NNN]
    #[arg(long, value_name = "RUN")]
    out: Option<PathBuf>,
    /// Updates: a number, or with a unit: 10epochs, 200kimages [default: the recipe's]
    #[arg(long, value_name = "N")]
    steps: Option<String>,
    /// Items in a batch [default: the recipe's]
    #[arg(long, value_name = "N")]
    batch: Option<usize>,
    /// The same seed gives the same run [default: the recipe's, mostly 0]
    #[arg(long, value_name = "S")]
    seed: Option<u64>,
    /// The run of a classifier that is attacked (adv_gan, adaptive_gan, ae_gan): its network is taken as it is [default: one learns beside]
    #[arg(long, value_name = "RUN", conflicts_with_all = ["resume", "from"])]
    target: Option<String>,
    /// Judge the model every N steps (the recipe's table `evaluate` says how); the best checkpoint is kept
    #[arg(long, value_name = "N")]
    evaluate_every: Option<u64>,
    /// Set any key of the recipe; with --resume, one that does not decide what the model is: `optimizer...` but for the
    /// rule, `evaluate...`, `train.steps` and how often things are written
    #[arg(long, value_name = "key=value")]
    set: Vec<String>,
    /// Only tell what would be done: the whole recipe, parameters, memory, steps an epoch, and the time by a few steps
    #[arg(long)]
    dry_run: bool,
    /// Print the result as JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    prepare: DataArgs,
    #[command(flatten)]
    compute: ComputeArgs,
}

/// Trains.
pub(crate) fn run(args: Args) -> Result<()> {
    let stop = signals::watch();
    let device = args.compute.device()?.autodiff();
    if processes::rank() > 0 && !args.dry_run {
        return follow(&args, &device, &stop);
    }
    let trainer = match &args.resume {
        Some(run) => Trainer::resume_with(run, &changes(&args, run, &device)?, &device)?,

        None => {
            let (name, recipe) = recipe(&args, &device)?;
            if args.dry_run {
                let plan = Plan::of(&recipe, &device)?;
                return dry_run(
                    &recipe,
                    &plan,
                    Plan::seconds_per_step(&recipe, &device)?,
                    args.json,
                );
            }
            let out = args.out.clone().unwrap_or_else(|| Run::next_free(&name));
            match &args.from {
                Some(run) => Trainer::create_from(recipe, &out, &Run::open(run)?, args.checkpoint, &device)?,
                None => Trainer::create(recipe, &out, &device)?,
            }
        }
    };
    let again = match (&args.name, &args.recipe, &args.from) {
        (Some(name), ..) => name.clone(),
        (None, Some(file), _) => format!("--recipe {}", file.display()),
        (None, None, Some(run)) => format!("--from {}", run.display()),
        (None, None, None) => trainer.recipe().model_name().into(),
    };
    train(trainer, &again, &stop, args.json)
}

/// Takes part in a training that another process leads: that one writes and speaks.
fn follow(args: &Args, device: &menagerie::Device, stop: &AtomicBool) -> Result<()> {
    let mut follower = match (&args.resume, &args.from) {
        (Some(run), _) => Follower::resume_with(run, &changes(args, run, device)?, device)?,
        (None, Some(run)) => {
            Follower::create_from(recipe(args, device)?.1, &Run::open(run)?, args.checkpoint, device)?
        }
        (None, None) => Follower::create(recipe(args, device)?.1, device)?,
    };
    signals::let_steps_finish();
    follower.train(stop)
}

/// Keys of a run's recipe that are changed as it goes on.
fn changes(args: &Args, run: &Path, device: &menagerie::Device) -> Result<Vec<(String, String)>> {
    let plan = || Run::open(run)?.recipe().and_then(|r| Plan::of(&r, device));
    let steps = args.steps.as_deref().map(|s| steps(s, plan)).transpose()?;
    let mut all = args.prepare.settings();
    all.extend(settings(args)?);
    all.extend(steps.map(|s| ("train.steps".into(), s.to_string())));
    Ok(all)
}

/// The recipe that the arguments describe, and the name its runs get.
fn recipe(args: &Args, device: &menagerie::Device) -> Result<(String, Recipe)> {
    let (name, mut recipe) = match (&args.name, &args.recipe) {
        _ if args.from.is_some() => {
            let recipe = Run::open(args.from.as_deref().unwrap_or(Path::new(".")))?.recipe()?;
            (recipe.model_name().to_string(), recipe)
        }
        (_, Some(file)) => (
            file.file_stem()
                .unwrap_or_default()
                .to_string_lossy()
                .into_owned(),
            Recipe::read(file)?,
        ),
        (Some(name), None) => (name.clone(), Recipe::named(name)?),
        (None, None) => {
            return Err(Error::usage(
                "no model is named",
                "name one: `menagerie train dcgan`",
            ));
        }
    };
    let mut settings = args.prepare.settings();
    settings.extend(args.batch.map(|v| ("train.batch".into(), v.to_string())));
    settings.extend(args.seed.map(|v| ("train.seed".into(), v.to_string())));
    if let Some(run) = &args.target {
        if !recipe.has_target() {
            let problem = format!(
                "{} does not play against the network of another run",
                recipe.model_name()
            );
            return Err(Error::usage(
                problem,
                "leave --target out, or train adv_gan, adaptive_gan, ae_gan or dna_gan",
            ));
        }
        settings.push(("target.run".into(), json!(run).to_string()));
    }
    settings.extend(self::settings(args)?);
    recipe.set_all(&settings)?;
    if let Some(text) = &args.steps {
        let steps = steps(text, || Plan::of(&recipe, device))?;
        recipe = recipe.with("train.steps", &steps.to_string())?;
    }
    Ok((name, recipe))
}

/// Keys of the recipe that are set by name.
fn settings(args: &Args) -> Result<Vec<(String, String)>> {
    let mut settings: Vec<(String, String)> = args
        .evaluate_every
        .map(|n| ("evaluate.every".into(), n.to_string()))
        .into_iter()
        .collect();
    for pair in &args.set {
        let (key, value) = pair.split_once('=').ok_or_else(|| {
            Error::usage(
                format!("--set {pair} has no value"),
                "write --set key=value, such as --set model.width=32",
            )
        })?;
        settings.push((key.into(), value.into()));
    }
    Ok(settings)
}

/// A number of steps: plain, or in a unit that the plan translates.
fn steps(text: &str, plan: impl FnOnce() -> Result<Plan>) -> Result<u64> {
    let at = text
        .find(|c: char| !(c.is_ascii_digit() || c == '.' || c == '_'))
        .unwrap_or(text.len());
    let (number, unit) = (text[..at].replace('_', ""), text[at..].trim());
    let wrong = |problem: String, fix: String| Err(Error::usage(format!("--steps {text}: {problem}"), fix));
    if text
        .strip_prefix('-')
        .is_some_and(|t| t.starts_with(|c: char| c.is_ascii_digit()))
    {
        return wrong("negative".into(), "give 1 or more".into());
    }
    let Ok(number) = number.parse::<f64>() else {
        return wrong(
            "no number".into(),
            "give a number, such as 5000 or 10epochs".into(),
        );
    };
    let steps = match unit {
        "" | "steps" if number.fract() == 0.0 => number,
        "epochs" | "epoch" => (number * plan()?.steps_per_epoch).ceil(),
        "images" | "kimages" => {
            let p = plan()?;
            let an_epoch = p.data.count as f64;
            (number * if unit == "kimages" { 1e3 } else { 1.0 } / an_epoch * p.steps_per_epoch).ceil()
        }
        "" | "steps" => {
            return wrong(
                "not a whole number".into(),
                "give a whole number of steps, or a unit: 10epochs, 200kimages".into(),
            );
        }
        other => {
            return wrong(
                format!("there is no unit `{other}`"),
                nearest(other, ["steps", "epochs", "images", "kimages"]),
            );
        }
    };
    Ok(steps as u64)
}

fn dry_run(recipe: &Recipe, plan: &Plan, seconds_per_step: f64, json: bool) -> Result<()> {
    let train = recipe.train()?;
    if json {
        let networks: Vec<_> = plan
            .networks
            .iter()
            .map(|n| json!({"name": n.name, "parameters": n.parameters}))
            .collect();
        output::json(
            &json!({"recipe": recipe.to_toml(), "networks": networks, "memory_bytes": plan.memory, "steps_per_epoch": plan.steps_per_epoch,
            "steps": train.steps, "seconds_per_step": seconds_per_step, "data": {"source": plan.data.source, "count": plan.data.count, "shape": plan.data.shape}}),
        );
        return Ok(());
    }
    output::line(recipe.to_toml());
    for n in &plan.networks {
        output::line(format_args!("# {}: {} parameters", n.name, grouped(n.parameters)));
    }
    output::line(format_args!(
        "# data: {} items of {:?}",
        grouped(plan.data.count),
        plan.data.shape
    ));
    output::line(format_args!("# memory: about {} MB", plan.memory >> 20));
    output::line(format_args!(
        "# {:.1} steps an epoch; {} steps are {:.1} epochs",
        plan.steps_per_epoch,
        train.steps,
        train.steps as f64 / plan.steps_per_epoch
    ));
    output::line(format_args!(
        "# time: about {} here, at {} s a step (a few steps were tried; pictures, checkpoints and evaluations come on top)",
        duration(seconds_per_step * train.steps as f64),
        number(seconds_per_step)
    ));
    Ok(())
}

/// Trains; `again` is how the command names what is trained.
fn train(mut trainer: Trainer, again: &str, stop: &AtomicBool, json: bool) -> Result<()> {
    signals::let_steps_finish();
    let (path, begun) = (trainer.path().to_path_buf(), trainer.step());
    let steps = trainer.recipe().train()?.steps;
    eprintln!(
        "training {} in {} (steps {begun} to {steps})",
        trainer.recipe().model_name(),
        path.display()
    );
    let unit = trainer.data().kind.unit();
    let mut progress = Progress::new(begun, steps, unit);
    let summary = trainer.train(stop, &mut |event| progress.show(event))?;
    progress.bar.finish_and_clear();
    let able: Vec<Capability> = Capability::ALL
        .iter()
        .copied()
        .filter(|c| c.of(trainer.model()))
        .collect();
    let tested = able.contains(&Capability::LogLikelihood) && has_test(trainer.recipe());
    finish(&summary, &path, again, steps, &able, tested, json);
    if let (true, Some(signal)) = (summary.interrupted, signals::asked()) {
        // As if the signal had ended the program: what waits for its success (`train && deploy`) stops.
        drop(trainer);
        std::process::exit(128 + signal);
    }
    Ok(())
}

/// Whether the data have a test split, or a share of them was held out.
fn has_test(recipe: &Recipe) -> bool {
    recipe.data().is_ok_and(|source| {
        let test = Source {
            split: "test".into(),
            ..source
        };
        test.open().is_ok()
    })
}

/// The bar on a terminal; a line a log step elsewhere.
struct Progress {
    bar: ProgressBar,
    /// what items of the data are called
    unit: &'static str,
    terminal: bool,
    /// the next step is told of
    due: bool,
    first_picture: bool,
}

impl Progress {
    fn new(begun: u64, steps: u64, unit: &'static str) -> Self {
        let terminal = std::io::stderr().is_terminal();
        let bar = ProgressBar::with_draw_target(
            Some(steps),
            if terminal {
                ProgressDrawTarget::stderr()
            } else {
                ProgressDrawTarget::hidden()
            },
        );
        let style = ProgressStyle::with_template("step {pos}/{len} {wide_bar} {msg}  {eta} left")
            .unwrap_or_else(|_| ProgressStyle::default_bar());
        bar.set_style(style);
        bar.set_position(begun);
        bar.reset_eta();
        Progress {
            bar,
            unit,
            terminal,
            due: true,
            first_picture: true,
        }
    }

    fn show(&mut self, event: Event) {
        match event {
            Event::Step {
                step,
                images_per_second,
                report,
            } => {
                self.bar.set_position(step);
                if std::mem::take(&mut self.due) {
                    let numbers = numbers(images_per_second, self.unit, report);
                    if !self.terminal {
                        eprintln!("step {step}: {numbers}");
                    }
                    self.bar.set_message(numbers);
                }
            }
            Event::Sampled(path) if self.first_picture => {
                self.first_picture = false;
                self.say(&format!(
                    "samples appear in {}",
                    path.parent().unwrap_or(path).display()
                ));
            }
            Event::Evaluated { judged, best } => {
                let figures = judged.figures.iter().map(|(name, f)| {
                    let value = f.value.map_or("-".into(), number);
                    format!("{} {value}", label(name, &f.definition))
                });
                let best = if best { " (the best so far)" } else { "" };
                self.say(&format!(
                    "step {}: {}{best}",
                    judged.step,
                    figures.collect::<Vec<_>>().join(", ")
                ));
            }
            Event::Trouble(t) => self.say(&format!("warning: {}: {}", t.name, t.advice)),
            Event::Warning(w) => self.say(&format!("warning: {w}")),
            Event::Noted(n) => self.say(n),
            // Its numbers come with the step, right after.
            Event::Logged(_) => self.due = true,
            Event::Sampled(_) | Event::Checkpointed(_) => {}
        }
    }

    fn say(&self, text: &str) {
        if self.terminal {
            self.bar.println(output::visible(text))
        } else {
            eprintln!("{text}")
        }
    }
}

fn numbers(rate: f64, unit: &str, report: &menagerie::models::StepReport) -> String {
    let mut out = format!("{rate:.0} {unit}/s");
    let names = [
        ("d/real", "D(x)"),
        ("d/fake", "D(G(z))"),
        ("loss/discriminator", "loss D"),
        ("loss/generator", "loss G"),
    ];
    for (name, v) in &report.scalars {
        match names.iter().find(|n| n.0 == *name) {
            Some((_, said)) => out += &format!("  {said} {v:.3}"),
            None => {
                // Losses and accuracies of other families carry their own names.
                if let Some(said) = name
                    .strip_prefix("loss/")
                    .or_else(|| name.starts_with("accuracy/").then_some(*name))
                {
                    out += &format!("  {said} {v:.3}");
                }
            }
        }
    }
    out
}

/// What a model of that capability can do next.
const NEXT: &[(Capability, &str)] = &[
    (Capability::Sample, "sample RUN --out grid.png"),
    (Capability::LatentSpace, "interpolate RUN --out walk.png"),
    (Capability::Reconstruct, "reconstruct RUN --out pairs.png"),
    (Capability::Complete, "complete RUN --out completions.png"),
    (Capability::LogLikelihood, "score RUN --split test"),
    (
        Capability::Classify,
        "evaluate SAMPLES.npy --data SOURCE --extractor classifier:RUN",
    ),
];

fn finish(
    summary: &Summary,
    path: &std::path::Path,
    name: &str,
    steps: u64,
    able: &[Capability],
    tested: bool,
    json: bool,
) {
    let run = path.display();
    if json {
        output::json(
            &json!({"run": path, "step": summary.step, "images": summary.images, "seconds": summary.seconds,
            "interrupted": summary.interrupted, "finished": summary.finished, "last": summary.last,
            "best": summary.best.as_ref().map(|b| json!({"step": b.step, "metric": b.metric, "value": b.value}))}),
        );
        return;
    }
    if summary.interrupted {
        output::line(format_args!(
            "stopped at step {} of {steps}; go on with: menagerie train --resume {run}",
            summary.step
        ));
        return;
    }
    if let Some(why) = &summary.finished {
        output::line(format_args!("{why}"));
    }
    output::line(format_args!(
        "done: {} steps, {} items in {}",
        summary.step,
        grouped(summary.images as usize),
        duration(summary.seconds)
    ));
    let last = |name: &str| summary.last.get(name).and_then(|v| v.as_f64());
    if let (Some(real), Some(fake)) = (last("d/real"), last("d/fake")) {
        output::line(format_args!(
            "mean D(x) {real:.2}, mean D(G(z)) {fake:.2}; where the discriminator cannot tell them apart, both are 1/2"
        ));
    }
    if let (Some(modes), Some(good)) = (last("points/modes"), last("points/high-quality")) {
        output::line(format_args!(
            "modes found: {modes}; samples within 3 standard deviations of one: {:.1} %",
            100.0 * good
        ));
    }
    if let Some(b) = &summary.best {
        output::line(format_args!(
            "best by {}: {} at step {}, which `--checkpoint best` takes",
            b.label,
            number(b.value),
            b.step
        ));
    }
    let samples = if able.contains(&Capability::Sample) {
        format!(" and {run}/samples/")
    } else {
        String::new()
    };
    output::line(format_args!("look at {run}/index.html{samples}\ntry next:"));
    for (capability, advice) in NEXT {
        if able.contains(capability) {
            output::line(format_args!(
                "  menagerie {}",
                match tested {
                    true => advice.replace("RUN", &run.to_string()),
                    // Nothing is asked of a part that the data have not.
                    false => advice
                        .replace("RUN", &run.to_string())
                        .replace(" --split test", ""),
                }
            ));
        }
    }
    output::line(format_args!(
        "  menagerie evaluate {run}\n  menagerie train --resume {run} --steps {}",
        2 * steps
    ));
    output::line(format_args!("  menagerie train {name} --data your/folder"));
}
