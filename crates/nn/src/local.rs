use crate::{Activation, Dual, Init, Weights, init};
use burn::module::{Module, Param};
use burn::tensor::Tensor;

/// A locally connected layer: a convolution whose kernel is another one at every place (LeCun 1989; Taigman et al. 2014), without
/// padding: `[batch, height, width, in] -> [batch, height - kernel + 1, width - kernel + 1, out]`.
#[derive(Module, Debug)]
pub struct Local2d {
    /// `[places, kernel kernel in, out]`, rows of places one after the other
    pub weight: Param<Tensor<3>>,
    /// `[places, out]`
    pub bias: Param<Tensor<2>>,
    kernel: usize,
    #[module(skip)]
    output: [usize; 2],
}

impl Local2d {
    /// Of `[in, out]` channels, for inputs of that height and width; biases begin at `bias`.
    ///
    /// # Panics
    /// If the kernel is larger than the input.
    pub fn new(
        [inputs, outputs]: [usize; 2],
        size: [usize; 2],
        kernel: usize,
        bias: f64,
        at: &Init,
    ) -> Local2d {
        let output = size.map(|n| n + 1 - kernel);
        let (places, taps) = (output[0] * output[1], kernel * kernel * inputs);
        let weights = Weights::Normal((2.0 / taps as f64).sqrt());

        Local2d {
            weight: weights.draw([places, taps, outputs], [taps, outputs], at),
            bias: init::full([places, outputs], bias, at.device()),
            kernel,
            output,
        }
    }

    /// What each place sees: `[batch, height, width, in] -> [places, batch, kernel kernel in]`.
    fn seen(&self, x: Tensor<4>) -> Tensor<3> {
        let [h, w] = self.output;
        let batch = x.dims()[0];
        let taps = (0..self.kernel).flat_map(|dy| (0..self.kernel).map(move |dx| (dy, dx)));
        let part = |(dy, dx)| x.clone().narrow(1, dy, h).narrow(2, dx, w);
        let all = Tensor::cat(taps.map(part).collect(), 3);
        let n = all.dims()[3];
        all.reshape([batch, h * w, n]).swap_dims(0, 1)
    }

    /// `[places, batch, out] -> [batch, height, width, out]`
    fn placed(&self, y: Tensor<3>) -> Tensor<4> {
        let ([h, w], [_, batch, outputs]) = (self.output, y.dims());
        y.swap_dims(0, 1).reshape([batch, h, w, outputs])
    }

    /// `activation(x * w + b)`
    pub fn forward(&self, x: Tensor<4>, activation: Activation) -> Tensor<4> {
        self.dual(x.into(), activation).value
    }

    /// The same with the derivative along a direction, if there is one.
    pub fn dual(&self, x: Dual<4>, activation: Activation) -> Dual<4> {
        let weight = self.weight.val();
        let bias = self.bias.val().unsqueeze_dim::<3>(1);
        let along = |t: Tensor<4>| self.seen(t).matmul(weight.clone());
        let tangent = x.tangent.clone().map(|t| self.placed(along(t)));
        let value = self.placed(along(x.value.clone()) + bias);
        x.with(value, tangent).activation(activation)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::numbers;
    use burn::tensor::{Device, TensorData};
    use menagerie_data::Key;

    /// Against loops: every place has weights of its own.
    #[test]
    fn every_place_has_its_own_kernel() {
        let device = Device::flex();
        let layer = Local2d::new([2, 3], [4, 5], 2, 0.5, &Init::new(Key::new(1), &device));
        let x: Vec<f32> = (0..2 * 4 * 5 * 2).map(|i| (1.3 * i as f32).sin()).collect();
        let given = Tensor::from_data(TensorData::new(x.clone(), [2, 4, 5, 2]), &device);
        let got = numbers(layer.forward(given, Activation::Identity));
        let w = numbers(layer.weight.val());
        for (b, oy, ox, o) in (0..2 * 3 * 4 * 3).map(|i| (i / 36, i / 12 % 3, i / 3 % 4, i % 3)) {
            let mut want = 0.5;
            for (tap, (dy, dx)) in [(0, 0), (0, 1), (1, 0), (1, 1)].into_iter().enumerate() {
                for c in 0..2 {
                    let at = ((b * 4 + oy + dy) * 5 + ox + dx) * 2 + c;
                    want += x[at] * w[((oy * 4 + ox) * 8 + tap * 2 + c) * 3 + o];
                }
            }
            let had = got[((b * 3 + oy) * 4 + ox) * 3 + o];
            assert!((had - want).abs() < 1e-5, "{had} {want}");
        }
    }
}
