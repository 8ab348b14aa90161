use super::super::annealing::AnnealingConfig;
use super::super::annealing::normalizer;
use super::*;
use crate::variational::networks::Architecture;
use menagerie_data::DataInfo;

fn column(values: Vec<f32>) -> Tensor<4> {
    let n = values.len();
    Tensor::from_data(TensorData::new(values, [n, 1, 1, 1]), &Device::flex())
}

/// Of a double well E(x) = 3 (x^2 - 1)^2 + x the means of x and x^2, by summation.
fn exact() -> [f64; 2] {
    let (mut sum, mut first, mut second) = (0.0, 0.0, 0.0);
    for i in -40_000..40_000 {
        let x = f64::from(i) * 1e-4;
        let p = (-3.0 * (x * x - 1.0).powi(2) - x).exp();
        (sum, first, second) = (sum + p, first + p * x, second + p * x * x);
    }
    [first / sum, second / sum]
}

/// Chains that refuse steps have the exact distribution, though their steps are long; others are off by what the steps are too long.
#[test]
fn adjusted_chains_draw_from_the_energy() {
    let energy = |x: Tensor<4>| {
        let rows = x.dims()[0];
        let x = x.reshape([rows]);
        (x.clone() * x.clone() - 1.0).powi_scalar(2) * 3.0 + x
    };
    let rows = 4000;
    let keys = by_row(Key::new(3), rows);
    let start: Vec<f32> = (0..rows).map(|i| if i % 2 == 0 { -1.0 } else { 1.0 }).collect();
    let moments = |adjusted: bool| {
        let walk = Walk {
            size: 0.6,
            longest: 1.0,
            adjusted,
        };
        let (ends, taken) = walk.run(&energy, column(start.clone()), 400, &keys, None);
        let x: Vec<f64> = numbers(ends).into_iter().map(f64::from).collect();
        let mean = |g: fn(f64) -> f64| x.iter().map(|v| g(*v)).sum::<f64>() / rows as f64;
        ([mean(|x| x), mean(|x| x * x)], taken)
    };
    let want = exact();
    let (found, taken) = moments(true);
    // Five errors of 4,000 draws.
    assert!(
        (found[0] - want[0]).abs() < 0.06 && (found[1] - want[1]).abs() < 0.025,
        "{found:?} {want:?}"
    );
    assert!((0.3..0.95).contains(&taken), "{taken}");
    let (off, all) = moments(false);
    assert!((off[1] - want[1]).abs() > 0.05 && all == 1.0, "{off:?} {want:?}");
    // What is held does not move.
    let held = Tensor::zeros([1, 1, 1, 1], &Device::flex());
    let walk = Walk {
        size: 0.6,
        longest: 1.0,
        adjusted: true,
    };
    let (ends, _) = walk.run(&energy, column(start.clone()), 5, &keys, Some(&held));
    assert_eq!(numbers(ends), start);
}

/// ln Z of Gaussians of the plane, wide and as narrow as a mode is.
#[test]
fn the_plane_is_summed_over() {
    for (deviation, at) in [(1.0f64, [0.0, 0.0]), (0.01, [0.303, -0.7]), (0.3, [0.9, 0.9])] {
        let energy = |places: &[f32]| {
            let one = |p: &[f32]| {
                let off = (f64::from(p[0]) - at[0]).powi(2) + (f64::from(p[1]) - at[1]).powi(2);
                (off / (2.0 * deviation * deviation)) as f32
            };
            places.chunks_exact(2).map(one).collect()
        };
        let want = (std::f64::consts::TAU * deviation * deviation).ln();
        let found = of_the_plane(&energy, 1.0).log;
        assert!((found - want).abs() < 5e-4, "{deviation}: {found} {want}");
    }
}

/// f(x) = 12 |x - m|^2 on a Gaussian of deviation 1: ln Z is known, and annealing finds it within what it states.
#[test]
fn annealing_finds_a_normalizer_that_is_known() {
    let (a, m, n) = (12.0f64, 0.4f64, 5usize);
    let energy = |x: Tensor<4>| {
        let rows = x.dims()[0];
        (x - m)
            .powi_scalar(2)
            .flatten::<2>(1, 3)
            .sum_dim(1)
            .reshape([rows])
            * a
    };
    let path = Annealed {
        energy: &energy,
        item: [1, 1, n],
        deviation: 1.0,
        walk: Walk {
            size: 0.8,
            longest: 10.0,
            adjusted: true,
        },
        device: Device::flex(),
    };
    let config = AnnealingConfig {
        runs: 300,
        steps: 500,
    };
    let found = normalizer(&path, config, Key::new(4));
    // a (x - m)^2 + x^2 / 2 = (a + 1/2) (x - c)^2 + a m^2 / (2 a + 1)
    let each = 0.5 * (std::f64::consts::PI / (a + 0.5)).ln() - a * m * m / (2.0 * a + 1.0);
    let want = n as f64 * each;
    assert!(found.error > 0.0 && found.error < 0.1, "{found:?}");
    assert!((found.log - want).abs() < 5.0 * found.error, "{found:?} {want}");
}

