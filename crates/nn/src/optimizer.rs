//! Optimizers: a configuration, the state it needs a parameter, and one pass over all of them.
use super::ahead::{Ahead, Flat};
use super::collective;
use super::init::plain;
use super::tensors::{Path, Tensors};
use burn::module::{Module, ModuleMapper, ModuleVisitor, Param};
use burn::tensor::{Device, Gradients, Tensor};
use menagerie_data::error::Result;
use menagerie_kernels::optim::{self, AdamStep, RmsStep, SgdStep};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The update rule, with its own numbers.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Rule {
    /// Kingma & Ba 2014, arXiv:1412.6980; with `weight_decay`, AdamW (Loshchilov & Hutter 2017)
    Adam {
        /// decay of the first moment
        beta1: f64,
        /// decay of the second moment
        beta2: f64,
        /// added to the root
        epsilon: f64,
        /// decoupled weight decay
        weight_decay: f64,
    },
    /// Tieleman & Hinton 2012
    RmsProp {
        /// decay of the second moment
        decay: f64,
        /// added to the root
        epsilon: f64,
    },
    /// gradient descent with momentum (Polyak 1964; Sutskever et al. 2013)
    Sgd {
        /// what is kept of the last update
        momentum: f64,
    },
}

/// `[optimizer.NETWORK]`: the rule with its numbers, and what every rule has.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "Written", into = "Written")]
pub struct OptimizerConfig {
    /// `adam`, `rms-prop` or `sgd`
    pub rule: Rule,
    /// step size
    pub learning_rate: f64,
    /// the learning rate is multiplied by this every step (Goodfellow et al. 2014 used 1/1.000004)
    pub learning_rate_decay: f64,
    /// steps over which the learning rate grows to its size, in proportion to the step; 0 for none
    pub warmup: u64,
    /// step from which the learning rate falls in a straight line; counts only with `fall_to`
    pub fall_from: u64,
    /// step at which that line reaches zero; 0 for none
    pub fall_to: u64,
    /// gradients of a larger norm over all parameters are scaled down to it; 0 for never
    pub clip_norm: f64,
}

/// The table as it is written: a rule brings its own keys, and another's are refused.
#[derive(Clone, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Written {
    rule: Name,
    learning_rate: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    beta1: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    beta2: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    epsilon: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    weight_decay: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    decay: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    momentum: Option<f64>,
    learning_rate_decay: Option<f64>,
    warmup: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    fall_from: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    fall_to: Option<u64>,
    clip_norm: Option<f64>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Name {
    #[default]
    Adam,
    RmsProp,
    Sgd,
}

impl TryFrom<Written> for OptimizerConfig {
    type Error = String;

    fn try_from(w: Written) -> std::result::Result<Self, String> {
        let (rule, foreign): (Rule, &[(&str, Option<f64>)]) = match w.rule {
            Name::Adam => (
                Rule::Adam {
                    beta1: w.beta1.unwrap_or(0.9),
                    beta2: w.beta2.unwrap_or(0.999),
                    epsilon: w.epsilon.unwrap_or(1e-8),
                    weight_decay: w.weight_decay.unwrap_or(0.0),
                },
                &[("decay", w.decay), ("momentum", w.momentum)],
            ),
            Name::RmsProp => (
                Rule::RmsProp {
                    decay: w.decay.unwrap_or(0.99),
                    epsilon: w.epsilon.unwrap_or(1e-8),
                },
                &[
                    ("beta1", w.beta1),
                    ("beta2", w.beta2),
                    ("weight_decay", w.weight_decay),
                    ("momentum", w.momentum),
                ],
            ),
            Name::Sgd => (
                Rule::Sgd {
                    momentum: w.momentum.unwrap_or(0.9),
                },
                &[
                    ("beta1", w.beta1),
                    ("beta2", w.beta2),
                    ("epsilon", w.epsilon),
                    ("weight_decay", w.weight_decay),
                    ("decay", w.decay),
                ],
            ),
        };
        if let Some((key, _)) = foreign.iter().find(|(_, given)| given.is_some()) {
            return Err(format!(
                "the rule `{}` has no `{key}`; leave it out, or choose another rule",
                w.rule.text()
            ));
        }
        let config = OptimizerConfig {
            rule,
            learning_rate: w.learning_rate.unwrap_or(2e-4),
            learning_rate_decay: w.learning_rate_decay.unwrap_or(1.0),
            warmup: w.warmup.unwrap_or(0),
            fall_from: w.fall_from.unwrap_or(0),
            fall_to: w.fall_to.unwrap_or(0),
            clip_norm: w.clip_norm.unwrap_or(0.0),
        };
        config.in_range().map(|()| config)
    }
}

