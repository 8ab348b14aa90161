//! The game of two, turn by turn.
use super::Duel;
use super::generator::latents;
use crate::adversarial::game::{Moment, Play, Player, Shown, TwoPlayer};
use crate::{Samples, of_shape};
use burn::tensor::{Device, Tensor, TensorData};
use menagerie_data::Batch;
use menagerie_data::error::{Error, Result};
use menagerie_data::random::Key;
use menagerie_nn::numbers;

impl Duel {
    /// Whether nobody is told anything beside items and latents, so that the game can be drawn.
    pub(super) fn is_plain(&self) -> bool {
        self.condition.is_none() && self.codes.is_none() && self.semi.is_none() && self.bits.is_none()
    }

    /// Whether a player may stand still.
    pub(super) fn takes_turns(&self) -> bool {
        self.game.balance.is_some() || self.game.freeze.is_some()
    }

    /// Who learns in this step: the critic, the generator.
    pub(super) fn learners(&mut self) -> [bool; 2] {
        match (self.game.balance, self.game.freeze) {
            (Some(_), _) => {
                let critics = self.turns.is_critics();
                [critics, !critics]
            }
            (None, Some(freeze)) => self.turns.learners(freeze),
            (None, None) => [true, true],
        }
    }

    /// Numbers in the data's units as the networks take them, `[count, height, width, channel]`.
    fn taken(&self, items: &[f32], device: &Device) -> Result<Tensor<4>> {
        let ([h, w, c], n) = (self.stage.image_shape(), self.stage.numbers());
        if n == 0 || !items.len().is_multiple_of(n) {
            return Err(Error::usage(
                format!("{} numbers are not whole items of {n}", items.len()),
                "give all numbers of every item",
            ));
        }
        let data = TensorData::new(items.to_vec(), [items.len() / n, h, w, c]);
        Ok(Tensor::from_data(data, device) / self.stage.scale)
    }

    /// A player's turn; gives its loss before the update.
    fn turn(&mut self, player: Player, batch: &Batch, key: Key) -> Result<f64> {
        if player == Player::Discriminator {
            let (seen, ..) = self.update_critic(std::slice::from_ref(batch), key, true, true)?;
            return Ok(seen.loss);
        }
        let generator = self.generator.network().clone();
        let made = self.make(&generator, batch.shape[0], "generator latents", key);
        drop(generator);
        let data = Shown::plain(self.items(batch));
        let now = Moment {
            updates: self.updates(),
            key,
            watch: true,
        };
        let loss = self.update_generator(made, data, None, now, true)?.loss;
        if let Some(h) = &mut self.historical {
            self.generator.change(|network| h.pull(network));
        }
        Ok(loss)
    }
}

impl TwoPlayer for Duel {
    fn latent(&self) -> usize {
        self.latent
    }

    fn prior(&self, count: usize, key: Key) -> Tensor<2> {
        latents(self.game.prior, count, self.latent, key, &self.stage.plain())
    }

    fn generate(&self, latents: Tensor<2>) -> Result<Samples> {
        let [count, latent] = latents.dims();
        if latent != self.latent {
            return Err(Error::usage(
                format!("a latent has {} numbers, not {latent}", self.latent),
                "give as many",
            ));
        }
        use burn::module::Module;
        let items = self.generator.network().valid().forward(latents, None) * self.stage.scale;
        Ok(self.stage.samples(count, numbers(items)))
    }

    fn judge(&self, items: &[f32]) -> Result<Vec<f32>> {
        let items = self.taken(items, &self.stage.plain())?;
        Ok(self.critic.scores(&Shown::plain(items)))
    }

    fn probability(&self, score: f64) -> Option<f64> {
        self.critic.objective().probability(score)
    }

    fn pull(&self, samples: &[f32], data: &Batch) -> Result<Vec<f32>> {
        of_shape(data, &self.stage.shape, self.stage.model)?;
        let at = self.taken(samples, &self.stage.device)?.require_grad();
        let count = at.dims()[0];
        let data = Shown::plain(self.items(data));
        // A loss is a mean over the batch, the pull is of each sample's own.
        let loss = self.critic.persuade(&Shown::plain(at.clone()), Some(&data), None) * count as f64;
        let gradients = loss.backward();
        Ok(match at.grad(&gradients) {
            Some(g) => numbers(g / -self.stage.scale),
            None => vec![0.0; samples.len()],
        })
    }

    fn update(&mut self, player: Player, batch: &Batch, key: Key) -> Result<f64> {
        of_shape(batch, &self.stage.shape, self.stage.model)?;
        self.turn(player, batch, key).map_err(|e| self.located(e, batch))
    }

    fn learning_rate(&self, player: Player) -> f64 {
        match player {
            Player::Discriminator => self.critic.learning_rate(),
            Player::Generator => self.generator.learning_rate(),
        }
    }

