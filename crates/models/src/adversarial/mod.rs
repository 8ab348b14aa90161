//! Generative adversarial networks: a generator and a discriminator that train each other. See `docs/adversarial.md`.
//!
//! A model is a composition of six axes: objective, penalty, condition, augmentation, network and play. A model's file chooses
//! among them; the rest is shared (`game/`, `plays/`, `networks/`).
pub mod abc_gan;
pub mod acgan;
pub(crate) mod acting;
pub mod actual;
pub mod ada_gan;
pub mod adaptive_gan;
pub mod adv_gan;
pub mod adventure;
pub mod ae_gan;
pub mod aegan;
pub mod aff_gan;
pub mod age_gan;
pub mod aim;
pub mod al_cgan;
pub mod ali;
pub mod align_gan;
pub mod alpha_gan;
pub mod am_gan;
pub mod ano_gan;
pub mod art_gan;
pub mod b_gan;
pub mod bad_gan;
pub mod bayesian_gan;
pub mod began;
pub mod bicycle_gan;
pub mod bigan;
pub mod biggan;
pub mod bs_gan;
pub mod c_rnn_gan;
pub mod calo_gan;
pub mod cat_gan;
pub mod ccgan;
pub mod cgan;
pub mod cogan;
mod config;
pub mod context_rnn_gan;
pub mod cs_gan;
pub mod ctgan;
pub mod curriculum_gan;
pub mod cut;
pub mod cvae_gan;
pub mod cycle_gan;
pub mod dcgan;
pub mod disco_gan;
pub mod dna_gan;
pub mod dp_gan;
pub mod dr_gan;
pub mod dragan;
pub mod dtn;
pub mod dual_gan;
pub mod ebgan;
pub mod editing;

pub mod ed_gan3d;
mod ensemble;

pub mod f_gan;
pub mod fair_gan;
pub mod ff_gan;
pub mod gail;
pub mod gain;

pub mod game;
pub mod gan;
pub mod gan3d;

pub mod gan_cls;
pub mod ganufacturing;
pub mod gawwn;
pub mod gene_gan;
pub mod geometric_gan;
pub mod go_gan;
pub mod gp_gan;
pub mod hiding_gan;
pub mod ian;
pub mod icgan;
pub mod id_cgan;
pub mod igan;
pub mod improved_gan;
pub mod info_gan;
pub mod iwgan3d;
pub mod lagan;

pub mod lapgan;
mod letters;
pub mod life_gan;
pub mod lsgan;
pub mod mocogan;
pub mod molecule_gan;

pub mod munit;
pub mod networks;
pub mod phys_net;
pub mod pix2pix;
pub mod plays;
pub mod progan;
pub mod projection_gan;
pub mod protein_gan;
pub mod r3gan;
pub mod rec_gan3d;
pub mod rows;
pub mod sagan;
mod sentences;
pub mod sgan;
pub mod sngan;
pub mod spiral;
pub mod star_gan;
pub mod stylegan2;
pub mod translation;
pub mod unit;
pub mod vgan;

pub mod wgan;
pub mod wgan_gp;
pub mod wifi_gan;

pub use config::{Config, GameConfig, Optimizers, Prior};
pub use ensemble::Ensemble;
pub use game::Game;
pub use game::objective::{Apart, Losses, Objective, Together};

use crate::{Capability, Entry, Model, Registered};
use burn::tensor::Device;
use menagerie_data::DataInfo;
use menagerie_data::error::Result;
use menagerie_data::random::Key;
use plays::paired::PairedSettings;
use std::marker::PhantomData;
use translation::Translation;

/// The family's name in the taxonomy.
pub const FAMILY: &str = "adversarial";

