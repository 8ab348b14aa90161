//! Weight clipping (Arjovsky et al. 2017, arXiv:1701.07875, algorithm 1): the crude way to a function of bounded slope.
use burn::module::{Module, ModuleMapper, Param};
use burn::tensor::Tensor;
use serde::{Deserialize, Serialize};

/// `[penalty.clip]`: after each update every weight of the discriminator is cut to ±bound.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Clip {
    /// the paper's c
    pub bound: f64,
}

impl Default for Clip {
    fn default() -> Self {
        Clip { bound: 0.01 }
    }
}

struct Cut(f64);

impl ModuleMapper for Cut {
    fn map_float<const D: usize>(&mut self, p: Param<Tensor<D>>) -> Param<Tensor<D>> {
        if !p.is_require_grad() {
            return p;
        }
        p.map(|t| Tensor::from_inner(t.inner().clamp(-self.0, self.0)).require_grad())
    }
}

impl Clip {
    /// The network with its weights cut.
    pub fn apply<M: Module>(&self, network: M) -> M {
        network.map(&mut Cut(self.bound))
    }
}
