//! The network: a masked convolution, residual LSTM layers over rows or diagonals, and a masked head.
use super::super::affine::numbers;
use super::super::conditionals::{Conditionals, Grid};
use super::super::draw::Walker;
use super::sampler::Sampler;
use super::{Direction, Sizes};
use burn::module::{Module, Param};
use burn::tensor::{Device, Tensor, TensorData};
use menagerie_kernels::{Geometry, Scan, conv_lstm, conv2d, linear};
use menagerie_nn::{Activation, Init, Linear, Weights, activation, activations};

/// The group, of `channels`, of feature `f` of `n`: features of a group see the channels up to their own (section 3.4).
pub(super) fn group(f: usize, n: usize, channels: usize) -> usize {
    f * channels / n
}

/// 1 where mask B lets input feature i of `inputs` reach output feature o of `outputs`, where these come in `copies` blocks
/// (the four gates); `[inputs, copies outputs]`.
pub(super) fn mask_b(inputs: usize, outputs: usize, copies: usize, channels: usize) -> Vec<f32> {
    let open = |i: usize, o: usize| group(i, inputs, channels) <= group(o, outputs, channels);
    (0..inputs)
        .flat_map(|i| (0..copies * outputs).map(move |o| f32::from(open(i, o % outputs))))
        .collect()
}

/// 1 where mask A lets the image reach the first convolution: rows above the pixel, what is left of it, and in itself the
/// channels before the group's own; `[height, width, channels, features]` of a kernel whose last row is the pixel's.
pub(super) fn mask_a([height, width]: [usize; 2], channels: usize, features: usize) -> Vec<f32> {
    let mut mask = Vec::with_capacity(height * width * channels * features);
    for (y, x) in (0..height).flat_map(|y| (0..width).map(move |x| (y, x))) {
        for (c, f) in (0..channels).flat_map(|c| (0..features).map(move |f| (c, f))) {
            let (above, left, here) = (y + 1 < height, x < width / 2, x == width / 2);
            mask.push(f32::from(
                above || left || here && c < group(f, features, channels),
            ));
        }
    }
    mask
}

/// Height and width of the first kernel: 7 x 7 without the rows that mask A closes.
pub(super) const KERNEL: [usize; 2] = [4, 7];

fn masked<const D: usize>(weight: &Param<Tensor<D>>, mask: Vec<f32>) -> Tensor<D> {
    let w = weight.val();
    let (shape, device) = (w.dims(), w.device());
    w * Tensor::<D>::from_data(TensorData::new(mask, shape), &device)
}

/// One LSTM: input-to-state and state-to-state.
#[derive(Module, Debug)]
pub struct Lstm {
    /// `[taps, 2 width, 4 width]` with gates (o, f, i, g): of a row the pixel to the left and the pixel itself (a kernel of
    /// 3 x 1 whose right tap the mask closes), of a diagonal the pixel itself
    pub input: Param<Tensor<3>>,
    /// `[4 width]`
    pub bias: Param<Tensor<1>>,
    /// `[taps, width, 4 width]`: of the row above three pixels, of the diagonal before the pixels above and beside
    pub state: Param<Tensor<3>>,
}

impl Lstm {
    /// Gates that see so many taps of the input, and so many of the states.
    fn new(width: usize, [inputs, states]: [usize; 2], init: &Init) -> Self {
        let fan = |taps: usize, numbers: usize| [taps * numbers, taps * 4 * width];
        let (of_input, of_state) = (fan(inputs, 2 * width), fan(states, width));
        Lstm {
            input: Weights::Fan.draw([inputs, 2 * width, 4 * width], of_input, &init.at("input")),
            bias: Weights::Fan.draw([4 * width], of_input, &init.at("bias")),
            state: Weights::Fan.draw([states, width, 4 * width], of_state, &init.at("state")),
        }
    }

    /// What the gates get from the input: x `[B,H,W,2 width]` -> `[B,H,W,4 width]`.
    fn gates(&self, x: Tensor<4>, channels: usize) -> Tensor<4> {
        let [taps, inputs, outputs] = self.input.dims();
        // The pixel to the left is an earlier one, of which every group may see all.
        let here = mask_b(inputs, outputs / 4, 4, channels);
        let mask = [vec![1.0; (taps - 1) * inputs * outputs], here].concat();
        let weight = if channels > 1 {
            masked(&self.input, mask)
        } else {
            self.input.val()
        };
        let bias = Some(self.bias.val());
        if taps == 1 {
            let weight = weight.reshape([inputs, outputs]);
            return activations::keep(linear(x, weight, bias, Activation::Identity));
        }
        let [b, h, w, _] = x.dims();
        let x = Tensor::cat(vec![Tensor::zeros([b, h, taps - 1, inputs], &x.device()), x], 2);
        let y = conv2d(
            x,
            weight.reshape([1, taps, inputs, outputs]),
            bias,
            Geometry::new(1, 0),
            Activation::Identity,
        );
        debug_assert_eq!(y.dims()[2], w);
        activations::keep(y)
    }
}

/// The states h of an LSTM that runs over images. Beside its gates' arguments it keeps their values, memories and states.
fn scan(gates: Tensor<4>, lstm: &Lstm, direction: Scan) -> Tensor<4> {
    let values = activations::keep(gates);
    activations::keep(activations::keep(conv_lstm(
        values,
        lstm.state.val(),
        1,
        direction,
    )))
}

