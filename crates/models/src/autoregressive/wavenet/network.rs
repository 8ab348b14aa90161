//! The network: dilated causal convolutions with gated units, residual and skip connections.
use burn::module::{Module, Param};
use burn::tensor::{Device, Int, Tensor, TensorData};
use menagerie_data::random::Key;
use menagerie_kernels::{Geometry, conv2d, gate};
use menagerie_nn::{Activation, Linear, activation, init};

/// Sizes of a network.
#[derive(Clone, Debug, PartialEq)]
pub struct Sizes {
    /// channels of the residual path and of the gates
    pub width: usize,
    /// channels of the skip path
    pub skip: usize,
    /// of every layer
    pub dilations: Vec<usize>,
    /// codes that a sample of sound can have
    pub levels: usize,
    /// logits a sample of sound
    pub outputs: usize,
    /// classes of the global condition; 0 for none
    pub classes: usize,
}

/// One gated unit: `z = tanh(W_f * x + V_f h) sigmoid(W_g * x + V_g h)` (equation 3), `*` a convolution of two taps.
#[derive(Module, Debug)]
pub struct Layer {
    /// `[1, 2, width, width]`; tap 0 is the earlier one
    pub filter: Param<Tensor<4>>,
    /// likewise
    pub gate: Param<Tensor<4>>,
    /// biases of both, `[width]`
    pub filter_bias: Param<Tensor<1>>,
    /// likewise
    pub gate_bias: Param<Tensor<1>>,
    /// `V_f` and `V_g`, `[classes, 2 width]`
    pub condition: Option<Param<Tensor<2>>>,
    /// back onto the residual path; the last layer has none
    pub residual: Option<Linear>,
    /// onto the skip path
    pub skip: Linear,
    /// distance of the taps
    pub dilation: usize,
}

impl Layer {
    fn new(sizes: &Sizes, dilation: usize, last: bool, key: Key, device: &Device) -> Self {
        let (w, std) = (sizes.width, 1.0 / (2.0 * sizes.width as f64).sqrt());
        let taps = |name: &str| init::normal(key.stream(name), [1, 2, w, w], 0.0, std, device);
        Layer {
            filter: taps("filter"),
            gate: taps("gate"),
            filter_bias: init::zeros([w], device),
            gate_bias: init::zeros([w], device),
            condition: (sizes.classes > 0)
                .then(|| init::normal(key.stream("condition"), [sizes.classes, 2 * w], 0.0, 0.3, device)),
            residual: (!last).then(|| Linear::new(w, w, key.stream("residual"), device)),
            skip: Linear::new(w, sizes.skip, key.stream("skip"), device),
            dilation,
        }
    }

    /// x `[B, T, width]` -> z `[B, T, width]`
    fn gated(&self, x: Tensor<3>, labels: Option<&Tensor<1, Int>>) -> Tensor<3> {
        let [b, t, w] = x.dims();
        // Zeros before the beginning make the convolution causal: output t sees inputs t - dilation and t.
        let x =
            Tensor::cat(vec![Tensor::zeros([b, self.dilation, w], &x.device()), x], 1).unsqueeze_dim::<4>(1);
        let geometry = Geometry::new(1, 0).with_dilation([1, self.dilation]);
        let weight = Tensor::cat(vec![self.filter.val(), self.gate.val()], 3);
        let bias = Tensor::cat(vec![self.filter_bias.val(), self.gate_bias.val()], 0);
        let both = conv2d(x, weight, Some(bias), geometry, Activation::Identity);
        let both = match (&self.condition, labels) {
            (Some(c), Some(labels)) => both + c.val().select(0, labels.clone()).reshape([b, 1, 1, 2 * w]),
            _ => both,
        };
        gate(both, w).reshape([b, t, w])
    }
}

/// From codes to the logits of each, given those before it.
#[derive(Module, Debug)]
pub struct WaveNet {
    /// The first causal convolution, of one-hot codes by two taps: row c is code c one step before, row levels + 1 + c code c
    /// two steps before; rows `levels` and `2 levels + 1` stand for what lies before the beginning. `[2 (levels + 1), width]`
    pub input: Param<Tensor<2>>,
    /// the gated units
    pub layers: Vec<Layer>,
    /// between the two ReLUs after the skip connections' sum
    pub hidden: Linear,
    /// to the logits
    pub output: Linear,
}

impl WaveNet {
    /// First weights from a key.
    pub fn new(sizes: &Sizes, key: Key, device: &Device) -> Self {
        let last = sizes.dilations.len().saturating_sub(1);
        let layer = |(i, &d): (usize, &usize)| {
            Layer::new(sizes, d, i == last, key.stream("layer").step(i as u64), device)
        };
        WaveNet {
            input: init::normal(
                key.stream("input"),
                [2 * (sizes.levels + 1), sizes.width],
                0.0,
                0.7,
                device,
            ),
            layers: sizes.dilations.iter().enumerate().map(layer).collect(),
            hidden: Linear::new(sizes.skip, sizes.skip, key.stream("hidden"), device),
            output: Linear::new(sizes.skip, sizes.outputs, key.stream("output"), device),
        }
    }

    /// The rows of `input` that stand for the two codes before each of `codes`, sequences of `length`.
    fn before(&self, codes: &[u32], length: usize, device: &Device) -> [Tensor<1, Int>; 2] {
        let levels = self.input.dims()[0] / 2 - 1;
        [1, 2].map(|ago| {
            let row = |i: usize| {
                (ago - 1) * (levels + 1)
                    + if i % length < ago {
                        levels
                    } else {
                        codes[i - ago] as usize
                    }
            };
            let rows: Vec<i32> = (0..codes.len()).map(|i| row(i) as i32).collect();
            Tensor::from_data(TensorData::new(rows, [codes.len()]), device)
        })
    }

    /// Codes of sequences of `length`, one after the other, and each sequence's class where there is a condition -> logits
    /// `[codes, outputs]`, those of a code from the codes before it in its sequence alone.
    pub fn forward(&self, codes: &[u32], length: usize, labels: Option<&[u32]>) -> Tensor<2> {
        let (n, b, w) = (codes.len(), codes.len() / length, self.input.dims()[1]);
        let device = self.input.val().device();
        let labels: Option<Tensor<1, Int>> = labels.map(|l| {
            Tensor::from_data(
                TensorData::new(l.iter().map(|&l| l as i32).collect::<Vec<_>>(), [b]),
                &device,
            )
        });
        let [one, two] = self.before(codes, length, &device);
        let mut x =
            (self.input.val().select(0, one) + self.input.val().select(0, two)).reshape([b, length, w]);
        let mut sum: Option<Tensor<2>> = None;
        for layer in &self.layers {
            let z = layer.gated(x.clone(), labels.as_ref());
            let skip = layer
                .skip
                .forward(z.clone().reshape([n, w]), Activation::Identity);
            sum = Some(sum.map_or(skip.clone(), |s| s + skip));
            if let Some(residual) = &layer.residual {
                x = x + residual.forward(z, Activation::Identity);
            }
        }
        let sum = sum.expect("there is a layer");
        let hidden = self
            .hidden
            .forward(activation(sum, Activation::Relu), Activation::Relu);
        self.output.forward(hidden, Activation::Identity)
    }

    /// Floats kept for the backward pass, of a sequence of this length.
    pub fn activations(&self, length: usize) -> usize {
        let (w, s) = (self.input.dims()[1], self.hidden.weight.dims()[0]);
        length * (self.layers.len() * 5 * w + 4 * s + 2 * self.output.weight.dims()[1])
    }
}
