use super::{Flow, for_all};
use crate::{Activation, Init, init};
use burn::module::{Module, Param};
use burn::tensor::Tensor;
use menagerie_kernels::scale_shift;

/// A scale a channel, y = exp(s) x, that starts at the identity: NICE's last layer (Dinh et al. 2014, section 3.3), which
/// lets some dimensions count more than others.
#[derive(Module, Debug)]
pub struct Scaling {
    /// s, `[channels]`
    log_scale: Param<Tensor<1>>,
}

impl Scaling {
    /// The identity.
    pub fn new(channels: usize, init: &Init) -> Self {
        Scaling {
            log_scale: init::zeros([channels], init.device()),
        }
    }

    fn apply(&self, x: Tensor<4>, sign: f64) -> (Tensor<4>, Tensor<1>) {
        let [batch, h, w, c] = x.dims();
        let log_scale = self.log_scale.val() * sign;
        let log_det = for_all(log_scale.clone().sum() * (h * w) as f64, batch);
        let none = Tensor::zeros([c], &x.device());
        (
            scale_shift(x, log_scale.exp(), none, Activation::Identity),
            log_det,
        )
    }
}

impl Flow for Scaling {
    fn forward(&self, x: Tensor<4>) -> (Tensor<4>, Tensor<1>) {
        self.apply(x, 1.0)
    }
    fn inverse(&self, y: Tensor<4>) -> (Tensor<4>, Tensor<1>) {
        self.apply(y, -1.0)
    }
}
