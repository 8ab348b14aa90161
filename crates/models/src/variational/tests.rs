//! The family's mathematics against independent truths.
use super::elbo::{Gaussian, Loss, log_mean_exp};
use super::likelihood::Observation;
use super::model::Training;
use super::vae::{ByBound, Config, value};
use super::{Sizes, Variational};
use crate::{EvidenceBound, LatentSpace, Model};
use burn::tensor::{Device, Tensor};
use menagerie_data::random::Key;
use menagerie_data::{Batch, DataInfo, Kind};
use menagerie_kernels::noise;
use menagerie_nn::Tensors;

fn floats<const D: usize>(t: Tensor<D>) -> Vec<f64> {
    t.into_data()
        .as_slice::<f32>()
        .unwrap()
        .iter()
        .map(|&v| v as f64)
        .collect()
}

/// log of a normal density.
fn log_normal(x: f64, mean: f64, variance: f64) -> f64 {
    -0.5 * ((x - mean).powi(2) / variance + variance.ln() + std::f64::consts::TAU.ln())
}

/// KL from the standard normal and from another Gaussian, against integrals on a grid in f64.
#[test]
fn divergences_are_the_integrals() {
    let device = Device::flex();
    let cases = [
        (0.0, 0.0, 0.0, 0.0),
        (1.3, -1.0, 0.5, 0.7),
        (-0.4, 0.8, 0.3, -0.6),
        (2.0, -2.0, 0.0, 1.0),
    ];
    let column = |f: &dyn Fn(&(f32, f32, f32, f32)) -> f32| {
        Tensor::<1>::from_floats(&cases.iter().map(f).collect::<Vec<_>>()[..], &device).reshape([4, 1])
    };
    let q = Gaussian {
        mean: column(&|c| c.0),
        log_variance: column(&|c| c.1),
    };
    let p = Gaussian {
        mean: column(&|c| c.2),
        log_variance: column(&|c| c.3),
    };
    let (plain, other) = (floats(q.divergence()), floats(q.divergence_from(&p)));
    for (i, (m, l, pm, pl)) in cases.into_iter().enumerate() {
        let integral = |pm: f64, pv: f64| {
            let (m, v) = (m as f64, (l as f64).exp());
            let (n, reach) = (20_000, 12.0 * v.sqrt());
            let points = (0..n).map(|k| m - reach + 2.0 * reach * (k as f64 + 0.5) / n as f64);
            let each =
                points.map(|x| log_normal(x, m, v).exp() * (log_normal(x, m, v) - log_normal(x, pm, pv)));
            each.sum::<f64>() * 2.0 * reach / n as f64
        };
        assert!(
            (plain[i] - integral(0.0, 1.0)).abs() < 1e-5,
            "{i}: {} {}",
            plain[i],
            integral(0.0, 1.0)
        );
        assert!(
            (other[i] - integral(pm as f64, (pl as f64).exp())).abs() < 1e-5,
            "{i}: from another"
        );
    }
}

/// The closed form is the mean of log q - log p over reparameterized draws.
#[test]
fn divergence_is_the_mean_over_draws() {
    let device = Device::flex();
    let q = Gaussian::of(Tensor::from_floats(
        [[0.7, -0.2, -1.0, 0.4], [0.0, 1.5, 0.3, -0.5]],
        &device,
    ));
    let draws = 100_000;
    let noise = noise::normal([7; 8], [2 * draws, 2], &device);
    let z = q.draw(noise.clone());
    let log_ratio = floats(q.log_prior_over_posterior(z.clone(), noise));
    let want = floats(q.divergence().sum_dim(1));
    let (mean, log_variance) = (floats(q.mean), floats(q.log_variance));
    let z = floats(z);
    for item in 0..2 {
        let drawn: Vec<f64> = log_ratio.iter().skip(item).step_by(2).map(|v| -v).collect();
        let m = drawn.iter().sum::<f64>() / draws as f64;
        assert!(
            (m - want[item]).abs() < 0.02,
            "item {item}: {m} against {}",
            want[item]
        );
        // Of single draws, too: log q(z) - log p(z) from the densities themselves.
        for k in 0..10 {
            let row = 2 * k + item;
            let by_density = |j: usize| {
                let (z, at) = (z[row * 2 + j], item * 2 + j);
                log_normal(z, mean[at], log_variance[at].exp()) - log_normal(z, 0.0, 1.0)
            };
            assert!((by_density(0) + by_density(1) - drawn[k]).abs() < 1e-4);
        }
    }
}