impl Name {
    fn text(self) -> &'static str {
        match self {
            Name::Adam => "adam",
            Name::RmsProp => "rms-prop",
            Name::Sgd => "sgd",
        }
    }
}

impl From<OptimizerConfig> for Written {
    fn from(c: OptimizerConfig) -> Written {
        let common = Written {
            learning_rate: Some(c.learning_rate),
            learning_rate_decay: Some(c.learning_rate_decay),
            warmup: Some(c.warmup),
            // Left out where there is no fall, so that recipes stay short.
            fall_from: (c.fall_to > 0).then_some(c.fall_from),
            fall_to: (c.fall_to > 0).then_some(c.fall_to),
            clip_norm: Some(c.clip_norm),
            ..Written::default()
        };
        match c.rule {
            Rule::Adam {
                beta1,
                beta2,
                epsilon,
                weight_decay,
            } => Written {
                rule: Name::Adam,
                beta1: Some(beta1),
                beta2: Some(beta2),
                epsilon: Some(epsilon),
                weight_decay: Some(weight_decay),
                ..common
            },
            Rule::RmsProp { decay, epsilon } => Written {
                rule: Name::RmsProp,
                decay: Some(decay),
                epsilon: Some(epsilon),
                ..common
            },
            Rule::Sgd { momentum } => Written {
                rule: Name::Sgd,
                momentum: Some(momentum),
                ..common
            },
        }
    }
}

impl Default for OptimizerConfig {
    fn default() -> Self {
        OptimizerConfig::adam(2e-4)
    }
}

impl OptimizerConfig {
    /// Adam with beta1 of 0.9 and beta2 of 0.999.
    pub fn adam(learning_rate: f64) -> Self {
        let rule = Rule::Adam {
            beta1: 0.9,
            beta2: 0.999,
            epsilon: 1e-8,
            weight_decay: 0.0,
        };
        OptimizerConfig {
            rule,
            learning_rate,
            learning_rate_decay: 1.0,
            warmup: 0,
            fall_from: 0,
            fall_to: 0,
            clip_norm: 0.0,
        }
    }

    /// Gradient descent.
    pub fn sgd(learning_rate: f64, momentum: f64) -> Self {
        OptimizerConfig {
            rule: Rule::Sgd { momentum },
            ..Self::adam(learning_rate)
        }
    }

    /// RMSprop with a decay of 0.99.
    pub fn rms_prop(learning_rate: f64) -> Self {
        OptimizerConfig {
            rule: Rule::RmsProp {
                decay: 0.99,
                epsilon: 1e-8,
            },
            ..Self::adam(learning_rate)
        }
    }

    /// The same with other decays of Adam's moments; no other rule has them.
    pub fn betas(mut self, first: f64, second: f64) -> Self {
        if let Rule::Adam { beta1, beta2, .. } = &mut self.rule {
            (*beta1, *beta2) = (first, second);
        }
        self
    }

    /// The same with another number added to the root.
    pub fn epsilon(mut self, new: f64) -> Self {
        if let Rule::Adam { epsilon, .. } | Rule::RmsProp { epsilon, .. } = &mut self.rule {
            *epsilon = new;
        }
        self
    }

    /// The same with a decoupled weight decay; Adam's alone.
    pub fn weight_decay(mut self, new: f64) -> Self {
        if let Rule::Adam { weight_decay, .. } = &mut self.rule {
            *weight_decay = new;
        }
        self
    }

