//! A recipe of the family: the axes, and what clashes between them.
use super::game::augment::Augment;
use super::game::bits::Bits;
use super::game::check_weights;
use super::game::codes::Codes;
use super::game::condition::{Condition, IntoDiscriminator, IntoGenerator};
use super::game::density::LowDensity;
use super::game::objective::Rule;
use super::game::penalty::Penalties;
use super::game::semi_supervised::SemiSupervised;
use super::game::unrolled::Unrolled;
use super::networks::Sizes;
use super::plays::duel::{Balance, Freeze};
use menagerie_data::error::{Error, Result};
use menagerie_nn::OptimizerConfig;
use serde::{Deserialize, Serialize};

/// Everything of a recipe that is the family's own. Each axis is a table, and any member of one goes with any of another
/// unless [`Config::check`] says why not.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// `[model]`: which networks, and their sizes
    pub model: Sizes,
    /// `[game]`: how the two play
    #[serde(default)]
    pub game: GameConfig,
    /// `[objective]`: what they minimize
    pub objective: Rule,
    /// `[penalty]`: what keeps the discriminator in bounds
    #[serde(default)]
    pub penalty: Penalties,
    /// `[augment]`: what everything that the discriminator sees goes through
    #[serde(default)]
    pub augment: Augment,
    /// `[condition]`: classes
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub condition: Option<Condition>,
    /// `[codes]`: latent numbers that can be read off a sample
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub codes: Option<Codes>,
    /// `[semi_supervised]`: few items have labels, and the discriminator learns to tell them
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub semi_supervised: Option<SemiSupervised>,
    /// `[optimizer]`
    #[serde(default)]
    pub optimizer: Optimizers,
}

/// `[game]`: how the two play.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct GameConfig {
    /// updates of the discriminator for each of the generator (k)
    pub discriminator_steps: usize,
    /// draw new latents for the generator's update, as Algorithm 1 has it; otherwise it learns from the samples that
    /// the discriminator's last update has just seen, which saves a pass through the generator
    pub fresh_latents: bool,
    /// `normal`, `truncated` (normal within ±2), `uniform` in [-1, 1), or `sphere`: what latents are drawn from
    pub prior: Prior,
    /// the generator learns from the share of its samples that score best (Sinha et al. 2020, arXiv:2002.06224); the share
    /// falls from 1 to this over `top_k_steps`; 1 for all
    pub top_k: f64,
    /// steps over which the share falls
    pub top_k_steps: u64,
    /// share of the data that the discriminator is told are samples (one-sided label smoothing, Salimans et al. 2016,
    /// section 3.4); 0 for none
    pub smoothing: f64,
    /// the generator matches the mean features of data instead of descending the objective (Salimans et al. 2016,
    /// section 3.1)
    pub feature_matching: bool,
    /// weight of the pulling-away term on the codes of an autoencoding discriminator (Zhao et al. 2016, section 2.4; paper: 0.1),
    /// or on the features of one that tells classes (Dai et al. 2017, section 5.2)
    pub pulling_away: f64,
    /// a controller says whose turn it is
    #[serde(skip_serializing_if = "Option::is_none")]
    pub balance: Option<Balance>,
    /// a player that is far ahead of the other stands still
    #[serde(skip_serializing_if = "Option::is_none")]
    pub freeze: Option<Freeze>,
    /// samples are black and white
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bits: Option<Bits>,
    /// the generator keeps away from where data are likely
    #[serde(skip_serializing_if = "Option::is_none")]
    pub low_density: Option<LowDensity>,
    /// the generator learns from where the discriminator will be some updates ahead
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unrolled: Option<Unrolled>,
    /// batches of samples over which the statistics of the generator's batch norms are taken anew for the weights that samples are
    /// drawn from, its moving average where it has one (standing statistics, Brock et al. 2019, appendix C); 0 for those that
    /// were followed in training
    pub standing: usize,
    /// latents are moved by this share of the way along the critic's gradient before they are used (Wu et al. 2019,
    /// arXiv:1912.00953, LOGAN with its natural gradient; paper: 0.9); 0 for none
    pub latent_step: f64,
}

/// What latents are drawn from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Prior {
    /// standard normal
    #[default]
    Normal,
    /// standard normal, drawn again where it lies beyond 2 (Brock et al. 2019, section 3.1)
    Truncated,
    /// uniform in [-1, 1)
    Uniform,
    /// uniform on the sphere of radius sqrt(dimensions)
    Sphere,
}

