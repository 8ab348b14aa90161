//! One harness, all models: whatever is registered is tested here.
use menagerie::data::{Batch, DataInfo, Kind, Loader};
use menagerie::models::{Capability, Entry, Features, Model, Purpose, SampleRequest, registry};
use menagerie::nn::Tensors;
use menagerie::recipe::Recipe;
use menagerie::run::{Checkpoint, Run, Trainer, steps};
use menagerie::{Device, Key};
use std::collections::{BTreeMap, BTreeSet};
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
        let fixed = [
            ("data.source", source),
            ("train.batch", "8"),
            ("train.samples", "4"),
            ("train.seed", "3"),
        ];
        let all: Vec<(String, String)> = fixed
            .iter()
            .chain(entry.tiny)
            .map(|(k, v)| (k.to_string(), v.to_string()))
            .collect();
        r.set_all(&all).unwrap_or_else(|e| panic!("{}: {e}", entry.name));
        r
    };
    let all: Vec<Recipe> = entry.data.iter().map(|source| tiny(source)).collect();
    assert!(!all.is_empty(), "{} names no data to be tested on", entry.name);
    all
}

fn build(recipe: &Recipe, seed: u64) -> menagerie::Result<(Box<dyn Model>, DataInfo)> {
    let info = recipe.data()?.open()?.dataset.info().clone();
    Ok((recipe.build(&info, &device(), Key::new(seed))?, info))
}

fn batches(recipe: &Recipe, model: &dyn Model, step: u64) -> Vec<Batch> {
    let n = model.batches_per_step();
    let dataset = recipe.data().unwrap().open().unwrap().dataset;
    let mut loader = Loader::new(dataset, 8, Key::new(1), step * 8 * n as u64, 1).unwrap();
    (0..n).map(|_| loader.next().unwrap()).collect()
}

fn train(recipe: &Recipe, model: &mut dyn Model, from: u64, to: u64) {
    for s in from..to {
        let report = model
            .step(&batches(recipe, model, s), Key::new(2).step(s), true)
            .unwrap();
        assert!(
            report.scalars.iter().all(|(n, v)| v.is_finite() && !n.is_empty()),
            "{:?}",
            report.scalars
        );
        assert!(
            report.scalars.iter().any(|(n, _)| n.starts_with("loss/")),
            "a loss is reported"
        );
    }
}

fn parts(model: &dyn Model) -> BTreeMap<String, Tensors> {
    model
        .save()
        .into_iter()
        .map(|(name, part)| (name, part()))
        .collect()
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
            assert_eq!(
                entry.capabilities.contains(c),
                c.of(&*model),
                "{}: {}",
                entry.name,
                c.name()
            );
        }
        assert!(
            model
                .networks()
                .iter()
                .all(|n| n.parameters > 0 && n.activations > 0)
        );
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
                assert!(
                    new[name].1.iter().all(|v| v.is_finite()),
                    "{} {name} is finite",
                    entry.name
                );
                // The hinge pushes the score's bias up by data and down by samples, alike while all are within the margin.
                // A unit vector of one number is 1.
                if name == "score.bias" || (name.ends_with("spectral.left") && values.len() == 1) {
                    continue;
                }
                let moved = &new[name].1 != values;
                // Numbers that belong to a network but are never trained are called `fixed_...`.
                let fixed = name.rsplit('.').next().is_some_and(|n| n.starts_with("fixed_"));
                assert_eq!(moved, !fixed, "{}: {}.{name}", entry.name, network.name);
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
        assert!(a.values.iter().all(|v| v.is_finite()
            && (!matches!(info.kind, Kind::Image | Kind::Video | Kind::Pair) || v.abs() <= 1.0)));
        assert_eq!(sampler.sample(&request).unwrap(), a);
        let few = sampler.sample(&SampleRequest::new(3, Key::new(5))).unwrap();
        assert_eq!(
            few.values[..],
            a.values[..few.values.len()],
            "{}: a shorter draw is a prefix",
            entry.name
        );
        assert_ne!(
            sampler
                .sample(&SampleRequest::new(7, Key::new(6)))
                .unwrap()
                .values,
            a.values
        );
        let wrong = SampleRequest {
            label: Some(1_000_000),
            ..request
        };
        assert!(sampler.sample(&wrong).is_err(), "an unknown class is refused");
        let cold = sampler.sample(&SampleRequest {
            temperature: 0.2,
            ..request
        });
        assert!(
            cold.is_err() || cold.is_ok_and(|s| s != a),
            "{}: a temperature is refused or heeded",
            entry.name
        );
        // Loading for use alone gives the same samples.
        let saved = parts(&*model);
        let (mut other, _) = build(recipe, 98).unwrap();
        other.load(&|n| Ok(saved[n].clone()), Purpose::Use).unwrap();
        assert_eq!(
            other.as_sample().unwrap().sample(&request).unwrap(),
            a,
            "{}",
            entry.name
        );
    });
}

