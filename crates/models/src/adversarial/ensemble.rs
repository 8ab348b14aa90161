//! A recipe of a model that holds several generators or discriminators, and what holding them takes: names, and one of several
//! for each sample.
use super::Optimizers;
use super::config::{Config, GameConfig, Prior};
use super::game::augment::Augment;
use super::game::objective::Rule;
use super::game::penalty::Penalties;
use super::networks::Sizes;
use super::plays::duel::{latents, port_of};
use crate::{Holds, Port};
use burn::tensor::{Device, Tensor};
use menagerie_data::error::{Error, Result};
use menagerie_data::random::Key;
use menagerie_kernels::noise;
use serde::{Deserialize, Serialize};

/// Everything of a recipe that is the model's own; `T` is `[ensemble]`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Ensemble<T> {
    /// `[model]`: the networks of each member
    pub model: Sizes,
    /// `[ensemble]`: who is in it, and how they come about
    pub ensemble: T,
    /// `[game]`: how the two of a member play
    #[serde(default)]
    pub game: GameConfig,
    /// `[objective]`: what they minimize
    pub objective: Rule,
    /// `[penalty]`: what keeps discriminators in bounds
    #[serde(default)]
    pub penalty: Penalties,
    /// `[augment]`: what everything that discriminators see goes through
    #[serde(default)]
    pub augment: Augment,
    /// `[optimizer]`
    #[serde(default)]
    pub optimizer: Optimizers,
}

impl<T> Ensemble<T> {
    /// The axes of one game with these settings beside them.
    pub(super) fn of(axes: Config, ensemble: T) -> Self {
        Ensemble {
            model: axes.model,
            ensemble,
            game: axes.game,
            objective: axes.objective,
            penalty: axes.penalty,
            augment: axes.augment,
            optimizer: axes.optimizer,
        }
    }

    /// The axes of a member's game.
    pub(super) fn axes(&self) -> Config {
        Config {
            game: self.game,
            objective: self.objective,
            penalty: self.penalty.clone(),
            augment: self.augment.clone(),
            optimizer: self.optimizer,
            ..Config::of(self.model.clone())
        }
    }

    /// Refuses what a member of several cannot have, and axes that clash.
    ///
    /// # Errors
    /// [`Error::Recipe`].
    pub(super) fn check_axes(&self, model: &str) -> Result<()> {
        let axes = self.axes();
        axes.check()?;
        axes.plain_scores(model)?;
        let g = &self.game;
        let asked = [
            ("game.bits", g.bits.is_some()),
            ("game.balance", g.balance.is_some()),
            ("game.freeze", g.freeze.is_some()),
            ("game.low_density", g.low_density.is_some()),
            ("penalty.path_length", self.penalty.path_length.is_some()),
            ("penalty.historical", self.penalty.historical.is_some()),
            ("model.phase", matches!(self.model, Sizes::Progan(_))),
        ];
        match asked.into_iter().find(|(_, on)| *on) {
            Some((key, _)) => {
                let problem = format!("{model} holds several networks, where this has no meaning yet");
                Err(Error::recipe(key, problem, "leave it out"))
            }
            None => Ok(()),
        }
    }
}

/// The most members.
pub(super) const MOST: usize = 8;
/// Names of members' networks in checkpoints and graphs.
pub(super) const GENERATORS: [&str; MOST] = [
    "generator",
    "generator_2",
    "generator_3",
    "generator_4",
    "generator_5",
    "generator_6",
    "generator_7",
    "generator_8",
];
/// See [`GENERATORS`].
pub(super) const CRITICS: [&str; MOST] = [
    "discriminator",
    "discriminator_2",
    "discriminator_3",
    "discriminator_4",
    "discriminator_5",
    "discriminator_6",
    "discriminator_7",
    "discriminator_8",
];

/// Refuses a number of members that is none.
///
/// # Errors
/// [`Error::Recipe`].
pub(super) fn check_members(key: &'static str, members: usize, least: usize) -> Result<()> {
    match (least..=MOST).contains(&members) {
        true => Ok(()),
        false => Err(Error::recipe(
            key,
            format!("{members} cannot be held"),
            format!("give {least} to {MOST}"),
        )),
    }
}

