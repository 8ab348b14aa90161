//! beta-VAE: a heavier KL term asks for latents whose dimensions stand for one factor each.
//!
//! Higgins, Matthey, Pal, Burgess, Glorot, Botvinick, Mohamed, Lerchner (2017), beta-VAE: Learning Basic Visual Concepts
//! with a Constrained Variational Framework, ICLR 2017.
//!
//! ```text
//! F(x) = E_q log p(x | z) - beta KL(q(z | x) || p(z))                         (equation 4)
//! ```
//!
//! Both terms are in nats an item, so `loss.beta` is the paper's beta, not divided by the number of pixels. With beta
//! above 1, F is still below log p(x), but the less tight the larger beta is.
use super::elbo::Weights;
use super::networks::Architecture;
use super::{ModelConfig, vae};
use crate::data::DataInfo;
use crate::error::Result;
use crate::models::{Model, tables};
use crate::random::Key;
use crate::recipe::Recipe;
use burn::tensor::Device;

/// The paper's network: 4x4 convolutions of stride 2, a fully connected layer of 256, 32 latents, beta of 4; pixels as
/// Gaussians rather than Bernoullis, for colours.
fn config() -> vae::Config {
    let model = ModelConfig {
        network: Architecture::Conv,
        hidden: vec![256],
        latent: 32,
        observation: super::likelihood::Observation::Gaussian,
        deviation: 0.25,
        ..Default::default()
    };
    vae::Config { model, loss: Weights { beta: 4.0, ..Default::default() }, ..Default::default() }
}

/// The registry's entry points.
pub(crate) fn defaults() -> toml::Table {
    tables(config())
}
pub(crate) use super::vae::check;
pub(crate) fn build(recipe: &Recipe, info: &DataInfo, device: &Device, key: Key) -> Result<Box<dyn Model>> {
    Ok(Box::new(recipe.model_config::<vae::Config>()?.build("beta_vae", info, device, key)?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use burn::tensor::Tensor;

    /// The weight multiplies the KL term alone, and warm-up leads to it.
    #[test]
    fn the_weight_is_the_papers() {
        let device = Device::flex();
        let loss = |beta, warm_up, updates| {
            let weights = Weights { beta, warm_up, free_bits: 0.0 };
            let divergence = Tensor::from_floats([[1.0, 0.5], [0.0, 2.5]], &device);
            vae::value(&weights.negative_bound(Tensor::from_floats([-3.0, -5.0], &device), divergence, updates).loss)
        };
        assert_eq!((loss(0.0, 0, 0), loss(1.0, 0, 0), loss(4.0, 0, 9)), (4.0, 6.0, 12.0));
        assert_eq!((loss(4.0, 3, 0), loss(4.0, 3, 3), loss(4.0, 3, 99)), (6.0, 12.0, 12.0));
    }

    /// Free bits: a dimension below its allowance costs the allowance.
    #[test]
    fn free_bits_by_dimension() {
        let device = Device::flex();
        let weights = Weights { beta: 1.0, warm_up: 0, free_bits: 0.75 };
        let divergence = Tensor::from_floats([[1.0, 0.5], [0.0, 2.5]], &device);
        let bound = weights.negative_bound(Tensor::from_floats([0.0, 0.0], &device), divergence, 0);
        assert_eq!((vae::value(&bound.loss), vae::value(&bound.divergence)), (0.75 + 1.5, 2.0));
    }
}
