//! The game of two, seen from outside: looked into, and played turn by turn.
use crate::Samples;
use burn::tensor::Tensor;
use menagerie_data::Batch;
use menagerie_data::error::Result;
use menagerie_data::random::Key;

/// One of the two.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Player {
    /// tells data from samples
    Discriminator,
    /// makes samples
    Generator,
}

/// A generator against a discriminator, neither of which is told anything beside: what the lecture draws. All networks are as
/// they are being trained, not their moving averages. Items are numbers in the data's own units, row by row.
pub trait TwoPlayer {
    /// Dimensions of a latent.
    fn latent(&self) -> usize;

    /// Latents from the prior, `[count, latent]`; row i is a function of the key and i.
    fn prior(&self, count: usize, key: Key) -> Tensor<2>;

    /// What the generator makes of latents `[count, latent]`.
    ///
    /// # Errors
    /// [`menagerie_data::Error::Usage`] for latents of another size.
    fn generate(&self, latents: Tensor<2>) -> Result<Samples>;

    /// The discriminator's score of each item.
    ///
    /// # Errors
    /// [`menagerie_data::Error::Usage`] for numbers that are not whole items.
    fn judge(&self, items: &[f32]) -> Result<Vec<f32>>;

    /// The probability of "this is data" that a score means; `None` where the objective gives it no such meaning.
    fn probability(&self, score: f64) -> Option<f64>;

    /// Where each sample x would have to go for the generator's loss to fall: -dL/dx, `[count, numbers of an item]`, L being
    /// the loss of that sample alone. `data` are looked at by objectives that compare.
    ///
    /// # Errors
    /// Those of [`TwoPlayer::judge`]; [`menagerie_data::Error::Usage`] for a batch of another shape.
    fn pull(&self, samples: &[f32], data: &Batch) -> Result<Vec<f32>>;

    /// One update of one of them alone, by the other as it stands; gives the loss before it. An update of the discriminator
    /// and then one of the generator, with one key, are the step of one each with latents drawn afresh.
    ///
    /// # Errors
    /// [`menagerie_data::Error::Training`] when a loss is no longer finite; [`menagerie_data::Error::Usage`] for a batch of
    /// another shape.
    fn update(&mut self, player: Player, batch: &Batch, key: Key) -> Result<f64>;

    /// Its step size.
    fn learning_rate(&self, player: Player) -> f64;

    /// Goes on with another step size.
    ///
    /// # Errors
    /// [`menagerie_data::Error::Usage`] for one that is negative or not finite.
    fn set_learning_rate(&mut self, player: Player, rate: f64) -> Result<()>;
}
