//! How likely samples are under a model of the data that is learned beside the game, so that a generator can be kept where data
//! are rare (Dai et al. 2017, arXiv:1705.09783, section 5.1).
use crate::autoregressive::made::MadeNetwork;
use crate::{Part, Purpose};
use burn::module::Module;
use burn::tensor::{Device, Tensor};
use menagerie_data::DataInfo;
use menagerie_data::error::{Error, Result};
use menagerie_data::random::Key;
use menagerie_kernels::activation;
use menagerie_nn::{Activation, Init, Learner, OptimizerConfig, Tensors, collective, numbers};
use serde::{Deserialize, Serialize};

/// `[game.low_density]`: the generator descends E log p(x) over its samples whose p lies above a threshold (equation 8). Where the
/// paper has a PixelCNN++ trained before, a MADE (Germain et al. 2015, arXiv:1502.03509) of pixels between black and white
/// learns in step with the game.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct LowDensity {
    /// weight beside the generator's loss, of log p in nats a number of the item
    pub weight: f64,
    /// share of the data that is less likely than the threshold (paper: 0.1)
    pub share: f64,
    /// hidden units of the model of the data
    pub units: usize,
}

impl Default for LowDensity {
    fn default() -> Self {
        LowDensity {
            weight: 1.0,
            share: 0.1,
            units: 200,
        }
    }
}

impl LowDensity {
    /// Refuses numbers out of range.
    ///
    /// # Errors
    /// [`Error::Recipe`].
    pub fn check(&self) -> Result<()> {
        let fits = self.weight.is_finite()
            && self.weight >= 0.0
            && (0.0..=1.0).contains(&self.share)
            && self.units > 0;
        match fits {
            true => Ok(()),
            false => Err(Error::recipe(
                "game.low_density",
                "weight must be 0 or more, share between 0 and 1, units 1 or more",
                "leave the keys out for the defaults",
            )),
        }
    }
}

/// The model of the data, and the threshold so far.
pub struct Density {
    config: LowDensity,
    learner: Learner<MadeNetwork>,
    threshold: Option<f64>,
}

/// Share of the threshold that a batch replaces.
const STEP: f64 = 0.02;
/// The name of its network in checkpoints.
const NAME: &str = "density";

impl Density {
    /// With fresh weights, for data of that description.
    ///
    /// # Errors
    /// For data that are not images.
    pub fn new(config: LowDensity, info: &DataInfo, key: Key, device: &Device) -> Result<Self> {
        let network = MadeNetwork::of_bits(info, config.units, &Init::new(key, device))?;
        Ok(Density {
            config,
            learner: Learner::new(NAME, network, OptimizerConfig::adam(1e-3), 0.0, device)?,
            threshold: None,
        })
    }

    /// log p of each item `[batch, height, width, channel]` in [-1, 1], in nats a number, `[batch, 1]`: a number between black
    /// and white is that share of a white one.
    fn log_probability(network: &MadeNetwork, items: Tensor<4>) -> Tensor<2> {
        let x = items.flatten::<2>(1, 3);
        let logits = network.through(x.clone(), 0);
        let white = x * 0.5 + 0.5;
        (white * logits.clone() - activation(logits, Activation::Softplus)).mean_dim(1)
    }

    /// One update on data; gives the mean of log p, nats a number.
    ///
    /// # Errors
    /// When it is no longer finite.
    pub fn learn(&mut self, items: Tensor<4>) -> Result<f64> {
        let each = Self::log_probability(self.learner.network(), items.detach());
        let mut sorted = numbers(each.clone());
        sorted.sort_by(f32::total_cmp);
        let at = (self.config.share * sorted.len() as f64) as usize;
        let batch = collective::mean_of(sorted[at.min(sorted.len() - 1)] as f64);

        self.threshold = Some(self.threshold.map_or(batch, |t| t + STEP * (batch - t)));
        Ok(-self.learner.descend(-each.mean(), false)?.loss)
    }

    /// What a generator adds to its loss: E log p over samples that are likelier than the threshold.
    pub fn loss(&self, samples: Tensor<4>) -> Tensor<1> {
        let network = self.learner.network().clone().no_grad();
        let each = Self::log_probability(&network, samples);
        let threshold = self.threshold.unwrap_or(f64::INFINITY);
        let above: Vec<f32> = numbers(each.clone())
            .into_iter()
            .map(|p| f32::from(p as f64 > threshold))
            .collect();
        let above = Tensor::<1>::from_floats(&above[..], &each.device()).unsqueeze_dim(1);
        (each * above).mean() * self.config.weight
    }

    /// Files of a checkpoint.
    pub fn save(&self) -> Vec<(String, Part<'_>)> {
        let mut parts = self.learner.save();
        let threshold = self.threshold.map(|t| format!("{t:?}")).unwrap_or_default();
        let state = move || Tensors::of_note("threshold", threshold);
        parts.push((format!("{NAME}_threshold"), Box::new(state)));
        parts
    }

    /// Takes up what `save` gave.
    ///
    /// # Errors
    /// Those of reading, and arrays of another network.
    pub fn load(&mut self, read: &dyn Fn(&str) -> Result<Tensors>, purpose: Purpose) -> Result<()> {
        if purpose != Purpose::Train {
            return Ok(());
        }
        self.learner.load(read, purpose)?;
        let state = read(&format!("{NAME}_threshold"))?;
        self.threshold = state.notes.get("threshold").and_then(|t| t.parse().ok());
        Ok(())
    }
}
