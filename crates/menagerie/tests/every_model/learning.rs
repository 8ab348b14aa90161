//! Training, checkpoints and runs.
use crate::subject::{Subject, device, parts};
use menagerie::models::{Capability, Purpose, SampleRequest, registry};
use menagerie::nn::Tensors;
use menagerie::recipe::Recipe;
use menagerie::run::{Checkpoint, Run, Trainer, read_metrics, steps};
use menagerie::{Device, Key};
use std::path::Path;
use std::sync::atomic::AtomicBool;

pub(crate) fn steps_move_every_trainable_number(subject: &Subject) {
    let [before, _, after] = subject.course();
    let networks = subject.model().networks();
    for network in networks {
        let (old, new) = (&before[network.name].arrays, &after[network.name].arrays);
        assert!(old.keys().eq(new.keys()));
        for (name, (_, values)) in old {
            let place = format!("{}.{name}", network.name);
            assert!(new[name].1.iter().all(|v| v.is_finite()), "{place} is finite");
            // The hinge pushes the score's bias up by data and down by samples, alike while all are within the margin. A unit
            // vector of one number is 1.
            if name == "score.bias" || (name.ends_with("spectral.left") && values.len() == 1) {
                continue;
            }
            // Numbers that belong to a network but are never trained are called `fixed_...`.
            let fixed = name.rsplit('.').next().is_some_and(|n| n.starts_with("fixed_"));
            assert_eq!(&new[name].1 != values, !fixed, "{place}");
        }
    }
}

pub(crate) fn a_checkpoint_gives_the_same_model_back(subject: &Subject) {
    let [_, saved, later] = subject.course();
    let read = |name: &str| Tensors::from_bytes(&saved[name].to_bytes()?);
    let mut other = subject.build(99);
    other.load(&read, Purpose::Train).unwrap();
    assert!(parts(&*other) == *saved, "what is loaded is what was saved");
    subject.train(&mut *other, 2, 4);
    assert!(parts(&*other) == *later, "both go on to the same weights");
}

/// Trains in a run folder to `to`, resuming what is there.
fn run(path: &Path, recipe: &Recipe, to: u64) {
    let mut trainer = match path.exists() {
        true => Trainer::resume(path, Some(to), &device()).unwrap(),
        false => {
            let recipe = recipe.clone().with("train.steps", &to.to_string()).unwrap();
            Trainer::create(recipe, path, &device()).unwrap()
        }
    };
    let summary = trainer.train(&AtomicBool::new(false), &mut |_| {}).unwrap();
    assert_eq!((summary.step, summary.interrupted), (to, false));
}

pub(crate) fn interrupted_equals_never_interrupted(subject: &Subject) {
    let dir = tempfile::tempdir().unwrap();
    let mut recipe = subject.recipe();
    let often = [("train.checkpoint_every", "2"), ("train.log_every", "1")];
    recipe
        .set_all(&often.map(|(k, v)| (k.to_string(), v.to_string())))
        .unwrap();
    let (whole, halves) = (dir.path().join("whole"), dir.path().join("halves"));
    run(&whole, &recipe, 6);
    run(&halves, &recipe, 3);
    run(&halves, &recipe, 6);
    let last = |p: &Path| Checkpoint::open(&p.join("checkpoints/000006")).unwrap();
    let (a, b) = (last(&whole), last(&halves));
    assert_eq!(a.state.files, b.state.files, "sizes and checksums of every file");
    assert_eq!((a.state.cursor, a.state.images), (b.state.cursor, b.state.images));
    assert_eq!(steps(&whole.join("checkpoints")).unwrap(), [2, 4, 6]);
    let numbers = |p: &Path| {
        let mut lines = read_metrics(&p.join("metrics.jsonl")).unwrap();
        lines.iter_mut().for_each(|l| drop(l.remove("seconds")));

        lines
    };
    assert_eq!(numbers(&whole).len(), 6);
    assert_eq!(numbers(&whole), numbers(&halves));
    // The run folder alone is enough to sample from.
    let (model, checkpoint, warnings) = Run::open(&whole).unwrap().model(None, &Device::flex()).unwrap();
    assert_eq!((checkpoint.state.step, warnings.len()), (6, 0));
    if let Some(sampler) = model.as_sample() {
        sampler.sample(&SampleRequest::new(2, Key::new(0))).unwrap();
    }
    let made = |name: &str| whole.join(name).exists();
    assert!(made("index.html") && made("curves.png"));
    let pictured = [Capability::Sample, Capability::Translate]
        .iter()
        .any(|c| subject.entry.capabilities.contains(c));
    assert!(made("samples/000006.png") || !pictured);
}

/// Replicas that see different leaves of each batch stay the same, of which every checkpoint makes sure, and so does a run
/// that is resumed.
pub(crate) fn leaves_of_a_batch_learn_the_same(subject: &Subject) {
    let dir = tempfile::tempdir().unwrap();
    let mut recipe = subject.recipe();
    let often = [("train.checkpoint_every", "1"), ("train.leaves", "2")];
    recipe
        .set_all(&often.map(|(k, v)| (k.to_string(), v.to_string())))
        .unwrap();
    let (whole, halves) = (dir.path().join("whole"), dir.path().join("halves"));
    run(&whole, &recipe, 4);
    run(&halves, &recipe, 2);
    run(&halves, &recipe, 4);
    let last = |p: &Path| Checkpoint::open(&p.join("checkpoints/000004")).unwrap();
    assert_eq!(last(&whole).state.files, last(&halves).state.files);
}

pub(crate) fn a_damaged_checkpoint_is_passed_over() {
    let entry = registry()[0];
    let recipe = Subject::new(entry, entry.data[0]).recipe();
    let recipe = recipe.with("train.checkpoint_every", "2").unwrap();
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("run");
    run(&path, &recipe, 4);
    let newest = path.join("checkpoints/000004");
    let straight = Checkpoint::open(&newest).unwrap().state.files;
    let file = straight.keys().next().unwrap();
    let victim = newest.join(file);
    let mut bytes = std::fs::read(&victim).unwrap();
    let at = bytes.len() - 3;
    bytes[at] ^= 0x10;
    std::fs::write(&victim, bytes).unwrap();
    let r = Run::open(&path).unwrap();
    let (_, checkpoint, warnings) = r.model(None, &Device::flex()).unwrap();
    assert_eq!(checkpoint.state.step, 2);
    assert!(
        warnings[0].contains("000004") && warnings[0].contains("checksum"),
        "{warnings:?}"
    );
    // Going on from the older one leads to the same weights.
    run(&path, &recipe, 4);
    assert_eq!(Checkpoint::open(&newest).unwrap().state.files, straight);
    // With every checkpoint damaged, the answer names them all.
    for step in [2, 4] {
        std::fs::write(path.join(format!("checkpoints/{step:06}/state.json")), "{").unwrap();
    }
    let e = r.checkpoint(None).unwrap_err().to_string();
    for words in ["no checkpoint is whole", "checkpoint 2", "checkpoint 4"] {
        assert!(e.contains(words), "{e}");
    }
}
