use crate::{Init, activations, collective, init};
use burn::module::{Flag, Module, Param, RunningState};
use burn::tensor::Tensor;
use menagerie_kernels::{Activation, batch_norm, scale_shift};
use std::cell::Cell;

// The share of a batch in the statistics that are being taken anew, while they are.
thread_local!(static STANDING: Cell<Option<f64>> = const { Cell::new(None) });

/// A network without autodiff whose batch norms have statistics of their own for the weights as they are: the means over what they
/// see in so many passes (standing statistics, Brock et al. 2019, arXiv:1809.11096, appendix C). `pass` sends the n-th batch
/// through the network that it is given.
pub fn standing<M: Module, T>(network: &M, passes: usize, pass: impl Fn(&M, usize) -> T) -> M {
    /// However the passes end.
    struct Ends;
    impl Drop for Ends {
        fn drop(&mut self) {
            STANDING.set(None);
        }
    }
    let network = network.valid();
    let _ends = Ends;
    for n in 0..passes {
        STANDING.set(Some(1.0 / (n + 1) as f64));
        pass(&network, n);
    }
    network
}

/// Batch normalization over all axes but the last (Ioffe & Szegedy 2015, arXiv:1502.03167), fused with the activation
/// that follows. While training it uses the batch's statistics and keeps running ones; `valid()` uses those. Where a batch
/// is cut into leaves, each is normalized by its own statistics, or by those of all where norms are synchronized, and the
/// running ones are those of all.
#[derive(Module, Debug)]
pub struct BatchNorm {
    /// scale, `[channels]`
    pub gamma: Param<Tensor<1>>,
    /// shift, `[channels]`
    pub beta: Param<Tensor<1>>,
    /// running mean, `[channels]`
    pub mean: RunningState<Tensor<1>>,
    /// running unbiased variance, `[channels]`
    pub variance: RunningState<Tensor<1>>,
    training: Param<Flag>,
    momentum: f64,
    epsilon: f64,
}

/// A batch norm in the making: `BatchNorm::of(64).spread(0.02).init(&init)`.
#[derive(Clone, Copy, Debug)]
pub struct BatchNormOf {
    channels: usize,
    spread: f64,
    epsilon: f64,
}

impl BatchNormOf {
    /// Standard deviation of the first scales around 1 (DCGAN: 0.02); 0 unless said otherwise.
    pub fn spread(mut self, std: f64) -> Self {
        self.spread = std;
        self
    }

    /// What is added to the variance; 1e-5 unless said otherwise (PyTorch-GAN's MLP uses 0.8).
    pub fn epsilon(mut self, epsilon: f64) -> Self {
        self.epsilon = epsilon;
        self
    }

    /// The layer, with its first scales; shifts are 0.
    pub fn init(self, at: &Init) -> BatchNorm {
        let (device, plain) = (at.device(), at.plain_device());
        BatchNorm {
            gamma: init::normal(at.key(), [self.channels], 1.0, self.spread, device),
            beta: init::zeros([self.channels], device),
            mean: RunningState::new(Tensor::zeros([self.channels], &plain)),
            variance: RunningState::new(Tensor::ones([self.channels], &plain)),
            training: Param::from_bool(true),
            momentum: 0.1,
            epsilon: self.epsilon,
        }
    }
}

impl BatchNorm {
    /// Of so many channels.
    pub fn of(channels: usize) -> BatchNormOf {
        BatchNormOf {
            channels,
            spread: 0.0,
            epsilon: 1e-5,
        }
    }