    fn set_learning_rate(&mut self, player: Player, rate: f64) -> Result<()> {
        if !(rate.is_finite() && rate >= 0.0) {
            return Err(Error::usage(
                format!("{rate} is no learning rate"),
                "give 0 or more",
            ));
        }
        match player {
            Player::Discriminator => self.critic.set_learning_rate(rate),
            Player::Generator => self.generator.set_learning_rate(rate),
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Model;
    use menagerie_data::{Dataset, Source};
    use std::sync::Arc;

    const BOTH: [Player; 2] = [Player::Discriminator, Player::Generator];

    fn ring() -> Arc<dyn Dataset> {
        Source::parse("ring8").open().unwrap().dataset
    }

    fn game() -> Box<dyn Model> {
        let entry = crate::entry("gan").unwrap();
        let mut settings = (entry.defaults)();
        let mut set = |table: &str, key: &str, value: toml::Value| {
            settings[table].as_table_mut().unwrap().insert(key.into(), value);
        };
        set("model", "latent", 2.into());
        set("model", "width", 16.into());
        set("game", "fresh_latents", true.into());
        let device = Device::flex().autodiff();
        crate::build(entry, &settings, ring().info(), &device, Key::new(1)).unwrap()
    }

    fn batch(from: u32) -> Batch {
        Batch::of(&*ring(), &(from..from + 32).collect::<Vec<_>>()).unwrap()
    }

    /// What the two would do now: samples of some latents, and scores of some points.
    fn seen(game: &mut dyn TwoPlayer) -> [Vec<f32>; 2] {
        let z = game.prior(20, Key::new(5));
        let points = game.generate(z).unwrap().values;
        [points, game.judge(&batch(900).values).unwrap()]
    }

    #[test]
    fn a_turn_of_each_is_a_step() {
        let (mut by_step, mut by_turns) = (game(), game());
        for n in 0..3 {
            let (batch, key) = (batch(100 * n), Key::new(7).step(n as u64));
            let report = by_step.step(std::slice::from_ref(&batch), key, true).unwrap();
            let play = by_turns.as_two_player().unwrap();
            let losses = BOTH.map(|p| play.update(p, &batch, key).unwrap());
            assert_eq!(report.get("loss/discriminator"), Some(losses[0]));
            assert_eq!(report.get("loss/generator"), Some(losses[1]));
        }
        assert_eq!(
            seen(by_step.as_two_player().unwrap()),
            seen(by_turns.as_two_player().unwrap())
        );
    }

    #[test]
    fn a_turn_moves_one_of_them_and_by_its_rate() {
        let mut model = game();
        let play = model.as_two_player().unwrap();
        let before = seen(play);
        play.update(Player::Discriminator, &batch(0), Key::new(3))
            .unwrap();
        let after = seen(play);
        assert_eq!(before[0], after[0], "the generator waits");
        assert_ne!(before[1], after[1]);
        play.update(Player::Generator, &batch(0), Key::new(3)).unwrap();
        let last = seen(play);
        assert_ne!(after[0], last[0]);
        assert_eq!(after[1], last[1], "the discriminator waits");
        for player in BOTH {
            assert!(play.learning_rate(player) > 0.0);
            play.set_learning_rate(player, 0.0).unwrap();
            play.update(player, &batch(50), Key::new(4)).unwrap();
            assert!(play.set_learning_rate(player, f64::NAN).is_err());
            assert_eq!(play.learning_rate(player), 0.0);
        }
        assert_eq!(last, seen(play), "a rate of 0 moves nothing");
    }

    /// The pull is the slope of log D(x), the generator's reward (Goodfellow et al. 2014, section 3).
    #[test]
    fn samples_are_pulled_up_log_d() {
        let mut model = game();
        let play = model.as_two_player().unwrap();
        for n in 0..5 {
            play.update(Player::Discriminator, &batch(n * 40), Key::new(n as u64))
                .unwrap();
        }
        let at = [0.3f32, -0.7, 1.9, 0.4];
        let pull = play.pull(&at, &batch(0)).unwrap();
        let reward = |x: f32, y: f32| {
            let score = play.judge(&[x, y]).unwrap()[0] as f64;
            play.probability(score).unwrap().ln()
        };
        const H: f32 = 1e-2;
        for (i, p) in at.chunks(2).enumerate() {
            let slope = [
                reward(p[0] + H, p[1]) - reward(p[0] - H, p[1]),
                reward(p[0], p[1] + H) - reward(p[0], p[1] - H),
            ]
            .map(|d| d / (2.0 * H as f64));
            for (k, want) in slope.into_iter().enumerate() {
                let got = pull[2 * i + k] as f64;
                assert!((got - want).abs() < 0.02 * want.abs().max(0.05), "{got} {want}");
            }
        }
        assert!(play.judge(&at[..3]).is_err());
    }
}
