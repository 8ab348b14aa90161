//! What every network has: a name and sizes for people, trainable numbers, files in a checkpoint.
use super::{Tensors, activations};
use burn::module::{Module, ModuleVisitor, Param};
use burn::tensor::{Tensor, TensorData};

/// A file of a checkpoint, made when it is written: only one is in memory at a time.
pub type Part<'a> = Box<dyn FnOnce() -> Tensors + 'a>;

/// One network of a model, as `--dry-run` shows it.
#[derive(Clone, Debug, PartialEq)]
pub struct NetworkInfo {
    /// `generator`, `discriminator`, `encoder`, ...
    pub name: &'static str,
    /// trainable numbers
    pub parameters: usize,
    /// floats kept for the backward pass, an item of the batch
    pub activations: usize,
}

impl NetworkInfo {
    /// Counts a network's trainable numbers, and what its layers keep in `pass`, the forward pass of a training step on one
    /// item. The pass gets the network without autodiff and in evaluation mode, so that running statistics stay.
    pub fn of<M: Module, T>(name: &'static str, network: &M, pass: impl FnOnce(&M) -> T) -> NetworkInfo {
        let plain = network.valid();
        NetworkInfo {
            name,
            parameters: trainable(network),
            activations: activations::counted(|| pass(&plain)),
        }
    }
}

/// What a checkpoint is loaded for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// to go on training: networks, optimizers, averages
    Train,
    /// to sample or answer: the networks alone
    Use,
    /// to sample: of the networks those alone that draw
    Sample,
}

/// Trainable numbers of a network that is being trained.
pub fn trainable<M: Module>(network: &M) -> usize {
    struct Count(usize);
    impl ModuleVisitor for Count {
        fn visit_float<const D: usize>(&mut self, p: &Param<Tensor<D>>) {
            if p.is_require_grad() {
                self.0 += p.val().shape().num_elements();
            }
        }
    }
    let mut count = Count(0);
    network.visit(&mut count);
    count.0
}

/// A loss, shape `[1]`, of that value, whose gradients by some flat tensors are given: how a model brings gradients that it
/// has computed by itself to an optimizer.
pub fn with_gradients(value: f64, pairs: Vec<(Tensor<1>, Vec<f32>)>) -> Tensor<1> {
    let terms = pairs.into_iter().map(|(t, g)| {
        let device = t.device();
        let n = g.len();
        (t * Tensor::<1>::from_data(TensorData::new(g, [n]), &device)).sum()
    });
    let Some(sum) = terms.reduce(|a, b| a + b) else {
        panic!("a loss of nothing")
    };
    sum.clone() - sum.detach() + value
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Activation, BatchNorm, Init, Linear};
    use burn::tensor::Device;
    use menagerie_data::random::Key;

    #[derive(Module, Debug)]
    struct Normed {
        linear: Linear,
        norm: BatchNorm,
    }

    /// Weights and biases, scales and shifts are trained, running statistics are not; counting leaves those as they are.
    #[test]
    fn what_is_counted_stays_as_it_is() {
        let init = Init::new(Key::new(1), &Device::flex().autodiff());
        let network = Normed {
            linear: Linear::of([3, 5]).init(&init),
            norm: BatchNorm::of(5).init(&init),
        };
        let before = Tensors::of(&network);
        let info = NetworkInfo::of("normed", &network, |n| {
            let x = Tensor::<2>::ones([1, 3], &init.plain_device());
            n.norm
                .forward(n.linear.forward(x, Activation::Identity), Activation::Relu)
        });
        assert_eq!((info.name, info.parameters, info.activations), ("normed", 30, 10));
        assert_eq!(Tensors::of(&network), before);
    }
}