/// What the game of two can do.
const OF_A_DUEL: &[Capability] = &[Capability::Sample, Capability::LatentSpace, Capability::Features];
/// What it can do with classes: a latent alone does not say which item is meant.
const OF_CLASSES: &[Capability] = &[Capability::Sample, Capability::Features];
/// What it can do with classes where the discriminator tells them, too.
const OF_TOLD_CLASSES: &[Capability] = &[Capability::Sample, Capability::Classify, Capability::Features];
/// What it can do where the discriminator is a classifier too.
const SEMI_SUPERVISED: &[Capability] = &[
    Capability::Sample,
    Capability::LatentSpace,
    Capability::Classify,
    Capability::Features,
];
/// What it can do where the discriminator makes up groups.
const OF_GROUPS: &[Capability] = &[
    Capability::Sample,
    Capability::LatentSpace,
    Capability::Cluster,
    Capability::Features,
];
/// What it can do where codes are read off items.
const OF_CODES: &[Capability] = &[
    Capability::Sample,
    Capability::LatentSpace,
    Capability::Encode,
    Capability::Cluster,
    Capability::Features,
];
/// What a game over pairs can do.
const OVER_PAIRS: &[Capability] = &[
    Capability::Sample,
    Capability::LatentSpace,
    Capability::Encode,
    Capability::Reconstruct,
    Capability::Features,
];

/// What a game between two sides can do.
const TRANSLATES: &[Capability] = &[Capability::Translate];

/// Settings that make a test of a second, for each of the networks.
const TINY_MLP: &[(&str, &str)] = &[("model.width", "16"), ("model.depth", "2"), ("model.latent", "4")];
const TINY_DCGAN: &[(&str, &str)] = &[
    ("model.width", "4"),
    ("model.latent", "8"),
    ("data.size", "8"),
    ("model.average", "0.9"),
];
const TINY_SEQUENCE: &[(&str, &str)] = &[
    ("model.width", "4"),
    ("model.latent", "6"),
    ("model.blocks", "1"),
    ("model.average", "0.9"),
    ("data.limit", "60"),
    ("game.discriminator_steps", "1"),
];
const TINY_NOTES: &[(&str, &str)] = &[
    ("model.width", "4"),
    ("model.latent", "32"),
    ("data.limit", "60"),
    ("model.average", "0.9"),
];
const TINY_VIDEO: &[(&str, &str)] = &[
    ("model.width", "4"),
    ("model.latent", "14"),
    ("model.motion", "2"),
    ("data.size", "12"),
    ("data.frames", "4"),
    ("data.limit", "40"),
    ("model.average", "0.9"),
];
const TINY_TRANSLATOR: &[(&str, &str)] = &[
    ("model.width", "4"),
    ("critic.width", "4"),
    ("data.size", "16"),
    ("data.limit", "40"),
    ("model.average", "0.9"),
];
const TINY_CODED: &[(&str, &str)] = &[
    ("model.width", "2"),
    ("model.blocks", "1"),
    ("critic.width", "4"),
    ("data.size", "16"),
    ("data.limit", "40"),
    ("model.average", "0.9"),
];
const TINY_RESNET: &[(&str, &str)] = &[
    ("model.width", "4"),
    ("model.latent", "8"),
    ("data.size", "8"),
    ("model.average", "0.9"),
];

/// A model that is the game of two with settings of its own.
pub trait Variant: 'static {
    /// Its name in the registry.
    const NAME: &'static str;
    /// Its settings.
    fn config() -> Config;
}

/// What a [`Variant`] registers.
pub struct OfTwo<V>(PhantomData<V>);

impl<V: Variant> Registered for OfTwo<V> {
    type Config = Config;
    fn defaults() -> Config {
        V::config()
    }
    fn check(config: &Config) -> Result<()> {
        config.check()
    }
    fn build(config: Config, data: &DataInfo, device: &Device, key: Key) -> Result<Box<dyn Model>> {
        Ok(Box::new(config.duel(V::NAME, data, device, key)?))
    }
}

/// A model that learns from pairs with settings of its own.
pub trait OfPairs: 'static {
    /// Its name in the registry.
    const NAME: &'static str;
    /// Its settings.
    fn config() -> Translation<PairedSettings>;
}

/// What a model of pairs registers.
pub struct Pairs<V>(PhantomData<V>);

