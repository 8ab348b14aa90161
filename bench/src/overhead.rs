//! How much of a training's time is not the model's own step: DCGAN-64, batch 64, by the recipe `dcgan-portraits`.
//!
//! ```text
//! menagerie-bench overhead [ROUNDS]  rounds of ten steps of a run folder's training, each with a picture and a
//!                                    checkpoint; in turn with ten steps of the model over prepared batches
//! ```
use crate::command::Scratch;
use crate::dcgan::{Steps, prepared};
use crate::peer::median;
use menagerie::recipe::Recipe;
use menagerie::run::{Event, Trainer};
use menagerie::{Device, Key};
use std::error::Error;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

const STEPS: u64 = 10;

/// Seconds of one round of training.
struct Round {
    all: f64,
    /// in the model's steps
    model: f64,
    waiting: f64,
    picture: f64,
    checkpoint: f64,
}

/// Trains on to the next multiple of [`STEPS`].
fn train(trainer: &mut Trainer, before: f64) -> Result<(Round, f64), Box<dyn Error>> {
    let stop = AtomicBool::new(false);
    let (mut picture, mut checkpoint) = (0.0, 0.0);
    let (start, waited) = (Instant::now(), trainer.waited());
    // A picture or checkpoint is begun right after the event before it.
    let mut last = start;
    let summary = trainer.train(&stop, &mut |event| {
        match event {
            Event::Step { step, .. } => stop.store(step.is_multiple_of(STEPS), Ordering::Relaxed),
            Event::Sampled(_) => picture += last.elapsed().as_secs_f64(),
            Event::Checkpointed(_) => checkpoint += last.elapsed().as_secs_f64(),
            _ => {}
        }
        last = Instant::now();
    })?;
    let (all, waiting) = (start.elapsed().as_secs_f64(), trainer.waited() - waited);
    Ok((
        Round {
            all,
            model: summary.seconds - before - waiting,
            waiting,
            picture,
            checkpoint,
        },
        summary.seconds,
    ))
}

/// Prints the shares.
pub(crate) fn run(arguments: &[String]) -> Result<(), Box<dyn Error>> {
    let rounds: usize = arguments.first().map_or(Ok(7), |v| v.parse())?;
    let scratch = Scratch::new()?;
    let recipe = Recipe::named("dcgan-portraits")?;
    let usual = recipe.train()?;
    let every = STEPS.to_string();
    let recipe = recipe
        .with("train.sample_every", &every)?
        .with("train.checkpoint_every", &every)?;
    let device = Device::flex().autodiff();
    let (info, batches) = prepared("portraits")?;
    let mut alone = Steps::new(recipe.build(&info, &device, Key::new(0))?, batches);
    let mut trainer = Trainer::create(recipe, &scratch.0.join("run"), &device)?;
    let (mut all, mut lone, mut seconds) = (vec![], vec![], 0.0);
    for round in 0..=rounds {
        let (r, now) = train(&mut trainer, seconds)?;
        seconds = now;
        let start = Instant::now();
        for _ in 0..STEPS {
            alone.next()?;
        }
        // The first round, with its two pictures and cold memory, does not count.
        if round > 0 {
            lone.push(start.elapsed().as_secs_f64() * 1e3 / STEPS as f64);
            all.push(r);
        }
    }
    report(&all, median(lone), usual.sample_every, usual.checkpoint_every);
    Ok(())
}

fn report(all: &[Round], lone: f64, sample_every: u64, checkpoint_every: u64) {
    let of = |f: fn(&Round) -> f64| median(all.iter().map(|r| f(r) * 1e3).collect());
    let step = of(|r| r.model) / STEPS as f64;
    let waiting = of(|r| r.waiting) / STEPS as f64;
    let rest = of(|r| r.all - r.model - r.waiting - r.picture - r.checkpoint) / STEPS as f64;
    let (picture, checkpoint) = (of(|r| r.picture), of(|r| r.checkpoint));
    let spread = picture / sample_every as f64 + checkpoint / checkpoint_every as f64;
    let share = |extra: f64| 100.0 * extra / (step + extra);
    println!(
        "overhead, DCGAN-64: the model's step {step:.1} ms ({lone:.1} with no loader beside it), waiting for data {waiting:.3}, logging and the rest {rest:.3}: {:.2} % of the time",
        share(waiting + rest)
    );
    println!(
        "a picture {picture:.0} ms every {sample_every} steps, a checkpoint {checkpoint:.0} ms every {checkpoint_every}: with them {:.2} %",
        share(waiting + rest + spread)
    );
}