    /// The same with gradients scaled down to this norm where theirs is larger.
    pub fn clipped(mut self, norm: f64) -> Self {
        self.clip_norm = norm;
        self
    }

    /// Refuses numbers that no optimizer can go by.
    fn in_range(&self) -> std::result::Result<(), String> {
        let share = |name: &str, v: f64| match (0.0..1.0).contains(&v) {
            true => Ok(()),
            false => Err(format!(
                "{name} of {v} is out of range; give 0 or more, and less than 1"
            )),
        };
        let positive = |name: &str, v: f64| match v.is_finite() && v > 0.0 {
            true => Ok(()),
            false => Err(format!("{name} of {v} is out of range; give a positive number")),
        };
        let not_negative = |name: &str, v: f64| match v.is_finite() && v >= 0.0 {
            true => Ok(()),
            false => Err(format!("{name} of {v} is out of range; give 0 or more")),
        };
        match self.rule {
            Rule::Adam {
                beta1,
                beta2,
                epsilon,
                weight_decay,
            } => {
                share("beta1", beta1)?;
                share("beta2", beta2)?;
                not_negative("epsilon", epsilon)?;
                not_negative("weight_decay", weight_decay)?;
            }
            Rule::RmsProp { decay, epsilon } => {
                share("decay", decay)?;
                not_negative("epsilon", epsilon)?;
            }
            Rule::Sgd { momentum } => share("momentum", momentum)?,
        }
        positive("learning_rate", self.learning_rate)?;
        positive("learning_rate_decay", self.learning_rate_decay)?;
        if self.fall_from > 0 && self.fall_from >= self.fall_to {
            return Err(format!(
                "fall_from of {} is not before fall_to of {}; give the step at which the learning rate has fallen to zero",
                self.fall_from, self.fall_to
            ));
        }
        not_negative("clip_norm", self.clip_norm)
    }

    /// The learning rate of a step, counted from 1.
    pub(crate) fn rate_at(&self, step: u64) -> f64 {
        let grown = if step < self.warmup {
            step as f64 / self.warmup as f64
        } else {
            1.0
        };
        let left = match self.fall_to {
            0 => 1.0,
            to => {
                let line = to.saturating_sub(step - 1) as f64 / (to - self.fall_from) as f64;
                line.min(1.0)
            }
        };
        self.learning_rate * self.learning_rate_decay.powf((step - 1) as f64) * grown * left
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
        Optimizer {
            config,
            steps: 0,
            moments: BTreeMap::new(),
        }
    }

    /// The step size.
    pub fn learning_rate(&self) -> f64 {
        self.config.learning_rate
    }

    /// Goes on with another step size; moments stay.
    pub fn set_learning_rate(&mut self, rate: f64) {
        self.config.learning_rate = rate;
    }

    /// Its next updates of these flat weights, on the tape.
    pub(crate) fn ahead(&self, weights: Flat, device: &Device) -> Ahead {
        let moments = |of: fn(&Moments) -> &Option<Tensor<1>>| -> Flat {
            let some = |(name, m): (&String, &Moments)| Some((name.clone(), of(m).clone()?));
            self.moments.iter().filter_map(some).collect()
        };
        let both = [moments(|m| &m.first), moments(|m| &m.second)];
        Ahead::new(self.config, self.steps, weights, both, device)
    }

