use crate::dual::slope;
use crate::init::Equalized;

use crate::{Activation, Dual, Init, SpectralNorm, Weights, activations, init};
use burn::module::{Module, Param};
use burn::tensor::Tensor;
use menagerie_kernels::{Geometry, conv_transpose2d, conv2d};
use std::marker::PhantomData;

/// A convolution with a square kernel, or one of a row: `[batch, height, width, in] -> [batch, height', width', out]`.
#[derive(Module, Debug)]
pub struct Conv2d {
    /// `[kernel, kernel, in / groups, out]`, of a row `[1, kernel, in / groups, out]`
    pub weight: Param<Tensor<4>>,
    /// `[out]`
    pub bias: Option<Param<Tensor<1>>>,
    spectral: Option<SpectralNorm>,
    #[module(skip)]
    equalized: Option<[f64; 2]>,
    stride: usize,
    padding: usize,
    groups: usize,
    row: bool,
}

/// A transposed convolution: the adjoint of the convolution that maps its output's shape to its input's.
#[derive(Module, Debug)]
pub struct ConvTranspose2d {
    /// `[kernel, kernel, out, in]`: the weights of that convolution
    pub weight: Param<Tensor<4>>,
    /// `[out]`
    pub bias: Option<Param<Tensor<1>>>,
    stride: usize,
    padding: usize,
}

/// A convolution in the making: `Conv2d::of([3, 64]).kernel(4).stride(2).padding(1).init(&init)`.
#[derive(Clone, Copy, Debug)]
pub struct ConvOf<L> {
    channels: [usize; 2],
    kernel: usize,
    stride: usize,
    padding: usize,
    groups: usize,
    weights: Weights,
    bias: bool,
    spectral: bool,
    equalized: Option<Equalized>,
    row: bool,
    layer: PhantomData<L>,
}

impl<L> ConvOf<L> {
    fn new(channels: [usize; 2]) -> Self {
        let (weights, layer) = (Weights::Fan, PhantomData);
        ConvOf {
            channels,
            kernel: 3,
            stride: 1,
            padding: 0,
            groups: 1,
            weights,
            bias: false,
            spectral: false,
            equalized: None,
            row: false,
            layer,
        }
    }
    /// A square kernel of this side; 3 unless said otherwise.
    pub fn kernel(mut self, side: usize) -> Self {
        self.kernel = side;
        self
    }
    /// Pixels from one window to the next; 1 unless said otherwise.
    pub fn stride(mut self, stride: usize) -> Self {
        self.stride = stride;
        self
    }
    /// Zeros on each side; none unless said otherwise.
    pub fn padding(mut self, padding: usize) -> Self {
        self.padding = padding;
        self
    }
    /// Groups of channels that see nothing of each other.
    pub fn groups(mut self, groups: usize) -> Self {
        self.groups = groups;
        self
    }
    /// How the first weights are drawn; [`Weights::Fan`] unless said otherwise.
    pub fn weights(mut self, weights: Weights) -> Self {
        self.weights = weights;
        self
    }
    /// With a bias that starts at zero.
    pub fn bias(mut self) -> Self {
        self.bias = true;
        self
    }
    /// With a bias, if so.
    pub fn bias_if(mut self, bias: bool) -> Self {
        self.bias = bias;
        self
    }
}

impl ConvOf<Conv2d> {
    /// With a kernel of one row: along the width alone, of sequences.
    pub fn row(mut self) -> Self {
        self.row = true;
        self
    }

    /// With spectral normalization of its weight, if so.
    pub fn spectral_if(mut self, spectral: bool) -> Self {
        self.spectral = spectral;
        self
    }

    /// With an equalized learning rate (Karras et al. 2018, arXiv:1710.10196, section 4.1): weights of spread one, multiplied
    /// by `gain` over the root of the inputs whenever they are used.
    pub fn equalized(self, gain: f64) -> Self {
        ConvOf {
            equalized: Some(Equalized { gain, rate: 1.0 }),
            ..self.weights(Weights::Normal(1.0))
        }
    }

