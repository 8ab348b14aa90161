//! What a critic is made of, what it is shown, and what an update of it shows.
use super::super::augment::Augment;
use super::super::codes::Codes;
use super::super::condition::Condition;
use super::super::objective::Rule;
use super::super::penalty::Penalties;
use super::super::semi_supervised::SemiSupervised;
use burn::tensor::Tensor;
use menagerie_data::random::Key;
use menagerie_nn::{OptimizerConfig, collective};

/// Items that the critic is shown, and what they are said to be.
#[derive(Clone)]
pub struct Shown {
    /// `[batch, height, width, channel]`
    pub items: Tensor<4>,
    /// their classes, `[batch, classes]`
    pub classes: Option<Tensor<2>>,
    /// the latent codes they were made from, `[batch, numbers]`
    pub codes: Option<Tensor<2>>,
    /// samples from latents nearby, where latent consistency asks for them
    pub near: Option<Tensor<4>>,
    /// of the noise in the critic while it trains
    pub noise: Option<Key>,
}

impl Shown {
    /// Items of which nothing is said.
    pub fn plain(items: Tensor<4>) -> Self {
        Shown {
            items,
            classes: None,
            codes: None,
            near: None,
            noise: None,
        }
    }

    pub(super) fn detached(&self) -> Shown {
        let plain = |t: &Option<Tensor<2>>| t.clone().map(Tensor::detach);
        Shown {
            items: self.items.clone().detach(),
            classes: plain(&self.classes),
            codes: plain(&self.codes),
            near: self.near.clone().map(Tensor::detach),
            noise: self.noise,
        }
    }
}

/// Where a game stands: updates done, the key of this one, and whether it is watched.
#[derive(Clone, Copy, Debug)]
pub struct Moment {
    /// updates done before
    pub updates: u64,
    /// of what is random now
    pub key: Key,
    /// whether numbers and diagnoses are asked for
    pub watch: bool,
}

/// What a critic is made of, as a recipe has it.
#[derive(Clone)]
pub struct CriticConfig {
    /// `[objective]`
    pub objective: Rule,
    /// `[penalty]`
    pub penalties: Penalties,
    /// `[augment]`
    pub augment: Augment,
    /// `[condition]`
    pub condition: Option<Condition>,
    /// numbers of a condition: the classes
    pub numbers: usize,
    /// `[codes]`
    pub codes: Option<Codes>,
    /// `[semi_supervised]`
    pub semi: Option<SemiSupervised>,
    /// `[optimizer.discriminator]`
    pub optimizer: OptimizerConfig,
    /// decay of the moving average of its weights, by which it answers; 0 for none
    pub average: f64,
    /// what data are said to be, in place of 1, where the score is a logit (one-sided label smoothing, Salimans et al. 2016,
    /// section 3.4)
    pub smoothing: f64,
}

/// What an update showed.
#[derive(Clone, Debug, Default)]
pub struct Seen {
    /// the loss, penalties left out
    pub loss: f64,
    /// scores of the data
    pub data: Vec<f32>,
    /// scores of the samples
    pub samples: Vec<f32>,
    /// norm of the weights' gradient, where it was watched
    pub gradient: f64,
    /// what the objective and the penalties have to say
    pub scalars: Vec<(&'static str, f64)>,
}

impl Seen {
    /// Scores become those of all leaves of the batch: what follows them must be the same in each.
    pub(super) fn over_leaves(&mut self) {
        for scores in [&mut self.data, &mut self.samples] {
            *scores = collective::gather(std::mem::take(scores));
        }
    }
}