impl Default for GameConfig {
    fn default() -> Self {
        GameConfig {
            discriminator_steps: 1,
            fresh_latents: false,
            prior: Prior::Normal,
            top_k: 1.0,
            top_k_steps: 2000,
            smoothing: 0.0,
            feature_matching: false,
            pulling_away: 0.0,
            balance: None,
            freeze: None,
            bits: None,
            low_density: None,
            unrolled: None,
            standing: 0,
            latent_step: 0.0,
        }
    }
}

/// `[optimizer.generator]` and `[optimizer.discriminator]`.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Optimizers {
    /// the generator's, and an encoder's where there is one
    pub generator: OptimizerConfig,
    /// the discriminator's
    pub discriminator: OptimizerConfig,
}

impl Default for Optimizers {
    /// Radford et al. 2015: Adam with a learning rate of 2e-4 and beta1 of 0.5.
    fn default() -> Self {
        let adam = OptimizerConfig::adam(2e-4).betas(0.5, 0.999);
        Optimizers {
            generator: adam,
            discriminator: adam,
        }
    }
}

impl Optimizers {
    /// Both the same.
    pub fn both(config: OptimizerConfig) -> Self {
        Optimizers {
            generator: config,
            discriminator: config,
        }
    }
}

impl Config {
    /// The original game between these networks.
    pub fn of(model: Sizes) -> Self {
        Config {
            model,
            game: GameConfig::default(),
            objective: Rule::NonSaturating,
            penalty: Penalties::default(),
            augment: Augment::default(),
            condition: None,
            codes: None,
            semi_supervised: None,
            optimizer: Optimizers::default(),
        }
    }

    /// Refuses what is out of range, and what clashes, naming both keys.
    ///
    /// # Errors
    /// [`Error::Recipe`].
    pub fn check(&self) -> Result<()> {
        self.objective.check()?;
        self.penalty.check()?;
        self.augment.check()?;
        self.condition.map_or(Ok(()), |c| c.check())?;
        self.codes.as_ref().map_or(Ok(()), Codes::check)?;
        self.semi_supervised.map_or(Ok(()), |s| s.check())?;
        self.game.low_density.map_or(Ok(()), |d| d.check())?;
        self.game.bits.map_or(Ok(()), |b| b.check())?;
        self.game.balance.map_or(Ok(()), |b| b.check())?;
        self.game.unrolled.map_or(Ok(()), |u| u.check(self))?;
        self.game.freeze.map_or(Ok(()), |f| f.check())?;
        self.check_numbers()?;
        self.check_clashes()
    }

    fn check_numbers(&self) -> Result<()> {
        let g = &self.game;
        if g.discriminator_steps == 0 {
            return Err(Error::recipe(
                "game.discriminator_steps",
                "0 is too small",
                "give 1 or more",
            ));
        }
        let average = self.model.average();
        let shares = [
            ("model.average", average, (0.0..1.0).contains(&average)),
            ("game.smoothing", g.smoothing, (0.0..0.5).contains(&g.smoothing)),
            ("game.top_k", g.top_k, g.top_k > 0.0 && g.top_k <= 1.0),
            (
                "game.latent_step",
                g.latent_step,
                (0.0..=1.0).contains(&g.latent_step),
            ),
        ];
        match shares.into_iter().find(|(_, _, fits)| !fits) {
            Some(("model.average", v, _)) => Err(Error::recipe(
                "model.average",
                format!("{v} is not a decay"),
                "give 0 for none, or a number such as 0.999",
            )),
            Some((key, v, _)) => Err(Error::recipe(
                key,
                format!("{v} is out of range"),
                "give a share, such as 0.1",
            )),
            None => check_weights([("game.pulling_away", g.pulling_away)]),
        }
    }

    fn check_classes(&self, clash: &dyn Fn(&str, &str, &str, &str) -> Result<()>) -> Result<()> {
        let rule = format!("objective.rule = \"{}\"", self.objective.name());
        if self.semi_supervised.is_some() {
            if !self.objective.is_logit() && !matches!(self.objective, Rule::Categorical(_)) {
                let why = "data and samples are told apart by the logits of classes";
                let fix = "set objective.rule=non-saturating or objective.rule=categorical";
                return clash("semi_supervised", &rule, why, fix);
            }
            if self.condition.is_some() {
                let why = "both say what classes are for";
                return clash("semi_supervised", "condition", why, "leave one of the two out");
            }
        }
        let classes = self.condition.map(|c| (c.discriminator, c.generator));
        let all_in_classes = classes.is_some_and(|(d, _)| d == IntoDiscriminator::ClassesAndSamples);
        if (self.objective == Rule::Classes) != all_in_classes {
            let why = "with the classes of data and samples there is no other score";
            let fix =
                "set both objective.rule=classes and condition.discriminator=classes-and-samples, or neither";
            return clash("condition.discriminator", &rule, why, fix);
        }
        if classes.is_some_and(|(d, _)| d == IntoDiscriminator::Mapped) && self.objective.outputs() != 1 {
            let why = "along the direction of a class there is one score";
            let fix = "set objective.rule=non-saturating, or condition.discriminator=projection";
            return clash("condition.discriminator = \"mapped\"", &rule, why, fix);
        }
        if !all_in_classes && classes.is_some_and(|(_, g)| g == IntoGenerator::Nothing) {
            let why = "a generator that is given no class cannot be asked for one";
            let fix = "set condition.generator=concatenate, or condition.discriminator=classes-and-samples with objective.rule=classes";
            return clash("condition.generator", "condition.discriminator", why, fix);
        }
        Ok(())
    }

