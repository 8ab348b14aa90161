use super::conditioner::Conditioner;
use super::coupling::bounded;
use super::{Flow, item_sums};
use crate::activations;
use burn::module::Module;
use burn::tensor::{Device, Tensor, TensorData};

/// An affine coupling of the two colours of a checkerboard (Dinh et al. 2017, section 3.4 and equation 9): pixels of one
/// colour pass through, the others become exp(s) x + t.
#[derive(Module, Debug)]
pub struct Checkerboard {
    network: Conditioner,
    /// which colour passes through
    odd: bool,
}

impl Checkerboard {
    /// `network` takes the image with the mapped pixels at zero (and the context's channels after it), and gives t and s
    /// of every number.
    pub fn new(network: Conditioner, odd: bool) -> Self {
        Checkerboard { network, odd }
    }

    /// 1 where pixels pass through, `[1, h, w, 1]`.
    fn mask(&self, h: usize, w: usize, device: &Device) -> Tensor<4> {
        let values: Vec<f32> = (0..h * w)
            .map(|i| f32::from(((i / w + i % w) % 2 == 1) == self.odd))
            .collect();
        Tensor::from_data(TensorData::new(values, [1, h, w, 1]), device)
    }

    /// s and t, zero where pixels pass through.
    fn parameters(&self, x: &Tensor<4>, context: Option<Tensor<4>>) -> (Tensor<4>, Tensor<4>) {
        let [_, h, w, c] = x.dims();
        let mask = self.mask(h, w, &x.device());
        let mut input = x.clone() * mask.clone();
        if let Some(context) = context {
            input = Tensor::cat(vec![input, context], 3);
        }
        let out = self.network.forward(input);
        let mapped = -mask + 1.0;
        (
            bounded(out.clone().narrow(3, c, c)) * mapped.clone(),
            out.narrow(3, 0, c) * mapped,
        )
    }

    /// `forward`, given an image of the same height and width that the network sees, too.
    pub fn forward_with(&self, x: Tensor<4>, context: Option<Tensor<4>>) -> (Tensor<4>, Tensor<1>) {
        let (s, t) = self.parameters(&x, context);
        (x * activations::keep(s.clone().exp()) + t, item_sums(s))
    }
}

impl Flow for Checkerboard {
    fn forward(&self, x: Tensor<4>) -> (Tensor<4>, Tensor<1>) {
        self.forward_with(x, None)
    }

    fn inverse(&self, y: Tensor<4>) -> (Tensor<4>, Tensor<1>) {
        let (s, t) = self.parameters(&y, None);
        ((y - t) * (-s.clone()).exp(), -item_sums(s))
    }
}
