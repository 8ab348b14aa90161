//! What the two players minimize, as functions of the discriminator's logits. `D(x) = sigmoid(logit)`.
use burn::tensor::Tensor;
use menagerie_kernels::softplus_mean;
use serde::{Deserialize, Serialize};

/// The losses of a game. Each takes logits `[batch, 1]` and gives their mean loss, `[1]`.
///
/// The discriminator's loss is the sum of its two parts, so that each part's activations are free before the
/// other is computed.
pub trait Objective: Send + Sync {
    /// The discriminator's loss on data.
    fn real(&self, logits: Tensor<2>) -> Tensor<1>;
    /// The discriminator's loss on samples.
    fn fake(&self, logits: Tensor<2>) -> Tensor<1>;
    /// The generator's loss.
    fn generator(&self, logits: Tensor<2>) -> Tensor<1>;
}

/// The objectives of Goodfellow et al. 2014 (arXiv:1406.2661).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Named {
    /// min_G max_D E log D(x) + E log(1 - D(G(z))) (equation 1). Its gradient vanishes where D is sure of itself.
    Minimax,
    /// The generator maximizes E log D(G(z)) instead (section 3): the same fixed point, stronger gradients early on.
    #[default]
    NonSaturating,
}

impl Objective for Named {
    /// -log D(x) = softplus(-logit)
    fn real(&self, logits: Tensor<2>) -> Tensor<1> {
        softplus_mean(logits, -1.0)
    }
    /// -log(1 - D(G(z))) = softplus(logit)
    fn fake(&self, logits: Tensor<2>) -> Tensor<1> {
        softplus_mean(logits, 1.0)
    }
    fn generator(&self, logits: Tensor<2>) -> Tensor<1> {
        match self {
            // log(1 - D(G(z))) = -softplus(logit)
            Named::Minimax => -softplus_mean(logits, 1.0),
            // -log D(G(z)) = softplus(-logit)
            Named::NonSaturating => softplus_mean(logits, -1.0),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use burn::tensor::Device;

    fn value(t: Tensor<1>) -> f64 {
        t.into_data().try_to_vec::<f32>().unwrap()[0] as f64
    }

    #[test]
    fn losses_are_those_of_the_paper() {
        let logits = [-3.0f32, -0.5, 0.0, 2.0];
        let t = || {
            Tensor::<2>::from_data(
                [[logits[0]], [logits[1]], [logits[2]], [logits[3]]],
                &Device::flex(),
            )
        };
        let d = logits.map(|l| 1.0 / (1.0 + (-l as f64).exp()));
        let mean = |f: &dyn Fn(f64) -> f64| d.iter().map(|&v| f(v)).sum::<f64>() / 4.0;
        let close = |a: f64, b: f64| assert!((a - b).abs() < 1e-6, "{a} {b}");
        for o in [Named::Minimax, Named::NonSaturating] {
            close(value(o.real(t())), mean(&|d| -d.ln()));
            close(value(o.fake(t())), mean(&|d| -(1.0 - d).ln()));
        }
        close(value(Named::Minimax.generator(t())), mean(&|d| (1.0 - d).ln()));
        close(value(Named::NonSaturating.generator(t())), mean(&|d| -d.ln()));
    }

    /// Where the discriminator is sure, the minimax gradient is D(G(z)) and vanishes; the other's is D(G(z)) - 1.
    #[test]
    fn only_the_minimax_gradient_vanishes() {
        let gradient = |o: Named| {
            let l = Tensor::<2>::from_data([[-8.0f32]], &Device::flex().autodiff()).require_grad();
            let g = o.generator(l.clone()).backward();
            l.grad(&g).unwrap().into_data().try_to_vec::<f32>().unwrap()[0]
        };
        let d = 1.0 / (1.0 + 8f32.exp());
        assert!((gradient(Named::Minimax) + d).abs() < 1e-6);
        assert!((gradient(Named::NonSaturating) - (d - 1.0)).abs() < 1e-6);
    }
}
