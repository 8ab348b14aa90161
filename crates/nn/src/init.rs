//! First weights: where they come from (a random key) and where they lie (a device).
use burn::module::Param;
use burn::tensor::{Device, Tensor};
use menagerie_data::limits::claim;
use menagerie_data::random::Key;
use menagerie_kernels::noise;

/// What a constructor of layers hands down: the key of the place in the network, and the device.
///
/// `init.at("down").nth(2)` is the key path of the third layer of a stack; no two places share their weights.
///
/// ```
/// use burn::tensor::Device;
/// use menagerie_data::random::Key;
/// use menagerie_nn::{Activation, BatchNorm, Conv2d, ConvTranspose2d, Init, Linear, Weights};
///
/// let init = Init::new(Key::new(1), &Device::flex());
/// let down = Conv2d::of([3, 64]).kernel(4).stride(2).padding(1);
/// let down = down.weights(Weights::Normal(0.02)).init(&init.at("down"));
/// let norm = BatchNorm::of(64).spread(0.02).init(&init.at("norm"));
/// let up = ConvTranspose2d::of([64, 3]).kernel(4).stride(2).padding(1).bias();
/// let up = up.init(&init.at("up"));
/// let head = Linear::of([64, 10]).init(&init.at("head"));
///
/// let x = burn::tensor::Tensor::zeros([8, 32, 32, 3], init.device());
/// let h = norm.forward(down.forward(x, Activation::Identity), Activation::Relu);
/// assert_eq!(h.dims(), [8, 16, 16, 64]);
/// assert_eq!(head.forward(h.clone(), Activation::Identity).dims(), [8, 16, 16, 10]);
/// assert_eq!(up.forward(h, [32, 32], Activation::Tanh).dims(), [8, 32, 32, 3]);
/// ```
#[derive(Clone, Debug)]
pub struct Init {
    key: Key,
    device: Device,
}

impl Init {
    /// At the root of a network.
    pub fn new(key: Key, device: &Device) -> Self {
        Init {
            key,
            device: device.clone(),
        }
    }

    /// The place of that name below this one.
    pub fn at(&self, name: &str) -> Init {
        Init {
            key: self.key.stream(name),
            device: self.device.clone(),
        }
    }

    /// The n-th place of a stack.
    pub fn nth(&self, n: usize) -> Init {
        Init {
            key: self.key.step(n as u64),
            device: self.device.clone(),
        }
    }

    /// The key of this place.
    pub fn key(&self) -> Key {
        self.key
    }

    /// Where weights lie.
    pub fn device(&self) -> &Device {
        &self.device
    }

    /// The same without autodiff, for what is kept but not trained.
    pub fn plain_device(&self) -> Device {
        plain(&self.device)
    }
}

/// A device without autodiff.
pub fn plain(device: &Device) -> Device {
    let device = device.clone();
    if device.is_autodiff() {
        device.without_autodiff()
    } else {
        device
    }
}

/// How the first weights of a layer are drawn.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Weights {
    /// normal around 0 with this standard deviation
    Normal(f64),
    /// uniform in ±1/sqrt(inputs), the inputs of one output counted over the kernel (LeCun et al. 1998; PyTorch's default)
    Fan,
    /// uniform in ±gain sqrt(6 / (inputs + outputs)) (Glorot & Bengio 2010)
    Glorot(f64),
    /// normal with a standard deviation of gain sqrt(2 / inputs) (He et al. 2015, arXiv:1502.01852)
    He(f64),
    /// all zero
    Zero,
}

/// A layer's bias as it is used: multiplied where its learning rate is equalized.
pub(crate) fn bias(own: &Option<Param<Tensor<1>>>, factors: Option<[f64; 2]>) -> Option<Tensor<1>> {
    let bias = own.as_ref().map(Param::val);
    match factors {
        Some([_, by]) if by != 1.0 => bias.map(|b| b * by),
        _ => bias,
    }
}

/// An equalized learning rate (Karras et al. 2018, arXiv:1710.10196, section 4.1).
#[derive(Clone, Copy, Debug)]
pub(crate) struct Equalized {
    /// what the layer's outputs are multiplied by
    pub gain: f64,
    /// how much faster than others the layer learns
    pub rate: f64,
}

impl Equalized {
    /// What a weight of so many inputs, and a bias, are multiplied by whenever they are used.
    pub(crate) fn factors(self, inputs: usize) -> [f64; 2] {
        let by = self.gain * self.rate;
        [by / (inputs.max(1) as f64).sqrt(), by]
    }
}

impl Weights {
    /// A parameter of that shape, each output of which reads so many inputs and each input of which feeds so many outputs.
    pub fn draw<const D: usize>(
        self,
        shape: [usize; D],
        [inputs, outputs]: [usize; 2],
        at: &Init,
    ) -> Param<Tensor<D>> {
        let (key, device) = (at.key(), at.device());
        match self {
            Weights::Normal(std) => normal(key, shape, 0.0, std, device),
            Weights::Fan => uniform(key, shape, 1.0 / (inputs as f64).sqrt(), device),
            Weights::Glorot(gain) => uniform(
                key,
                shape,
                gain * (6.0 / (inputs + outputs) as f64).sqrt(),
                device,
            ),
            Weights::He(gain) => normal(key, shape, 0.0, gain * (2.0 / inputs as f64).sqrt(), device),
            Weights::Zero => zeros(shape, device),
        }
    }
}

/// Normal with the given mean and standard deviation.
pub fn normal<const D: usize>(
    key: Key,
    shape: [usize; D],
    mean: f64,
    std: f64,
    device: &Device,
) -> Param<Tensor<D>> {
    claim(&shape);
    Param::from_tensor(noise::normal(key.words(), shape, device) * std + mean)
}

/// Uniform in [-bound, bound).
pub fn uniform<const D: usize>(key: Key, shape: [usize; D], bound: f64, device: &Device) -> Param<Tensor<D>> {
    claim(&shape);
    Param::from_tensor(noise::uniform(key.words(), shape, device) * (2.0 * bound) - bound)
}

/// All zero.
pub fn zeros<const D: usize>(shape: [usize; D], device: &Device) -> Param<Tensor<D>> {
    full(shape, 0.0, device)
}

/// The same number everywhere.
pub fn full<const D: usize>(shape: [usize; D], value: f64, device: &Device) -> Param<Tensor<D>> {
    claim(&shape);
    Param::from_tensor(Tensor::full(shape, value, device))
}