#[test]
fn decoders_accept_every_prior_sample() {
    each(|entry, recipe| {
        let (model, info) = build(recipe, 0).unwrap();
        let Some(space) = model.as_latent_space() else {
            return;
        };
        let z = space.prior(5, Key::new(1));
        assert_eq!(z.dims(), [5, space.latent()]);
        let x = space.decode(z.clone() * 10.0).unwrap();
        assert_eq!(x.shape, [&[5], &info.shape[..]].concat());
        assert!(x.values.iter().all(|v| v.is_finite()));
        assert!(
            space.decode(z.slice([0..5, 0..1])).is_err() || space.latent() == 1,
            "{}: a latent of another size is refused",
            entry.name
        );
    });
}

/// A few steps of training, and a batch of the recipe's data for the model to answer about.
fn trained(recipe: &Recipe) -> (Box<dyn Model>, Batch, Batch) {
    let (mut model, _) = build(recipe, 0).unwrap();
    train(recipe, &mut *model, 0, 2);
    let dataset = recipe.data().unwrap().open().unwrap().dataset;
    let batch = Batch::of(&*dataset, &[4, 0, 7, 2, 9]).unwrap();
    let part = Batch::of(&*dataset, &[7, 4]).unwrap();
    (model, batch, part)
}

/// The batch with one number more in every item's last axis: a shape no model was built for.
fn misshapen(batch: &Batch) -> Batch {
    let mut b = batch.clone();
    let last = b.shape.len() - 1;
    let width = b.shape[last];
    b.values = b
        .values
        .chunks(width)
        .flat_map(|v| v.iter().copied().chain([0.0]))
        .collect();
    b.shape[last] += 1;
    b
}

/// Figures of items 7 and 4 do not depend on the batch they are in, up to the rounding of sums in another order.
fn same_in_any_batch(name: &str, all: &[f64], part: &[f64]) {
    for (a, b) in [(all[2], part[0]), (all[0], part[1])] {
        assert!(
            (a - b).abs() <= 1e-4 * (1.0 + a.abs()),
            "{name}: {a} in one batch, {b} in another"
        );
    }
}

#[test]
fn likelihoods_belong_to_items() {
    each(|entry, recipe| {
        let (model, batch, part) = trained(recipe);
        let Some(l) = model.as_log_likelihood() else {
            return;
        };
        let key = Key::new(8);
        let all = l.log_likelihood(&batch, key).unwrap();
        assert!(
            all.len() == 5 && all.iter().all(|v| v.is_finite()),
            "{}: {all:?}",
            entry.name
        );
        assert_eq!(
            l.log_likelihood(&batch, key).unwrap(),
            all,
            "{}: repeatable",
            entry.name
        );
        same_in_any_batch(entry.name, &all, &l.log_likelihood(&part, key).unwrap());
        assert!(l.dimensions() > 0 && l.dimensions() <= batch.shape[1..].iter().product());
        assert!(
            l.log_likelihood(&misshapen(&batch), key).is_err(),
            "{}: another shape is refused",
            entry.name
        );
    });
}

