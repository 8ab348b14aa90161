//! Variational autoencoders and their relatives: an encoder, a decoder, and a bound of the likelihood between them.
//! See `docs/variational.md`.
pub mod ae_ot;
pub mod autoencoder;
pub mod avb;
pub mod beta_vae;
pub mod conditional_vae;
pub mod deep_rotator;
pub mod denoising_autoencoder;
pub mod elbo;
pub mod iwae;
pub mod likelihood;
mod model;
pub mod networks;
mod semi_discrete;
#[cfg(test)]
mod tests;
pub mod vae;
pub mod vae_gan;
pub mod video_vae;
pub mod vq_vae;
pub mod world_model;

pub use model::{Sizes, Training, Variational};

use crate::Entry;

/// The family's name in the taxonomy.
pub(crate) const FAMILY: &str = "variational";
/// Its models.
pub(crate) const ENTRIES: &[&Entry] = &[
    &autoencoder::ENTRY,
    &denoising_autoencoder::ENTRY,
    &vae::ENTRY,
    &iwae::ENTRY,
    &beta_vae::ENTRY,
    &conditional_vae::ENTRY,
    &vae_gan::ENTRY,
    &avb::ENTRY,
    &ae_ot::ENTRY,
    &vq_vae::ENTRY,
    &video_vae::ENTRY,
    &deep_rotator::ENTRY,
    &world_model::ENTRY,
];
