use super::{Flow, for_all};
use crate::{Activation, Init, init};
use burn::module::{Module, Param};
use burn::tensor::Tensor;
use menagerie_kernels::scale_shift;

/// Smallest standard deviation that the start divides by: a channel that hardly varies is not blown up.
const SMALLEST: f64 = 1e-3;

/// Activation normalization (Kingma & Dhariwal 2018, section 3.1): a scale and a shift a channel, y = exp(s) x + b, set on
/// the first batch so that every channel of y has mean 0 and variance 1 there, and trained from then on.
#[derive(Module, Debug)]
pub struct ActNorm {
    /// s, `[channels]`
    log_scale: Param<Tensor<1>>,
    /// b, `[channels]`
    shift: Param<Tensor<1>>,
}

impl ActNorm {
    /// The identity, until `start` has seen data.
    pub fn new(channels: usize, init: &Init) -> Self {
        ActNorm {
            log_scale: init::zeros([channels], init.device()),
            shift: init::zeros([channels], init.device()),
        }
    }

    /// h w sum(s)
    fn log_det(&self, [batch, h, w, _]: [usize; 4]) -> Tensor<1> {
        for_all(self.log_scale.val().sum() * (h * w) as f64, batch)
    }
}

impl Flow for ActNorm {
    fn forward(&self, x: Tensor<4>) -> (Tensor<4>, Tensor<1>) {
        let log_det = self.log_det(x.dims());
        (
            scale_shift(
                x,
                self.log_scale.val().exp(),
                self.shift.val(),
                Activation::Identity,
            ),
            log_det,
        )
    }

    fn inverse(&self, y: Tensor<4>) -> (Tensor<4>, Tensor<1>) {
        let log_det = -self.log_det(y.dims());
        let scale = (-self.log_scale.val()).exp();
        let shift = -self.shift.val() * scale.clone();
        (scale_shift(y, scale, shift, Activation::Identity), log_det)
    }

    fn start(&mut self, x: Tensor<4>) -> Tensor<4> {
        let [b, h, w, c] = x.dims();
        let rows = x.clone().reshape([b * h * w, c]);
        let mean = rows.clone().mean_dim(0);
        let deviation = (rows - mean.clone())
            .square()
            .mean_dim(0)
            .sqrt()
            .clamp_min(SMALLEST)
            .reshape([c]);
        self.shift = Param::from_tensor(-mean.reshape([c]) / deviation.clone());
        self.log_scale = Param::from_tensor(-deviation.log());
        self.forward(x).0
    }
}