    /// The layer, with its first weights.
    pub fn init(self, at: &Init) -> Conv2d {
        let [inputs, outputs] = self.channels;
        let height = if self.row { 1 } else { self.kernel };
        let (area, inputs) = (height * self.kernel, inputs / self.groups);
        let shape = [height, self.kernel, inputs, outputs];
        Conv2d {
            weight: self
                .weights
                .draw(shape, [inputs * area, outputs * area / self.groups], at),
            bias: self.bias.then(|| init::zeros([outputs], at.device())),
            spectral: self.spectral.then(|| SpectralNorm::new(area * inputs, at)),
            equalized: self.equalized.map(|e| e.factors(inputs * area)),

            stride: self.stride,
            padding: self.padding,
            groups: self.groups,
            row: self.row,
        }
    }
}

impl ConvOf<ConvTranspose2d> {
    /// The layer, with its first weights.
    pub fn init(self, at: &Init) -> ConvTranspose2d {
        let [inputs, outputs] = self.channels;
        let area = self.kernel * self.kernel;
        let shape = [self.kernel, self.kernel, outputs, inputs];
        // Of a kernel of stride 2, a quarter reaches each pixel.
        let fan = [(inputs * area / self.stride.pow(2)).max(1), outputs * area];
        ConvTranspose2d {
            weight: self.weights.draw(shape, fan, at),
            bias: self.bias.then(|| init::zeros([outputs], at.device())),
            stride: self.stride,
            padding: self.padding,
        }
    }
}

impl Conv2d {
    /// Of `[in, out]` channels.
    pub fn of(channels: [usize; 2]) -> ConvOf<Conv2d> {
        ConvOf::new(channels)
    }

    fn weight(&self) -> Tensor<4> {
        match (&self.spectral, self.equalized) {
            (Some(norm), _) => norm.of(self.weight.val()),
            (None, Some([by, _])) => self.weight.val() * by,
            (None, None) => self.weight.val(),
        }
    }

    fn geometry(&self) -> Geometry {
        let geometry = Geometry::new(self.stride, self.padding).with_groups(self.groups);
        match self.row {
            true => geometry
                .with_stride([1, self.stride])
                .with_padding([0, self.padding]),
            false => geometry,
        }
    }

    /// `activation(conv(x) + bias)`
    pub fn forward(&self, x: Tensor<4>, activation: Activation) -> Tensor<4> {
        let y = conv2d(
            x,
            self.weight(),
            init::bias(&self.bias, self.equalized),
            self.geometry(),
            activation,
        );
        activations::keep(y)
    }

    /// The same with the derivative along a direction, if there is one.
    pub fn dual(&self, x: Dual<4>, activation: Activation) -> Dual<4> {
        let Some(direction) = x.tangent.clone() else {
            return x.with(self.forward(x.value.clone(), activation), None);
        };
        let (weight, bias) = (self.weight(), init::bias(&self.bias, self.equalized));
        let t = conv2d(
            direction,
            weight.clone(),
            None,
            self.geometry(),
            Activation::Identity,
        );
        let (weight, bias) = if x.untaped() {
            (weight.detach(), bias.map(|b| b.detach()))
        } else {
            (weight, bias)
        };
        if activation.slope_from_output() {
            let y = conv2d(x.value.clone(), weight, bias, self.geometry(), activation);
            return x.with(y.clone(), Some(slope(t, y.clone(), y, activation)));
        }
        let pre = conv2d(
            x.value.clone(),
            weight,
            bias,
            self.geometry(),
            Activation::Identity,
        );
        x.with(pre, Some(t)).activation(activation)
    }
}

impl ConvTranspose2d {
    /// Of `[in, out]` channels.
    pub fn of(channels: [usize; 2]) -> ConvOf<ConvTranspose2d> {
        ConvOf::new(channels)
    }

    /// `activation(conv_transpose(x) + bias)` of exactly `size` = `[height, width]`.
    pub fn forward(&self, x: Tensor<4>, size: [usize; 2], activation: Activation) -> Tensor<4> {
        let bias = self.bias.as_ref().map(Param::val);
        let geometry = Geometry::new(self.stride, self.padding);
        let y = conv_transpose2d(x, self.weight.val(), bias, geometry, Some(size), activation);
        activations::keep(y)
    }
}