    /// What goes with a mapping network alone, or not with it.
    fn check_styles(&self, clash: &dyn Fn(&str, &str, &str, &str) -> Result<()>) -> Result<()> {
        let styled = matches!(self.model, Sizes::Stylegan2(_));
        if self.penalty.path_length.is_some() && !styled {
            let why = "path lengths are those of styles, and these networks have none";
            let fix = "set model.architecture=stylegan2, or leave the penalty out";
            return clash("penalty.path_length", "model.architecture", why, fix);
        }
        let name = match self.model {
            Sizes::Stylegan2(_) => "stylegan2",
            Sizes::Progan(_) => "progan",
            Sizes::R3gan(_) => "r3gan",
            _ => return Ok(()),
        };
        if self
            .condition
            .is_some_and(|c| c.generator == IntoGenerator::BatchNorm)
        {
            let why = "there is no batch norm that a class could move";
            return clash(
                "condition.generator = \"batch-norm\"",
                &format!("model.architecture = \"{name}\""),
                why,
                "set condition.generator=concatenate",
            );
        }
        if self.objective.wants_autoencoder() {
            let why = "its generator is no decoder";
            return clash(
                &format!("model.architecture = \"{name}\""),
                &format!("objective.rule = \"{}\"", self.objective.name()),
                why,
                "choose another rule, or model.architecture=dcgan",
            );
        }
        Ok(())
    }

    /// Refuses all that needs more of a discriminator than one score an image, for models whose discriminators give no more.
    ///
    /// # Errors
    /// [`Error::Recipe`].
    pub(super) fn plain_scores(&self, model: &str) -> Result<()> {
        let r = &self.objective;
        let more = r.wants_autoencoder() || *r == Rule::Classes || r.outputs() != 1;
        let asked = [
            ("objective.rule", more),
            ("condition", self.condition.is_some()),
            ("codes", self.codes.is_some()),
            ("semi_supervised", self.semi_supervised.is_some()),
        ];
        match asked.into_iter().find(|(_, on)| *on) {
            Some((key, _)) => {
                let problem =
                    format!("discriminators of {model} give an image one score, and this needs more");
                let fix = "set objective.rule=non-saturating, and leave tables of classes and codes out";
                Err(Error::recipe(key, problem, fix))
            }
            None => Ok(()),
        }
    }

