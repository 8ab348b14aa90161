//! All trained weights of a network as one vector, for what moves along a direction in them.
use burn::module::{Module, ModuleMapper, ModuleVisitor, Param};
use burn::tensor::{Gradients, Tensor};
use std::collections::VecDeque;

/// A vector in the space of a network's trained weights: a flat tensor a parameter, in the order in which they are visited,
/// without autodiff.
#[derive(Clone, Debug)]
pub struct Direction(Vec<Tensor<1>>);

struct Collect<'a> {
    gradients: &'a Gradients,
    found: Vec<Tensor<1>>,
}

impl ModuleVisitor for Collect<'_> {
    fn visit_float<const D: usize>(&mut self, p: &Param<Tensor<D>>) {
        if !p.is_require_grad() {
            return;
        }
        let value = p.val();
        let n = value.shape().num_elements();
        let gradient = value
            .grad(self.gradients)
            .unwrap_or_else(|| value.inner().zeros_like());
        self.found.push(gradient.reshape([n]));
    }
}

struct Move {
    by: VecDeque<Tensor<1>>,
    step: f64,
}

impl ModuleMapper for Move {
    fn map_float<const D: usize>(&mut self, p: Param<Tensor<D>>) -> Param<Tensor<D>> {
        if !p.is_require_grad() {
            return p;
        }
        let Some(by) = self.by.pop_front() else {
            return p;
        };
        let step = self.step;
        p.map(|t| {
            let shape = t.dims();
            Tensor::from_inner(t.inner() + by.reshape(shape) * step).require_grad()
        })
    }
}

impl Direction {
    /// A loss's gradient by the weights; zero for those that it does not depend on.
    pub fn of<M: Module>(network: &M, gradients: &Gradients) -> Direction {
        let mut collect = Collect {
            gradients,
            found: vec![],
        };
        network.visit(&mut collect);
        Direction(collect.found)
    }

    /// The network, `step` times this further.
    pub fn moves<M: Module>(&self, network: M, step: f64) -> M {
        network.map(&mut Move {
            by: self.0.clone().into(),
            step,
        })
    }

    /// Its length.
    pub fn length(&self) -> f64 {
        let square = |t: &Tensor<1>| crate::number((t.clone() * t.clone()).sum());
        self.0.iter().map(square).sum::<f64>().sqrt()
    }

    /// This and `factor` times another.
    pub fn plus(self, other: &Direction, factor: f64) -> Direction {
        Direction(
            self.0
                .into_iter()
                .zip(&other.0)
                .map(|(a, b)| a + b.clone() * factor)
                .collect(),
        )
    }
}