/// Gradients through the draw, of the bound and of the importance-weighted bound, against central differences with the
/// noise held fixed. The observation is a smooth function of the latent.
#[test]
fn reparameterized_gradients_are_central_differences() {
    let device = Device::flex().autodiff();
    let start = [0.4f32, -0.3, -0.5, 0.2, -0.6, 0.1, 0.3, -0.8];
    let samples = 3;
    let noise = noise::normal::<2>([3; 8], [2 * samples, 2], &device);
    let loss = |parameters: Tensor<2>, weighted: bool| {
        let q = Gaussian::of(parameters);
        let noise = if weighted {
            noise.clone()
        } else {
            noise.clone().narrow(0, 0, 2)
        };
        let z = q.draw(noise.clone());
        let rows = z.dims()[0];
        let log_likelihood = (-(z.clone() - 0.5).powi_scalar(2) * 1.5 + (z.clone() * 2.0).sin())
            .sum_dim(1)
            .reshape([rows]);
        match weighted {
            true => -log_mean_exp(log_likelihood + q.log_prior_over_posterior(z, noise), samples).mean(),
            false => {
                Loss {
                    beta: 1.7,
                    ..Default::default()
                }
                .negative_bound(log_likelihood, q.divergence(), 0)
                .loss
            }
        }
    };
    for weighted in [false, true] {
        let of = |v: &[f32]| Tensor::<1>::from_floats(v, &device).reshape([2, 4]);
        let leaf = of(&start).require_grad();
        let gradients = loss(leaf.clone(), weighted).backward();
        let got = floats(leaf.grad(&gradients).unwrap());
        for (i, g) in got.iter().enumerate() {
            let at = |by: f32| {
                let mut moved = start;
                moved[i] += by;
                value(&loss(of(&moved), weighted).inner())
            };
            let h = 1e-2;
            let want = (at(h) - at(-h)) / (2.0 * h as f64);
            assert!(
                (g - want).abs() < 2e-3 + 5e-3 * want.abs(),
                "weighted {weighted}, number {i}: {g} against {want}"
            );
        }
    }
}

const D: usize = 3;

/// Points x = W z + noise with two latents, of which every density is known.
struct LinearGaussian {
    info: DataInfo,
    batch: Batch,
}

const MIX: [[f64; D]; 2] = [[1.2, -0.5, 0.3], [0.2, 0.9, 0.8]];
const SHIFT: [f64; D] = [0.3, -0.2, 0.5];
const DEVIATION: f64 = 0.4;
const EXTENT: f64 = 4.0;

impl LinearGaussian {
    fn new(count: usize, seed: u64) -> Self {
        let mut rng = Key::new(seed).rng();
        let mut values = Vec::new();
        for _ in 0..count {
            let z = [rng.normal(), rng.normal()];
            values.extend(
                (0..D).map(|j| {
                    (z[0] * MIX[0][j] + z[1] * MIX[1][j] + SHIFT[j] + DEVIATION * rng.normal()) as f32
                }),
            );
        }
        let info = DataInfo {
            source: "linear-gaussian".into(),
            kind: Kind::Points,
            shape: vec![D],
            count,
            range: (-EXTENT as f32, EXTENT as f32),
            ..DataInfo::default()
        };
        let indices = (0..count as u32).collect();
        let (labels, captions, attributes) = (None, None, vec![]);
        LinearGaussian {
            info,
            batch: Batch {
                kind: Kind::Points,
                shape: vec![count, D],
                values,
                labels,
                attributes,
                captions,
                indices,
            },
        }
    }

    /// Mean of log N(x; mean, W' W + variance 1) over the batch, in f64.
    fn mean_log_density(&self, mix: &[[f64; D]], mean: [f64; D], variance: f64) -> f64 {
        let mut c = [[0.0; D]; D];
        for (i, row) in c.iter_mut().enumerate() {
            for (j, v) in row.iter_mut().enumerate() {
                *v = mix.iter().map(|w| w[i] * w[j]).sum::<f64>() + if i == j { variance } else { 0.0 };
            }
        }
        // Cholesky: C = L L'.
        let mut l = [[0.0; D]; D];
        for i in 0..D {
            for j in 0..=i {
                let rest = c[i][j] - (0..j).map(|k| l[i][k] * l[j][k]).sum::<f64>();
                l[i][j] = if i == j { rest.sqrt() } else { rest / l[j][j] };
            }
        }
        let log_root_det: f64 = (0..D).map(|i| l[i][i].ln()).sum();
        let density = |x: &[f32]| {
            let mut y = [0.0; D];
            for i in 0..D {
                y[i] = (x[i] as f64 - mean[i] - (0..i).map(|k| l[i][k] * y[k]).sum::<f64>()) / l[i][i];
            }
            -0.5 * y.iter().map(|v| v * v).sum::<f64>()
                - log_root_det
                - 0.5 * D as f64 * std::f64::consts::TAU.ln()
        };
        self.batch.values.chunks(D).map(density).sum::<f64>() / self.info.count as f64
    }

