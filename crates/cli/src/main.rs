//! The command `menagerie`: train, judge, explore and ship generative models.

/// In place of the standard one, which panics where standard error is closed or full: what is printed ends no command.
macro_rules! eprintln {
    ($($text:tt)*) => { $crate::output::tell(format_args!($($text)*)) };
}

mod commands;
mod items;
mod output;
mod signals;

use clap::error::{ContextKind, ContextValue};
use clap::{CommandFactory, FromArgMatches, Parser, Subcommand};
use menagerie::error::{Error, Result};
use menagerie::limits;
use menagerie::processes;

use std::io::Write;
use std::num::ParseIntError;
use std::process::ExitCode;
use std::time::Duration;

/// Train generative models on your own data, judge them, explore them, ship them
#[derive(Parser)]
#[command(name = "menagerie", version, arg_required_else_help = true, propagate_version = true, after_help = EXAMPLES)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

const EXAMPLES: &str = "Examples:
  menagerie train dcgan                        # on embedded images; a picture at once
  menagerie train dcgan --data your/photos --size 64
  menagerie sample runs/dcgan-001 --out grid.png
  menagerie train --resume runs/dcgan-001 --steps 5000
  menagerie data show portraits --out faces.png";

#[derive(Subcommand)]
enum Command {
    /// List every model: name, family, capabilities, paper, default recipe
    List(commands::list::Args),
    /// List the known data sources, or show one
    Data(commands::data::Args),
    /// Train a model by its default recipe, a recipe by name, or go on with a run
    Train(Box<commands::train::Args>),
    /// Draw new items from a trained run; nothing but the run is needed
    Sample(Box<commands::sample::Args>),
    /// Log-likelihood of items, or its bound, in nats and bits per dimension
    Score(commands::score::Args),
    /// Items beside what the model gives back of them
    Reconstruct(commands::reconstruct::Args),
    /// Hide a part of items and fill it in, in several ways
    Complete(commands::complete::Args),
    /// Walk through the latent space, between draws or between two real items
    Interpolate(commands::interpolate::Args),
    /// Move one latent dimension at a time
    Traverse(commands::traverse::Args),
    /// Find named or numbered directions of a latent space
    Directions(commands::directions::Args),
    /// Find the latents whose items are closest to given ones
    Project(commands::project::Args),
    /// Paint, draw edges and drag parts of a photo, and let a generator follow
    Edit(Box<commands::edit::Args>),
    /// Add and take away latents: of samples, of items, of classes
    Arithmetic(commands::arithmetic::Args),
    /// Write the latents of items
    Encode(commands::encode::Args),
    /// Go on from a condition: later frames, colour from grey, the right image of a pair, several draws each
    Predict(commands::predict::Args),
    /// Turn images of one domain into images of another: outlines to faces, one kind of picture to another
    Translate(commands::translate::Args),
    /// Draw the parameters under which a simulator may have given what was seen
    Infer(commands::infer::Args),
    /// Let a model act in its environment, and film it
    Play(commands::play::Args),
    /// Hide a message in which classes are drawn
    Hide(commands::hide::Args),
    /// Read a message that was hidden
    Reveal(commands::reveal::Args),
    /// Judge a run or samples by metrics, each with its definition
    Evaluate(Box<commands::evaluate::Args>),
    /// A table of runs, with the figures that may be compared
    Compare(commands::compare::Args),
    /// Write the sampler's weights and a description of its inputs and outputs
    Export(commands::export::Args),
    /// Make a run of weights that PyTorch has saved
    Import(commands::import::Args),
    /// See runs, train, and walk through latent spaces in the browser
    Studio(commands::studio::Args),
    /// Print the script by which a shell completes commands and flags
    Completions(commands::completions::Args),
}

fn parse() -> std::result::Result<Cli, clap::Error> {
    Cli::from_arg_matches(&with_negative_numbers(Cli::command()).try_get_matches()?)
}

/// A negative number behind a flag is its value, which may be refused, and no flag of its own.
fn with_negative_numbers(command: clap::Command) -> clap::Command {
    let of_value = |arg: clap::Arg| match arg.get_action().takes_values() && !arg.is_positional() {
        true => arg.allow_negative_numbers(true),
        false => arg,
    };
    command.mut_args(of_value).mut_subcommands(with_negative_numbers)
}

