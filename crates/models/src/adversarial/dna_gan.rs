//! Generating and designing DNA: a GAN of sequences, and latents that climb to where a predictor says that they are active.
//!
//! Killoran, Lee, Delong, Duvenaud, Frey (2017), Generating and designing DNA with deep generative models, arXiv:1712.06148.
//!
//! z <- z + alpha grad_z P(G(z))                                                                        (section 3.2)
//!
//! G is the generator of a WGAN-GP on letters as ones among zeros (`protein_gan`), P a network that reads activity off sequences: of a
//! run of `sequence-reader`, or one that learns beside the game. The paper steps along the gradient itself, Adam here finds the size of
//! a step. What comes of it are letters, at every place the likeliest.
use super::Variant;
use super::config::{Config, GameConfig, Optimizers};
use super::game::objective::Rule;
use super::game::penalty::Penalties;
use super::networks::Sizes;
use super::plays::design::{Ascent, PredictorSettings};
use super::protein_gan::ProteinGan;
use crate::{Capability, Entry, Model, Registered};
use burn::tensor::Device;
use menagerie_data::DataInfo;
use menagerie_data::error::Result;
use menagerie_data::random::Key;
use serde::{Deserialize, Serialize};

/// Everything of a recipe that is this model's own: the game of two, the predictor and the ascent.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DesignConfig {
    /// `[model]`: which networks, and their sizes
    pub model: Sizes,
    /// `[game]`: how the two play
    #[serde(default)]
    pub game: GameConfig,
    /// `[objective]`: what they minimize
    pub objective: Rule,
    /// `[penalty]`: what keeps the critic in bounds
    #[serde(default)]
    pub penalty: Penalties,
    /// `[optimizer]`
    #[serde(default)]
    pub optimizer: Optimizers,
    /// `[target]`: the predictor
    #[serde(default)]
    pub target: PredictorSettings,
    /// `[ascent]`: how latents climb
    #[serde(default)]
    pub ascent: Ascent,
}

impl DesignConfig {
    /// The game alone.
    fn game(&self) -> Config {
        Config {
            game: self.game,
            objective: self.objective,
            penalty: self.penalty.clone(),
            optimizer: self.optimizer,
            ..Config::of(self.model.clone())
        }
    }
}

/// See the module.
pub struct DnaGan;

impl Registered for DnaGan {
    type Config = DesignConfig;
    fn defaults() -> DesignConfig {
        let game = ProteinGan::config();
        DesignConfig {
            model: game.model,
            game: game.game,
            objective: game.objective,
            penalty: game.penalty,
            optimizer: game.optimizer,
            target: PredictorSettings::default(),
            ascent: Ascent::default(),
        }
    }
    fn check(config: &DesignConfig) -> Result<()> {
        config.game().check()?;
        config.ascent.check()
    }
    fn build(config: DesignConfig, data: &DataInfo, device: &Device, key: Key) -> Result<Box<dyn Model>> {
        let game = config.game();
        Ok(Box::new(game.designer(
            config.target,
            config.ascent,
            "dna_gan",
            data,
            device,
            key,
        )?))
    }
}

/// In the registry.
pub(crate) const ENTRY: Entry = Entry {
    name: "dna_gan",
    family: super::FAMILY,
    capabilities: &[
        Capability::Sample,
        Capability::LatentSpace,
        Capability::Maximize,
        Capability::ReadAttributes,
        Capability::Features,
    ],
    paper: "Killoran et al. 2017, Generating and designing DNA with deep generative models, arXiv:1712.06148",
    recipe: "dna_gan",
    data: &["dna"],
    tiny: TINY,
    ..Entry::of::<DnaGan>()
};

/// Settings that make a test of a second.
const TINY: &[(&str, &str)] = &[
    ("model.width", "4"),
    ("model.latent", "6"),
    ("model.blocks", "1"),
    ("model.average", "0.9"),
    ("data.limit", "60"),
    ("game.discriminator_steps", "1"),
    ("target.model.width", "4"),
    ("target.model.average", "0.9"),
    ("ascent.steps", "3"),
];
