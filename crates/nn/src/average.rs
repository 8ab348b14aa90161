//! The moving average of a network's weights, from which samples are drawn (Yazıcı et al. 2018, arXiv:1806.04498).
use super::tensors::Path;
use burn::module::{Module, ModuleMapper, ModuleVisitor, Param};
use burn::tensor::Tensor;
use menagerie_kernels::optim;
use std::collections::BTreeMap;

/// An exponential moving average of a network's parameters and of its buffers: the statistics that batch norm keeps
/// belong to the weights they were taken with, so both are averaged alike.
#[derive(Clone, Debug)]
pub struct Average<M> {
    /// without autodiff; empty only while `update` maps it
    network: Option<M>,
    decay: f64,
}

impl<M: Module> Average<M> {
    /// Begins at the network's present weights.
    pub fn new(network: &M, decay: f64) -> Self {
        Average {
            network: Some(network.valid()),
            decay,
        }
    }

    /// The averaged network.
    pub fn network(&self) -> &M {
        self.network.as_ref().expect("present outside of update")
    }

    /// Replaces the averaged network, as a checkpoint has it.
    pub fn set(&mut self, network: M) {
        self.network = Some(network);
    }

    /// `average <- decay * average + (1 - decay) * weights`. The decay ramps up as (1 + step) / (10 + step), so that
    /// the first weights, which are noise, are forgotten soon.
    pub fn update(&mut self, from: &M, step: u64) {
        let decay = self.decay.min((1 + step) as f64 / (10 + step) as f64);
        let blend = &mut Blend {
            path: Path::default(),
            new: flat(from),
            weight: (1.0 - decay) as f32,
        };
        self.network = self.network.take().map(|n| n.map(blend));
    }
}

/// The flat value of every parameter and buffer by its path, without autodiff.
pub(crate) fn flat<M: Module>(network: &M) -> BTreeMap<String, Tensor<1>> {
    let mut collect = Collect {
        path: Path::default(),
        found: BTreeMap::new(),
    };
    network.visit(&mut collect);
    collect.found
}

struct Collect {
    path: Path,
    found: BTreeMap<String, Tensor<1>>,
}
impl ModuleVisitor for Collect {
    fn visit_float<const D: usize>(&mut self, p: &Param<Tensor<D>>) {
        let t = p.val();
        let n = t.shape().num_elements();
        let t = if t.is_autodiff() { t.inner() } else { t };
        self.found.insert(self.path.name(), t.reshape([n]));
    }
    fn enter_module(&mut self, name: &str, kind: &str) {
        self.path.enter(name, kind);
    }
    fn exit_module(&mut self, _: &str, kind: &str) {
        self.path.exit(kind);
    }
}

struct Blend {
    path: Path,
    new: BTreeMap<String, Tensor<1>>,
    weight: f32,
}
impl ModuleMapper for Blend {
    fn map_float<const D: usize>(&mut self, p: Param<Tensor<D>>) -> Param<Tensor<D>> {
        let Some(new) = self.new.remove(&self.path.name()) else {
            return p;
        };
        p.map(|t| {
            let shape = t.dims();
            let n = t.shape().num_elements();
            optim::average(t.reshape([n]), new, self.weight).reshape(shape)
        })
    }
    fn enter_module(&mut self, name: &str, kind: &str) {
        self.path.enter(name, kind);
    }
    fn exit_module(&mut self, _: &str, kind: &str) {
        self.path.exit(kind);
    }
}
