//! Small changes of an image that mislead a classifier, found by the classifier's own gradient; the simplest attacks, beside which
//! others are to be seen. Images are `[batch, height, width, channel]` in [-1, 1]; a bound epsilon is of pixels in [0, 1], the
//! largest change of one of them (the maximum norm).
use crate::discriminative::classifier::cross_entropy;
use burn::tensor::Tensor;
use menagerie_data::interrupt;
use menagerie_data::random::Key;
use menagerie_kernels::noise;

/// A classifier on a tape: images -> logits `[batch, classes]`, an image's own in any batch.
pub type Logits<'a> = &'a dyn Fn(Tensor<4>) -> Tensor<2>;

/// Images drawn back to where they differ from `x` by epsilon at most, and are images; both on the same device.
pub fn within(x: &Tensor<4>, changed: Tensor<4>, epsilon: f64) -> Tensor<4> {
    let reach = 2.0 * epsilon;
    changed
        .max_pair(x.clone() - reach)
        .min_pair(x.clone() + reach)
        .clamp(-1.0, 1.0)
}

/// The sign of the gradient of the classifier's loss by the image, without a tape.
fn uphill(logits: Logits<'_>, at: Tensor<4>, labels: &[u32]) -> Tensor<4> {
    let at = Tensor::from_inner(at).require_grad();
    let loss = cross_entropy(logits(at.clone()), labels);
    match at.grad(&loss.backward()) {
        Some(g) => g.sign(),
        None => at.inner().zeros_like(),
    }
}

/// The fast gradient sign method (Goodfellow, Shlens, Szegedy 2014, arXiv:1412.6572, section 4): x + epsilon sign(grad_x J(x, y)), of
/// images without a tape.
pub fn fgsm(logits: Logits<'_>, x: &Tensor<4>, labels: &[u32], epsilon: f64) -> Tensor<4> {
    let step = uphill(logits, x.clone(), labels);
    within(x, x.clone() + step * (2.0 * epsilon), epsilon)
}

/// Projected gradient descent (Madry, Makelov, Schmidt, Tsipras, Vladu 2017, arXiv:1706.06083, section 2.1): from a uniform draw
/// within the bound, a key an image, `steps` steps of 2.5 epsilon / steps along the sign of the gradient, drawn back into the bound
/// after each.
pub fn pgd(
    logits: Logits<'_>,
    x: &Tensor<4>,
    labels: &[u32],
    epsilon: f64,
    steps: usize,
    keys: &[Key],
) -> Tensor<4> {
    let [_, h, w, c] = x.dims();
    let draw = |key: &Key| noise::uniform::<4>(key.stream("start").words(), [1, h, w, c], &x.device());
    let start = Tensor::cat(keys.iter().map(draw).collect(), 0) * 2.0 - 1.0;
    let mut at = within(x, x.clone() + start * (2.0 * epsilon), epsilon);
    let step = 2.0 * 2.5 * epsilon / steps.max(1) as f64;
    for _ in 0..steps {
        if interrupt::given_up() {
            break;
        }
        let up = uphill(logits, at.clone(), labels);
        at = within(x, at + up * step, epsilon);
    }
    at
}

/// How an image is changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Method {
    /// by a network that has learned it
    Learned,
    /// [`fgsm`]
    Fgsm,
    /// [`pgd`], of 40 steps
    Pgd,
}

impl Method {
    /// Its name on the command line and in figures.
    pub fn name(self) -> &'static str {
        match self {
            Method::Learned => "learned",
            Method::Fgsm => "fgsm",
            Method::Pgd => "pgd",
        }
    }
}

/// Steps of [`pgd`] (section 5: 40 on MNIST).
pub const STEPS: usize = 40;

#[cfg(test)]
mod tests {
    use super::*;
    use burn::tensor::{Device, TensorData};
    use menagerie_nn::{Activation, Init, Linear};
    use menagerie_nn::{numbers, on_tape};

    fn images(n: usize) -> Tensor<4> {
        let values: Vec<f32> = (0..n * 16).map(|i| (i as f32 * 0.37).sin()).collect();
        Tensor::from_data(TensorData::new(values, [n, 4, 4, 1]), &Device::flex())
    }

    fn largest(a: &Tensor<4>, b: &Tensor<4>) -> f64 {
        numbers((a.clone() - b.clone()).abs())
            .into_iter()
            .fold(0.0, |m, v| f64::max(m, v as f64 / 2.0))
    }

    /// Of a linear classifier the gradient is known: the difference of its weights, whose sign FGSM follows to the bound.
    #[test]
    fn on_a_linear_classifier_it_is_known() {
        let layer = Linear::of([16, 2]).init(&Init::new(Key::new(3), &Device::flex()));
        let weights = numbers(layer.weight.val());
        let layer = on_tape(layer);
        let logits = |x: Tensor<4>| layer.forward(x.flatten::<2>(1, 3), Activation::Identity);
        let x = images(3);
        let labels = [0, 1, 0];
        let changed = numbers(fgsm(&logits, &x, &labels, 0.1));
        for (i, (after, before)) in changed.iter().zip(numbers(x.clone())).enumerate() {
            let (item, at) = (i / 16, i % 16);
            let up = weights[at * 2 + 1 - labels[item] as usize] - weights[at * 2 + labels[item] as usize];
            let want = (before + 0.2 * up.signum()).clamp(-1.0, 1.0);
            assert!((after - want).abs() < 1e-6, "{after} {want}");
        }
        // There is nothing better within the bound, which PGD finds from anywhere.
        let keys: Vec<Key> = (0..3).map(|i| Key::new(5).step(i)).collect();
        let found = numbers(pgd(&logits, &x, &labels, 0.1, 40, &keys));
        let off = found.iter().zip(&changed).map(|(a, b)| (a - b).abs());
        assert!(off.fold(0.0, f32::max) < 1e-6);
    }

    /// The bound holds to rounding, whatever it is and wherever the images lie; what comes out are images.
    #[test]
    fn bounds_hold_to_rounding() {
        let layer = on_tape(Linear::of([16, 3]).init(&Init::new(Key::new(3), &Device::flex())));
        let logits = |x: Tensor<4>| layer.forward(x.flatten::<2>(1, 3), Activation::Identity);
        let x = images(4);
        let keys: Vec<Key> = (0..4).map(|i| Key::new(5).step(i)).collect();
        for epsilon in [0.0, 1.0 / 255.0, 0.03, 0.3, 1.0] {
            let labels = [0, 1, 2, 0];
            let all = [
                fgsm(&logits, &x, &labels, epsilon),
                pgd(&logits, &x, &labels, epsilon, 7, &keys),
                within(&x, x.clone() * -3.0 + 0.2, epsilon),
            ];
            for changed in all {
                assert!(
                    largest(&changed, &x) <= epsilon + 1e-7,
                    "{} {epsilon}",
                    largest(&changed, &x)
                );
                assert!(numbers(changed).iter().all(|v| v.abs() <= 1.0));
            }
        }
    }
}