    /// `activation((x - mean) / sqrt(variance + epsilon) * gamma + beta)`
    pub fn forward<const D: usize>(&self, x: Tensor<D>, activation: Activation) -> Tensor<D> {
        if !self.training.is_enabled() && STANDING.get().is_none() {
            let scale = self.gamma.val() / (self.variance.value_sync() + self.epsilon).sqrt();
            let shift = self.beta.val() - self.mean.value_sync() * scale.clone();
            return activations::keep(scale_shift(x, scale, shift, activation));
        }
        let channels = self.gamma.dims()[0];
        let n = (x.shape().num_elements() / channels) as f64;
        let (gamma, beta) = (self.gamma.val(), self.beta.val());
        let synchronized = collective::norms_are_synchronized();
        let (y, mean, variance) = match synchronized {
            true => over_leaves(x, gamma, beta, self.epsilon, activation),
            false => batch_norm(x, gamma, beta, self.epsilon as f32, activation),
        };
        let n = if synchronized {
            n * collective::leaves() as f64
        } else {
            n
        };
        self.keep(&self.mean, mean);
        // Bessel's correction, as in PyTorch: what is kept estimates the variance of the data, not of the batch.
        self.keep(&self.variance, variance * (n / (n - 1.0).max(1.0)));
        activations::keep(y)
    }

    fn keep(&self, running: &RunningState<Tensor<1>>, new: Tensor<1>) {
        let new = if new.is_autodiff() { new.inner() } else { new };
        let new = collective::mean_tensor(new);
        let share = STANDING.get().unwrap_or(self.momentum);
        running.update(running.value_sync() * (1.0 - share) + new * share);
        // RunningState holds an update back until the next one; take it in now, so that what is saved is current.
        running.value_sync();
    }
}

/// Batch norm by the statistics of all leaves of a batch: what it gives, the mean, the biased variance.
fn over_leaves<const D: usize>(
    x: Tensor<D>,
    gamma: Tensor<1>,
    beta: Tensor<1>,
    epsilon: f64,
    activation: Activation,
) -> (Tensor<D>, Tensor<1>, Tensor<1>) {
    let (shape, channels) = (x.shape(), gamma.dims()[0]);
    let rows = x.reshape([shape.num_elements() / channels, channels]);
    let mean = collective::mean_with_gradient(rows.clone().mean_dim(0));
    let centred = rows - mean.clone();
    let variance = collective::mean_with_gradient(centred.clone().powi_scalar(2).mean_dim(0));
    let [mean, variance] = [mean, variance].map(|t| t.reshape([channels]));
    let scale = gamma / (variance.clone() + epsilon).sqrt();
    let y = scale_shift(centred, scale, beta, activation);
    (y.reshape(shape), mean, variance)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::numbers;
    use burn::tensor::{Device, TensorData};
    use menagerie_data::Key;

    /// The means of what the passes see, whatever was there before; the network itself keeps what it had.
    #[test]
    fn standing_statistics_are_means_over_passes() {
        let norm = BatchNorm::of(2).init(&Init::new(Key::new(1), &Device::flex().autodiff()));
        let batch = |n: usize| -> Vec<f32> {
            (0..8)
                .map(|i| ((7 * n + i) as f32 * 0.9).sin() + n as f32)
                .collect()
        };
        let pass = |network: &BatchNorm, n: usize| {
            let x = TensorData::new(batch(n), [4, 2]);
            network.forward(Tensor::<2>::from_data(x, &Device::flex()), Activation::Identity)
        };
        let stood = standing(&norm, 3, pass);
        let (mean, variance) = (numbers(stood.mean.value()), numbers(stood.variance.value()));
        for c in 0..2 {
            let of = |n: usize| -> [f64; 2] {
                let v: Vec<f64> = batch(n).iter().skip(c).step_by(2).map(|v| *v as f64).collect();
                let mean = v.iter().sum::<f64>() / 4.0;
                [mean, v.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / 3.0]
            };
            let want = [0, 1].map(|i| (0..3).map(|n| of(n)[i]).sum::<f64>() / 3.0);
            assert!((mean[c] as f64 - want[0]).abs() < 1e-6 && (variance[c] as f64 - want[1]).abs() < 1e-6);
        }
        assert_eq!(numbers(norm.mean.value()), [0.0, 0.0]);
        // From then on they are used as any.
        let x = Tensor::<2>::from_floats([[mean[0], mean[1]]], &Device::flex());
        assert!(
            numbers(stood.forward(x, Activation::Identity))
                .iter()
                .all(|v| v.abs() < 1e-6)
        );
    }
}