impl<V: OfPairs> Registered for Pairs<V> {
    type Config = Translation<PairedSettings>;
    fn defaults() -> Self::Config {
        V::config()
    }
    fn check(config: &Self::Config) -> Result<()> {
        config.check()
    }
    fn build(config: Self::Config, data: &DataInfo, device: &Device, key: Key) -> Result<Box<dyn Model>> {
        Ok(Box::new(config.paired(V::NAME, data, device, key)?))
    }
}

/// Its models.
pub(crate) const ENTRIES: &[&Entry] = &[
    &gan::ENTRY,
    &dcgan::ENTRY,
    &lsgan::ENTRY,
    &geometric_gan::ENTRY,
    &f_gan::ENTRY,
    &b_gan::ENTRY,
    &bs_gan::ENTRY,
    &ebgan::ENTRY,
    &began::ENTRY,
    &wgan::ENTRY,
    &wgan_gp::ENTRY,
    &dragan::ENTRY,
    &sngan::ENTRY,
    &sagan::ENTRY,
    &progan::ENTRY,
    &stylegan2::ENTRY,
    &biggan::ENTRY,
    &r3gan::ENTRY,
    &improved_gan::ENTRY,
    &cgan::ENTRY,
    &acgan::ENTRY,
    &projection_gan::ENTRY,
    &info_gan::ENTRY,
    &abc_gan::ENTRY,
    &bigan::ENTRY,
    &ali::ENTRY,
    &cogan::ENTRY,
    &align_gan::ENTRY,
    &lapgan::ENTRY,
    &cvae_gan::ENTRY,
    &aegan::ENTRY,
    &igan::ENTRY,
    &ian::ENTRY,
    &ada_gan::ENTRY,
    &go_gan::ENTRY,
    &curriculum_gan::ENTRY,
    &bayesian_gan::ENTRY,
    &cat_gan::ENTRY,
    &am_gan::ENTRY,
    &art_gan::ENTRY,
    &sgan::ENTRY,
    &bad_gan::ENTRY,
    &ano_gan::ENTRY,
    &adv_gan::ENTRY,
    &adaptive_gan::ENTRY,
    &ae_gan::ENTRY,
    &gain::ENTRY,
    &fair_gan::ENTRY,
    &dp_gan::ENTRY,
    &ctgan::ENTRY,
    &hiding_gan::ENTRY,
    &life_gan::ENTRY,
    &gail::ENTRY,
    &spiral::ENTRY,
    &actual::ENTRY,
    &adventure::ENTRY,
    &cs_gan::ENTRY,
    &aim::ENTRY,
    &context_rnn_gan::ENTRY,
    &pix2pix::ENTRY,
    &id_cgan::ENTRY,
    &alpha_gan::ENTRY,
    &aff_gan::ENTRY,
    &gp_gan::ENTRY,
    &ganufacturing::ENTRY,
    &al_cgan::ENTRY,
    &ff_gan::ENTRY,
    &gawwn::ENTRY,
    &ccgan::ENTRY,
    &cycle_gan::ENTRY,
    &disco_gan::ENTRY,
    &dual_gan::ENTRY,
    &star_gan::ENTRY,
    &cut::ENTRY,
    &bicycle_gan::ENTRY,
    &munit::ENTRY,
    &unit::ENTRY,
    &gene_gan::ENTRY,
    &dtn::ENTRY,
    &dr_gan::ENTRY,
    &icgan::ENTRY,
    &age_gan::ENTRY,
    &gan_cls::ENTRY,
    &protein_gan::ENTRY,
    &dna_gan::ENTRY,
    &molecule_gan::ENTRY,
    &c_rnn_gan::ENTRY,
    &lagan::ENTRY,
    &calo_gan::ENTRY,
    &mocogan::ENTRY,
    &vgan::ENTRY,
    &gan3d::ENTRY,
    &ed_gan3d::ENTRY,
    &iwgan3d::ENTRY,
    &rec_gan3d::ENTRY,
    &phys_net::ENTRY,
    &wifi_gan::ENTRY,
];
