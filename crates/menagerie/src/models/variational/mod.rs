//! Variational autoencoders and their relatives: an encoder, a decoder, and a bound of the likelihood between them.
//! See `docs/variational.md`.
pub mod autoencoder;
pub mod beta_vae;
pub mod codebook;
pub mod condition;
pub mod conditional_vae;
pub mod denoising_autoencoder;
pub mod elbo;
pub mod iwae;
pub mod likelihood;
mod model;
pub mod networks;
#[cfg(test)]
mod tests;
pub mod vae;
pub mod vae_gan;
pub mod video_attributes;
mod video_network;
pub mod video_vae;
pub mod vq_networks;
pub mod vq_vae;

pub use model::{ModelConfig, Training, Variational};