/// Latents from a prior, each with a number in [0, 1) behind it that says whose it is, `[count, latent + 1]`.
pub(super) fn latents_of_members(
    prior: Prior,
    latent: usize,
    count: usize,
    key: Key,
    device: &Device,
) -> Tensor<2> {
    let z = latents(prior, count, latent, key.stream("latents"), device);
    let at = noise::uniform::<2>(key.stream("members").words(), [count, 1], device);
    Tensor::cat(vec![z, at], 1)
}

/// The same as another program gives them.
pub(super) fn ports_of_members(prior: Prior, latent: usize) -> Vec<Port> {
    let meaning = "which of the generators: each has an equal share of [0, 1)";
    vec![
        port_of(prior, latent),
        Port::of("member", &[1], Holds::Unit, meaning),
    ]
}

/// Latents proper, and the number that says whose.
pub(super) fn parts_of(latents: &Tensor<2>) -> (Tensor<2>, Tensor<2>) {
    let d = latents.dims()[1] - 1;
    (latents.clone().narrow(1, 0, d), latents.clone().narrow(1, d, 1))
}

/// Of what several generators made of the same latents, for each row what one of them did: of the member in whose share of [0, 1)
/// the row's number lies, `[batch, 1]`; `shares` sum to one.
pub(super) fn one_of(made: Vec<Tensor<4>>, shares: &[f64], at: &Tensor<2>) -> Tensor<4> {
    let rows = at.dims()[0];
    let mut from = 0.0;
    let last = made.len() - 1;
    let parts = made.into_iter().zip(shares).enumerate().map(|(i, (x, share))| {
        let to = if i == last { f64::INFINITY } else { from + share };
        let within = at.clone().greater_equal_elem(from).float();
        let within = match i == last {
            true => within,
            false => within * at.clone().lower_elem(to).float(),
        };
        from = to;
        x * within.reshape([rows, 1, 1, 1])
    });
    let sum = parts.reduce(|a, b| a + b);
    sum.expect("one member at least")
}

#[cfg(test)]
mod tests {
    use super::*;
    use burn::tensor::Device;
    use menagerie_nn::numbers;

    #[test]
    fn each_row_is_of_the_member_whose_share_it_lies_in() {
        let device = Device::flex();
        let member = |v: f64| Tensor::<4>::full([5, 1, 1, 1], v, &device);
        let at = Tensor::<2>::from_floats([[0.0], [0.19], [0.2], [0.69], [0.999]], &device);
        let made = one_of(vec![member(1.0), member(2.0), member(3.0)], &[0.2, 0.5, 0.3], &at);
        assert_eq!(numbers(made), [1.0, 1.0, 2.0, 2.0, 3.0]);
        assert!(check_members("ensemble.members", 9, 2).is_err() && check_members("x", 2, 2).is_ok());
    }

    /// Numbers that mean nothing are refused before anything is built, each by its key.
    #[test]
    fn what_cannot_be_is_named() {
        for (model, table, key, value) in [
            ("ada_gan", "ensemble", "members", 9.into()),
            ("ada_gan", "ensemble", "pool", 0.into()),
            ("ada_gan", "ensemble", "pool", 1_000_000.into()),
            ("go_gan", "ensemble", "margin", 0.0.into()),
            ("go_gan", "ensemble", "stages", 1.into()),
            ("curriculum_gan", "ensemble", "temperature", 0.0.into()),
            ("curriculum_gan", "ensemble", "teachers", 1.into()),
            ("bayesian_gan", "ensemble", "generators", 0.into()),
            ("bayesian_gan", "ensemble", "every", 0.into()),
            ("bayesian_gan", "ensemble", "kept", 1000.into()),
            ("cvae_gan", "matching", "decay", 1.0.into()),
            ("aegan", "inverse", "image", (-1.0).into()),
            ("ae_ot", "transport", "codes", 1.into()),
            ("ae_ot", "transport", "rate", f64::NAN.into()),
        ] {
            let said = crate::registry::refusal(model, table, key, value);
            assert!(said.contains(&format!("{table}.{key}")), "{model}: {said}");
        }
        let said = crate::registry::refusal("cogan", "game", "smoothing", 0.7.into());
        assert!(said.contains("game.smoothing"), "{said}");
    }
}