    /// One update by the sum of some gradients; where leaves of a batch learn together, by the mean over them. Also gives the norm of that sum, if it was asked for or is needed.
    pub fn step<M: Module>(
        &mut self,
        network: M,
        gradients: &mut [Gradients],
        norm: bool,
    ) -> (M, Option<f64>) {
        let mut collect = Collect {
            path: Path::default(),
            from: gradients,
            found: BTreeMap::new(),
        };
        network.visit(&mut collect);
        let mut found = collect.found;
        collective::mean_gradients(&mut found);
        let clip = self.config.clip_norm;
        let norm = (norm || clip > 0.0).then(|| found.values().map(square_sum).sum::<f64>().sqrt());
        let scale = match norm {
            Some(n) if clip > 0.0 && n > clip => clip / n,
            _ => 1.0,
        };
        self.steps += 1;
        let network = network.map(&mut Update {
            path: Path::default(),
            found,
            scale,
            optimizer: self,
        });
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
            Rule::Adam {
                beta1,
                beta2,
                epsilon,
                weight_decay,
            } => {
                let t = self.steps.min(i32::MAX as u64) as i32;
                let step = AdamStep {
                    rate: (lr / (1.0 - beta1.powi(t))) as f32,
                    root: (1.0 / (1.0 - beta2.powi(t)).sqrt()) as f32,
                    b1: beta1 as f32,
                    b2: beta2 as f32,
                    eps: epsilon as f32,
                    weight_decay: (lr * weight_decay) as f32,
                };
                let (first, second) = (or_zeros(first), or_zeros(second));
                let (p, first, second) = optim::adam(p, g, first, second, step);
                *m = Moments {
                    first: Some(first),
                    second: Some(second),
                };
                p
            }
            Rule::RmsProp { decay, epsilon } => {
                let second = or_zeros(second);
                let (p, second) = optim::rms_prop(
                    p,
                    g,
                    second,
                    RmsStep {
                        lr: lr as f32,
                        alpha: decay as f32,
                        eps: epsilon as f32,
                    },
                );
                m.second = Some(second);
                p
            }
            Rule::Sgd { momentum } => {
                let first = or_zeros(first);
                let (p, first) = optim::sgd(
                    p,
                    g,
                    first,
                    SgdStep {
                        lr: lr as f32,
                        momentum: momentum as f32,
                        nesterov: false,
                    },
                );
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
    ///
    /// # Errors
    /// When an array is no list of numbers.
    pub fn load(&mut self, from: &Tensors, device: &Device) -> Result<()> {
        self.steps = from.notes.get("steps").and_then(|s| s.parse().ok()).unwrap_or(0);
        self.moments.clear();
        let device = plain(device);
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

/// The norm of the sum of some gradients over a network's parameters, which are not updated.
pub fn gradient_norm<M: Module>(network: &M, gradients: &mut [Gradients]) -> f64 {
    let mut collect = Collect {
        path: Path::default(),
        from: gradients,
        found: BTreeMap::new(),
    };
    network.visit(&mut collect);
    collect.found.values().map(square_sum).sum::<f64>().sqrt()
}

/// Sum of squares in f64, in one fixed order.
fn square_sum(t: &Tensor<1>) -> f64 {
    let data = t.clone().into_data();
    data.as_slice::<f32>().map_or(f64::NAN, |v| {
        v.chunks(4096)
            .map(|c| c.iter().map(|x| (x * x) as f64).sum::<f64>())
            .sum()
    })
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
        let sum = self
            .from
            .iter_mut()
            .filter_map(|g| value.grad_remove(g))
            .reduce(|a, b| a + b);
        if let Some(g) = sum {
            self.found.insert(self.path.name(), g.reshape([n]));
        }
    }
    fn enter_module(&mut self, name: &str, kind: &str) {
        self.path.enter(name, kind);
    }
    fn exit_module(&mut self, _: &str, kind: &str) {
        self.path.exit(kind);
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
        let Some(g) = self.found.remove(&name) else {
            return p;
        };
        let g = if self.scale == 1.0 { g } else { g * self.scale };
        p.map(|t| {
            let shape = t.dims();
            let n = t.shape().num_elements();
            let new = self.optimizer.update(&name, t.inner().reshape([n]), g);
            Tensor::from_inner(new.reshape(shape)).require_grad()
        })
    }
    fn enter_module(&mut self, name: &str, kind: &str) {
        self.path.enter(name, kind);
    }
    fn exit_module(&mut self, _: &str, kind: &str) {
        self.path.exit(kind);
    }
}

#[cfg(test)]
mod tests;
