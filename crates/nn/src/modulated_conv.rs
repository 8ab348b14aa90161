use crate::{Dual, Init, Linear, Weights, activations};
use burn::module::{Module, Param};
use burn::tensor::Tensor;
use menagerie_kernels::{Activation, Geometry, conv2d};

/// A convolution whose weights are scaled, an input channel at a time, by a style of each item, and brought back to unit
/// spread an output channel at a time (Karras et al. 2020, arXiv:1912.04958, equations 1 to 3):
/// w'_ijk = s_i w_ijk / sqrt(sum_ik (s_i w_ijk)^2 + epsilon).
///
/// The style scales the channels of the input instead of the weights, and the norm those of the output, so that one
/// convolution serves all items of a batch.
#[derive(Module, Debug)]
pub struct ModulatedConv2d {
    /// `[kernel, kernel, in, out]`, of spread one
    pub weight: Param<Tensor<4>>,
    /// from a style vector to the scales of the input's channels, less one
    pub style: Linear,
    demodulate: bool,
    gain: f64,
}

const EPSILON: f64 = 1e-8;

impl ModulatedConv2d {
    /// Of `[in, out]` channels with a square kernel of odd side, which keeps the image's size; styles have `style` numbers. Its
    /// results are multiplied by `gain`.
    pub fn new(
        channels: [usize; 2],
        kernel: usize,
        style: usize,
        demodulate: bool,
        gain: f64,
        at: &Init,
    ) -> Self {
        let [inputs, outputs] = channels;
        let shape = [kernel, kernel, inputs, outputs];
        ModulatedConv2d {
            weight: Weights::Normal(1.0).draw(shape, channels, at),
            style: Linear::of([style, inputs])
                .equalized(1.0, 1.0)
                .init(&at.at("style")),
            demodulate,
            gain,
        }
    }

    /// x `[batch, height, width, in]` and styles `[batch, style]` -> `[batch, height, width, out]`
    pub fn forward(&self, x: Dual<4>, style: Dual<2>) -> Dual<4> {
        let [kernel, _, inputs, outputs] = self.weight.dims();
        let scales = self.style.dual(style, Activation::Identity);
        let scales = scales.with(scales.value.clone() + 1.0, scales.tangent.clone());
        let rows = |t: Tensor<2>| {
            let [batch, channels] = t.dims();
            t.reshape([batch, 1, 1, channels])
        };
        let weight = self.weight.val();
        let x = x.times(scales.clone().linear(rows));
        let geometry = Geometry::new(1, kernel / 2);
        let spread = ((kernel * kernel * inputs) as f64).sqrt();
        if !self.demodulate {
            let weight = weight * (self.gain / spread);
            return x.linear(|t| {
                activations::keep(conv2d(t, weight.clone(), None, geometry, Activation::Identity))
            });
        }
        let y =
            x.linear(|t| activations::keep(conv2d(t, weight.clone(), None, geometry, Activation::Identity)));
        let squares = (weight.clone() * weight)
            .sum_dim(0)
            .sum_dim(1)
            .reshape([inputs, outputs]);
        let length = scales.clone().times(scales).linear(|t| t.matmul(squares.clone()));
        let inverse = (length.value.clone() + EPSILON).sqrt().recip();
        // d (q + e)^(-1/2) = -1/2 (q + e)^(-3/2) dq
        let slope = |t: Tensor<2>| t * inverse.clone().powi_scalar(3) * -0.5;
        let tangent = length.tangent.clone().map(slope);
        let inverse = length.with(inverse, tangent);
        y.times(inverse.scale(self.gain).linear(rows))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::numbers;
    use burn::tensor::{Device, TensorData};
    use menagerie_data::Key;

    fn wave<const D: usize>(shape: [usize; D], phase: f32, device: &Device) -> Tensor<D> {
        let n = shape.iter().product::<usize>();
        let values: Vec<f32> = (0..n).map(|i| (1.3 * i as f32 + phase).sin()).collect();
        Tensor::from_data(TensorData::new(values, shape), device)
    }

    /// Item by item, with the weights themselves scaled and normalized, as the paper has it.
    #[test]
    fn it_is_the_convolution_with_each_items_own_weights() {
        let device = Device::flex();
        let layer = ModulatedConv2d::new([3, 4], 3, 5, true, 1.0, &Init::new(Key::new(3), &device));
        let (x, style) = (wave([2, 5, 4, 3], 0.1, &device), wave([2, 5], 0.7, &device));
        let y = numbers(layer.forward(x.clone().into(), style.clone().into()).value);
        let scales = numbers(layer.style.forward(style, Activation::Identity));
        let w = numbers(layer.weight.val());
        for b in 0..2 {
            let s = |i: usize| scales[b * 3 + i] + 1.0;
            let at = |k: usize, i: usize, o: usize| w[(k * 3 + i) * 4 + o] * s(i);
            let scaled = |k: usize, i: usize, o: usize| {
                let all = (0..9).flat_map(|k| (0..3).map(move |i| (k, i)));
                let length: f32 = all.map(|(k, i)| at(k, i, o).powi(2)).sum();
                at(k, i, o) / (length + 1e-8).sqrt()
            };
            let own: Vec<f32> = (0..9 * 3 * 4).map(|n| scaled(n / 12, n / 4 % 3, n % 4)).collect();
            let own = Tensor::from_data(TensorData::new(own, [3, 3, 3, 4]), &device);
            let item = x.clone().narrow(0, b, 1);
            let want = numbers(conv2d(item, own, None, Geometry::new(1, 1), Activation::Identity));
            let got = &y[b * want.len()..(b + 1) * want.len()];
            let off = got
                .iter()
                .zip(&want)
                .map(|(a, b)| (a - b).abs())
                .fold(0.0, f32::max);
            assert!(off < 1e-5, "{off}");
        }
    }

    /// The derivative along a direction, of input and style together, is that of differences.
    #[test]
    fn the_derivative_along_a_direction() {
        let device = Device::flex();
        let layer = ModulatedConv2d::new([3, 4], 3, 5, true, 1.4, &Init::new(Key::new(3), &device));
        let (x, style) = (
            wave::<4>([2, 5, 4, 3], 0.1, &device),
            wave::<2>([2, 5], 0.7, &device),
        );
        let (dx, ds) = (
            wave::<4>([2, 5, 4, 3], 2.1, &device),
            wave::<2>([2, 5], 3.7, &device),
        );
        let at = |h: f64| {
            let (x, s) = (x.clone() + dx.clone() * h, style.clone() + ds.clone() * h);
            numbers(layer.forward(x.into(), s.into()).value)
        };
        let along = layer.forward(
            Dual::along(x.clone(), dx.clone(), true),
            Dual::along(style.clone(), ds.clone(), true),
        );
        let (up, down) = (at(0.005), at(-0.005));
        for ((t, a), b) in numbers(along.tangent.unwrap()).iter().zip(up).zip(down) {
            let want = (a - b) / 0.01;
            assert!((t - want).abs() < 2e-3 * (1.0 + want.abs()), "{t} {want}");
        }
    }
}
