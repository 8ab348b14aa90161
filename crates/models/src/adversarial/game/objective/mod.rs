//! What the two players minimize, as functions of the discriminator's scores: one axis of the family, a file a member.
//!
//! A score is higher for what looks more like data. What it means beyond that, the objective says.
mod boundary_seeking;
mod categorical;
mod density_ratio;
mod divergence;
mod energy;
mod hinge;
mod least_squares;
mod minimax;
mod relativistic;
mod unscored;
mod wasserstein;

pub use boundary_seeking::BoundarySeeking;
pub use categorical::Categorical;
pub use density_ratio::{DensityRatio, Ratio};
pub use divergence::{Divergence, FDivergence};
pub use energy::{Energy, Equilibrium};
pub use hinge::Hinge;
pub use least_squares::LeastSquares;
pub use minimax::{LogRatio, Minimax, NonSaturating};
pub use relativistic::{Flavour, Relativistic, RelativisticAverage};
pub use unscored::Unscored;
pub use wasserstein::Wasserstein;

use burn::tensor::Tensor;
use menagerie_data::error::{Error, Result};
use serde::{Deserialize, Serialize};

/// What the players minimize.
pub trait Objective: Send + Sync {
    /// The losses.
    fn losses(&self) -> Losses<'_>;

    /// The probability that the discriminator gives to "this is data" at a score; `None` where scores mean none.
    fn probability(&self, _score: f64) -> Option<f64> {
        None
    }

    /// Numbers worth watching beside the losses, of the scores of a batch of data and one of samples.
    fn watch(&self, _data: &[f32], _samples: &[f32]) -> Vec<(&'static str, f64)> {
        vec![]
    }

    /// Takes in the mean scores of an update, where the objective itself changes with them.
    fn adapt(&mut self, _data: f64, _samples: f64) {}

    /// What it has taken in so far, for a checkpoint.
    fn state(&self) -> Option<f64> {
        None
    }

    /// Takes up what `state` gave.
    fn restore(&mut self, _state: f64) {}
}

