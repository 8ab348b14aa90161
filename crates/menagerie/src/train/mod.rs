//! What a training step is made of: optimizers, averages, and networks as named arrays.
mod average;
mod learner;
mod optimizer;
mod tensors;
mod torch_file;

pub use average::Average;
pub use learner::{Descent, Learner};
pub use optimizer::{Optimizer, OptimizerConfig, Rule};
pub use tensors::Tensors;
pub use torch_file::read_torch;

use burn::module::{Module, ModuleVisitor, Param};
use burn::tensor::{Tensor, TensorData};

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
    let Some(sum) = terms.reduce(|a, b| a + b) else { panic!("a loss of nothing") };
    sum.clone() - sum.detach() + value
}
