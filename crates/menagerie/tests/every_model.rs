//! One harness, all models: whatever is registered is tested here.
use menagerie::data::{Batch, DataInfo, Kind, Loader};
use menagerie::models::{self, Capability, Entry, Model, Purpose, SampleRequest, registry};
use menagerie::recipe::Recipe;
use menagerie::run::{Checkpoint, Run, Trainer, steps};
use menagerie::train::Tensors;
use menagerie::{Device, Key};
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::atomic::AtomicBool;

/// The device under test: the CPU, unless MENAGERIE_TEST_DEVICE names one that this build has.
fn device() -> Device {
    match std::env::var("MENAGERIE_TEST_DEVICE").as_deref() {
        #[cfg(feature = "wgpu")]
        Ok("wgpu") => Device::wgpu(Default::default()).autodiff(),
        _ => Device::flex().autodiff(),
    }
}

/// A model's smallest recipe, on each kind of data that it takes.
fn recipes(entry: &Entry) -> Vec<Recipe> {
    let tiny = |source: &str| {
        let mut r = Recipe::parse(&format!("[model]\nname = \"{}\"", entry.name), entry.name).unwrap();
        let fixed = [("data.source", source), ("train.batch", "8"), ("train.samples", "4"), ("train.seed", "3")];
        let all: Vec<(String, String)> = fixed.iter().chain(entry.tiny).map(|(k, v)| (k.to_string(), v.to_string())).collect();
        r.set_all(&all).unwrap_or_else(|e| panic!("{}: {e}", entry.name));
        r
    };
    let all: Vec<Recipe> = entry.data.iter().map(|source| tiny(source)).collect();
    assert!(!all.is_empty(), "{} names no data to be tested on", entry.name);
    all
}

fn build(recipe: &Recipe, seed: u64) -> menagerie::Result<(Box<dyn Model>, DataInfo)> {
    let info = recipe.data()?.open()?.dataset.info().clone();
    Ok((models::build(recipe, &info, &device(), Key::new(seed))?, info))
}

fn batches(recipe: &Recipe, model: &dyn Model, step: u64) -> Vec<Batch> {
    let n = model.batches_per_step();
    let dataset = recipe.data().unwrap().open().unwrap().dataset;
    let mut loader = Loader::new(dataset, 8, Key::new(1), step * 8 * n as u64, 1).unwrap();
    (0..n).map(|_| loader.next().unwrap()).collect()
}

fn train(recipe: &Recipe, model: &mut dyn Model, from: u64, to: u64) {
    for s in from..to {
        let report = model.step(&batches(recipe, model, s), Key::new(2).step(s), true).unwrap();
        assert!(report.scalars.iter().all(|(n, v)| v.is_finite() && !n.is_empty()), "{:?}", report.scalars);
        assert!(report.scalars.iter().any(|(n, _)| n.starts_with("loss/")), "a loss is reported");
    }
}

fn parts(model: &dyn Model) -> BTreeMap<String, Tensors> {
    model.save().into_iter().map(|(name, part)| (name, part())).collect()
}

/// Every model, or those that MENAGERIE_TEST_MODELS names.
fn each(test: impl Fn(&Entry, &Recipe)) {
    let only = std::env::var("MENAGERIE_TEST_MODELS").unwrap_or_default();
    let chosen = |name: &str| only.is_empty() || only.split(',').any(|o| o == name);
    for entry in registry().iter().filter(|e| chosen(e.name)) {
        for recipe in recipes(entry) {
            eprintln!("{} on {}", entry.name, recipe.data().unwrap().source);
            test(entry, &recipe);
        }
    }
}

#[test]
fn the_registry_says_what_is_true() {
    let mut names: Vec<&str> = registry().iter().map(|e| e.name).collect();
    names.sort();
    names.dedup();
    assert_eq!(names.len(), registry().len(), "names are unique");
    each(|entry, recipe| {
        assert_eq!(Recipe::named(entry.recipe).unwrap().model_name(), entry.name);
        let (model, _) = build(recipe, 0).unwrap();
        for c in Capability::ALL {
            assert_eq!(entry.capabilities.contains(c), c.of(&*model), "{}: {}", entry.name, c.name());
        }
        assert!(model.networks().iter().all(|n| n.parameters > 0 && n.activations > 0));
    });
}

