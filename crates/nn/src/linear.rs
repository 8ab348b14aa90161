use crate::dual::slope;
use crate::init::Equalized;
use crate::{Activation, Dual, Init, SpectralNorm, Weights, activations, init};
use burn::module::{Module, Param};
use burn::tensor::Tensor;
use menagerie_kernels::linear;

/// A fully connected layer: `[.., inputs] -> [.., outputs]`.
#[derive(Module, Debug)]
pub struct Linear {
    /// `[inputs, outputs]`
    pub weight: Param<Tensor<2>>,
    /// `[outputs]`
    pub bias: Option<Param<Tensor<1>>>,
    spectral: Option<SpectralNorm>,
    #[module(skip)]
    equalized: Option<[f64; 2]>,
}

/// A fully connected layer in the making: `Linear::of([100, 10]).init(&init)`.
#[derive(Clone, Copy, Debug)]
pub struct LinearOf {
    units: [usize; 2],
    weights: Weights,
    bias: Option<Weights>,
    spectral: bool,
    equalized: Option<Equalized>,
}

impl LinearOf {
    /// How the first weights are drawn; unless said otherwise weights and bias are uniform in ±1/sqrt(inputs)
    /// (LeCun et al. 1998; PyTorch's default). With others,
    /// a bias starts at zero.
    pub fn weights(mut self, weights: Weights) -> Self {
        self.weights = weights;
        self.bias = self.bias.map(|_| Weights::Zero);
        self
    }
    /// Without a bias.
    pub fn no_bias(mut self) -> Self {
        self.bias = None;
        self
    }
    /// With spectral normalization of its weight, if so.
    pub fn spectral_if(mut self, spectral: bool) -> Self {
        self.spectral = spectral;
        self
    }
    /// With an equalized learning rate (Karras et al. 2018, arXiv:1710.10196, section 4.1): weights of spread one, multiplied
    /// by `gain` over the root of the inputs whenever they are used; the layer learns `rate` times as fast as others.
    pub fn equalized(self, gain: f64, rate: f64) -> Self {
        LinearOf {
            equalized: Some(Equalized { gain, rate }),
            ..self.weights(Weights::Normal(1.0 / rate))
        }
    }

    /// The layer, with its first weights.
    pub fn init(self, at: &Init) -> Linear {
        let [inputs, outputs] = self.units;
        // Without a bias's own draw the key is the layer's: one draw, one key.
        let own = match self.bias {
            Some(Weights::Fan) => at.at("weight"),
            _ => at.clone(),
        };
        Linear {
            weight: self.weights.draw(self.units, self.units, &own),
            bias: self.bias.map(|b| match b {
                Weights::Zero => init::zeros([outputs], at.device()),
                b => b.draw([outputs], self.units, &at.at("bias")),
            }),
            spectral: self.spectral.then(|| SpectralNorm::new(inputs, at)),
            equalized: self.equalized.map(|e| e.factors(inputs)),
        }
    }
}

impl Linear {
    /// Of `[inputs, outputs]`.
    pub fn of(units: [usize; 2]) -> LinearOf {
        LinearOf {
            units,
            weights: Weights::Fan,
            bias: Some(Weights::Fan),
            spectral: false,
            equalized: None,
        }
    }

    fn weight(&self) -> Tensor<2> {
        match (&self.spectral, self.equalized) {
            (Some(norm), _) => norm.of(self.weight.val()),
            (None, Some([by, _])) => self.weight.val() * by,
            (None, None) => self.weight.val(),
        }
    }

    /// `activation(x W + b)`
    pub fn forward<const D: usize>(&self, x: Tensor<D>, activation: Activation) -> Tensor<D> {
        let y = linear(
            x,
            self.weight(),
            init::bias(&self.bias, self.equalized),
            activation,
        );
        activations::keep(y)
    }

    /// The same with the derivative along a direction, if there is one.
    pub fn dual<const D: usize>(&self, x: Dual<D>, activation: Activation) -> Dual<D> {
        let Some(direction) = x.tangent.clone() else {
            return x.with(self.forward(x.value.clone(), activation), None);
        };
        let (weight, bias) = (self.weight(), init::bias(&self.bias, self.equalized));
        let t = linear(direction, weight.clone(), None, Activation::Identity);
        let (weight, bias) = if x.untaped() {
            (weight.detach(), bias.map(|b| b.detach()))
        } else {
            (weight, bias)
        };
        if activation.slope_from_output() {
            let y = linear(x.value.clone(), weight, bias, activation);
            return x.with(y.clone(), Some(slope(t, y.clone(), y, activation)));
        }
        let pre = linear(x.value.clone(), weight, bias, Activation::Identity);
        x.with(pre, Some(t)).activation(activation)
    }
}
