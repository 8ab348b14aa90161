//! Generative adversarial networks: a generator and a discriminator that train each other.
//!
//! A GAN is a composition: two networks, an [`Objective`], and a [`Game`] that plays Algorithm 1 of
//! Goodfellow et al. 2014 over them. A model file gives the networks; the rest is shared.
pub mod dcgan;
pub mod game;
pub mod gan;
pub mod monitor;
pub mod objective;

pub use game::{Discriminator, Game, GameConfig, Generator};
pub use objective::Objective;

use crate::Entry;

/// The family's name in the taxonomy.
pub const FAMILY: &str = "adversarial";
/// Its models.
pub(crate) const ENTRIES: &[&Entry] = &[&gan::ENTRY, &dcgan::ENTRY];
