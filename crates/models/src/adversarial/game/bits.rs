//! Samples that are black and white, through which no gradient flows: the discrete form of the boundary-seeking game (Hjelm et
//! al. 2017, arXiv:1702.08431, section 2.3).
use super::{Critic, Shown};
use burn::tensor::activation::softmax;
use burn::tensor::{Tensor, TensorData};
use menagerie_data::error::{Error, Result};
use menagerie_data::random::Key;
use menagerie_kernels::noise;
use menagerie_nn::numbers;
use serde::{Deserialize, Serialize};

/// `[game.bits]`: what the generator gives are probabilities of white, g(x | z) of each number; the discriminator is shown draws,
/// and data cut at the middle.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Bits {
    /// draws for each latent, over which importance weights are normalized (paper: 20)
    pub draws: usize,
}

impl Default for Bits {
    fn default() -> Self {
        Bits { draws: 20 }
    }
}

/// Probabilities this near 0 and 1 count as no nearer, so that logarithms stay finite.
const LEAST: f64 = 1e-4;

impl Bits {
    /// Refuses a single draw, whose weight is always 1.
    ///
    /// # Errors
    /// [`Error::Recipe`].
    pub fn check(&self) -> Result<()> {
        match self.draws > 1 {
            true => Ok(()),
            false => Err(Error::recipe(
                "game.bits.draws",
                "the draws of a latent are weighed against each other",
                "give 2 or more",
            )),
        }
    }

    /// Each number as the nearer of -1 and 1.
    pub fn likeliest(x: Tensor<4>) -> Tensor<4> {
        x.greater_equal_elem(0.0).float() * 2.0 - 1.0
    }

    /// A draw of the numbers whose means in [-1, 1] these are: -1 or 1.
    pub fn drawn(means: Tensor<4>, key: Key) -> Tensor<4> {
        let (dims, device) = (means.dims(), means.device());
        let u: Tensor<4> = noise::uniform(key.words(), dims, &device);
        Self::likeliest(means.detach() - (u * 2.0 - 1.0))
    }

    /// The generator's loss, of what it gave with its tape (equations 8 and 9): minus the sum over draws of w~ log g(x | z), where
    /// w~ is the softmax over a latent's draws of the discriminator's logit.
    pub fn loss(&self, critic: &Critic, given: &Shown, key: Key) -> Tensor<1> {
        let n = given.items.dims()[0];
        let white = (given.items.clone() * 0.5 + 0.5).clamp(LEAST, 1.0 - LEAST);
        let (of_white, of_black) = (white.clone().log(), (white * -1.0 + 1.0).log());
        let (mut scores, mut likelihoods) = (Vec::new(), Vec::new());
        for m in 0..self.draws {
            let x = Self::drawn(given.items.clone(), key.step(m as u64));
            let shown = Shown {
                items: x.clone(),
                ..given.clone()
            };
            scores.push(Tensor::<2>::from_data(
                TensorData::new(numbers(critic.opinion(&shown).score.value), [n, 1]),
                &given.items.device(),
            ));
            let is_white = x * 0.5 + 0.5;
            let each = of_white.clone() * is_white.clone() + of_black.clone() * (is_white * -1.0 + 1.0);
            likelihoods.push(each.flatten::<2>(1, 3).sum_dim(1));
        }
        let weights = softmax(Tensor::cat(scores, 1), 1);
        -(weights * Tensor::cat(likelihoods, 1)).sum_dim(1).mean()
    }
}