/// An LSTM layer and the way back onto the residual path (figure 5).
#[derive(Module, Debug)]
pub struct Layer {
    /// one for rows; for diagonals the one from the left and the one from the right
    pub lstms: Vec<Lstm>,
    /// width -> 2 width, mask B
    pub up: Linear,
}

/// The network of Row LSTMs or Diagonal BiLSTMs.
#[derive(Module, Debug)]
pub struct PixelRnnNetwork {
    /// `[4, 7, channels, 2 width]`, mask A
    pub first: Param<Tensor<4>>,
    /// `[2 width]`
    pub first_bias: Param<Tensor<1>>,
    /// the LSTM layers
    pub layers: Vec<Layer>,
    /// mask B
    pub hidden: Linear,
    /// mask B, to the logits
    pub output: Linear,
    #[module(skip)]
    direction: Direction,
    #[module(skip)]
    grid: Grid,
}

impl PixelRnnNetwork {
    /// First weights from a key.
    pub fn new(m: &Sizes, grid: Grid, init: &Init) -> Self {
        let (w, c) = (m.width, grid.channels);
        let layer = |i: usize| {
            let init = init.at("layer").nth(i);
            let lstms = match m.kind {
                Direction::RowLstm => vec![Lstm::new(w, [2, 3], &init.at("row"))],
                Direction::DiagonalBilstm => ["left", "right"]
                    .map(|n| Lstm::new(w, [1, 2], &init.at(n)))
                    .into(),
            };
            let up = Linear::of([w, 2 * w]).init(&init.at("up"));
            Layer { lstms, up }
        };
        let fan = [KERNEL[0] * KERNEL[1] * c, KERNEL[0] * KERNEL[1] * 2 * w];
        let outputs = c * grid.discrete.outputs();
        PixelRnnNetwork {
            first: Weights::Fan.draw([KERNEL[0], KERNEL[1], c, 2 * w], fan, &init.at("first")),
            first_bias: Weights::Zero.draw([2 * w], fan, init),
            layers: (0..m.depth).map(layer).collect(),
            hidden: Linear::of([2 * w, m.hidden]).init(&init.at("hidden")),
            output: Linear::of([m.hidden, outputs]).init(&init.at("output")),
            direction: m.kind,
            grid,
        }
    }

    /// x `[.., inputs]` -> `[.., outputs]` through mask B.
    fn one_by_one(&self, layer: &Linear, x: Tensor<4>, act: Activation) -> Tensor<4> {
        let ([i, o], c) = (layer.weight.dims(), self.grid.channels);
        let weight = if c > 1 {
            masked(&layer.weight, mask_b(i, o, 1, c))
        } else {
            layer.weight.val()
        };
        activations::keep(linear(x, weight, layer.bias.as_ref().map(Param::val), act))
    }

    /// h `[B,H,W,width]` of x `[B,H,W,2 width]`.
    fn recur(&self, layer: &Layer, x: Tensor<4>) -> Tensor<4> {
        let c = self.grid.channels;
        match (self.direction, &layer.lstms[..]) {
            (Direction::DiagonalBilstm, [left, right]) => {
                let from_left = scan(left.gates(x.clone(), c), left, Scan::Diagonals);
                let from_right = scan(right.gates(x, c), right, Scan::MirroredDiagonals);
                // What comes from the right has seen later pixels of its row: it counts for the row below.
                let [b, h, w, n] = from_right.dims();
                let top = Tensor::zeros([b, 1, w, n], &from_right.device());
                from_left + Tensor::cat(vec![top, from_right], 1).narrow(1, 0, h)
            }
            (_, lstms) => scan(lstms[0].gates(x, c), &lstms[0], Scan::Rows),
        }
    }

    /// Its weights as numbers, masks laid over them, for the sampler.
    pub(super) fn masked_first(&self) -> Vec<f32> {
        let [h, w, c, f] = self.first.dims();
        super::over(&numbers(&self.first), &mask_a([h, w], c, f))
    }
    /// Rows or diagonals.
    pub(super) fn direction(&self) -> Direction {
        self.direction
    }
}

impl Conditionals for PixelRnnNetwork {
    fn grid(&self) -> &Grid {
        &self.grid
    }

    fn device(&self) -> Device {
        self.first.val().device()
    }

    fn pass(&self, x: Tensor<2>, _: Option<Tensor<2>>, _order: usize) -> Tensor<3> {
        let (g, [count, _], device) = (&self.grid, x.dims(), x.device());
        let x = x.reshape([count, g.height, g.width, g.channels]);
        let [kh, kw, c, f] = self.first.dims();
        let weight = masked(&self.first, mask_a([kh, kw], c, f));
        // Rows of zeros above only: the kernel's last row is the pixel's own.
        let above = Tensor::zeros([count, kh - 1, g.width, c], &device);
        let padding = Geometry::new(1, 0).with_padding([0, kw / 2]);
        let (x, bias) = (Tensor::cat(vec![above, x], 1), Some(self.first_bias.val()));
        let x = activations::keep(conv2d(x, weight, bias, padding, Activation::Identity));
        let x = self.layers.iter().fold(x, |x, layer| {
            let h = self.recur(layer, x.clone());
            x + self.one_by_one(&layer.up, h, Activation::Identity)
        });
        let hidden = self.one_by_one(&self.hidden, activation(x, Activation::Relu), Activation::Relu);
        self.one_by_one(&self.output, hidden, Activation::Identity)
            .reshape([count, g.numbers(), g.discrete.outputs()])
    }

    fn walker(&self) -> Box<dyn Walker> {
        Box::new(Sampler::new(self))
    }
}
