use crate::items::{GivenArgs, able, make_parent, written};
use crate::output;
use menagerie::Key;
use menagerie::data::environments::{Environment, Episode};
use menagerie::error::{Error, Result};
use menagerie::judge::acted;
use menagerie::models::Capability;
use menagerie::picture;
use serde_json::json;
use std::path::{Path, PathBuf};

/// Arguments of `menagerie play`.
#[derive(clap::Args)]
#[command(
    after_help = "A film shows every second step of the first episodes beside each other; the sums of rewards are of all.

Examples:
  menagerie play runs/gail-001 --out film.gif
  menagerie play runs/gail-001 --episodes 100"
)]
pub(crate) struct Args {
    #[command(flatten)]
    given: GivenArgs,
    /// How many episodes
    #[arg(long, value_name = "N", default_value_t = 4)]
    episodes: usize,
    /// The same seed gives the same starts
    #[arg(long, value_name = "S", default_value_t = 0)]
    seed: u64,
    /// A film (.gif) of up to four episodes [default: none]
    #[arg(long, value_name = "FILE.gif")]
    out: Option<PathBuf>,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// Episodes that a film shows at most, and steps of each.
const SHOWN: [usize; 2] = [4, 400];

/// Lets a model act in its environment.
pub(crate) fn run(args: Args) -> Result<()> {
    if !(1..=10_000).contains(&args.episodes) {
        return Err(Error::usage(
            format!("{} episodes are not played", args.episodes),
            "give --episodes 1 to 10000",
        ));
    }
    let ending = args.out.as_ref().and_then(|o| o.extension());
    if args.out.is_some() && ending.is_none_or(|e| !e.eq_ignore_ascii_case("gif")) {
        return Err(Error::usage(
            "--out is a film, and its name does not end in .gif",
            "end it in .gif, or leave it out",
        ));
    }
    let trained = args.given.model()?;
    let model = able(trained.model.as_act(), Capability::Act, &trained.name)?;
    let key = Key::new(args.seed).stream("play");
    let keys: Vec<Key> = (0..args.episodes as u64).map(|i| key.step(i)).collect();
    let all = acted(model, &keys);
    let environment = model.environment();
    if let Some(out) = &args.out {
        film(environment, &all[..all.len().min(SHOWN[0])], out)?;
    }
    let totals: Vec<f64> = all.iter().map(Episode::total).collect();
    let mean = totals.iter().sum::<f64>() / totals.len() as f64;
    if args.json {
        output::json(
            &json!({"environment": environment.name(), "return": mean, "returns": totals,
            "steps": all.iter().map(|e| e.actions.len()).collect::<Vec<_>>(), "out": args.out}),
        );
        return Ok(());
    }
    for (i, (episode, total)) in all.iter().zip(&totals).enumerate().take(10) {
        output::line(format_args!(
            "episode {i}: {} steps, {total:.2}",
            episode.actions.len()
        ));
    }
    let text = format!(
        "{}: mean sum of rewards {mean:.2} over {}",
        environment.name(),
        totals.len()
    );
    match &args.out {
        Some(out) => written(text, out),
        None => output::line(text),
    }
    Ok(())
}

/// Episodes beside each other, each as long as the longest.
fn film(environment: &dyn Environment, shown: &[Episode], out: &Path) -> Result<()> {
    let longest = shown.iter().map(|e| e.states.len()).max().unwrap_or(1);
    let (mut values, mut shape) = (Vec::new(), [shown.len(), 0, 0, 0, 3]);
    for episode in shown {
        shape[1] = 0;
        for t in (0..longest.min(SHOWN[1])).step_by(2) {
            let picture = environment.draw(&episode.states[t.min(episode.states.len() - 1)]);
            shape = [shown.len(), shape[1] + 1, picture.height, picture.width, 3];
            values.extend(picture.bytes.iter().map(|b| f32::from(*b) / 127.5 - 1.0));
        }
    }
    make_parent(out)?;
    picture::save_animation(&values, shape, 2, out)
}
