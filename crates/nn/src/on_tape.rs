use burn::module::{Module, ModuleMapper, Param};
use burn::tensor::Tensor;

struct OnTape;
impl ModuleMapper for OnTape {
    fn map_float<const D: usize>(&mut self, p: Param<Tensor<D>>) -> Param<Tensor<D>> {
        p.map(|t| {
            let t = if t.is_autodiff() { t.inner() } else { t };
            Tensor::from_inner(t).set_require_grad(false)
        })
    }
}

/// A trained network brought onto a tape as a constant, so that gradients by its input come back through it.
pub fn on_tape<M: Module>(network: M) -> M {
    network.map(&mut OnTape)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Activation, BatchNorm, Init, Linear, numbers};
    use burn::tensor::Device;
    use menagerie_data::Key;

    /// Batch norm too, whose statistics are no parameters.
    #[test]
    fn gradients_by_the_input_come_back() {
        let init = Init::new(Key::new(1), &Device::flex().autodiff());
        let (linear, norm) = (Linear::of([2, 3]).init(&init), BatchNorm::of(3).init(&init));
        let (linear, norm) = (on_tape(linear.valid()), on_tape(norm.valid()));
        let x = Tensor::<2>::from_floats([[1.0, -2.0]], &Device::flex().autodiff()).require_grad();
        let y = norm.forward(
            linear.forward(x.clone(), Activation::Identity),
            Activation::Identity,
        );
        let g = numbers(x.grad(&y.sum().backward()).expect("a gradient"));
        let w = numbers(linear.weight.val().inner());
        let want = [w[..3].iter().sum::<f32>(), w[3..].iter().sum()];
        assert!(
            g.iter().zip(want).all(|(g, w)| (g - w).abs() < 1e-4),
            "{g:?} {want:?}"
        );
    }
}
