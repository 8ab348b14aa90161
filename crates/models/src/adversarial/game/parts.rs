//! A loss in the making.
use burn::tensor::{Device, Tensor};
use menagerie_nn::number;

/// Weighted parts of a loss, each told by its name.
#[derive(Default)]
pub(crate) struct Parts {
    sum: Option<Tensor<1>>,
    /// the parts as they are, without their weights
    pub(crate) scalars: Vec<(&'static str, f64)>,
}

impl Parts {
    /// Adds `weight` times a part of shape `[1]`.
    pub(crate) fn add(&mut self, name: &'static str, weight: f64, part: Tensor<1>) {
        self.scalars.push((name, number(part.clone())));
        let part = part * weight;
        self.sum = Some(match self.sum.take() {
            Some(sum) => sum + part,
            None => part,
        });
    }

    /// The sum, shape `[1]`; zero of no parts.
    pub(crate) fn loss(&self, device: &Device) -> Tensor<1> {
        self.sum.clone().unwrap_or_else(|| Tensor::zeros([1], device))
    }
}