#[test]
fn three_steps_change_every_trainable_parameter() {
    each(|entry, recipe| {
        let (mut model, _) = build(recipe, 0).unwrap();
        let before = parts(&*model);
        train(recipe, &mut *model, 0, 3);
        let after = parts(&*model);
        for network in model.networks() {
            let (old, new) = (&before[network.name].arrays, &after[network.name].arrays);
            assert!(old.keys().eq(new.keys()));
            for (name, (_, values)) in old {
                assert!(new[name].1.iter().all(|v| v.is_finite()), "{} {name} is finite", entry.name);
                assert_ne!(&new[name].1, values, "{}: {}.{name} has not moved", entry.name, network.name);
            }
        }
    });
}

#[test]
fn a_checkpoint_gives_the_same_model_back() {
    each(|entry, recipe| {
        let (mut model, _) = build(recipe, 0).unwrap();
        train(recipe, &mut *model, 0, 2);
        let saved = parts(&*model);
        let read = |name: &str| Tensors::from_bytes(&saved[name].to_bytes()?);
        let (mut other, _) = build(recipe, 99).unwrap();
        other.load(&read, Purpose::Train).unwrap();
        assert_eq!(parts(&*other), saved, "{}", entry.name);
        // both go on to the same weights
        train(recipe, &mut *model, 2, 4);
        train(recipe, &mut *other, 2, 4);
        assert_eq!(parts(&*other), parts(&*model), "{}", entry.name);
    });
}

#[test]
fn samples_are_right_and_repeatable() {
    each(|entry, recipe| {
        let (mut model, info) = build(recipe, 0).unwrap();
        train(recipe, &mut *model, 0, 2);
        let Some(sampler) = model.as_sample() else { return };
        let request = SampleRequest::new(7, Key::new(5));
        let a = sampler.sample(&request).unwrap();
        assert_eq!(a.shape, [&[7], &info.shape[..]].concat());
        assert_eq!(a.values.len(), a.shape.iter().product::<usize>());
        assert!(a.values.iter().all(|v| v.is_finite() && (info.kind != Kind::Image || v.abs() <= 1.0)));
        assert_eq!(sampler.sample(&request).unwrap(), a);
        let few = sampler.sample(&SampleRequest::new(3, Key::new(5))).unwrap();
        assert_eq!(few.values[..], a.values[..few.values.len()], "{}: a shorter draw is a prefix", entry.name);
        assert_ne!(sampler.sample(&SampleRequest::new(7, Key::new(6))).unwrap().values, a.values);
        let wrong = SampleRequest { label: Some(1_000_000), ..request };
        assert!(sampler.sample(&wrong).is_err(), "an unknown class is refused");
        // Loading for use alone gives the same samples.
        let saved = parts(&*model);
        let (mut other, _) = build(recipe, 98).unwrap();
        other.load(&|n| Ok(saved[n].clone()), Purpose::Use).unwrap();
        assert_eq!(other.as_sample().unwrap().sample(&request).unwrap(), a, "{}", entry.name);
    });
}

#[test]
fn decoders_accept_every_prior_sample() {
    each(|entry, recipe| {
        let (model, info) = build(recipe, 0).unwrap();
        let Some(space) = model.as_latent_space() else { return };
        let z = space.prior(5, Key::new(1));
        assert_eq!(z.dims(), [5, space.latent()]);
        let x = space.decode(z.clone() * 10.0).unwrap();
        assert_eq!(x.shape, [&[5], &info.shape[..]].concat());
        assert!(x.values.iter().all(|v| v.is_finite()));
        assert!(space.decode(z.slice([0..5, 0..1])).is_err() || space.latent() == 1, "{}: a latent of another size is refused", entry.name);
    });
}