/// Points of two Gaussians of unequal weight, at (-1, 0) and (1, 0) of a plane from -2 to 2.
fn points(count: usize, key: Key) -> Batch {
    let values = (0..count).flat_map(|i| {
        let mut rng = key.step(i as u64).rng();
        let middle = if rng.uniform() < 0.7 { -1.0 } else { 1.0 };
        [middle + DEVIATION * rng.normal(), DEVIATION * rng.normal()].map(|v| v as f32)
    });
    Batch {
        kind: Kind::Points,
        shape: vec![count, 2],
        values: values.collect(),
        labels: None,
        attributes: vec![],
        captions: None,
        indices: (0..count as u32).collect(),
    }
}

const DEVIATION: f64 = 0.4;

fn log_density(p: &[f32]) -> f64 {
    let part = |share: f64, middle: f64| {
        let off = (f64::from(p[0]) - middle).powi(2) + f64::from(p[1]).powi(2);
        share * (-off / (2.0 * DEVIATION * DEVIATION)).exp()
    };
    ((part(0.7, -1.0) + part(0.3, 1.0)) / (std::f64::consts::TAU * DEVIATION * DEVIATION)).ln()
}

fn model() -> EnergyModel {
    let mut config = Config::defaults();
    config.model = Sizes {
        network: Architecture::Mlp,
        hidden: vec![32, 32],
        noise: 0.0,
        average: 0.97,
        ..config.model
    };
    config.langevin = Langevin {
        buffer: 200,
        chains: 200,
        steps: 10,
        size: 0.2,
        adjusted: true,
        sample_steps: 50,
        ..config.langevin
    };
    // Chains that all walk in every update, and steps that become short, keep energies from swinging to and fro; chains that began anew would
    // be shared out among the modes by where they began.
    config.langevin.restart = 0.0;
    config.optimizer.learning_rate = 1e-2;
    config.optimizer.learning_rate_decay = 0.998;
    config.model.cost = 1e-3;
    let info = DataInfo {
        source: "points made by hand".into(),
        kind: Kind::Points,
        shape: vec![2],
        count: 1000,
        range: (-2.0, 2.0),
        ..DataInfo::default()
    };
    config
        .build(&info, &Device::flex().autodiff(), Key::new(1))
        .unwrap()
}

/// Before it has learned its KL from the density is large, after it is small; both are exact, as ln Z is. Draws have the density's mean.
#[test]
fn the_density_of_points_is_learned() {
    let mut model = model();
    let test = points(4000, Key::new(7));
    let divergence = |model: &EnergyModel| {
        let said = model.log_likelihood(&test, Key::new(0)).unwrap();
        let truth = test.values.chunks_exact(2).map(log_density);
        truth.zip(said).map(|(t, s)| t - s).sum::<f64>() / 4000.0
    };
    let before = divergence(&model);
    for step in 0..1000 {
        let batch = points(200, Key::new(8).step(step));
        model.step(&[batch], Key::new(9).step(step), false).unwrap();
    }
    let after = divergence(&model);
    assert!(
        before > 0.5 && after < 0.2 && after < before / 5.0,
        "{before} {after}"
    );
    let drawn = model
        .sample(&SampleRequest::new(2000, Key::new(2)))
        .unwrap()
        .values;
    let mean = drawn.chunks_exact(2).map(|p| f64::from(p[0])).sum::<f64>() / 2000.0;
    assert!((mean + 0.4).abs() < 0.2, "{mean}");
}

/// What is out of range is named.
#[test]
fn settings_that_mean_nothing_are_refused() {
    for (table, key, value) in [
        ("langevin", "buffer", 0.into()),
        ("langevin", "restart", 2.0.into()),
        ("langevin", "size", f64::NAN.into()),
        ("model", "noise", (-1.0).into()),
        ("annealing", "runs", 0.into()),
    ] {
        let said = crate::registry::refusal("energy_model", table, key, value);
        assert!(said.contains(&format!("{table}.{key}")), "{said}");
    }
}
