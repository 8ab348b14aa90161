//! Likelihoods against independent truths, and inverses after training.
use super::*;
use crate::{Encode, LatentSpace, LogLikelihood, Model, Sample, SampleRequest};
use burn::tensor::Device;
use menagerie_data::random::Key;
use menagerie_data::{Batch, Dataset, Kind, Loader, Source};
use menagerie_nn::OptimizerConfig;
use menagerie_nn::flow::Transform;
use std::sync::Arc;

fn source(name: &str, split: &str, limit: usize) -> Arc<dyn Dataset> {
    Source {
        split: split.into(),
        limit,
        ..Source::parse(name)
    }
    .open()
    .unwrap()
    .dataset
}

fn train(model: &mut FlowModel, data: &Arc<dyn Dataset>, batch: usize, steps: u64) {
    let mut loader = Loader::new(data.clone(), batch, Key::new(1), 0, 1).unwrap();
    for step in 1..=steps {
        model
            .step(&[loader.next().unwrap()], Key::new(2).step(step), false)
            .unwrap();
    }
}

fn autodiff() -> Device {
    Device::flex().autodiff()
}

fn nvp(
    transform: Transform,
    couplings: usize,
    width: usize,
    optimizer: OptimizerConfig,
    average: f64,
) -> real_nvp::Config {
    let model = real_nvp::Sizes {
        coupling: transform,
        couplings,
        width,
        depth: 2,
        average,
        ..Default::default()
    };
    real_nvp::Config { model, optimizer }
}

/// The points of a grid over a square around 0, as a batch.
fn grid(side: f64, step: f64) -> Batch {
    let n = (2.0 * side / step).round() as i64;
    let at = |i: i64| (i as f64 * step - side) as f32;
    let values: Vec<f32> = (0..n * n).flat_map(|i| [at(i / n), at(i % n)]).collect();
    Batch {
        kind: Kind::Points,
        shape: vec![(n * n) as usize, 2],
        values,
        labels: None,
        attributes: vec![],
        captions: None,
        indices: (0..(n * n) as u32).collect(),
    }
}

/// exp(log_likelihood) summed over a fine grid is one, before training and after a little.
#[test]
fn densities_of_points_integrate_to_one() {
    let data = source("moons", "train", 2000);
    let fast = OptimizerConfig::adam(2e-3).clipped(1.0);
    let built = |c: real_nvp::Config| c.build(data.info(), &autodiff(), Key::new(3)).unwrap();
    let additive = nice::Sizes {
        width: 16,
        depth: 2,
        prior: Prior::Gaussian,
        ..Default::default()
    };
    let models = [
        (
            "nice",
            nice::Config {
                model: additive,
                optimizer: fast,
            }
            .build(data.info(), &autodiff(), Key::new(3))
            .unwrap(),
        ),
        ("real_nvp", built(nvp(Transform::Affine, 4, 16, fast, 0.0))),
        (
            "real_nvp with splines",
            built(nvp(Transform::Spline, 4, 16, fast, 0.9)),
        ),
    ];
    for (name, mut model) in models {
        for steps in [1, 60] {
            train(&mut model, &data, 64, steps);
            let (side, step) = (9.0, 0.06);
            let log_p = model.log_likelihood(&grid(side, step), Key::new(0)).unwrap();
            let mass = log_p.iter().map(|l| l.exp()).sum::<f64>() * step * step;
            assert!(
                (mass - 1.0).abs() < 1e-3,
                "{name}: mass {mass} after {steps} steps"
            );
        }
    }
}

/// With layers that turn and do nothing else, ln p of an image is known by hand: every level has width 1/256 in the flow's
/// units, where the prior is a standard normal around the middle of the range.
#[test]
fn the_constants_of_bits_per_dimension() {
    let data = source("digits", "train", 5);
    let model = glow::Config {
        model: glow::Sizes {
            width: 4,
            depth: 2,
            ..Default::default()
        },
        ..Default::default()
    };
    let model = model.build(data.info(), &Device::flex(), Key::new(1)).unwrap();
    let batch = Batch::of(&*data, &[3, 1]).unwrap();
    let key = Key::new(9);
    let log_p = model.log_likelihood(&batch, key).unwrap();
    let noise = dequantize::uniform(&batch, key);
    let levels = dequantize::levels_of(&batch);
    for (i, found) in log_p.iter().enumerate() {
        let each = levels.iter().zip(&noise).skip(64 * i).take(64).map(|(l, u)| {
            let z = (*l as f64 + *u as f64) / 256.0 - 0.5;
            -0.5 * z * z - 0.5 * std::f64::consts::TAU.ln() - 256f64.ln()
        });
        let truth: f64 = each.sum();
        assert!((found - truth).abs() < 1e-3, "{found}, by hand {truth}");
    }
    assert_eq!(model.dimensions(), 64);
}

/// Largest difference between images in the flow's units, [0, 256), and what comes back through the latents, over 256.
fn round_trip(model: &FlowModel, batch: &Batch) -> f64 {
    let shown: Vec<f32> = dequantize::levels_of(batch)
        .into_iter()
        .map(|v| v + 0.5)
        .collect();
    let back = model.items(model.encode(batch).unwrap()).unwrap();
    shown
        .iter()
        .zip(&back)
        .map(|(a, b)| (a - b).abs() as f64 / 256.0)
        .fold(0.0, f64::max)
}