/// Trains in a run folder to `to`, resuming what is there.
fn run(path: &Path, recipe: &Recipe, to: u64) {
    let stop = AtomicBool::new(false);
    let mut trainer = match path.exists() {
        true => Trainer::resume(path, Some(to), &device()).unwrap(),
        false => Trainer::create(recipe.clone().with("train.steps", &to.to_string()).unwrap(), path, &device()).unwrap(),
    };
    let summary = trainer.train(&stop, &mut |_| {}).unwrap();
    assert_eq!((summary.step, summary.interrupted), (to, false));
}

#[test]
fn interrupted_and_resumed_equals_never_interrupted() {
    each(|entry, recipe| {
        let dir = tempfile::tempdir().unwrap();
        let mut recipe = recipe.clone();
        recipe.set_all(&[("train.checkpoint_every".into(), "2".into()), ("train.log_every".into(), "1".into())]).unwrap();
        let (whole, halves) = (dir.path().join("whole"), dir.path().join("halves"));
        run(&whole, &recipe, 6);
        run(&halves, &recipe, 3);
        run(&halves, &recipe, 6);
        let last = |p: &Path| Checkpoint::open(&p.join("checkpoints/000006")).unwrap();
        let (a, b) = (last(&whole), last(&halves));
        assert_eq!(a.state.files, b.state.files, "{}: sizes and checksums of every file", entry.name);
        assert_eq!((a.state.cursor, a.state.images), (b.state.cursor, b.state.images));
        assert_eq!(steps(&whole.join("checkpoints")), [2, 4, 6]);
        let numbers = |p: &Path| {
            let mut lines = menagerie::run::read_metrics(&p.join("metrics.jsonl")).unwrap();
            lines.iter_mut().for_each(|l| drop(l.remove("seconds")));
            lines
        };
        assert_eq!(numbers(&whole).len(), 6);
        assert_eq!(numbers(&whole), numbers(&halves), "{}", entry.name);
        // The run folder alone is enough to sample from.
        let (model, checkpoint, warnings) = Run::open(&whole).unwrap().model(None, &Device::flex()).unwrap();
        assert_eq!((checkpoint.state.step, warnings.len()), (6, 0));
        assert!(model.as_sample().is_none_or(|s| s.sample(&SampleRequest::new(2, Key::new(0))).is_ok()));
        assert!(whole.join("index.html").exists() && whole.join("curves.png").exists() && whole.join("samples/000006.png").exists());
    });
}

#[test]
fn a_damaged_checkpoint_is_passed_over() {
    let entry = &registry()[0];
    let recipe = recipes(entry).remove(0).with("train.checkpoint_every", "2").unwrap();
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("run");
    run(&path, &recipe, 4);
    let straight = Checkpoint::open(&path.join("checkpoints/000004")).unwrap().state.files;
    let victim = path.join("checkpoints/000004/generator.safetensors");
    let mut bytes = std::fs::read(&victim).unwrap();
    let middle = bytes.len() - 3;
    bytes[middle] ^= 0x10;
    std::fs::write(&victim, bytes).unwrap();
    let r = Run::open(&path).unwrap();
    let (_, checkpoint, warnings) = r.model(None, &Device::flex()).unwrap();
    assert_eq!(checkpoint.state.step, 2);
    assert!(warnings[0].contains("000004") && warnings[0].contains("checksum"), "{warnings:?}");
    // Going on from the older one leads to the same weights.
    run(&path, &recipe, 4);
    assert_eq!(Checkpoint::open(&path.join("checkpoints/000004")).unwrap().state.files, straight);
    // With every checkpoint damaged, the answer names them all.
    for step in [2, 4] {
        std::fs::write(path.join(format!("checkpoints/{step:06}/state.json")), "{").unwrap();
    }
    let e = r.checkpoint(None).unwrap_err().to_string();
    assert!(e.contains("no checkpoint is whole") && e.contains("checkpoint 2") && e.contains("checkpoint 4"), "{e}");
}
