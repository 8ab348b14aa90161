//! Optimizers: a configuration, the state it needs a parameter, and one pass over all of them.
use super::tensors::{Path, Plain, Tensors};
use crate::error::Result;
use burn::module::{Module, ModuleMapper, ModuleVisitor, Param};
use burn::tensor::{Device, Gradients, Tensor};
use menagerie_kernels::optim::{self, AdamStep, RmsStep, SgdStep};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The update rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Rule {
    /// Kingma & Ba 2014, arXiv:1412.6980; with `weight_decay`, AdamW (Loshchilov & Hutter 2017)
    Adam,
    /// Tieleman & Hinton 2012
    RmsProp,
    /// gradient descent with momentum (Polyak 1964; Sutskever et al. 2013)
    Sgd,
}

/// `[optimizer.NETWORK]`: the rule and its numbers; those that the rule does not use are ignored.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct OptimizerConfig {
    /// `adam`, `rms-prop` or `sgd`
    pub rule: Rule,
    /// step size
    pub learning_rate: f64,
    /// Adam: decay of the first moment
    pub beta1: f64,
    /// Adam: decay of the second moment
    pub beta2: f64,
    /// Adam, RMSprop: added to the root
    pub epsilon: f64,
    /// Adam: decoupled weight decay
    pub weight_decay: f64,
    /// RMSprop: decay of the second moment
    pub decay: f64,
    /// SGD: momentum
    pub momentum: f64,
    /// the learning rate is multiplied by this every step (Goodfellow et al. 2014 used 1/1.000004)
    pub learning_rate_decay: f64,
    /// steps over which the learning rate grows to its size, in proportion to the step; 0 for none
    pub warmup: u64,
    /// gradients of a larger norm over all parameters are scaled down to it; 0 for never
    pub clip_norm: f64,
}

impl Default for OptimizerConfig {
    fn default() -> Self {
        OptimizerConfig {
            rule: Rule::Adam,
            learning_rate: 2e-4,
            beta1: 0.9,
            beta2: 0.999,
            epsilon: 1e-8,
            weight_decay: 0.0,
            decay: 0.99,
            momentum: 0.9,
            learning_rate_decay: 1.0,
            warmup: 0,
            clip_norm: 0.0,
        }
    }
}

impl OptimizerConfig {
    /// The learning rate of a step, counted from 1.
    fn rate_at(&self, step: u64) -> f64 {
        let grown = if step < self.warmup { step as f64 / self.warmup as f64 } else { 1.0 };
        self.learning_rate * self.learning_rate_decay.powf((step - 1) as f64) * grown
    }
}

/// What the rule keeps of one parameter, flat.
#[derive(Clone, Debug, Default)]
struct Moments {
    first: Option<Tensor<1>>,
    second: Option<Tensor<1>>,
}

/// An optimizer of one network.
#[derive(Clone, Debug)]
pub struct Optimizer {
    config: OptimizerConfig,
    steps: u64,
    moments: BTreeMap<String, Moments>,
}

impl Optimizer {
    /// With no steps done.
    pub fn new(config: OptimizerConfig) -> Self {
        Optimizer { config, steps: 0, moments: BTreeMap::new() }
    }

    /// One update by the sum of some gradients. Also gives the norm of that sum, if it was asked for or is needed.
    pub fn step<M: Module>(&mut self, network: M, gradients: &mut [Gradients], norm: bool) -> (M, Option<f64>) {
        let mut collect = Collect { path: Path::default(), from: gradients, found: BTreeMap::new() };
        network.visit(&mut collect);
        let found = collect.found;
        let clip = self.config.clip_norm;
        let norm = (norm || clip > 0.0).then(|| found.values().map(square_sum).sum::<f64>().sqrt());
        let scale = match norm {
            Some(n) if clip > 0.0 && n > clip => clip / n,
            _ => 1.0,
        };
        self.steps += 1;
        let network = network.map(&mut Update { path: Path::default(), found, scale, optimizer: self });
        (network, norm)
    }