#[test]
fn bounds_belong_to_items_and_rise_with_more_samples() {
    each(|entry, recipe| {
        let (model, batch, part) = trained(recipe);
        let Some(e) = model.as_evidence_bound() else {
            return;
        };
        let key = Key::new(8);
        let all = e.evidence_bound(&batch, 1, key).unwrap();
        assert!(
            all.len() == 5 && all.iter().all(|v| v.is_finite()),
            "{}: {all:?}",
            entry.name
        );
        same_in_any_batch(entry.name, &all, &e.evidence_bound(&part, 1, key).unwrap());
        let mean = |k: usize, draws: u64| {
            let all = (0..draws).flat_map(|d| e.evidence_bound(&batch, k, key.step(d)).unwrap());
            all.sum::<f64>() / (5 * draws) as f64
        };
        let (one, many) = (mean(1, 16), mean(64, 1));
        assert!(
            many >= one - 1e-3 * one.abs(),
            "{}: E log of a mean of 64 weights {many} is below that of one {one}",
            entry.name
        );
        assert!(e.dimensions() > 0);
        assert!(
            e.evidence_bound(&misshapen(&batch), 1, key).is_err(),
            "{}: another shape is refused",
            entry.name
        );
    });
}

#[test]
fn encoders_give_what_decoders_take() {
    each(|entry, recipe| {
        let (model, batch, _) = trained(recipe);
        let Some(encoder) = model.as_encode() else { return };
        let z = encoder.encode(&batch).unwrap();
        assert_eq!(z.dims()[0], 5);
        assert!(
            z.clone()
                .into_data()
                .as_slice::<f32>()
                .unwrap()
                .iter()
                .all(|v| v.is_finite()),
            "{}",
            entry.name
        );
        if let Some(space) = model.as_latent_space() {
            assert_eq!(z.dims()[1], space.latent(), "{}", entry.name);
            assert_eq!(space.decode(z).unwrap().shape, batch.shape);
        }
        assert!(
            encoder.encode(&misshapen(&batch)).is_err(),
            "{}: another shape is refused",
            entry.name
        );
    });
}

#[test]
fn reconstructions_have_the_items_shape() {
    each(|entry, recipe| {
        let (model, batch, _) = trained(recipe);
        let Some(r) = model.as_reconstruct() else { return };
        let back = r.reconstruct(&batch, Key::new(3)).unwrap();
        for s in [Some(&back.output), back.shown.as_ref()].into_iter().flatten() {
            assert_eq!(
                (&s.shape, s.values.len()),
                (&batch.shape, batch.values.len()),
                "{}",
                entry.name
            );
            assert!(s.values.iter().all(|v| v.is_finite()), "{}", entry.name);
        }
        assert_eq!(
            r.reconstruct(&batch, Key::new(3)).unwrap().output,
            back.output,
            "{}: repeatable",
            entry.name
        );
        assert!(
            r.reconstruct(&misshapen(&batch), Key::new(3)).is_err(),
            "{}: another shape is refused",
            entry.name
        );
    });
}

#[test]
fn completions_keep_what_is_known() {
    each(|entry, recipe| {
        let (model, batch, _) = trained(recipe);
        let Some(c) = model.as_complete() else { return };
        // Points and sound have no width: every number or moment is a position.
        let positions: usize = if batch.shape.len() == 4 {
            batch.shape[1] * batch.shape[2]
        } else {
            batch.shape[1]
        };
        let whole = c.complete(&batch, &vec![true; positions], Key::new(1)).unwrap();
        assert_eq!(whole.shape, batch.shape);
        let known: Vec<bool> = (0..positions).map(|i| i % 3 != 1).collect();
        let filled = c.complete(&batch, &known, Key::new(1)).unwrap();
        let n: usize = batch.shape[1..].iter().product();
        let channels = n / positions;
        for (i, (a, b)) in filled.values.iter().zip(&whole.values).enumerate() {
            assert!(
                !known[i % n / channels] || a == b,
                "{}: number {i} was known to be {b}, came back as {a}",
                entry.name
            );
        }
        assert_eq!(
            c.complete(&batch, &known, Key::new(1)).unwrap(),
            filled,
            "{}: repeatable",
            entry.name
        );
        let none = vec![false; positions];
        assert_ne!(
            c.complete(&batch, &none, Key::new(1)).unwrap(),
            c.complete(&batch, &none, Key::new(2)).unwrap()
        );
        assert!(
            c.complete(&batch, &known[1..], Key::new(1)).is_err(),
            "{}: a mask of another size is refused",
            entry.name
        );
        assert!(
            c.complete(&misshapen(&batch), &known, Key::new(1)).is_err(),
            "{}: another shape is refused",
            entry.name
        );
    });
}

