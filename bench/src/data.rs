//! How long it takes to open a large set of small images, how fast its batches come, and whether a training waits for them.
use crate::command::Scratch;
use crate::peer;
use menagerie::Device;
use menagerie::data::{Loader, Source};
use menagerie::picture::image;
use menagerie::random::Key;
use menagerie::recipe::Recipe;
use menagerie::run::Trainer;
use std::error::Error;
use std::path::Path;
use std::sync::atomic::AtomicBool;
use std::time::Instant;

/// `data [FILES] [ROUNDS]`: makes a folder of PNG files of 32x32 beside the temporary files, opens it, removes it.
/// `data SOURCE [STEPS]`: opens a source, such as a folder of shards, and trains DCGAN-28 with it.
pub(crate) fn run(arguments: &[String]) -> Result<(), Box<dyn Error>> {
    if let Some(source) = arguments.first().filter(|a| a.parse::<usize>().is_err()) {
        return feed(source, arguments.get(1).map_or("200", String::as_str));
    }
    let number = |k: usize, usual: usize| arguments.get(k).map_or(Ok(usual), |a| a.parse::<usize>());
    let (files, rounds) = (number(0, 100_000)?, number(1, 7)?.max(1));
    let folder = std::env::temp_dir().join(format!("menagerie-bench-{}", std::process::id()));
    let result = fill(&folder, files).and_then(|()| measure(&folder, files, rounds));
    std::fs::remove_dir_all(&folder).ok();
    result
}

/// Faint clouds, so that files are as large as those of pictures.
fn fill(folder: &Path, files: usize) -> Result<(), Box<dyn Error>> {
    for n in 0..files {
        let mut draw = Key::new(n as u64).rng();
        let waves: Vec<f64> = (0..9).map(|_| draw.between(0.05, 0.6)).collect();
        let value = |y: usize, x: usize, c: usize| {
            ((waves[c] * y as f64).sin() * (waves[3 + c] * x as f64).cos() * waves[6 + c]) as f32
        };
        let values: Vec<f32> = (0..32 * 32 * 3)
            .map(|i| value(i / 96, i / 3 % 32, i % 3))
            .collect();
        let sub = folder.join(format!("{:02}", n % 10));
        let png = image(&values, [32, 32, 3]).png()?;
        std::fs::create_dir_all(&sub)?;
        std::fs::write(sub.join(format!("{n:06}.png")), png)?;
    }
    Ok(())
}

fn measure(folder: &Path, files: usize, rounds: usize) -> Result<(), Box<dyn Error>> {
    let source = Source::parse(&folder.display().to_string());
    let mut seconds = Vec::new();
    let busy = peer::processor_time();
    for _ in 0..rounds {
        let start = Instant::now();
        let opened = source.open()?;
        seconds.push(start.elapsed().as_secs_f64());
        if opened.dataset.info().count != files {
            return Err(format!("{} of {files} images were found", opened.dataset.info().count).into());
        }
    }
    let busy = (peer::processor_time() - busy) / 1e3 / rounds as f64;
    seconds.sort_by(f64::total_cmp);
    println!(
        "open {files} PNG files: median {:.3} s of {rounds} (longest {:.3} s), processor time {busy:.3} s",
        seconds[rounds / 2],
        seconds[rounds - 1]
    );
    let dataset = source.open()?.dataset;
    let batches = (files / 64).clamp(1, 300);
    let mut loader = Loader::new(dataset, 64.min(files), Key::new(1), 0, 2)?;
    let start = Instant::now();
    for _ in 0..batches {
        loader.next()?;
    }
    println!(
        "decode and batch, 2 workers: {:.0} images/s",
        (batches * 64.min(files)) as f64 / start.elapsed().as_secs_f64()
    );
    println!("peak resident memory: {:.0} MB", peer::peak_memory());
    Ok(())
}

/// How fast a source opens and gives its batches, and the share of a DCGAN-28 step that waits for them.
fn feed(source: &str, steps: &str) -> Result<(), Box<dyn Error>> {
    let start = Instant::now();
    let dataset = Source::parse(source).open()?.dataset;
    println!(
        "opened {} items in {:.3} s; peak resident memory {:.0} MB",
        dataset.info().count,
        start.elapsed().as_secs_f64(),
        peer::peak_memory()
    );
    let mut loader = Loader::new(dataset, 64, Key::new(1), 0, 2)?;
    let start = Instant::now();
    for _ in 0..300 {
        loader.next()?;
    }
    let rate = 300.0 * 64.0 / start.elapsed().as_secs_f64();
    println!(
        "decode and batch, 2 workers: {rate:.0} images/s; peak resident memory {:.0} MB",
        peer::peak_memory()
    );
    drop(loader);
    let recipe = Recipe::named("dcgan")?
        .with("data.source", &format!("{source:?}"))?
        .with("train.steps", steps)?
        .with("train.sample_every", steps)?
        .with("train.checkpoint_every", steps)?;
    let scratch = Scratch::new()?;
    let mut trainer = Trainer::create(recipe, &scratch.0.join("run"), &Device::flex().autodiff())?;
    let summary = trainer.train(&AtomicBool::new(false), &mut |_| {})?;
    println!(
        "DCGAN-28: {:.1} s for {steps} steps, of which {:.3} s ({:.2} %) waiting for data; peak resident memory {:.0} MB",
        summary.seconds,
        trainer.waited(),
        100.0 * trainer.waited() / summary.seconds,
        peer::peak_memory()
    );
    Ok(())
}
