//! Optimizers: a configuration, the state it needs a parameter, and one pass over all of them.
mod config;

pub use config::{OptimizerConfig, Rule};

use super::ahead::{Ahead, Flat};
use super::collective;
use super::init::plain;
use super::tensors::{Path, Tensors};
use burn::module::{Module, ModuleMapper, ModuleVisitor, Param};
use burn::tensor::{Device, Gradients, Tensor};
use menagerie_data::error::Result;
use menagerie_data::random::Key;
use menagerie_kernels::noise;
use menagerie_kernels::optim::{self, AdamStep, RmsStep, SgdStep};
use std::collections::BTreeMap;

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
    /// of the noise of rules that draw
    salt: u64,
}

impl Optimizer {
    /// With no steps done.
    pub fn new(config: OptimizerConfig) -> Self {
        Optimizer {
            config,
            steps: 0,
            moments: BTreeMap::new(),
            salt: 0,
        }
    }

    /// The same with noise of its own, where its rule draws.
    pub fn salted(self, key: Key) -> Self {
        Optimizer {
            salt: key.stream("optimizer").rng().word(),
            ..self
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
            Rule::Sghmc {
                friction,
                decay,
                epsilon,
                prior,
                items,
            } => {
                let squares = g.clone() * g.clone();
                let second = match second {
                    Some(v) => v * decay + squares * (1.0 - decay),
                    None => squares,
                };
                let pace = match decay {
                    0.0 => p.ones_like(),
                    _ => (second.clone().sqrt() + epsilon).recip(),
                } * lr;
                let key = Key::new(self.salt).stream(name).step(self.steps);
                let noise = noise::normal::<1>(key.words(), p.dims(), &p.device());
                let uphill = g + p.clone() / (items * prior * prior);
                let spread = (pace.clone() * (2.0 * friction / items)).sqrt();
                let first = or_zeros(first) * (1.0 - friction) - pace * uphill + spread * noise;
                *m = Moments {
                    first: Some(first.clone()),
                    second: (decay > 0.0).then_some(second),
                };
                p + first
            }
        }
    }

    /// Moments and step count, for a checkpoint.
    pub fn save(&self) -> Tensors {
        let mut out = Tensors::default();
        // One note: of several the order in a file is not always the same.
        let steps = match self.config.rule {
            Rule::Sghmc { .. } => format!("{} {}", self.steps, self.salt),
            _ => self.steps.to_string(),
        };
        out.notes.insert("steps".into(), steps);
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
        let note = from.notes.get("steps").map(String::as_str).unwrap_or_default();
        let mut written = note.split(' ').map(|n| n.parse().ok());
        self.steps = written.next().flatten().unwrap_or(0);
        self.salt = written.next().flatten().unwrap_or(self.salt);
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