#[test]
fn predictions_belong_to_items() {
    each(|entry, recipe| {
        let (model, batch, part) = trained(recipe);
        let Some(p) = model.as_predict() else { return };
        let frames = if p.context() > 0 { 2 } else { 0 };
        // The first frames of a video are the condition; of other items, all of them.
        let given = |b: &Batch, n: usize| {
            let each: usize = b.shape[1..].iter().product();
            let kept = if p.context() > 0 {
                each / b.shape[1] * n
            } else {
                each
            };
            let mut b = b.clone();
            b.values = b.values.chunks(each).flat_map(|v| v[..kept].to_vec()).collect();
            if p.context() > 0 {
                b.shape[1] = n;
            }
            b
        };
        let (batch, part) = (given(&batch, p.context()), given(&part, p.context()));
        let all = p.predict(&batch, frames, Key::new(4)).unwrap();
        assert_eq!(
            (all.shape[0], all.values.len()),
            (5, all.shape.iter().product::<usize>()),
            "{}",
            entry.name
        );
        assert!(all.values.iter().all(|v| v.is_finite()), "{}", entry.name);
        assert!(
            frames == 0 || all.shape[1] == frames,
            "{}: as many frames as asked",
            entry.name
        );
        assert_eq!(
            p.predict(&batch, frames, Key::new(4)).unwrap(),
            all,
            "{}: repeatable",
            entry.name
        );
        assert_ne!(
            p.predict(&batch, frames, Key::new(5)).unwrap(),
            all,
            "{}: another key, another answer",
            entry.name
        );
        let few = p.predict(&part, frames, Key::new(4)).unwrap();
        let n = few.values.len() / 2;
        for (of_all, of_few) in [(2, 0), (0, 1)] {
            let (a, b) = (&all.values[of_all * n..][..n], &few.values[of_few * n..][..n]);
            assert!(
                a.iter().zip(b).all(|(a, b)| (a - b).abs() < 1e-3),
                "{}: the same in any batch",
                entry.name
            );
        }
        if let Some(shown) = p.condition(&batch).unwrap() {
            assert_eq!(shown.shape[0], 5);
        }
        assert!(
            p.predict(&misshapen(&batch), frames, Key::new(4)).is_err(),
            "{}: another shape is refused",
            entry.name
        );
        assert!(
            p.context() == 0 || p.predict(&given(&batch, 0), frames, Key::new(4)).is_err(),
            "{}: no frames",
            entry.name
        );
    });
}

/// Every layer has a name of its own and as many numbers for each item, the same in any batch.
fn layers_belong_to_items(name: &str, model: &dyn Features, batch: &Batch, part: &Batch) {
    let (all, few) = (model.layers(batch).unwrap(), model.layers(part).unwrap());
    let names: BTreeSet<&String> = all.iter().map(|l| &l.0).collect();
    assert!(!all.is_empty() && names.len() == all.len(), "{name}: {names:?}");
    assert_eq!(all.len(), few.len(), "{name}");
    for ((layer, all), (also, few)) in all.iter().zip(&few) {
        assert_eq!(layer, also, "{name}");
        let n = all.len() / 5;
        assert!(
            n > 0 && all.len() == 5 * n && few.len() == 2 * n,
            "{name}: {layer}"
        );
        // Items 7 and 4 are the batch's third and first.
        for (a, b) in [(2, 0), (0, 1)] {
            let pairs = all[a * n..][..n].iter().zip(&few[b * n..][..n]);
            let far = pairs
                .map(|(x, y)| (x - y).abs() / (1.0 + y.abs()))
                .fold(0.0, f32::max);
            assert!(far < 1e-3, "{name}: {layer}: {far}");
        }
    }
    assert!(
        model.layers(&misshapen(batch)).is_err(),
        "{name}: another shape is refused"
    );
}