/// What is wrong with a whole number on the command line, in a sentence.
fn number_problem(e: &clap::Error) -> Option<String> {
    let text = |kind| match e.get(kind) {
        Some(ContextValue::String(text)) => Some(text.as_str()),
        _ => None,
    };
    std::error::Error::source(e)?.downcast_ref::<ParseIntError>()?;
    let flag = text(ContextKind::InvalidArg)?.split(' ').next()?;
    let value = text(ContextKind::InvalidValue)?;
    let negative = value.strip_prefix('-').is_some_and(|v| v.parse::<f64>().is_ok());
    let digits = !value.is_empty() && value.bytes().all(|b| b.is_ascii_digit());
    Some(match () {
        _ if negative => format!("{flag} {value} is negative; give 0 or more"),
        _ if digits => format!("{flag} {value} is beyond 2^64 - 1; give a smaller number"),
        _ => format!("{flag} {value} is not a whole number; give one"),
    })
}

fn main() -> ExitCode {
    signals::ignore_file_size_limit();
    let usual = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        if !limits::is_guarded() {
            usual(panic)
        }
    }));
    let cli = match parse() {
        Ok(cli) => cli,
        Err(e) if number_problem(&e).is_some() => {
            eprintln!("error: {}", number_problem(&e).unwrap_or_default());
            return ExitCode::from(e.exit_code() as u8);
        }
        // Help and version are such errors, too, with status 0.
        Err(e) => {
            let printed = e.print().and_then(|()| std::io::stdout().flush());
            return ExitCode::from(if printed.is_ok() { e.exit_code() as u8 } else { 1 });
        }
    };
    // Its end parts this process from the others, which have to be told of a failure before.
    match processes::join() {
        Ok(_joined) => ended(run(cli.command)),
        Err(e) => ended(Err(e)),
    }
}

fn ended(done: Result<()>) -> ExitCode {
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(e) => {
            tell_failure(&e);
            ExitCode::from(if e.is_usage() { 2 } else { 1 })
        }
    }
}

fn run(command: Command) -> Result<()> {
    match command {
        Command::Train(_) => {}
        Command::Sample(_) | Command::Evaluate(_) => processes::share(),
        // What cannot be shared is the first process's.
        _ if processes::rank() > 0 => return Ok(()),
        _ => {}
    }
    match command {
        Command::List(a) => commands::list::run(a),
        Command::Data(a) => commands::data::run(a),
        Command::Train(a) => commands::train::run(*a),
        Command::Sample(a) => commands::sample::run(*a),
        Command::Score(a) => commands::score::run(a),
        Command::Reconstruct(a) => commands::reconstruct::run(a),
        Command::Complete(a) => commands::complete::run(a),
        Command::Interpolate(a) => commands::interpolate::run(a),
        Command::Traverse(a) => commands::traverse::run(a),
        Command::Directions(a) => commands::directions::run(a),
        Command::Project(a) => commands::project::run(a),
        Command::Edit(a) => commands::edit::run(*a),
        Command::Arithmetic(a) => commands::arithmetic::run(a),
        Command::Encode(a) => commands::encode::run(a),
        Command::Predict(a) => commands::predict::run(a),
        Command::Translate(a) => commands::translate::run(a),
        Command::Infer(a) => commands::infer::run(a),
        Command::Play(a) => commands::play::run(a),

        Command::Hide(a) => commands::hide::run(a),
        Command::Reveal(a) => commands::reveal::run(a),
        Command::Evaluate(a) => commands::evaluate::run(*a),
        Command::Compare(a) => commands::compare::run(a),
        Command::Export(a) => commands::export::run(a),
        Command::Import(args) => commands::import::run(args),
        Command::Studio(a) => commands::studio::run(a),
        Command::Completions(a) => commands::completions::run(a, &mut Cli::command()),
    }
}

/// Says what went wrong. Where several processes train together, it ends them all; what goes wrong in all of them is said by
/// the first.
fn tell_failure(e: &Error) {
    match processes::rank() {
        0 => eprintln!("error: {e}"),
        rank => {
            std::thread::sleep(Duration::from_secs(1));
            eprintln!("error: process {rank}: {e}")
        }
    }
    processes::end_all();
}
