use super::*;
use menagerie_data::{Dataset, Source, simulator};

fn trained(steps: u64) -> (LifeGan, std::sync::Arc<dyn Dataset>) {
    let mut config = Config::default();
    config.model.width = 48;
    config.model.average = 0.99;
    config.inference.noise_steps = steps / 2;
    let set = Source {
        limit: 4000,
        ..Source::parse("simulator:gaussian")
    }
    .open()
    .unwrap()
    .dataset;
    let mut model = config
        .build(set.info(), &Device::flex().autodiff(), Key::new(1))
        .unwrap();
    for step in 0..steps {
        let batch = |b: u64| {
            let items: Vec<u32> = (0..64)
                .map(|i| ((step * 128 + b * 64 + i) % 4000) as u32)
                .collect();
            Batch::of(&*set, &items).unwrap()
        };
        model
            .step(&[batch(0), batch(1)], Key::new(2).step(step), false)
            .unwrap();
    }
    (model, set)
}

/// Of observations that it has not learned from, means and deviations of its draws are near those of the exact posterior: much nearer than the
/// prior's, and as wide as they should be.
#[test]
fn draws_are_those_of_the_posterior() {
    let (model, _) = trained(1200);
    let exact = simulator("simulator:gaussian").unwrap();
    let test = Source {
        split: "test".into(),
        ..Source::parse("simulator:gaussian")
    }
    .open()
    .unwrap()
    .dataset;
    let batch = Batch::of(&*test, &(0..60).collect::<Vec<u32>>()).unwrap();
    let draws = model.infer(&batch, 200, Key::new(3)).unwrap();
    let (mut off, mut prior, mut wide) = (0.0, 0.0, 0.0);
    for (row, draws) in batch.values.chunks_exact(12).zip(draws.chunks_exact(400)) {
        let seen: Vec<f64> = row[2..].iter().map(|v| f64::from(*v)).collect();
        for (p, [mean, deviation]) in exact.posterior(&seen).unwrap().into_iter().enumerate() {
            let of: Vec<f64> = draws.iter().skip(p).step_by(2).map(|v| f64::from(*v)).collect();
            let own = of.iter().sum::<f64>() / 200.0;
            let spread = (of.iter().map(|v| (v - own).powi(2)).sum::<f64>() / 200.0).sqrt();
            off += (own - mean).abs() / 120.0;
            prior += mean.abs() / 120.0;
            wide += spread / deviation / 120.0;
        }
    }
    assert!(off < 0.35 * prior, "off by {off}, the prior's mean by {prior}");
    assert!((0.4..1.8).contains(&wide), "{wide} times as wide");
}

#[test]
fn what_are_no_runs_is_refused() {
    for source in ["hiring", "ring8", "digits"] {
        let set = Source::parse(source).open().unwrap().dataset;
        let e = Config::default()
            .build(set.info(), &Device::flex().autodiff(), Key::new(1))
            .err()
            .unwrap();
        assert!(e.to_string().contains("life_gan learns from"), "{e}");
    }
}
