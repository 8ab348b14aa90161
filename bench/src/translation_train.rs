//! pix2pix after the same steps of the same batches' size on the same pairs, ours and PyTorch's of the same networks: the mean absolute
//! error of held-out pairs, of pixels in [0, 1], and what the training took.
//!
//! ```text
//! menagerie-bench translation-train [STEPS] [SEED] [SIZE]     1500 steps of 8 outlines of painted faces, 32 pixels, width 32
//! ```
use crate::dcgan::Steps;
use crate::peer::{finished, processor_time};
use menagerie::data::picture::{halves, write_npy};
use menagerie::data::{Batch, DataInfo, Dataset, Kind, Loader, Source};
use menagerie::kernels::threads;
use menagerie::models::{Direction, Wish};
use menagerie::recipe::Recipe;
use menagerie::{Device, Key};
use std::error::Error;
use std::path::Path;
use std::sync::Arc;

const BATCH: usize = 8;
const WIDTH: usize = 32;
/// Pairs to learn from, and pairs to be judged by.
const PAIRS: [usize; 2] = [12_000, 500];

/// Trains both, one after the other.
pub(crate) fn run(arguments: &[String]) -> Result<(), Box<dyn Error>> {
    let number = |i: usize, usual| arguments.get(i).map_or(Ok(usual), |v: &String| v.parse());
    let (steps, seed, size) = (number(0, 1500)?, number(1, 0)? as u64, number(2, 32)?);
    let pairs = |split: &str, limit| {
        let source = Source {
            size: vec![size],
            split: split.into(),
            limit,
            ..Source::parse("portraits:edges")
        };
        source.open().map(|opened| opened.dataset)
    };
    let (learned, held_out) = (pairs("train", PAIRS[0])?, pairs("test", PAIRS[1])?);
    let all: Vec<u32> = (0..PAIRS[1] as u32).collect();
    let test = Batch::of(&*held_out, &all)?;
    let [given, truth] = sides(held_out.info(), &test);

    let begun = processor_time();
    let made = ours(learned.clone(), &given, steps, seed)?;
    let ours = (processor_time() - begun) / 1e3;
    println!(
        "L1 of {} held-out pairs after {steps} steps of {BATCH}, {size}x{size}, seed {seed}",
        PAIRS[1]
    );
    println!("left as given {:.4}", l1(&given.values, &truth.values));
    println!(
        "ours {:.4}, {ours:.0} s of the processor",
        l1(&made, &truth.values)
    );

    let folder = std::env::temp_dir().join(format!("menagerie-translation-{}", std::process::id()));
    std::fs::create_dir_all(&folder)?;
    let begun = std::time::Instant::now();
    let theirs = theirs(&folder, &*learned, &[&given, &truth], steps, seed);
    std::fs::remove_dir_all(&folder)?;
    let theirs = theirs?;
    println!(
        "PyTorch {:.4}, {:.0} s of the clock",
        l1(&theirs, &truth.values),
        begun.elapsed().as_secs_f64()
    );
    Ok(())
}

fn ours(learned: Arc<dyn Dataset>, given: &Batch, steps: usize, seed: u64) -> menagerie::Result<Vec<f32>> {
    let mut recipe = Recipe::named("pix2pix")?;
    let width = WIDTH.to_string();
    let keys = ["model.width", "critic.width"].map(|key| (key.to_string(), width.clone()));
    recipe.set_all(&keys)?;
    let key = Key::new(seed);
    let info = learned.info().clone();
    let model = recipe.build(&info, &Device::flex().autodiff(), key.stream("init"))?;
    let mut loader = Loader::new(learned, BATCH, key.stream("data"), 0, 1)?;
    let mut model = Steps::new(model, vec![]);
    for _ in 0..steps {
        model.of(&loader.next()?)?;
    }
    let model = model.model();
    let translator = model
        .as_translate()
        .ok_or_else(|| menagerie::models::Capability::Translate.missing("pix2pix"))?;
    let drawn = translator.translate(given, &Wish::side(Direction::AToB), key.stream("test"))?;
    Ok(drawn.values)
}

fn theirs(
    folder: &Path,
    learned: &dyn Dataset,
    [given, truth]: &[&Batch; 2],
    steps: usize,
    seed: u64,
) -> Result<Vec<f32>, Box<dyn Error>> {
    let [training, test, out] = ["training.npy", "test.npy", "out.npy"].map(|name| folder.join(name));
    let all: Vec<u32> = (0..learned.info().count as u32).collect();
    let pairs = Batch::of(learned, &all)?;
    let [a, b] = sides(learned.info(), &pairs);
    beside(&training, [&a, &b])?;
    beside(&test, [given, truth])?;
    let size = given.shape[1];
    let mut words = vec!["pix2pix".to_string()];
    words.extend([BATCH, threads(), size].map(|n| n.to_string()));
    words.push("train".into());
    words.extend([&training, &test, &out].map(|p| p.display().to_string()));
    words.extend([steps as u64, seed, WIDTH as u64].map(|n| n.to_string()));
    finished("translation_step.py", &words)?;
    let made = Source::parse(&out.to_string_lossy()).open()?.dataset;
    let all: Vec<u32> = (0..made.info().count as u32).collect();
    Ok(Batch::of(&*made, &all)?.values)
}

/// The images of both sides of pairs.
fn sides(info: &DataInfo, pairs: &Batch) -> [Batch; 2] {
    let both = halves(&pairs.values, info.shape[2]);
    let mut shape = pairs.shape.clone();
    shape[3] /= 2;
    let (a, b) = both.split_at(both.len() / 2);
    [a, b].map(|values| Batch {
        kind: Kind::Image,
        shape: shape.clone(),
        values: values.to_vec(),
        ..pairs.clone()
    })
}

/// Pairs as images of twice the width, in [0, 1].
fn beside(path: &Path, [a, b]: [&Batch; 2]) -> menagerie::Result<()> {
    let [n, h, w, c] = [0, 1, 2, 3].map(|i| a.shape[i]);
    let rows = a.values.chunks_exact(w * c).zip(b.values.chunks_exact(w * c));
    let values: Vec<f32> = rows
        .flat_map(|(a, b)| a.iter().chain(b))
        .map(|v| (v + 1.0) / 2.0)
        .collect();
    write_npy(path, &[n, h, 2 * w, c], &values)
}

fn l1(a: &[f32], b: &[f32]) -> f64 {
    let total: f64 = a.iter().zip(b).map(|(a, b)| f64::from((a - b).abs()) / 2.0).sum();
    total / a.len() as f64
}
