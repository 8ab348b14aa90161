use super::*;
use crate::variational::likelihood::Observation;
use crate::{Encode, Model};
use menagerie_data::{Batch, Kind};
use menagerie_nn::numbers;

const DEVIATION: f64 = 0.35;

/// Two points of one number, again and again.
const POINTS: [f32; 2] = [1.0, 0.8];

fn points() -> (DataInfo, Batch) {
    let count = 64;
    let batch = Batch {
        kind: Kind::Points,
        shape: vec![count, 1],
        values: (0..count).map(|i| POINTS[i % 2]).collect(),
        labels: None,
        attributes: vec![],
        captions: None,
        indices: (0..count as u32).collect(),
    };
    let info = DataInfo {
        source: "points made by hand".into(),
        kind: Kind::Points,
        shape: vec![1],
        count,
        range: (-1.0, 1.0),
        ..DataInfo::default()
    };
    (info, batch)
}

/// Units of the hidden layer of the decoder, of which two are used.
const UNITS: usize = 16;

/// A model of points whose decoder is |z| and stays so: relu(z) + relu(-z).
fn of_absolute_values(adaptive: bool) -> Variational<ByRatio> {
    let mut config = Config {
        model: Sizes {
            latent: 1,
            hidden: vec![UNITS],
            observation: Observation::Gaussian,
            deviation: DEVIATION,
            ..Sizes::default()
        },
        posterior: Posterior {
            noise: 4,
            hidden: vec![48, 48],
            draws: 64,
        },
        discriminator: Discriminator {
            hidden: vec![48, 48],
            steps: 3,
            adaptive,
        },
        ..Config::default()
    };
    config.optimizer.autoencoder.learning_rate = 1e-3;
    let (info, _) = points();
    let mut model = config
        .build(&info, &Device::flex().autodiff(), Key::new(1))
        .unwrap();
    model.training_mut().autoencoder.change(|pair| {
        let mut weights = Tensors::of(&pair.decoder);
        for (name, two) in [
            ("hidden.0.weight", [1.0, -1.0]),
            ("hidden.0.bias", [0.0; 2]),
            ("out.weight", [1.0; 2]),
            ("out.bias", [0.0; 2]),
        ] {
            let values = &mut weights.arrays.get_mut(name).unwrap().1;
            let own = two.into_iter().chain(std::iter::repeat(0.0));
            values.iter_mut().zip(own).for_each(|(v, own)| *v = own);
        }
        PairNetwork {
            decoder: weights.into_network(pair.decoder).unwrap().no_grad(),
            ..pair
        }
    });
    model
}

/// Where there is little of either mode.
const BETWEEN: f64 = 0.25;

/// Under the exact posterior of a point: mean and deviation of |z|, and the share that lies between the modes, by summation.
fn exact(x: f64) -> [f64; 3] {
    let (mut sum, mut first, mut second, mut between) = (0.0, 0.0, 0.0, 0.0);
    for i in 0..40_000 {
        let z = (f64::from(i) + 0.5) * 1e-4;
        let p = (-0.5 * z * z - 0.5 * ((x - z) / DEVIATION).powi(2)).exp();
        (sum, first, second) = (sum + p, first + p * z, second + p * z * z);
        between += if z < BETWEEN { p } else { 0.0 };
    }
    let mean = first / sum;
    [mean, (second / sum - mean * mean).sqrt(), between / sum]
}