    /// Updates one flat parameter.
    fn update(&mut self, name: &str, p: Tensor<1>, g: Tensor<1>) -> Tensor<1> {
        let c = self.config;
        let m = self.moments.entry(name.to_string()).or_default();
        let lr = c.rate_at(self.steps);
        let (first, second) = (m.first.take(), m.second.take());
        let or_zeros = |t: Option<Tensor<1>>| t.unwrap_or_else(|| p.zeros_like());
        match c.rule {
            Rule::Adam => {
                let t = self.steps.min(i32::MAX as u64) as i32;
                let step = AdamStep {
                    rate: (lr / (1.0 - c.beta1.powi(t))) as f32,
                    root: (1.0 / (1.0 - c.beta2.powi(t)).sqrt()) as f32,
                    b1: c.beta1 as f32,
                    b2: c.beta2 as f32,
                    eps: c.epsilon as f32,
                    weight_decay: (lr * c.weight_decay) as f32,
                };
                let (first, second) = (or_zeros(first), or_zeros(second));
                let (p, first, second) = optim::adam(p, g, first, second, step);
                *m = Moments { first: Some(first), second: Some(second) };
                p
            }
            Rule::RmsProp => {
                let second = or_zeros(second);
                let (p, second) = optim::rms_prop(p, g, second, RmsStep { lr: lr as f32, alpha: c.decay as f32, eps: c.epsilon as f32 });
                m.second = Some(second);
                p
            }
            Rule::Sgd => {
                let first = or_zeros(first);
                let (p, first) = optim::sgd(p, g, first, SgdStep { lr: lr as f32, momentum: c.momentum as f32, nesterov: false });
                m.first = Some(first);
                p
            }
        }
    }

    /// Moments and step count, for a checkpoint.
    pub fn save(&self) -> Tensors {
        let mut out = Tensors::default();
        out.notes.insert("steps".into(), self.steps.to_string());
        for (name, m) in &self.moments {
            for (kind, t) in [("first", &m.first), ("second", &m.second)] {
                if let Some(t) = t {
                    out.insert(format!("{kind}.{name}"), t.clone());
                }
            }
        }
        out
    }

    /// Takes up what `save` gave.
    pub fn load(&mut self, from: &Tensors, device: &Device) -> Result<()> {
        self.steps = from.notes.get("steps").and_then(|s| s.parse().ok()).unwrap_or(0);
        self.moments.clear();
        let device = device.clone().without_autodiff_if_any();
        for (name, (shape, _)) in &from.arrays {
            let t = from.get(name, [shape.iter().product()], &device)?;
            if let Some(p) = name.strip_prefix("first.") {
                self.moments.entry(p.into()).or_default().first = Some(t);
            } else if let Some(p) = name.strip_prefix("second.") {
                self.moments.entry(p.into()).or_default().second = Some(t);
            }
        }
        Ok(())
    }
}

/// Sum of squares in f64, in one fixed order.
fn square_sum(t: &Tensor<1>) -> f64 {
    let data = t.clone().into_data();
    data.as_slice::<f32>().map_or(f64::NAN, |v| v.chunks(4096).map(|c| c.iter().map(|x| (x * x) as f64).sum::<f64>()).sum())
}

struct Collect<'a> {
    path: Path,
    from: &'a mut [Gradients],
    found: BTreeMap<String, Tensor<1>>,
}
impl ModuleVisitor for Collect<'_> {
    fn visit_float<const D: usize>(&mut self, p: &Param<Tensor<D>>) {
        if !p.is_require_grad() {
            return;
        }
        let value = p.val();
        let n = value.shape().num_elements();
        let sum = self.from.iter_mut().filter_map(|g| value.grad_remove(g)).reduce(|a, b| a + b);
        if let Some(g) = sum {
            self.found.insert(self.path.name(), g.reshape([n]));
        }
    }
    fn enter_module(&mut self, name: &str, _: &str) {
        self.path.enter(name);
    }
    fn exit_module(&mut self, _: &str, _: &str) {
        self.path.exit();
    }
}

struct Update<'a> {
    path: Path,
    found: BTreeMap<String, Tensor<1>>,
    scale: f64,
    optimizer: &'a mut Optimizer,
}
impl ModuleMapper for Update<'_> {
    fn map_float<const D: usize>(&mut self, p: Param<Tensor<D>>) -> Param<Tensor<D>> {
        let name = self.path.name();
        let Some(g) = self.found.remove(&name) else { return p };
        let g = if self.scale == 1.0 { g } else { g * self.scale };
        p.map(|t| {
            let shape = t.dims();
            let n = t.shape().num_elements();
            let new = self.optimizer.update(&name, t.inner().reshape([n]), g);
            Tensor::from_inner(new.reshape(shape)).require_grad()
        })
    }
    fn enter_module(&mut self, name: &str, _: &str) {
        self.path.enter(name);
    }
    fn exit_module(&mut self, _: &str, _: &str) {
        self.path.exit();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The rate grows in proportion to the step, then decays as if it had never been small.
    #[test]
    fn warms_up_and_decays() {
        let c = OptimizerConfig { learning_rate: 1.0, learning_rate_decay: 0.5, warmup: 4, ..Default::default() };
        let rates: Vec<f64> = (1..=5).map(|step| c.rate_at(step)).collect();
        assert_eq!(rates, [0.25, 0.25, 0.1875, 0.125, 0.0625]);
        assert_eq!(OptimizerConfig { warmup: 0, ..c }.rate_at(1), 1.0);
    }
}