/// At every depth up to the recipes', after some training with its learning rate, on images it has not seen.
#[test]
fn inverses_undo_on_real_images_after_training() {
    let (data, unseen) = (source("fashion", "train", 256), source("fashion", "test", 16));
    let batch = Batch::of(&*unseen, &(0..16).collect::<Vec<_>>()).unwrap();
    let check = |name: String, mut model: FlowModel| {
        train(&mut model, &data, 16, 12);
        let off = round_trip(&model, &batch);
        assert!(off < 1e-4, "{name}: off by {off:.1e}");
        assert_eq!(
            model.decode(model.encode(&batch).unwrap()).unwrap().values,
            batch.values,
            "{name}: the same levels"
        );
    };
    for depth in [1, 4, 8] {
        for coupling in [Transform::Affine, Transform::Additive] {
            let config = glow::Sizes {
                width: 16,
                depth,
                coupling,
                ..Default::default()
            };
            let config = glow::Config {
                model: config,
                ..Default::default()
            };
            check(
                format!("glow of depth {depth}, {coupling:?}"),
                config.build(data.info(), &autodiff(), Key::new(4)).unwrap(),
            );
        }
    }
    for levels in [1, 2] {
        let config = real_nvp::Sizes {
            width: 8,
            depth: 2,
            levels,
            ..Default::default()
        };
        let config = real_nvp::Config {
            model: config,
            ..Default::default()
        };
        check(
            format!("real_nvp of {levels} levels"),
            config.build(data.info(), &autodiff(), Key::new(4)).unwrap(),
        );
    }
    let config = nice::Sizes {
        width: 64,
        depth: 4,
        ..Default::default()
    };
    check(
        "nice".into(),
        nice::Config {
            model: config,
            ..Default::default()
        }
        .build(data.info(), &autodiff(), Key::new(4))
        .unwrap(),
    );
}

/// Noise that learns ends with a better bound than it began with, and is drawn for the item, whatever its batch.
#[test]
fn variational_dequantization_learns() {
    let data = source("digits", "train", 0);
    let config = glow::Sizes {
        width: 8,
        depth: 2,
        dequantization: Dequantization::Variational,
        ..Default::default()
    };
    let config = glow::Config {
        model: config,
        ..Default::default()
    };
    let mut model = config.build(data.info(), &autodiff(), Key::new(1)).unwrap();
    let batch = Batch::of(&*data, &(0..64).collect::<Vec<_>>()).unwrap();
    let mean = |m: &FlowModel| m.log_likelihood(&batch, Key::new(5)).unwrap().iter().sum::<f64>() / 64.0;
    train(&mut model, &data, 64, 1);
    let before = mean(&model);
    train(&mut model, &data, 64, 60);
    let after = mean(&model);
    assert!(after > before + 20.0, "{before} nats, then {after}");
    let one = model
        .log_likelihood(&Batch::of(&*data, &[7]).unwrap(), Key::new(5))
        .unwrap()[0];
    let all = model.log_likelihood(&batch, Key::new(5)).unwrap()[7];
    assert!((one - all).abs() < 1e-2, "{one} alone, {all} among others");
}

/// Eight narrow modes: the flow's cross-entropy on points it has not seen comes down to the true entropy.
#[test]
fn ring8_to_its_entropy() {
    let (data, unseen) = (source("ring8", "train", 0), source("ring8", "test", 4000));
    let optimizer = OptimizerConfig {
        learning_rate_decay: 0.996,
        ..OptimizerConfig::adam(5e-3).clipped(1.0)
    };
    let mut model = nvp(Transform::Spline, 4, 32, optimizer, 0.99)
        .build(data.info(), &autodiff(), Key::new(3))
        .unwrap();
    train(&mut model, &data, 256, 800);
    let batch = Batch::of(&*unseen, &(0..4000).collect::<Vec<_>>()).unwrap();
    let nats = model.log_likelihood(&batch, Key::new(0)).unwrap();
    let cross = -nats.iter().sum::<f64>() / nats.len() as f64;
    let entropy = data.density().unwrap().entropy();
    assert!(
        (cross - entropy).abs() < 0.2,
        "cross-entropy {cross:.3}, entropy {entropy:.3}"
    );
    // Temperature 0 draws the image of the prior's mode alone.
    let cold = SampleRequest {
        temperature: 0.0,
        ..SampleRequest::new(3, Key::new(1))
    };
    let cold = model.sample(&cold).unwrap().values;
    assert!(cold[..2] == cold[2..4] && cold[..2] == cold[4..]);
}

#[test]
fn what_does_not_fit_is_refused_in_one_line() {
    let message = |name: &str, size: [usize; 2], set: &[(&str, toml::Value)]| {
        let mut info = source("digits", "train", 5).info().clone();
        info.shape = vec![size[0], size[1], 1];
        let entry = crate::entry(name).unwrap();
        let mut settings = (entry.defaults)();
        for (key, value) in set {
            settings["model"][key] = value.clone();
        }
        match crate::build(entry, &settings, &info, &Device::flex(), Key::new(0)) {
            Ok(_) => panic!("{name} took {size:?} with {set:?}"),
            Err(e) => e.to_string(),
        }
    };
    assert!(message("glow", [30, 28], &[]).contains("cannot be halved 2 times, only 1"));
    assert!(message("real_nvp", [7, 7], &[]).contains("--size"));
    assert!(message("nice", [1, 1], &[]).contains("two numbers"));
    assert!(message("real_nvp", [8, 8], &[("margin", 0.5.into())]).contains("model.margin"));
    assert!(message("glow", [8, 8], &[("depth", 0.into())]).contains("depth"));
}
