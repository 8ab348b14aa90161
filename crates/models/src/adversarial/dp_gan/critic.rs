//! A critic of which every pair of a datum and a sample has a gradient of its own, cut to a bound before they are summed.
use super::super::rows::Layers;
use burn::module::{Module, ModuleVisitor, Param};
use burn::tensor::activation::{leaky_relu, log_sigmoid};
use burn::tensor::{Device, Tensor, TensorData};
use menagerie_data::random::Key;
use menagerie_kernels::noise;
use menagerie_nn::{Activation, numbers};

/// Which loss of a pair it learns by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Loss {
    /// f(G(z)) - f(x), as the paper has it
    Wasserstein,
    /// -log D(x) - log(1 - D(G(z)))
    Logistic,
}

impl Loss {
    /// Of scores of data and of samples, pair by pair, `[pairs, 1]`.
    pub(super) fn of_pairs(self, data: Tensor<2>, samples: Tensor<2>) -> Tensor<2> {
        match self {
            Loss::Wasserstein => samples - data,
            Loss::Logistic => -log_sigmoid(data) - log_sigmoid(-samples),
        }
    }

    /// By which the generator learns.
    pub(super) fn of_generator(self, samples: Tensor<2>) -> Tensor<1> {
        match self {
            Loss::Wasserstein => -samples.mean(),
            Loss::Logistic => -log_sigmoid(samples).mean(),
        }
    }
}

/// What went into each layer, and a zero beside what came out of it, whose gradient is that of the layer's answer.
struct Taps {
    inputs: Vec<Tensor<2>>,
    zeros: Vec<Tensor<2>>,
}

/// The layers' answer, tapped.
fn tapped(layers: &Layers, x: Tensor<2>) -> (Tensor<2>, Taps) {
    let mut taps = Taps {
        inputs: vec![],
        zeros: vec![],
    };
    let last = layers.all().len() - 1;
    let answer = layers.all().iter().enumerate().fold(x, |x, (i, layer)| {
        taps.inputs.push(x.clone());
        let out = layer.forward(x, Activation::Identity);
        let zero = Tensor::zeros(out.dims(), &out.device()).require_grad();
        taps.zeros.push(zero.clone());
        let out = out + zero;
        if i < last { leaky_relu(out, 0.2) } else { out }
    });
    (answer, taps)
}

/// Row i of a with row i of b.
fn products(a: &Tensor<2>, b: &Tensor<2>) -> Vec<f64> {
    numbers((a.clone() * b.clone()).sum_dim(1))
        .into_iter()
        .map(f64::from)
        .collect()
}

/// The norm of the gradient of each pair's loss by all weights, without any of these gradients being made: a layer's is a d^T + b e^T and
/// d + e, of its inputs a and b by the datum and the sample, and the gradients d and e of its answers (Goodfellow 2015, arXiv:1510.01799).
pub(super) fn norms(layers: &Layers, loss: Loss, data: &Tensor<2>, samples: &Tensor<2>) -> Vec<f64> {
    let (of_data, a) = tapped(layers, data.clone());
    let (of_samples, b) = tapped(layers, samples.clone());
    let gradients = loss.of_pairs(of_data, of_samples).sum().backward();
    let mut squares = vec![0.0; data.dims()[0]];
    for i in 0..a.inputs.len() {
        let gradient = |zero: &Tensor<2>| zero.grad(&gradients);
        let (Some(d), Some(e)) = (gradient(&a.zeros[i]), gradient(&b.zeros[i])) else {
            continue;
        };
        let (x, y) = (a.inputs[i].clone().inner(), b.inputs[i].clone().inner());
        let (dd, ee, de) = (products(&d, &d), products(&e, &e), products(&d, &e));
        let (xx, yy, xy) = (products(&x, &x), products(&y, &y), products(&x, &y));
        for (n, s) in squares.iter_mut().enumerate() {
            // Of the weights, and of the bias, whose input is 1.
            *s += dd[n] * (xx[n] + 1.0) + ee[n] * (yy[n] + 1.0) + 2.0 * de[n] * (xy[n] + 1.0);
        }
    }
    squares.into_iter().map(|s| s.max(0.0).sqrt()).collect()
}

/// The sum of the pairs' losses, each weighed so that its gradient is no longer than `bound`, of those that are `kept`; over `expected`.
/// With it, what share of these was cut.
pub(super) fn clipped(
    layers: &Layers,
    loss: Loss,
    (data, samples): (&Tensor<2>, &Tensor<2>),
    kept: &[f32],
    (bound, expected): (f64, f64),
) -> (Tensor<1>, f64) {
    let norms = norms(layers, loss, data, samples);
    let cut = norms
        .iter()
        .zip(kept)
        .filter(|(n, k)| **k > 0.0 && **n > bound)
        .count();
    let share = cut as f64 / kept.iter().filter(|k| **k > 0.0).count().max(1) as f64;
    let weights = norms
        .iter()
        .zip(kept)
        .map(|(n, k)| k * (bound / n.max(1e-12)).min(1.0) as f32);
    let weights = TensorData::new(weights.collect::<Vec<f32>>(), [kept.len(), 1]);
    let each = loss.of_pairs(layers.forward(data.clone()), layers.forward(samples.clone()));
    let weights = Tensor::from_data(weights, &each.device());
    ((each * weights).sum() / expected, share)
}

