//! What a recipe says of an optimizer.
use serde::{Deserialize, Serialize};

/// What `sghmc` adds to the root of the mean square of gradients. It divides noise, too: a weight whose gradient is as good as nothing
/// would be thrown far away by less.
const SGHMC_EPSILON: f64 = 1e-3;

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
    /// stochastic gradient Hamiltonian Monte Carlo (Chen, Fox, Guestrin 2014, arXiv:1402.4102, equation 15), whose weights are draws from
    /// exp(-items loss - |p|^2 / (2 prior^2)) and settle nowhere; with `decay`, at a pace by the size of each gradient (Springenberg, Klein,
    /// Falkner, Hutter 2016, scale-adapted SGHMC)
    Sghmc {
        /// what is lost of the motion in a step
        friction: f64,
        /// decay of the mean square of gradients; 0 for one pace for all
        decay: f64,
        /// added to the root
        epsilon: f64,
        /// deviation of the Gaussian that weights have before any data are seen
        prior: f64,
        /// items of the data; more than there are for a narrower distribution
        items: f64,
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
    /// `adam`, `rms-prop`, `sgd` or `sghmc`
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
    #[serde(skip_serializing_if = "Option::is_none")]
    friction: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    prior: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    items: Option<f64>,
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
    Sghmc,
}

impl TryFrom<Written> for OptimizerConfig {
    type Error = String;

    fn try_from(w: Written) -> std::result::Result<Self, String> {
        let rule = match w.rule {
            Name::Adam => Rule::Adam {
                beta1: w.beta1.unwrap_or(0.9),
                beta2: w.beta2.unwrap_or(0.999),
                epsilon: w.epsilon.unwrap_or(1e-8),
                weight_decay: w.weight_decay.unwrap_or(0.0),
            },
            Name::RmsProp => Rule::RmsProp {
                decay: w.decay.unwrap_or(0.99),
                epsilon: w.epsilon.unwrap_or(1e-8),
            },
            Name::Sgd => Rule::Sgd {
                momentum: w.momentum.unwrap_or(0.9),
            },
            Name::Sghmc => Rule::Sghmc {
                friction: w.friction.unwrap_or(0.1),
                decay: w.decay.unwrap_or(0.99),
                epsilon: w.epsilon.unwrap_or(SGHMC_EPSILON),
                prior: w.prior.unwrap_or(1.0),
                items: w.items.unwrap_or(1000.0),
            },
        };
        use Name::{Adam, RmsProp, Sgd, Sghmc};
        let keys: [(&str, Option<f64>, &[Name]); 9] = [
            ("beta1", w.beta1, &[Adam]),
            ("beta2", w.beta2, &[Adam]),
            ("epsilon", w.epsilon, &[Adam, RmsProp, Sghmc]),
            ("weight_decay", w.weight_decay, &[Adam]),
            ("decay", w.decay, &[RmsProp, Sghmc]),
            ("momentum", w.momentum, &[Sgd]),
            ("friction", w.friction, &[Sghmc]),
            ("prior", w.prior, &[Sghmc]),
            ("items", w.items, &[Sghmc]),
        ];
        let mut foreign = keys.iter().filter(|(_, _, of)| !of.contains(&w.rule));
        if let Some((key, ..)) = foreign.find(|(_, given, _)| given.is_some()) {
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
            Name::Sghmc => "sghmc",
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
            Rule::Sghmc {
                friction,
                decay,
                epsilon,
                prior,
                items,
            } => Written {
                rule: Name::Sghmc,
                friction: Some(friction),
                decay: Some(decay),
                epsilon: Some(epsilon),
                prior: Some(prior),
                items: Some(items),
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

    /// Stochastic gradient Hamiltonian Monte Carlo of so many items, with a friction of 0.1, paces by a decay of 0.99 and a prior of
    /// deviation 1.
    pub fn sghmc(learning_rate: f64, items: f64) -> Self {
        OptimizerConfig {
            rule: Rule::Sghmc {
                friction: 0.1,
                decay: 0.99,
                epsilon: SGHMC_EPSILON,
                prior: 1.0,
                items,
            },
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
        if let Rule::Adam { epsilon, .. } | Rule::RmsProp { epsilon, .. } | Rule::Sghmc { epsilon, .. } =
            &mut self.rule
        {
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
            Rule::Sghmc {
                friction,
                decay,
                epsilon,
                prior,
                items,
            } => {
                share("decay", decay)?;
                not_negative("epsilon", epsilon)?;
                positive("prior", prior)?;
                positive("items", items)?;
                positive("friction", friction)?;
                if friction > 1.0 {
                    return Err(format!("friction of {friction} is out of range; give 1 or less"));
                }
            }
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
