//! Machines so small that every state can be summed over.
use super::annealing::AnnealingConfig;
use super::{boltzmann, gsn, rbm};
use crate::{EvidenceBound, LogLikelihood, Model, Registered, Sample, SampleRequest};
use burn::tensor::Device;
use menagerie_data::random::Key;
use menagerie_data::{Batch, DataInfo, Kind};
use menagerie_nn::OptimizerConfig;
use menagerie_nn::levels::Binarization;

fn info(shape: [usize; 3]) -> DataInfo {
    DataInfo {
        source: "images made by hand".into(),
        kind: Kind::Image,
        shape: shape.to_vec(),
        count: 512,
        range: (0.0, 255.0),
        ..DataInfo::default()
    }
}

/// Images whose pixels are these bits, row by row.
fn images(shape: [usize; 3], codes: &[usize]) -> Batch {
    let n: usize = shape.iter().product();
    let pixel = |code: usize, i: usize| if code >> i & 1 == 1 { 1.0 } else { -1.0 };
    Batch {
        kind: Kind::Image,
        shape: [&[codes.len()], &shape[..]].concat(),
        values: codes
            .iter()
            .flat_map(|&c| (0..n).map(move |i| pixel(c, i)))
            .collect(),
        labels: None,
        attributes: vec![],
        captions: None,
        indices: (0..codes.len() as u32).collect(),
    }
}

/// Bars and stripes of 3 x 3: rows that are all on or off, or columns.
fn bars_and_stripes() -> Vec<usize> {
    let rows = (0..8usize).map(|r| (0..9).filter(|i| r >> (i / 3) & 1 == 1).map(|i| 1 << i).sum());
    let columns = (0..8usize).map(|c| (0..9).filter(|i| c >> (i % 3) & 1 == 1).map(|i| 1 << i).sum());
    let mut all: Vec<usize> = rows.chain(columns).collect();
    all.sort();
    all.dedup();
    all
}

const SHAPE: [usize; 3] = [3, 3, 1];

fn learned(model: &mut dyn Model, steps: u64) {
    let data = bars_and_stripes();
    for step in 0..steps {
        let mut rng = Key::new(5).step(step).rng();
        let codes: Vec<usize> = (0..20).map(|_| data[rng.below(data.len())]).collect();
        model
            .step(&[images(SHAPE, &codes)], Key::new(6).step(step), false)
            .unwrap();
    }
}

fn rbm_of(width: usize, steps: u64) -> rbm::Rbm {
    let mut config = rbm::Config::defaults();
    config.model.width = width;
    config.model.average = 0.998;
    config.model.binarization = Binarization::Threshold;
    config.optimizer = OptimizerConfig::sgd(0.05, 0.0);

    let mut model = config
        .build(&info(SHAPE), &Device::flex().autodiff(), Key::new(1))
        .unwrap();
    learned(&mut model, steps);
    model
}

/// Probabilities of all images sum to one, and after learning what the data are has most of it.
#[test]
fn an_rbm_learns_bars_and_stripes() {
    let every: Vec<usize> = (0..512).collect();
    let of = |steps: u64| {
        let model = rbm_of(12, steps);
        let log = model.log_likelihood(&images(SHAPE, &every), Key::new(0)).unwrap();
        let total: f64 = log.iter().map(|l| l.exp()).sum();
        assert!((total - 1.0).abs() < 1e-3, "{total}");
        assert_eq!(model.common_error(), 0.0, "summed exactly");
        bars_and_stripes().iter().map(|&c| log[c].exp()).sum::<f64>()
    };
    let (before, after) = (of(0), of(8000));
    assert!(before < 0.05 && after > 0.8, "{before} {after}");
}

/// Annealing finds the normalizer that summation finds, within a few of the errors it states, and its error is small.
#[test]
fn annealing_agrees_with_summation() {
    let model = rbm_of(10, 1500);
    let (exact, annealed, error) = model.both_normalizers(AnnealingConfig {
        runs: 200,
        steps: 2000,
    });
    assert!(error > 0.0 && error < 0.1, "{error}");
    assert!(
        (exact - annealed).abs() < 5.0 * error + 0.01,
        "{exact} {annealed} {error}"
    );
    let mut config = boltzmann::Config::defaults();
    config.model.width = 4;
    let mut model = config
        .build(&info(SHAPE), &Device::flex().autodiff(), Key::new(1))
        .unwrap();
    learned(&mut model, 1000);
    let (exact, annealed, error) = model.both_normalizers(AnnealingConfig {
        runs: 200,
        steps: 2000,
    });
    assert!(
        (exact - annealed).abs() < 5.0 * error + 0.01,
        "{exact} {annealed} {error}"
    );
}

