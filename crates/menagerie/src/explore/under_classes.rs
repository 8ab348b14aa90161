use crate::error::Result;
use crate::models::{ClassMixtures, LatentSpace, Samples};
use crate::random::Key;
use burn::tensor::{Tensor, TensorData};

/// The latent space of a model that draws by class, all of whose items are of the same classes.
pub struct UnderClasses<'a> {
    mixtures: &'a dyn ClassMixtures,
    /// the share of each class
    shares: Vec<f32>,
}

impl<'a> UnderClasses<'a> {
    /// Within a class.
    pub fn of(mixtures: &'a dyn ClassMixtures, class: usize) -> Self {
        let classes = 0..mixtures.classes().len();
        UnderClasses {
            mixtures,
            shares: classes.map(|c| f32::from(c == class)).collect(),
        }
    }

    /// Within the class that most items of the training had, the first of such; `shares` are theirs.
    pub fn of_the_commonest(mixtures: &'a dyn ClassMixtures, shares: &[f64]) -> Self {
        let most = shares.iter().copied().fold(0.0, f64::max);
        UnderClasses::of(mixtures, shares.iter().position(|s| *s == most).unwrap_or(0))
    }

    fn shares(&self, latents: &Tensor<2>) -> Tensor<2> {
        let count = latents.dims()[0];
        let rows = TensorData::new(self.shares.repeat(count), [count, self.shares.len()]);
        Tensor::from_data(rows, &latents.device())
    }
}

impl LatentSpace for UnderClasses<'_> {
    fn latent(&self) -> usize {
        self.mixtures.latent()
    }

    fn prior(&self, count: usize, key: Key) -> Tensor<2> {
        let [latents, _] = self.mixtures.prior(count, key);
        latents
    }

    fn decode(&self, latents: Tensor<2>) -> Result<Samples> {
        self.decode_truncated(latents, 1.0)
    }

    fn decode_truncated(&self, latents: Tensor<2>, psi: f64) -> Result<Samples> {
        let shares = self.shares(&latents);
        self.mixtures.decode_truncated(latents, shares, psi)
    }

    fn first_weights(&self) -> Option<Tensor<2>> {
        self.mixtures.first_weights()
    }
}