/// The exact posterior has two modes, near x and -x, which no Gaussian has: one that covers both has a fifth of its mass between them.
/// AVB finds both, and each as wide as it is, with and without adaptive contrast.
#[test]
fn posteriors_of_two_modes_are_found() {
    for adaptive in [true, false] {
        let mut model = of_absolute_values(adaptive);
        let (_, batch) = points();
        for step in 0..3000 {
            model
                .step(std::slice::from_ref(&batch), Key::new(2).step(step), false)
                .unwrap();
        }
        let draws = model.draw(&batch, 100, Key::new(3)).unwrap().unwrap();
        assert_eq!(draws.dims(), [64, 100, 1]);
        let all = numbers(draws);
        for (i, x) in POINTS.into_iter().map(f64::from).enumerate() {
            let of_x: Vec<f64> = (i..64)
                .step_by(2)
                .flat_map(|row| all[row * 100..][..100].iter().map(|z| f64::from(*z)))
                .collect();
            let n = of_x.len() as f64;
            let share = |f: &dyn Fn(f64) -> bool| of_x.iter().filter(|z| f(**z)).count() as f64 / n;
            let mean = of_x.iter().map(|z| z.abs()).sum::<f64>() / n;
            let deviation = (of_x.iter().map(|z| (z.abs() - mean).powi(2)).sum::<f64>() / n).sqrt();
            let [want, width, gap] = exact(x);
            let (right, between) = (share(&|z| z > 0.0), share(&|z| z.abs() < BETWEEN));
            let told = format!(
                "{adaptive} {x}: {right} to the right, {between} between for {gap}, |z| {mean} +- {deviation} for {want} +- {width}"
            );
            assert!((0.15..0.85).contains(&right) && between < gap + 0.08, "{told}");
            assert!(
                (mean - want).abs() < 0.12 && (0.6..1.5).contains(&(deviation / width)),
                "{told}"
            );
        }
    }
}

/// log r - log p of latents is that of the two densities, and an item's Gaussian has the moments of its draws.
#[test]
fn contrast_is_of_the_densities() {
    let model = of_absolute_values(true);
    let device = Device::flex();
    let encoder = model.training().pair().encoder;
    let x = Tensor::<4>::from_floats([[[[1.0]]], [[[0.8]]]], &device);
    let r = encoder.posterior(x.clone());
    let noise = Tensors::of(&encoder).arrays["fixed_noise"].clone();
    let of_item = |i: usize| {
        let noise = Tensor::from_data(burn::tensor::TensorData::new(noise.1.clone(), [64, 4]), &device);
        numbers(encoder.draw(x.clone().narrow(0, i, 1), noise))
    };
    for i in 0..2 {
        let z: Vec<f64> = of_item(i).iter().map(|z| f64::from(*z)).collect();
        let mean = z.iter().sum::<f64>() / 64.0;
        let variance = z.iter().map(|z| (z - mean).powi(2)).sum::<f64>() / 64.0;
        let (m, l) = (numbers(r.mean.clone())[i], numbers(r.log_variance.clone())[i]);
        assert!((f64::from(m) - mean).abs() < 1e-5);
        assert!((f64::from(l).exp() - variance - 1e-6).abs() < 1e-5 * variance.max(1e-2));
    }
    let r = Gaussian {
        mean: Tensor::from_floats([[0.3, -1.0], [0.0, 2.0]], &device),
        log_variance: Tensor::from_floats([[-1.0, 0.5], [0.2, -0.7]], &device),
    };
    // Two draws of each item, a deviation to either side of the mean: they have the moments of r.
    let deviation = (r.log_variance.clone() * 0.5).exp();
    let draws = [r.mean.clone() + deviation.clone(), r.mean.clone() - deviation];
    let got = draws
        .each_ref()
        .map(|z| numbers(log_contrast_over_prior(z.clone(), &r)));
    let log_normal = |z: f64, m: f64, l: f64| -0.5 * ((z - m).powi(2) / l.exp() + l);
    let (m, l) = (numbers(r.mean), numbers(r.log_variance));
    for item in 0..2 {
        let of = |z: &Tensor<2>, k: usize| {
            let [z, m, l] = [numbers(z.clone())[k], m[k], l[k]].map(f64::from);
            log_normal(z, m, l) - log_normal(z, 0.0, 0.0)
        };
        let want: f64 = draws.iter().map(|z| of(z, 2 * item) + of(z, 2 * item + 1)).sum();
        let got = f64::from(got[0][item] + got[1][item]);
        assert!((got - want).abs() < 1e-5, "{got} {want}");
    }
}

/// What cannot be is named.
#[test]
fn settings_that_mean_nothing_are_refused() {
    for (table, key, value) in [
        ("posterior", "noise", 0.into()),
        ("posterior", "draws", 1.into()),
        ("discriminator", "steps", 0.into()),
        ("posterior", "hidden", toml::Value::Array(vec![])),
        ("loss", "free_bits", 1.0.into()),
    ] {
        let said = crate::registry::refusal("avb", table, key, value);
        assert!(said.contains(&format!("{table}.{key}")), "{said}");
    }
}