/// Sums over hidden states by brute force: the mean field's bound lies below ln p, more samples come nearer, and the machine
/// has learned its data.
#[test]
fn a_boltzmann_machine_is_bounded_from_below() {
    let mut config = boltzmann::Config::defaults();
    config.model.width = 6;
    config.model.binarization = Binarization::Threshold;
    let mut model = config
        .build(&info(SHAPE), &Device::flex().autodiff(), Key::new(1))
        .unwrap();
    let every: Vec<usize> = (0..512).collect();
    let data: Vec<usize> = bars_and_stripes();
    let untrained: f64 = data.iter().map(|&c| model.exact_log_likelihood(c).exp()).sum();
    learned(&mut model, 4000);
    let exact: Vec<f64> = every.iter().map(|&c| model.exact_log_likelihood(c)).collect();
    let total: f64 = exact.iter().map(|l| l.exp()).sum();
    assert!((total - 1.0).abs() < 1e-3, "{total}");
    let of_data: f64 = data.iter().map(|&c| exact[c].exp()).sum();
    assert!(untrained < 0.05 && of_data > 0.4, "{untrained} {of_data}");
    let batch = images(SHAPE, &data);
    let gap = |samples| {
        let bound = model.evidence_bound(&batch, samples, Key::new(3)).unwrap();
        let gaps = bound.iter().zip(&data).map(|(b, &c)| exact[c] - b);
        gaps.collect::<Vec<f64>>()
    };
    let mean = |g: &[f64]| g.iter().sum::<f64>() / g.len() as f64;
    let (one, many) = (gap(1), gap(200));
    assert!(one.iter().all(|g| *g > -1e-4), "{one:?}");
    assert!(
        mean(&many) < mean(&one) && mean(&many) < 0.1,
        "{} {}",
        mean(&one),
        mean(&many)
    );
}

/// Chains draw images as often as their probability says.
#[test]
fn chains_draw_from_the_distribution() {
    let model = rbm_of(12, 8000);
    let samples = model.sample(&SampleRequest::new(2000, Key::new(4))).unwrap();
    let code = |x: &[f32]| -> usize {
        x.iter()
            .enumerate()
            .filter(|(_, v)| **v > 0.0)
            .map(|(i, _)| 1 << i)
            .sum()
    };
    let drawn: Vec<usize> = samples.values.chunks_exact(9).map(code).collect();
    let log = model
        .log_likelihood(&images(SHAPE, &(0..512).collect::<Vec<_>>()), Key::new(0))
        .unwrap();
    let data = bars_and_stripes();
    let share = drawn.iter().filter(|c| data.contains(c)).count() as f64 / 2000.0;
    let said: f64 = data.iter().map(|&c| log[c].exp()).sum();
    assert!((share - said).abs() < 0.06, "{share} {said}");
}

/// A chain goes to the data from wherever it begins, and stays there.
#[test]
fn a_gsn_draws_what_it_has_seen() {
    let share = |steps: u64| {
        let mut config = gsn::Config::defaults();
        config.model.width = 64;
        config.model.sample_steps = 30;
        config.model.walkback = 1;
        config.optimizer = OptimizerConfig::adam(3e-3);
        config.corruption = gsn::Corruption {
            salt_and_pepper: 0.15,
            hidden: 0.1,
        };

        let mut model =
            <gsn::Config as Registered>::build(config, &info(SHAPE), &Device::flex().autodiff(), Key::new(1))
                .unwrap();
        learned(&mut *model, steps);
        let sampler = model.as_sample().unwrap();
        let samples = sampler.sample(&SampleRequest::new(500, Key::new(4))).unwrap();
        let data = bars_and_stripes();
        let code = |x: &[f32]| -> usize {
            x.iter()
                .enumerate()
                .filter(|(_, v)| **v > 0.0)
                .map(|(i, _)| 1 << i)
                .sum()
        };
        let found: Vec<usize> = samples.values.chunks_exact(9).map(code).collect();
        let kinds: std::collections::BTreeSet<_> = found.iter().filter(|c| data.contains(c)).collect();
        let good = found.iter().filter(|c| data.contains(c)).count() as f64 / 500.0;
        (good, kinds.len())
    };
    let ((before, _), (after, kinds)) = (share(0), share(4000));
    assert!(
        before < 0.1 && after > 0.5 && kinds >= 12,
        "{before} {after} {kinds}"
    );
}
