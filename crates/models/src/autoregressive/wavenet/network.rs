//! The network: dilated causal convolutions with gated units, residual and skip connections.
use super::Sizes;
use burn::module::{Module, Param};
use burn::tensor::{Device, Int, Tensor, TensorData};
use menagerie_kernels::{Geometry, conv2d, gate};
use menagerie_nn::{Activation, Init, Linear, Weights, activation, activations};

/// One gated unit: `z = tanh(W_f * x + V_f h) sigmoid(W_g * x + V_g h)` (equation 3), `*` a convolution of two taps.
#[derive(Module, Debug)]
pub(super) struct Layer {
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
    fn new(sizes: &Sizes, classes: usize, dilation: usize, last: bool, init: &Init) -> Self {
        let (w, fan) = (sizes.width, [2 * sizes.width; 2]);
        let taps = |name: &str| {
            Weights::Normal(1.0 / (2.0 * w as f64).sqrt()).draw([1, 2, w, w], fan, &init.at(name))
        };
        let condition =
            || Weights::Normal(0.3).draw([classes, 2 * w], [classes, 2 * w], &init.at("condition"));
        Layer {
            filter: taps("filter"),
            gate: taps("gate"),
            filter_bias: Weights::Zero.draw([w], fan, init),
            gate_bias: Weights::Zero.draw([w], fan, init),
            condition: (classes > 0).then(condition),
            residual: (!last).then(|| Linear::of([w, w]).init(&init.at("residual"))),
            skip: Linear::of([w, sizes.skip]).init(&init.at("skip")),
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
        let both = activations::keep(conv2d(x, weight, Some(bias), geometry, Activation::Identity));
        let both = match (&self.condition, labels) {
            (Some(c), Some(labels)) => both + c.val().select(0, labels.clone()).reshape([b, 1, 1, 2 * w]),
            _ => both,
        };
        activations::keep(gate(both, w)).reshape([b, t, w])
    }
}

/// From codes to the logits of each, given those before it.
#[derive(Module, Debug)]
pub(super) struct WaveNetwork {
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

impl WaveNetwork {
    /// For so many logits a sample of sound; `classes` of the global condition, 0 for none.
    pub(super) fn new(sizes: &Sizes, outputs: usize, classes: usize, init: &Init) -> Self {
        let dilations = sizes.dilations();
        let last = dilations.len().saturating_sub(1);
        let layer =
            |(i, &d): (usize, &usize)| Layer::new(sizes, classes, d, i == last, &init.at("layer").nth(i));
        let input = [2 * (sizes.levels + 1), sizes.width];
        WaveNetwork {
            input: Weights::Normal(0.7).draw(input, input, &init.at("input")),
            layers: dilations.iter().enumerate().map(layer).collect(),
            hidden: Linear::of([sizes.skip; 2]).init(&init.at("hidden")),
            output: Linear::of([sizes.skip, outputs]).init(&init.at("output")),
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

    /// The same of codes `[batch, length]` as a tensor.
    fn before_each(&self, codes: &Tensor<2, Int>) -> [Tensor<1, Int>; 2] {
        let (levels, [b, length]) = (self.input.dims()[0] / 2 - 1, codes.dims());
        [1, 2].map(|ago| {
            let beginning = Tensor::full([b, ago.min(length)], levels as i32, &codes.device());
            let rest = codes.clone().narrow(1, 0, length.saturating_sub(ago));
            let rows = Tensor::cat(vec![beginning, rest], 1) + ((ago - 1) * (levels + 1)) as i32;
            rows.reshape([b * length])
        })
    }

    /// Codes `[batch, length]` as numbers, and classes as rows with a one where there is a condition -> logits
    /// `[batch length, outputs]`.
    pub(super) fn pass(&self, codes: Tensor<2>, class: Option<Tensor<2>>) -> Tensor<2> {
        let length = codes.dims()[1];
        let codes = codes.round().int();
        let [batch, _] = codes.dims();
        let labels = class.map(|c| c.argmax(1).reshape([batch]));
        self.through(self.before_each(&codes), length, labels)
    }

    /// Codes of sequences of `length`, one after the other, and each sequence's class where there is a condition -> logits
    /// `[codes, outputs]`, those of a code from the codes before it in its sequence alone.
    pub(super) fn forward(&self, codes: &[u32], length: usize, labels: Option<&[u32]>) -> Tensor<2> {
        let (b, device) = (codes.len() / length, self.input.val().device());
        let labels: Option<Tensor<1, Int>> = labels.map(|l| {
            Tensor::from_data(
                TensorData::new(l.iter().map(|&l| l as i32).collect::<Vec<_>>(), [b]),
                &device,
            )
        });
        self.through(self.before(codes, length, &device), length, labels)
    }

    fn through(
        &self,
        [one, two]: [Tensor<1, Int>; 2],
        length: usize,
        labels: Option<Tensor<1, Int>>,
    ) -> Tensor<2> {
        let (n, w) = (one.dims()[0], self.input.dims()[1]);
        let b = n / length;
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
}
