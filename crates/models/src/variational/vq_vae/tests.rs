use super::*;
use crate::{LogLikelihood, SampleRequest};

fn info(labels: &[&str]) -> DataInfo {
    DataInfo {
        source: "test".into(),
        kind: Kind::Image,
        shape: vec![8, 8, 1],
        count: 9,
        range: (0.0, 255.0),
        labels: labels.iter().map(|l| l.to_string()).collect(),
        ..DataInfo::default()
    }
}

/// Images of a bright half, left or right by class, at four heights.
fn batch() -> Batch {
    let pixel = |i: usize, y: usize, x: usize| {
        if (x < 4) == i.is_multiple_of(2) && y / 2 <= i / 2 {
            0.9
        } else {
            -0.9
        }
    };
    let values = (0..8)
        .flat_map(|i| (0..64).map(move |p| pixel(i, p / 8, p % 8)))
        .collect();
    let labels = Some((0..8).map(|i| i % 2).collect());
    Batch {
        kind: Kind::Image,
        shape: vec![8, 8, 8, 1],
        values,
        labels,
        attributes: vec![],
        captions: None,
        indices: (0..8).collect(),
    }
}

fn config(after: u64) -> Config {
    let mut c = Config::default();
    c.model = Sizes {
        width: 16,
        inner: 8,
        blocks: 1,
        halvings: 2,
        latent: 4,
        ..c.model
    };
    c.codebook.size = 12;
    c.prior = Prior {
        after,
        width: 12,
        depth: 2,
        head: 12,
        embedding: 6,
        ..c.prior
    };
    c.optimizer.autoencoder.learning_rate = 3e-3;
    c.optimizer.prior.learning_rate = 1e-2;
    c
}

fn trained(config: Config, steps: u64) -> VqVae {
    let mut model = config
        .build(&info(&["left", "right"]), &Device::flex().autodiff(), Key::new(1))
        .unwrap();
    (0..steps).for_each(|s| drop(model.step(&[batch()], Key::new(2).step(s), true).unwrap()));
    model
}

fn error(model: &VqVae) -> f64 {
    let (batch, back) = (
        batch(),
        model.reconstruct(&batch(), Key::new(0)).unwrap().output.values,
    );
    batch
        .values
        .iter()
        .zip(&back)
        .map(|(a, b)| ((a - b) as f64).powi(2))
        .sum::<f64>()
        / back.len() as f64
}

/// Both ways of learning codes lead to reconstructions; then the prior learns the codes, the autoencoder stands still,
/// and samples are like the data, of the class asked for.
#[test]
fn codes_then_their_prior() {
    for learn in [Learn::MovingAverage, Learn::Gradient] {
        let mut config = config(250);
        config.codebook.learn = learn;
        let model = trained(config, 250);
        assert!(
            error(&model) < 0.05,
            "{learn:?}: mean squared error {}",
            error(&model)
        );
    }
    let mut config = config(250);
    config.prior.conditional = true;
    let mut model = trained(config, 250);
    let before = Tensors::of(model.autoencoder.network());
    let bound = |m: &VqVae| {
        m.evidence_bound(&batch(), 1, Key::new(3))
            .unwrap()
            .iter()
            .sum::<f64>()
            / 8.0
    };
    let first = bound(&model);
    (250..400).for_each(|s| drop(model.step(&[batch()], Key::new(2).step(s), true).unwrap()));
    assert_eq!(
        Tensors::of(model.autoencoder.network()),
        before,
        "the codes no longer change"
    );
    assert!(
        bound(&model) > first + 2.0,
        "the prior has learned: {first} {}",
        bound(&model)
    );
    for label in [0, 1] {
        let s = model
            .sample(&SampleRequest {
                label: Some(label),
                ..SampleRequest::new(20, Key::new(5))
            })
            .unwrap();
        let side = |right: usize| s.values.chunks(4).skip(right).step_by(2).flatten().sum::<f32>();
        assert!(
            (side(0) > side(1)) == (label == 0),
            "class {label}: {} left, {} right",
            side(0),
            side(1)
        );
    }
    assert!(
        model
            .sample(&SampleRequest {
                label: Some(2),
                ..SampleRequest::new(1, Key::new(5))
            })
            .is_err()
    );
}

/// The bound from its two parts: the decoder's log-likelihood of the item, and the prior's of its codes one by one.
#[test]
fn the_bound_is_likelihood_and_prior() {
    let model = trained(config(5), 20);
    let (b, network) = (batch(), model.autoencoder.for_use());
    let bound = model.evidence_bound(&b, 1, Key::new(3)).unwrap();
    assert_eq!(model.evidence_bound(&b, 50, Key::new(3)).unwrap(), bound);
    let codes: Vec<u32> = model
        .encode(&b)
        .unwrap()
        .into_data()
        .as_slice::<f32>()
        .unwrap()
        .iter()
        .map(|&c| c as u32)
        .collect();
    // Bytes are dequantized by noise, which may move an item's codes: those of the noisy item count.
    let x = model.observed(&b, Some(Key::new(3))).unwrap();
    let noisy = model.codes(&network, &x);
    assert!(codes.iter().zip(&noisy).filter(|(a, b)| a != b).count() < codes.len() / 4);
    let said = network.decode(network.codebook.look_up(&noisy));
    let mean: Vec<f32> = said.into_data().try_into_vec().unwrap();
    let x: Vec<f32> = x.into_data().try_into_vec().unwrap();
    let prior = model
        .prior
        .log_likelihood(&model.grids(&b, &noisy), Key::new(0))
        .unwrap();
    for i in 0..8 {
        // A Gaussian of deviation 0.2 where images span 2 over 256 levels: 25.6 levels.
        let density = |j: usize| {
            -0.5 * (((x[j] - mean[j]) as f64) / 0.2).powi(2) - (25.6 * std::f64::consts::TAU.sqrt()).ln()
        };
        let want = (i * 64..(i + 1) * 64).map(density).sum::<f64>() + prior[i];
        assert!((bound[i] - want).abs() < 1e-3 * want.abs(), "{} {want}", bound[i]);
    }
}

#[test]
fn codes_pass_the_prior_unchanged() {
    for size in [2, 3, 512, 1 << 14] {
        assert!(
            (0..size as u32).all(|c| levels::level(levels::value(c, size), size) == c),
            "{size}"
        );
    }
}

#[test]
fn what_does_not_fit_is_refused() {
    let refused = |c: Config, info: &DataInfo| {
        c.build(info, &Device::flex(), Key::new(1))
            .err()
            .unwrap()
            .to_string()
    };
    let mut c = config(1);
    c.model.halvings = 4;
    assert!(refused(c, &info(&[])).contains("model.halvings"));
    c = config(1);
    c.prior.conditional = true;
    assert!(refused(c, &info(&[])).contains("these images have none"));
    assert!(
        refused(
            config(1),
            &DataInfo {
                kind: Kind::Points,
                shape: vec![2],
                ..info(&[])
            }
        )
        .contains("draws images")
    );
}
