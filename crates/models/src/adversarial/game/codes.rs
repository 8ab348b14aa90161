//! Latent codes that can be read off a sample (Chen et al. 2016, arXiv:1606.03657, InfoGAN): the generator is told them, and a
//! head of the discriminator must recover them, which bounds their mutual information with the sample from below.
use super::check_weights;
use super::condition::cross_entropy;
use super::stage::one_hot;
use burn::tensor::activation::softmax;
use burn::tensor::{Device, Tensor};
use menagerie_data::error::{Error, Result};
use menagerie_data::random::Key;
use menagerie_kernels::noise;
use serde::{Deserialize, Serialize};

/// `[codes]`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Codes {
    /// choices of each categorical code
    pub categories: Vec<usize>,
    /// codes uniform in [-1, 1)
    pub continuous: usize,
    /// weight of the bound of a categorical code, in nats (the paper's lambda)
    pub weight: f64,
    /// weight of a continuous code's, a Gaussian of variance one around what is read
    pub continuous_weight: f64,
}

impl Default for Codes {
    /// The paper's codes for MNIST.
    fn default() -> Self {
        Codes {
            categories: vec![10],
            continuous: 2,
            weight: 1.0,
            continuous_weight: 0.1,
        }
    }
}

impl Codes {
    /// Refuses codes that carry nothing.
    ///
    /// # Errors
    /// [`Error::Recipe`].
    pub fn check(&self) -> Result<()> {
        if self.numbers() == 0 || self.categories.contains(&0) || self.categories.contains(&1) {
            let fix = "give codes.categories=[10] or codes.continuous=2, say; a category needs two choices";
            return Err(Error::recipe("codes", "there are no codes", fix));
        }
        check_weights([
            ("codes.weight", self.weight),
            ("codes.continuous_weight", self.continuous_weight),
        ])
    }

    /// Numbers by which all codes are told.
    pub fn numbers(&self) -> usize {
        self.categories.iter().sum::<usize>() + self.continuous
    }

    /// Draws codes, `[count, numbers]`: categories as rows with a one, then the continuous ones; row i is a function of the
    /// key and i.
    pub fn draw(&self, count: usize, key: Key, device: &Device) -> Tensor<2> {
        let mut parts: Vec<Tensor<2>> = Vec::new();
        for (k, choices) in self.categories.iter().enumerate() {
            let key = key.stream("categories").step(k as u64);
            let drawn: Vec<u32> = (0..count)
                .map(|i| key.step(i as u64).rng().below(*choices) as u32)
                .collect();
            parts.push(one_hot(&drawn, *choices, device));
        }
        if self.continuous > 0 {
            let key = key.stream("continuous");
            parts.push(noise::uniform::<2>(key.words(), [count, self.continuous], device) * 2.0 - 1.0);
        }
        Tensor::cat(parts, 1)
    }

    /// What is read off items `[batch, numbers]` as codes that can be told: categories as probabilities.
    pub fn told(&self, read: Tensor<2>) -> Tensor<2> {
        let mut at = 0;
        let mut parts: Vec<Tensor<2>> = Vec::new();
        for choices in &self.categories {
            parts.push(softmax(read.clone().narrow(1, at, *choices), 1));
            at += choices;
        }
        if self.continuous > 0 {
            parts.push(read.narrow(1, at, self.continuous));
        }
        Tensor::cat(parts, 1)
    }

    /// Minus the bound of the mutual information, up to the codes' entropy: what is read `[batch, numbers]` against what was
    /// told.
    pub fn loss(&self, read: Tensor<2>, told: &Tensor<2>) -> Tensor<1> {
        let mut at = 0;
        let mut losses: Vec<Tensor<1>> = Vec::new();
        for choices in &self.categories {
            let part = |t: &Tensor<2>| t.clone().narrow(1, at, *choices);
            losses.push(cross_entropy(part(&read), part(told)) * self.weight);
            at += choices;
        }
        if self.continuous > 0 {
            let off = read.narrow(1, at, self.continuous) - told.clone().narrow(1, at, self.continuous);
            losses.push((off.clone() * off).sum_dim(1).mean() * self.continuous_weight);
        }
        losses
            .into_iter()
            .reduce(|a, b| a + b)
            .expect("some code was checked to be there")
    }
}