    fn check_clashes(&self) -> Result<()> {
        let of_rule = format!("objective.rule = \"{}\"", self.objective.name());
        let minibatch = match &self.model {
            Sizes::Dcgan(s) => s.minibatch > 0,
            Sizes::Local(s) | Sizes::Calorimeter(s) => s.minibatch > 0,
            _ => false,
        };
        let clash = |key: &str, other: &str, why: &str, fix: &str| {
            Err(Error::recipe(
                key,
                format!("it cannot be combined with {other}: {why}"),
                fix,
            ))
        };
        if let Some(key) = self.penalty.of_gradients() {
            if matches!(self.model, Sizes::Recurrent(_)) {
                let why = "no derivative of a gradient goes through its cells";
                return clash(key, "model.architecture = \"recurrent\"", why, "leave it out");
            }
            let why = "the derivative of one item's score depends on the other items of its batch";
            if self.model.batch_norm_in_discriminator() {
                let [setting, fix] = self.model.without_batch_norm();
                return clash(key, setting, why, fix);
            }

            if minibatch {
                return clash(
                    key,
                    "model.minibatch",
                    why,
                    "set model.minibatch=0, or leave the penalty out",
                );
            }
            if self.objective.wants_autoencoder() {
                let why = "an autoencoder's error has no derivative by the item here";
                return clash(key, &of_rule, why, "leave one of the two out");
            }
        }
        if self.objective.wants_autoencoder() && self.condition.is_some() {
            let why = "a discriminator that gives items back has no head for classes";
            return clash("condition", &of_rule, why, "leave one of the two out");
        }
        self.check_classes(&clash)?;
        self.check_styles(&clash)?;
        match &self.model {
            Sizes::Coupled(_) => self.plain_scores("two domains")?,
            Sizes::Video(_) => self.plain_scores("videos")?,
            _ => {}
        }

        if self.penalty.alignment.is_some() && !matches!(&self.model, Sizes::Coupled(s) if s.told) {
            let why = "no layer of these networks is told a domain";
            let fix = "set model.architecture=coupled and model.told=true, or leave it out";
            return clash("penalty.alignment", "model.told = false", why, fix);
        }

        if let Sizes::Dcgan(s) = &self.model
            && s.virtual_batch > 0
        {
            let told = [
                ("condition", self.condition.is_some()),
                ("codes", self.codes.is_some()),
                ("game.prior", self.game.prior != Prior::Normal),
            ];
            if let Some((other, _)) = told.into_iter().find(|(_, on)| *on) {
                let why = "its reference batch is of normal latents that are told nothing";
                return clash("model.virtual_batch", other, why, "leave one of the two out");
            }
        }
        if self.game.standing > 0 && !self.model.batch_norm_in_generator() {
            let why = "its generator has no batch norm whose statistics could stand";
            return clash("game.standing", "[model]", why, "set game.standing=0");
        }
        if self.penalty.foreground.is_some() && !self.model.draws_foreground() {
            return clash(
                "penalty.foreground",
                "model.architecture",
                "it draws none",
                "train vgan",
            );
        }
        if self.penalty.reconstruction.is_some() {
            let whole = !matches!(
                self.model,
                Sizes::Stylegan2(_) | Sizes::Progan(_) | Sizes::Coupled(_) | Sizes::Video(_)
            );
            let (other, why) = match self.objective.wants_autoencoder() {
                true => (of_rule.as_str(), "giving items back is the score there"),
                false => (
                    "model.architecture",
                    "its generator is no decoder of a discriminator's features",
                ),
            };
            if !whole || self.objective.wants_autoencoder() {
                return clash("penalty.reconstruction", other, why, "leave one of the two out");
            }
        }
        if self.game.bits.is_some() && self.objective != Rule::BoundarySeeking {
            let why = "bits are learned by weights that the boundary-seeking game gives them";
            return clash(
                "game.bits",
                &of_rule,
                why,
                "set objective.rule=boundary-seeking, or leave game.bits out",
            );
        }
        let beside_bits = [
            ("game.feature_matching = true", self.game.feature_matching),
            ("game.top_k", self.game.top_k < 1.0),
            ("game.pulling_away", self.game.pulling_away > 0.0),
            ("game.low_density", self.game.low_density.is_some()),
            (
                "penalty.latent_consistency",
                self.penalty.latent_consistency.is_some(),
            ),
            ("condition", self.condition.is_some()),
            ("codes", self.codes.is_some()),
            ("augment", self.augment != Augment::default()),
        ];
        if let Some((other, _)) = beside_bits
            .into_iter()
            .find(|(_, on)| *on && self.game.bits.is_some())
        {
            let why =
                "bits are learned by weights of draws, through which no other loss reaches the generator";
            return clash("game.bits", other, why, "leave one of the two out");
        }
        if self.game.balance.is_some() && self.game.freeze.is_some() {
            let why = "both say whose turn it is";
            return clash("game.freeze", "game.balance", why, "leave one of the two out");
        }
        let followed = [
            ("game.balance", self.game.balance.is_some()),
            ("game.freeze", self.game.freeze.is_some()),
        ];
        if let Some((key, _)) = followed
            .into_iter()
            .find(|(_, on)| *on && !self.objective.is_logit())
        {
            let why = "it follows the probabilities that the discriminator gives, and these scores are none";
            let fix = format!("set objective.rule=non-saturating, or leave {key} out");
            return clash(key, &of_rule, why, &fix);
        }
        if self.game.smoothing > 0.0 && !self.objective.is_logit() {
            let why = "it softens a probability, and these scores are none";
            return clash(
                "game.smoothing",
                &of_rule,
                why,
                "set objective.rule=non-saturating, or game.smoothing=0",
            );
        }
        if let Some(key) = self
            .augment
            .follows_scores()
            .filter(|_| !self.objective.is_logit())
        {
            let why = "it follows the sign of the scores, which must be logits";
            return clash(
                key,
                &of_rule,
                why,
                "set objective.rule=non-saturating, or use augment.diff",
            );
        }
        if self.game.pulling_away > 0.0
            && !self.objective.wants_autoencoder()
            && self.semi_supervised.is_none()
        {
            let why = "it pulls apart the codes of a discriminator that gives items back, or the features of one that tells classes";
            return clash(
                "game.pulling_away",
                &of_rule,
                why,
                "set objective.rule=energy, or game.pulling_away=0",
            );
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