#[test]
fn classifiers_give_probabilities_and_features_their_width() {
    each(|entry, recipe| {
        let (model, batch, part) = trained(recipe);
        assert!(
            model.labelled_batches() <= model.batches_per_step(),
            "{}",
            entry.name
        );
        if let Some(c) = model.as_classify() {
            let log = c.log_probabilities(&batch).unwrap();
            let classes = c.classes().len();
            assert_eq!(log.len(), 5 * classes, "{}", entry.name);
            for row in log.chunks(classes) {
                let sum: f64 = row.iter().map(|v| (*v as f64).exp()).sum();
                assert!(
                    (sum - 1.0).abs() < 1e-4,
                    "{}: probabilities sum to {sum}",
                    entry.name
                );
            }
            assert!(
                c.log_probabilities(&misshapen(&batch)).is_err(),
                "{}: another shape is refused",
                entry.name
            );
        }
        if let Some(f) = model.as_features() {
            let all = f.features(&batch).unwrap();
            assert!(
                all.len() == 5 * f.width() && all.iter().all(|v| v.is_finite()),
                "{}",
                entry.name
            );
            assert!(
                f.features(&misshapen(&batch)).is_err(),
                "{}: another shape is refused",
                entry.name
            );
            layers_belong_to_items(entry.name, f, &batch, &part);
        }
        if let Some(r) = model.as_read_attributes() {
            let all = r.attributes(&batch).unwrap();
            assert!(
                all.len() == 5 * r.names().len() && all.iter().all(|v| v.is_finite()),
                "{}",
                entry.name
            );
            assert!(
                r.attributes(&misshapen(&batch)).is_err(),
                "{}: another shape is refused",
                entry.name
            );
        }
    });
}

/// Trains in a run folder to `to`, resuming what is there.
fn run(path: &Path, recipe: &Recipe, to: u64) {
    let stop = AtomicBool::new(false);
    let mut trainer = match path.exists() {
        true => Trainer::resume(path, Some(to), &device()).unwrap(),
        false => Trainer::create(
            recipe.clone().with("train.steps", &to.to_string()).unwrap(),
            path,
            &device(),
        )
        .unwrap(),
    };
    let summary = trainer.train(&stop, &mut |_| {}).unwrap();
    assert_eq!((summary.step, summary.interrupted), (to, false));
}

#[test]
fn interrupted_and_resumed_equals_never_interrupted() {
    each(|entry, recipe| {
        let dir = tempfile::tempdir().unwrap();
        let mut recipe = recipe.clone();
        recipe
            .set_all(&[
                ("train.checkpoint_every".into(), "2".into()),
                ("train.log_every".into(), "1".into()),
            ])
            .unwrap();
        let (whole, halves) = (dir.path().join("whole"), dir.path().join("halves"));
        run(&whole, &recipe, 6);
        run(&halves, &recipe, 3);
        run(&halves, &recipe, 6);
        let last = |p: &Path| Checkpoint::open(&p.join("checkpoints/000006")).unwrap();
        let (a, b) = (last(&whole), last(&halves));
        assert_eq!(
            a.state.files, b.state.files,
            "{}: sizes and checksums of every file",
            entry.name
        );
        assert_eq!((a.state.cursor, a.state.images), (b.state.cursor, b.state.images));
        assert_eq!(steps(&whole.join("checkpoints")).unwrap(), [2, 4, 6]);
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
        assert!(
            model
                .as_sample()
                .is_none_or(|s| s.sample(&SampleRequest::new(2, Key::new(0))).is_ok())
        );
        assert!(
            whole.join("index.html").exists()
                && whole.join("curves.png").exists()
                && (whole.join("samples/000006.png").exists()
                    || !entry.capabilities.contains(&Capability::Sample))
        );
    });
}

#[test]
fn a_damaged_checkpoint_is_passed_over() {
    let entry = &registry()[0];
    let recipe = recipes(entry)
        .remove(0)
        .with("train.checkpoint_every", "2")
        .unwrap();
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("run");
    run(&path, &recipe, 4);
    let straight = Checkpoint::open(&path.join("checkpoints/000004"))
        .unwrap()
        .state
        .files;
    let victim = path.join("checkpoints/000004/generator.safetensors");
    let mut bytes = std::fs::read(&victim).unwrap();
    let middle = bytes.len() - 3;
    bytes[middle] ^= 0x10;
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
    assert_eq!(
        Checkpoint::open(&path.join("checkpoints/000004"))
            .unwrap()
            .state
            .files,
        straight
    );
    // With every checkpoint damaged, the answer names them all.
    for step in [2, 4] {
        std::fs::write(path.join(format!("checkpoints/{step:06}/state.json")), "{").unwrap();
    }
    let e = r.checkpoint(None).unwrap_err().to_string();
    assert!(
        e.contains("no checkpoint is whole") && e.contains("checkpoint 2") && e.contains("checkpoint 4"),
        "{e}"
    );
}