/// The product of all weights with fixed noise.
struct Noise {
    key: Key,
    deviation: f64,
    number: u64,
    sum: Option<Tensor<1>>,
}

impl ModuleVisitor for Noise {
    fn visit_float<const D: usize>(&mut self, p: &Param<Tensor<D>>) {
        let w = p.val();
        let plain: Device = w.device();
        let noise: Tensor<D> = noise::normal(self.key.step(self.number).words(), w.dims(), &plain);
        self.number += 1;
        let product = (w * noise).sum() * self.deviation;
        self.sum = Some(match self.sum.take() {
            Some(sum) => sum + product,
            None => product,
        });
    }
}

/// A loss whose gradient is Gaussian noise of that deviation, of each weight by itself.
pub(super) fn noisy(layers: &Layers, deviation: f64, key: Key) -> Option<Tensor<1>> {
    let mut noise = Noise {
        key,
        deviation,
        number: 0,
        sum: None,
    };
    layers.visit(&mut noise);
    noise.sum
}

#[cfg(test)]
mod tests {
    use super::*;
    use burn::tensor::Gradients;
    use menagerie_nn::Init;

    fn device() -> Device {
        Device::flex().autodiff()
    }

    fn setup() -> (Layers, Tensor<2>, Tensor<2>) {
        let layers = Layers::new(&[5, 7, 4, 1], &Init::new(Key::new(3), &device()));
        let draw = |k: u64| noise::normal::<2>(Key::new(k).words(), [6, 5], &device());
        (layers, draw(1), draw(2) * 2.0)
    }

    fn all(layers: &Layers, gradients: &Gradients) -> Vec<f32> {
        let of = |t: Option<Tensor<1>>| t.map(numbers).unwrap_or_default();
        let layer = |l: &menagerie_nn::Linear| {
            let weight = l.weight.val().grad(gradients).map(|g| g.flatten::<1>(0, 1));
            let bias = l.bias.as_ref().and_then(|b| b.val().grad(gradients));
            [of(weight), of(bias)].concat()
        };
        layers.all().iter().flat_map(layer).collect()
    }

    fn length(v: &[f32]) -> f64 {
        v.iter().map(|v| f64::from(*v).powi(2)).sum::<f64>().sqrt()
    }

    /// The norms of all pairs at once are those of each pair's own gradient.
    #[test]
    fn norms_of_pairs_are_those_of_each_alone() {
        let (layers, x, s) = setup();
        for loss in [Loss::Wasserstein, Loss::Logistic] {
            for (i, norm) in norms(&layers, loss, &x, &s).iter().enumerate() {
                let row = |t: &Tensor<2>| layers.forward(t.clone().narrow(0, i, 1));
                let own = loss.of_pairs(row(&x), row(&s)).sum().backward();
                let alone = length(&all(&layers, &own));
                assert!(
                    (norm - alone).abs() < 1e-4 * alone,
                    "{loss:?} {i}: {norm} {alone}"
                );
            }
        }
    }

    /// However far off a pair is, it moves the sum by the bound at most; one that is not kept does not move it at all.
    #[test]
    fn no_pair_counts_for_more_than_the_bound() {
        let (layers, x, s) = setup();
        let bound = 0.3;
        let sum_with = |x: &Tensor<2>, kept: &[f32]| {
            let (loss, _) = clipped(&layers, Loss::Wasserstein, (x, &s), kept, (bound, 1.0));
            all(&layers, &loss.backward())
        };
        let far = Tensor::cat(
            vec![x.clone().narrow(0, 0, 5), x.clone().narrow(0, 5, 1) * 1e3],
            0,
        );
        let off =
            |a: Vec<f32>, b: Vec<f32>| length(&a.iter().zip(b).map(|(a, b)| a - b).collect::<Vec<f32>>());
        let without = [1.0, 1.0, 1.0, 1.0, 1.0, 0.0];
        let moved = off(sum_with(&far, &[1.0; 6]), sum_with(&x, &without));
        assert!(moved <= bound * 1.001 && moved > 0.99 * bound, "{moved}");
        assert_eq!(off(sum_with(&far, &without), sum_with(&x, &without)), 0.0);
    }

    /// The gradient of the noisy loss has the deviation that was asked for.
    #[test]
    fn noise_is_as_large_as_it_should_be() {
        let layers = Layers::new(&[60, 80, 1], &Init::new(Key::new(3), &device()));
        let gradients = noisy(&layers, 0.25, Key::new(5)).unwrap().backward();
        let noise = all(&layers, &gradients);
        let deviation = length(&noise) / (noise.len() as f64).sqrt();
        assert!(
            (deviation / 0.25 - 1.0).abs() < 0.05,
            "{deviation} of {}",
            noise.len()
        );
    }
}