    fn model(&self) -> Variational<ByBound> {
        let model = Sizes {
            latent: 2,
            hidden: vec![],
            observation: Observation::Gaussian,
            deviation: DEVIATION / EXTENT,
            ..Default::default()
        };
        let mut config = Config {
            model,
            ..Default::default()
        };
        config.optimizer.learning_rate = 4e-2;
        config.optimizer.learning_rate_decay = 0.999;
        config
            .build("vae", &self.info, &Device::flex().autodiff(), Key::new(1))
            .unwrap()
    }

    /// The exact mean log-likelihood of the data under a model without hidden layers.
    fn exact(&self, model: &Variational<ByBound>) -> f64 {
        let weights = Tensors::of(&model.training().pair().decoder);
        let numbers = |name: &str| {
            weights.arrays[name]
                .1
                .iter()
                .map(|&v| v as f64 * EXTENT)
                .collect::<Vec<_>>()
        };
        let (w, b) = (numbers("out.weight"), numbers("out.bias"));
        let mix = [0, 1].map(|k| std::array::from_fn(|j| w[k * D + j]));
        self.mean_log_density(&mix, std::array::from_fn(|j| b[j]), DEVIATION * DEVIATION)
    }

    fn bound(&self, model: &Variational<ByBound>, samples: usize, draws: u64) -> f64 {
        let each = |d| {
            model
                .evidence_bound(&self.batch, samples, Key::new(50 + d))
                .unwrap()
                .iter()
                .sum::<f64>()
        };
        (0..draws).map(each).sum::<f64>() / (draws * self.info.count as u64) as f64
    }
}

/// ELBO <= IWAE(5) <= IWAE(50) <= log p(x) where log p(x) is known, before training and after; and where the true
/// posterior is within the family, training brings the ELBO up to it, and log p(x) to that of the density the data are from.
#[test]
fn bounds_rise_to_the_exact_likelihood() {
    let data = LinearGaussian::new(1000, 3);
    let mut model = data.model();
    let mut before = f64::NEG_INFINITY;
    for (trained, slack) in [(false, 0.02), (true, 0.01)] {
        if trained {
            for step in 0..6000 {
                model
                    .step(std::slice::from_ref(&data.batch), Key::new(9).step(step), false)
                    .unwrap();
            }
        }
        let exact = data.exact(&model);
        let bounds = [
            data.bound(&model, 1, 8),
            data.bound(&model, 5, 8),
            data.bound(&model, 50, 2),
        ];
        assert!(
            bounds[0] <= bounds[1] + slack && bounds[1] <= bounds[2] + slack && bounds[2] <= exact + slack,
            "{bounds:?} {exact}"
        );
        assert!(exact > before);
        before = exact;
        if trained {
            assert!(
                exact - bounds[0] < 0.02,
                "the trained bound {} reaches {exact}",
                bounds[0]
            );
            let truth = data.mean_log_density(&MIX, SHIFT, DEVIATION * DEVIATION);
            assert!(
                (exact - truth).abs() < 0.02,
                "{exact} against the true density's {truth}"
            );
        } else {
            assert!(
                exact - bounds[0] > 0.1 && bounds[1] - bounds[0] > 0.02,
                "untrained bounds are not tight: {bounds:?} {exact}"
            );
        }
    }
    // In the data's own units: the decoder's mean at z = 0 is the data's mean.
    let at_zero = model
        .decode(Tensor::zeros([1, 2], &Device::flex()))
        .unwrap()
        .values;
    assert!(
        at_zero
            .iter()
            .zip(SHIFT)
            .all(|(v, s)| (*v as f64 - s).abs() < 0.15),
        "{at_zero:?}"
    );
}
