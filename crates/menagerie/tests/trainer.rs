//! The loop by its mathematics: a run is the model stepped through permutations of the data, whatever the threads, and
//! wherever it was interrupted.
use menagerie::data::Batch;
use menagerie::models::Model;
use menagerie::nn::Tensors;
use menagerie::recipe::Recipe;
use menagerie::run::{Checkpoint, Trainer, read_metrics};
use menagerie::{Device, Key};
use std::path::Path;
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};

const SEED: u64 = 11;
const BATCH: u64 = 30;
/// Three epochs and a tenth of 100 items: batches 3, 6 and 10 straddle two epochs.
const STEPS: u64 = 11;

fn recipe() -> Recipe {
    let mut recipe = Recipe::parse("[model]\nname = \"gan\"", "gan").unwrap();
    let settings = [
        ("data.source", "digits"),
        ("data.limit", "100"),
        ("train.batch", "30"),
        ("train.seed", "11"),
        ("train.steps", "11"),
        ("train.log_every", "1"),
        ("train.samples", "4"),
        ("model.width", "16"),
    ];
    let settings = settings.map(|(k, v)| (k.to_string(), v.to_string()));
    recipe.set_all(&settings).unwrap();
    recipe
}

fn device() -> Device {
    Device::flex().autodiff()
}

fn last(run: &Path) -> Checkpoint {
    Checkpoint::open(&run.join(format!("checkpoints/{STEPS:06}"))).unwrap()
}

fn trained(path: &Path) -> Checkpoint {
    let mut trainer = Trainer::create(recipe(), path, &device()).unwrap();
    trainer.train(&AtomicBool::new(false), &mut |_| {}).unwrap();
    last(path)
}

/// The model stepped by hand: item n of the stream is item `permutation(n / count)[n % count]` of the data, and every key is
/// derived from the seed by name.
#[test]
fn a_run_is_the_model_stepped_through_permutations_of_the_data() {
    let dir = tempfile::tempdir().unwrap();
    let run = dir.path().join("run");
    let checkpoint = trained(&run);
    let recipe = recipe();
    let data = recipe.data().unwrap().open().unwrap().dataset;
    let root = Key::new(SEED);
    let mut model = recipe.build(data.info(), &device(), root.stream("init")).unwrap();
    let each = model.batches_per_step() as u64;
    let epochs: Vec<Vec<u32>> = (0..4 * each)
        .map(|e| root.stream("data").stream("order").step(e).permutation(100))
        .collect();
    let item = |n: u64| epochs[(n / 100) as usize][(n % 100) as usize];
    for step in 1..=STEPS {
        let first = |b: u64| ((step - 1) * each + b) * BATCH;
        let items = |b: u64| (first(b)..first(b) + BATCH).map(item).collect::<Vec<u32>>();
        let batches: Vec<Batch> = (0..each).map(|b| Batch::of(&*data, &items(b)).unwrap()).collect();
        model
            .step(&batches, root.stream("train").step(step), false)
            .unwrap();
    }
    same(&*model, &checkpoint);
    let state = &checkpoint.state;
    assert_eq!(
        (state.step, state.cursor, state.images),
        (STEPS, STEPS * each * BATCH, STEPS * each * BATCH)
    );
    let lines = read_metrics(&run.join("metrics.jsonl")).unwrap();
    let images: Vec<u64> = lines.iter().map(|l| l["images"].as_u64().unwrap()).collect();
    assert_eq!(
        images,
        (1..=STEPS).map(|s| s * each * BATCH).collect::<Vec<u64>>()
    );
}

/// Every array of every file is the model's, to the bit.
fn same(model: &dyn Model, checkpoint: &Checkpoint) {
    let parts = model.save();
    assert!(!parts.is_empty());
    for (name, part) in parts {
        let (ours, theirs): (Tensors, Tensors) = (part(), checkpoint.part(&name).unwrap());
        assert!(ours.arrays == theirs.arrays, "{name}");
    }
}

/// Stopped after 4 steps, 20 items into the second epoch, and after 7, 10 into the third.
#[test]
fn a_run_goes_on_in_the_middle_of_an_epoch() {
    let dir = tempfile::tempdir().unwrap();
    let (whole, parts) = (trained(&dir.path().join("whole")), dir.path().join("parts"));
    let stop_at = |trainer: &mut Trainer, at: u64| {
        let stop = AtomicBool::new(false);
        let mut steps = trainer.step();
        let summary = trainer.train(&stop, &mut |event| {
            if matches!(event, menagerie::run::Event::Step { .. }) {
                steps += 1;
                stop.store(steps == at, Ordering::Relaxed);
            }
        });
        summary.unwrap()
    };
    let mut trainer = Trainer::create(recipe(), &parts, &device()).unwrap();
    assert!(stop_at(&mut trainer, 4).interrupted);
    drop(trainer);
    for (at, interrupted) in [(7, true), (STEPS, false)] {
        let mut trainer = Trainer::resume(&parts, None, &device()).unwrap();
        assert_eq!(stop_at(&mut trainer, at).interrupted, interrupted);
    }
    assert_eq!(last(&parts).state.files, whole.state.files);
}

/// Trains once and prints the checksums: in a process of its own, since the number of threads is settled at its first kernel.
#[test]
#[ignore = "run by bits_do_not_depend_on_the_number_of_threads"]
fn one_run() {
    let dir = tempfile::tempdir().unwrap();
    println!("checksums: {:?}", trained(&dir.path().join("run")).state.files);
}

#[test]
fn bits_do_not_depend_on_the_number_of_threads() {
    let dir = tempfile::tempdir().unwrap();
    let here = format!("{:?}", trained(&dir.path().join("run")).state.files);
    for threads in ["1", "2", "5"] {
        let out = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "one_run", "--ignored", "--nocapture"])
            .env("MENAGERIE_THREADS", threads)
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&out.stdout);
        assert!(
            said.contains(&format!("checksums: {here}")),
            "{threads} threads: {said}"
        );
    }
}
