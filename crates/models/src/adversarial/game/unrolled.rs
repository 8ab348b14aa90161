//! The generator learns from where the discriminator will be (Metz et al. 2017, arXiv:1611.02163): one axis of the family.
use super::super::config::Config;
use super::super::networks::Sizes;
use super::objective::Rule;
use menagerie_data::error::{Error, Result};
use serde::{Deserialize, Serialize};

/// `[game.unrolled]`: before the generator's update the discriminator goes on by itself for some updates, on the same data and
/// samples; the generator's loss is what it is worth then, and the discriminator is put back (equations 6 to 8).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Unrolled {
    /// updates ahead (the paper's K)
    pub steps: usize,
    /// the gradient is the paper's, and goes through these updates: the generator also learns how its samples move the
    /// discriminator (the second term of equation 9). Without, what the discriminator will be counts as given. It is for
    /// fully connected networks, whose own gradient is written out
    pub through: bool,
}

impl Default for Unrolled {
    fn default() -> Self {
        Unrolled {
            steps: 5,
            through: false,
        }
    }
}

impl Unrolled {
    /// Refuses what it does not go with, naming both keys.
    ///
    /// # Errors
    /// [`Error::Recipe`].
    pub fn check(&self, config: &Config) -> Result<()> {
        if self.steps == 0 {
            let fix = "give 1 or more, or leave game.unrolled out";
            return Err(Error::recipe("game.unrolled.steps", "0 is too small", fix));
        }
        let beside = [
            ("game.bits", config.game.bits.is_some()),
            ("semi_supervised", config.semi_supervised.is_some()),
        ];
        if let Some((other, _)) = beside.into_iter().find(|(_, on)| *on) {
            let problem = format!(
                "it cannot be combined with {other}: the discriminator would learn less ahead than it will learn in truth"
            );
            return Err(Error::recipe(
                "game.unrolled",
                problem,
                "leave one of the two out",
            ));
        }
        match self.through {
            true => Self::check_through(config),
            false => Ok(()),
        }
    }

    fn check_through(config: &Config) -> Result<()> {
        let of_rule = format!("objective.rule = \"{}\"", config.objective.name());
        let rule = config.objective;
        let known = rule.is_logit() || matches!(rule, Rule::LeastSquares(_));
        let spectral = matches!(&config.model, Sizes::Mlp(s) if s.spectral_norm);
        let noisy = matches!(&config.model, Sizes::Mlp(s) if s.noise > 0.0);
        let mlp = matches!(&config.model, Sizes::Mlp(_));
        let p = &config.penalty;
        let of_scores = [
            ("penalty.lecam", p.lecam.is_some()),
            ("penalty.drift", p.drift.is_some()),
            ("penalty.consistency", p.consistency.is_some()),
            ("penalty.latent_consistency", p.latent_consistency.is_some()),
            ("penalty.orthogonal", p.orthogonal.is_some()),
            ("penalty.historical", p.historical.is_some()),
            ("penalty.clip", p.clip.is_some()),
            ("penalty.reconstruction", p.reconstruction.is_some()),
        ];
        let penalty = p.of_gradients();
        let penalty = penalty.or_else(|| of_scores.into_iter().find(|(_, on)| *on).map(|(key, _)| key));
        let clipped = config.optimizer.discriminator.clip_norm > 0.0;
        let beside = [
            ("model.architecture", !mlp),
            ("model.spectral_norm", spectral),
            ("model.noise", noisy),
            (&of_rule, !known),
            (penalty.unwrap_or("penalty"), penalty.is_some()),
            ("condition", config.condition.is_some()),
            ("codes", config.codes.is_some()),
            ("augment.pseudo", config.augment.pseudo.is_some()),
            ("game.feature_matching", config.game.feature_matching),
            ("game.pulling_away", config.game.pulling_away > 0.0),
            ("optimizer.discriminator.clip_norm", clipped),
        ];
        match beside.into_iter().find(|(_, on)| *on) {
            Some((other, _)) => Err(Error::recipe(
                "game.unrolled.through",
                format!(
                    "it cannot be combined with {other}: the gradient of fully connected layers and of a logit's loss is \
                     written out, and no other is"
                ),
                "set game.unrolled.through=false, or model.architecture=mlp and objective.rule=non-saturating without the rest",
            )),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::{Variant, dcgan::Dcgan, gan::Gan};
    use super::*;
    use crate::adversarial::game::penalty::ZeroCentred;
    use crate::adversarial::game::semi_supervised::SemiSupervised;

    #[test]
    fn clashes_name_both_keys() {
        let through = Some(Unrolled {
            through: true,
            ..Unrolled::default()
        });
        let told = |mut config: Config, unrolled, change: fn(&mut Config)| {
            config.game.unrolled = unrolled;
            change(&mut config);
            config.check().err().map(|e| e.to_string()).unwrap_or_default()
        };
        assert_eq!(told(Gan::config(), through, |_| ()), "");
        assert_eq!(told(Dcgan::config(), Some(Unrolled::default()), |_| ()), "");
        let cases: [(Config, Option<Unrolled>, fn(&mut Config), &str); 5] = [
            (Dcgan::config(), through, |_| (), "model.architecture"),
            (Gan::config(), through, |c| c.objective = Rule::Hinge, "hinge"),
            (
                Gan::config(),
                through,
                |c| c.penalty.r1 = Some(ZeroCentred::default()),
                "penalty.r1",
            ),
            (
                Gan::config(),
                Some(Unrolled::default()),
                |c| c.semi_supervised = Some(SemiSupervised::default()),
                "semi_supervised",
            ),
            (
                Gan::config(),
                Some(Unrolled {
                    steps: 0,
                    through: false,
                }),
                |_| (),
                "steps",
            ),
        ];
        for (config, unrolled, change, part) in cases {
            let e = told(config, unrolled, change);
            assert!(e.contains("game.unrolled") && e.contains(part), "{e}");
        }
    }
}
