//! Historical averaging (Salimans et al. 2016, arXiv:1606.03498, section 3.3): weight ||theta - mean of theta so far||^2, which
//! finds equilibria that gradient descent circles.
use burn::module::{Module, ModuleMapper, ModuleVisitor, Param};
use burn::tensor::Tensor;
use menagerie_data::error::Result;
use menagerie_nn::Tensors;
use serde::{Deserialize, Serialize};
use std::collections::VecDeque;

/// `[penalty.historical]`.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Historical {
    /// the pull to the mean, per update: theta moves by this share of the way
    pub weight: f64,
}

impl Default for Historical {
    fn default() -> Self {
        Historical { weight: 1e-4 }
    }
}

/// The mean of a network's weights over its updates.
#[derive(Clone)]
pub struct HistoricalAverage<M> {
    config: Historical,
    mean: M,
    updates: u64,
}

struct Collect(VecDeque<Tensor<1>>);
impl ModuleVisitor for Collect {
    fn visit_float<const D: usize>(&mut self, p: &Param<Tensor<D>>) {
        let t = p.val();
        let n = t.shape().num_elements();
        let t = if t.is_autodiff() { t.inner() } else { t };
        self.0.push_back(t.reshape([n]));
    }
}

/// Maps each value and its partner (visited in the same order) to a new value.
struct Mix<F: Fn(Tensor<1>, Tensor<1>) -> Tensor<1>>(VecDeque<Tensor<1>>, F);
impl<F: Fn(Tensor<1>, Tensor<1>) -> Tensor<1>> ModuleMapper for Mix<F> {
    fn map_float<const D: usize>(&mut self, p: Param<Tensor<D>>) -> Param<Tensor<D>> {
        let Some(partner) = self.0.pop_front() else {
            return p;
        };
        let trained = p.is_require_grad();
        p.map(|t| {
            let (shape, n) = (t.dims(), t.shape().num_elements());
            let plain = if t.is_autodiff() {
                t.clone().inner()
            } else {
                t.clone()
            };
            let new = (self.1)(plain.reshape([n]), partner).reshape(shape);
            match (t.is_autodiff(), trained) {
                (true, true) => Tensor::from_inner(new).require_grad(),
                (true, false) => Tensor::from_inner(new),
                _ => new,
            }
        })
    }
}

fn values<M: Module>(network: &M) -> VecDeque<Tensor<1>> {
    let mut collect = Collect(VecDeque::new());
    network.visit(&mut collect);
    collect.0
}

impl<M: Module + 'static> HistoricalAverage<M> {
    /// Begins at the network's present weights.
    pub fn new(network: &M, config: Historical) -> Self {
        HistoricalAverage {
            config,
            mean: network.valid(),
            updates: 1,
        }
    }

    /// The network pulled to the mean, which then takes it in.
    pub fn pull(&mut self, network: M) -> M {
        let share = 2.0 * self.config.weight;
        let pulled = network.map(&mut Mix(values(&self.mean), |theta, mean| {
            theta.clone() + (mean - theta) * share
        }));
        self.updates += 1;
        let step = 1.0 / self.updates as f64;
        let taken = self.mean.clone().map(&mut Mix(values(&pulled), |mean, theta| {
            mean.clone() + (theta - mean) * step
        }));
        self.mean = taken;
        pulled
    }

    /// For a checkpoint.
    pub fn save(&self) -> Tensors {
        let mut t = Tensors::of(&self.mean);
        t.notes.insert("updates".into(), self.updates.to_string());
        t
    }

    /// Takes up what `save` gave.
    ///
    /// # Errors
    /// When the arrays are another network's.
    pub fn load(&mut self, from: Tensors) -> Result<()> {
        self.updates = from
            .notes
            .get("updates")
            .and_then(|s| s.parse().ok())
            .unwrap_or(1);
        self.mean = from.into_network(self.mean.clone())?;
        Ok(())
    }
}