/// Losses of one of two forms.
pub enum Losses<'a> {
    /// data and samples have a loss each
    Apart(&'a dyn Apart),
    /// data and samples are compared
    Together(&'a dyn Together),
}

/// Losses of scores `[batch, 1]`, each the mean over a batch, `[1]`. The discriminator's is the sum of two parts, so that the
/// activations of one pass are free before the other is computed.
pub trait Apart {
    /// The discriminator's loss on data.
    fn data(&self, scores: Tensor<2>) -> Tensor<1>;
    /// The discriminator's loss on samples.
    fn samples(&self, scores: Tensor<2>) -> Tensor<1>;
    /// The generator's loss.
    fn generator(&self, scores: Tensor<2>) -> Tensor<1>;
    /// The derivative of the discriminator's loss on data or on samples by each score, times their number, as operations on the
    /// tape; `None` where it is not written out.
    fn slopes(&self, _scores: Tensor<2>, _are_data: bool) -> Option<Tensor<2>> {
        None
    }
}

/// Losses that compare scores on data with scores on samples, `[batch, 1]` each.
pub trait Together {
    /// The discriminator's loss.
    fn discriminator(&self, data: Tensor<2>, samples: Tensor<2>) -> Tensor<1>;
    /// The generator's loss.
    fn generator(&self, data: Tensor<2>, samples: Tensor<2>) -> Tensor<1>;
}

/// `[objective]`: a rule by name, with its own numbers.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "rule", rename_all = "kebab-case", deny_unknown_fields)]
pub enum Rule {
    /// Goodfellow et al. 2014, equation 1: the game as it stands in the theory
    Minimax,
    /// Goodfellow et al. 2014, section 3: the generator maximizes log D(G(z))
    NonSaturating,
    /// Sonderby et al. 2017: the generator minimizes the logarithm of the density ratio
    LogRatio,
    /// Mao et al. 2017
    LeastSquares(LeastSquares),
    /// Arjovsky et al. 2017
    Wasserstein,
    /// Lim & Ye 2017
    Hinge,
    /// Jolicoeur-Martineau 2018, pairs
    Relativistic(Relativistic),
    /// Jolicoeur-Martineau 2018, averages
    RelativisticAverage(RelativisticAverage),
    /// Nowozin et al. 2016
    FDivergence(FDivergence),
    /// Uehara et al. 2016
    DensityRatio(DensityRatio),
    /// Hjelm et al. 2017, continuous
    BoundarySeeking,
    /// Zhao et al. 2016; the discriminator gives items back
    Energy(Energy),
    /// Berthelot et al. 2017; the discriminator gives items back
    Equilibrium(Equilibrium),
    /// Springenberg 2015; scores are classes
    Categorical(Categorical),
    /// none: the classes of `[condition]` are all there is
    Classes,
}

impl Rule {
    /// The objective.
    pub fn objective(self) -> Box<dyn Objective> {
        match self {
            Rule::Minimax => Box::new(Minimax),
            Rule::NonSaturating => Box::new(NonSaturating),
            Rule::LogRatio => Box::new(LogRatio),
            Rule::LeastSquares(o) => Box::new(o),
            Rule::Wasserstein => Box::new(Wasserstein),
            Rule::Hinge => Box::new(Hinge),
            Rule::Relativistic(o) => Box::new(o),
            Rule::RelativisticAverage(o) => Box::new(o),
            Rule::FDivergence(o) => Box::new(o),
            Rule::DensityRatio(o) => Box::new(o),
            Rule::BoundarySeeking => Box::new(BoundarySeeking),
            Rule::Energy(o) => Box::new(o),
            Rule::Equilibrium(o) => Box::new(o),
            Rule::Categorical(o) => Box::new(o),
            Rule::Classes => Box::new(Unscored),
        }
    }

    /// Its name in a recipe.
    pub fn name(self) -> &'static str {
        match self {
            Rule::Minimax => "minimax",
            Rule::NonSaturating => "non-saturating",
            Rule::LogRatio => "log-ratio",
            Rule::LeastSquares(_) => "least-squares",
            Rule::Wasserstein => "wasserstein",
            Rule::Hinge => "hinge",
            Rule::Relativistic(_) => "relativistic",
            Rule::RelativisticAverage(_) => "relativistic-average",
            Rule::FDivergence(_) => "f-divergence",
            Rule::DensityRatio(_) => "density-ratio",
            Rule::BoundarySeeking => "boundary-seeking",
            Rule::Energy(_) => "energy",
            Rule::Equilibrium(_) => "equilibrium",
            Rule::Categorical(_) => "categorical",
            Rule::Classes => "classes",
        }
    }

    /// Numbers of a score.
    pub fn outputs(self) -> usize {
        match self {
            Rule::Categorical(c) => c.classes,
            _ => 1,
        }
    }

    /// Whether it sees a constant that is added to all scores.
    pub fn wants_bias(self) -> bool {
        !matches!(
            self,
            Rule::Wasserstein | Rule::Relativistic(_) | Rule::RelativisticAverage(_)
        )
    }

    /// Whether scores are energies, so that the discriminator must be an autoencoder.
    pub fn wants_autoencoder(self) -> bool {
        matches!(self, Rule::Energy(_) | Rule::Equilibrium(_))
    }

    /// Whether a score is a logit of "this is data".
    pub fn is_logit(self) -> bool {
        matches!(
            self,
            Rule::Minimax | Rule::NonSaturating | Rule::LogRatio | Rule::BoundarySeeking
        )
    }

    /// Refuses numbers that it cannot have.
    ///
    /// # Errors
    /// [`menagerie_data::Error::Recipe`].
    pub fn check(self) -> Result<()> {
        match self {
            Rule::DensityRatio(o) => o.check(),
            Rule::Energy(o) => o.check(),
            Rule::Equilibrium(o) => o.check(),
            Rule::Categorical(c) if c.classes < 2 => {
                let problem = format!("{} are too few classes", c.classes);
                Err(Error::recipe("objective.classes", problem, "give 2 or more"))
            }
            _ => Ok(()),
        }
    }
}

/// Plain numbers of a batch of scores.
pub(crate) fn sigmoid(x: f64) -> f64 {
    1.0 / (1.0 + (-x).exp())
}

#[cfg(test)]
mod tests;
