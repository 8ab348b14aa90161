//! A mixture of generators, one after the other, each learning from what those before it miss (Tolstikhin et al. 2017,
//! arXiv:1701.02386, AdaGAN). Between two members a judge learns to tell data from the mixture so far; its logit l gives the ratio
//! h = dP_mixture / dP_data = exp(-l), and the next member sees an item with the weight of the paper's algorithm 3:
//!
//! w_i = (lambda - (1 - beta) h_i)_+ / (n beta),   lambda = (n beta + (1 - beta) sum_(i <= k) h_i) / k
//!
//! for the smallest k with lambda <= (1 - beta) h_(k+1), h sorted. The t-th member has the share beta = 1 / t, so that all have
//! the same in the end. Weights are those within a step's batches, of which as many items are drawn as one of them holds.
use super::super::config::Config;
use super::super::ensemble::{
    CRITICS, Ensemble, GENERATORS, check_members, latents_of_members, one_of, parts_of, ports_of_members,
};
use super::super::game::objective::Rule;
use super::super::game::penalty::Penalties;
use super::super::game::{Critic, CriticConfig, Draws, Game, Moment, Play, Round, Shown, Stage};
use super::super::networks::Heads;
use super::duel::Duel;
use crate::{NetworkInfo, Part, Port, Purpose};
use burn::tensor::{Device, Tensor};
use menagerie_data::error::{Error, Result};
use menagerie_data::random::Key;
use menagerie_data::{Batch, DataInfo};
use menagerie_nn::Tensors;
use serde::{Deserialize, Serialize};

/// `[ensemble]`
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Boosting {
    /// generators of the mixture
    pub members: usize,
    /// steps of each member; the last one learns on
    pub steps: u64,
    /// steps of the judge between two members
    pub judge_steps: u64,
    /// batches of data from which a member's batch is drawn by weight
    pub pool: usize,
    /// whether members after the first see items by weight; otherwise each sees all data, and they are but several GANs
    pub reweight: bool,
}

impl Default for Boosting {
    fn default() -> Self {
        Boosting {
            members: 4,
            steps: 2000,
            judge_steps: 500,
            pool: 4,
            reweight: true,
        }
    }
}

/// Batches that a member chooses the items of a step from, at most.
const MOST_BATCHES: usize = 1024;

impl Boosting {
    /// Refuses numbers out of range.
    ///
    /// # Errors
    /// [`Error::Recipe`].
    pub fn check(&self) -> Result<()> {
        check_members("ensemble.members", self.members, 2)?;
        let counts = [
            ("ensemble.steps", self.steps),
            ("ensemble.judge_steps", self.judge_steps),
            ("ensemble.pool", self.pool as u64),
        ];
        if let Some((key, _)) = counts.into_iter().find(|(_, n)| *n == 0) {
            return Err(Error::recipe(key, "0 is too small", "give 1 or more"));
        }
        match self.pool > MOST_BATCHES {
            true => Err(Error::recipe(
                "ensemble.pool",
                format!("{} batches for a step are too many", self.pool),
                format!("give {MOST_BATCHES} at most"),
            )),
            false => Ok(()),
        }
    }

    /// Who learns after so many steps: a member, or before it the judge of those before.
    fn turn(&self, steps: u64) -> Turn {
        let round = self.steps + self.judge_steps;
        let member = (steps / round) as usize;
        match steps % round < self.steps || member + 1 >= self.members {
            true => Turn::Member(member.min(self.members - 1)),
            false => Turn::Judge(member + 1),
        }
    }
}

/// Who learns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Turn {
    Member(usize),
    /// of so many members
    Judge(usize),
}

const JUDGE: &str = "judge";

/// See the module.
pub struct Boosted {
    stage: Stage,
    config: Config,
    settings: Boosting,
    members: Vec<Duel>,
    judge: Critic,
    steps: u64,
}

impl Ensemble<Boosting> {
    /// Fresh networks of all members, and of the judge.
    ///
    /// # Errors
    /// Those of [`Config::duel`], and for settings out of range.
    pub fn boosted(
        &self,
        model: &'static str,
        info: &DataInfo,
        device: &Device,
        key: Key,
    ) -> Result<Game<Boosted>> {
        self.ensemble.check()?;
        self.check_axes(model)?;
        self.model.check(model, info)?;
        if self.game.discriminator_steps != 1 {
            let problem = format!("a step of {model} is one update of each of the two");
            return Err(Error::recipe("game.discriminator_steps", problem, "set it to 1"));
        }
        let config = self.axes();
        let member = |i: usize| -> Result<Duel> {
            let duel = config.duel_play(model, info, device, key.step(i as u64))?;
            Ok(duel.called(GENERATORS[i], CRITICS[i]))
        };
        // Its score must be a logit, whatever the members play for.
        let judge = CriticConfig {
            objective: Rule::NonSaturating,
            penalties: Penalties::default(),
            smoothing: 0.0,
            ..config.critic(info)
        };
        let judge = Critic::new(
            judge,
            &self.model,
            info,
            Heads::default(),
            key.stream(JUDGE),
            device,
        )?;
        Ok(Game::new(Boosted {
            stage: Stage::new(model, info, device),
            members: (0..self.ensemble.members).map(member).collect::<Result<_>>()?,
            judge: judge.called(JUDGE),
            settings: self.ensemble,
            config,
            steps: 0,
        }))
    }
}

/// The weights of items by how much likelier the mixture makes each than the data do; they sum to one.
fn weights(ratios: &[f64], beta: f64) -> Vec<f64> {
    let n = ratios.len() as f64;
    let mut sorted = ratios.to_vec();
    sorted.sort_by(f64::total_cmp);
    let (mut sum, mut lambda) = (0.0, 0.0);
    for (k, h) in sorted.iter().enumerate() {
        sum += h;
        lambda = (n * beta + (1.0 - beta) * sum) / (k + 1) as f64;
        if sorted.get(k + 1).is_none_or(|next| lambda <= (1.0 - beta) * next) {
            break;
        }
    }
    let weight = |h: &f64| ((lambda - (1.0 - beta) * h) / (n * beta)).max(0.0);
    ratios.iter().map(weight).collect()
}

/// `count` places, each as often as its weight says, to one: systematic sampling from one number in [0, 1).
fn systematic(weights: &[f64], count: usize, start: f64) -> Vec<usize> {
    let total: f64 = weights.iter().sum();
    let (mut reached, mut at, mut out) = (0.0, 0, Vec::with_capacity(count));
    for k in 0..count {
        let mark = (k as f64 + start) / count as f64 * total;
        while at + 1 < weights.len() && reached + weights[at] <= mark {
            reached += weights[at];
            at += 1;
        }
        out.push(at);
    }
    out
}

/// Items of several batches as one, those at some places.
fn picked(batches: &[Batch], places: &[usize]) -> Batch {
    let n = batches[0].shape[0];
    let width: usize = batches[0].shape[1..].iter().product();
    let row = |p: &usize| &batches[p / n].values[p % n * width..][..width];
    Batch {
        shape: [&[places.len()], &batches[0].shape[1..]].concat(),
        values: places.iter().flat_map(row).copied().collect(),
        labels: None,
        attributes: vec![],
        captions: None,
        indices: places.iter().map(|p| batches[p / n].indices[p % n]).collect(),
        ..batches[0].clone()
    }
}

impl Boosted {
    /// Members that have begun to learn; the first always has.
    fn begun(&self) -> usize {
        match self.settings.turn(self.steps.saturating_sub(1)) {
            Turn::Member(i) => i + 1,
            Turn::Judge(done) => done,
        }
    }

    /// Samples of the first `members`, by `[batch, latent + 1]`.
    fn mixed(&self, latents: &Tensor<2>, members: usize) -> Tensor<4> {
        let (z, at) = parts_of(latents);
        let made = self.members[..members]
            .iter()
            .map(|m| m.draw(z.clone(), None))
            .collect();
        one_of(made, &vec![1.0 / members as f64; members], &at)
    }

    /// The judge learns to tell data from the mixture of so many members.
    fn judge(&mut self, batch: &Batch, members: usize, now: Moment) -> Result<Round> {
        let drawn = self.prior(batch.shape[0], now.key);
        let made = Tensor::from_inner(self.mixed(&drawn, members));
        let data = Shown::plain(self.stage.items(batch));
        let seen = self.judge.learn(data, Shown::plain(made), None, now)?;
        Ok(Round {
            scalars: vec![("loss/judge", seen.loss)],
            observation: None,
        })
    }

    /// A batch for the member, by weight of what those before it miss; and the share of items that have any.
    fn chosen(&self, batches: &[Batch], member: usize, key: Key) -> (Batch, f64) {
        let score = |b: &Batch| {
            let items = self.stage.items(b).inner();
            self.judge.scores(&Shown::plain(items))
        };
        let ratios: Vec<f64> = batches
            .iter()
            .flat_map(score)
            .map(|logit| (-f64::from(logit)).clamp(-30.0, 30.0).exp())
            .collect();
        let weights = weights(&ratios, 1.0 / (member + 1) as f64);
        let share = weights.iter().filter(|w| **w > 0.0).count() as f64 / weights.len() as f64;
        let start = key.stream("systematic").rng().uniform();
        let places = systematic(&weights, batches[0].shape[0], start);
        (picked(batches, &places), share)
    }
}

impl Play for Boosted {
    fn stage(&self) -> &Stage {
        &self.stage
    }

    fn updates(&self) -> u64 {
        self.steps
    }

    fn networks(&self) -> Vec<NetworkInfo> {
        let mut all: Vec<NetworkInfo> = self.members.iter().flat_map(|m| m.networks()).collect();
        all.push(self.judge.info(self.stage.image_shape(), 0, &self.stage.plain()));
        all
    }

    fn batches_per_step(&self) -> usize {
        self.settings.pool
    }

    fn step(&mut self, batches: &[Batch], key: Key, watch: bool) -> Result<Round> {
        let turn = self.settings.turn(self.steps);
        let now = Moment {
            updates: self.steps,
            key,
            watch,
        };
        let round = match turn {
            Turn::Judge(members) => self.judge(&batches[0], members, now)?,
            Turn::Member(0) => self.members[0].step(&batches[..1], key, watch)?,
            Turn::Member(i) if !self.settings.reweight => self.members[i].step(&batches[..1], key, watch)?,
            Turn::Member(i) => {
                let (batch, share) = self.chosen(batches, i, key);
                let mut round = self.members[i].step(&[batch], key, watch)?;
                round.scalars.push(("boosting/share", share));
                round
            }
        };
        self.steps += 1;
        Ok(round)
    }

    fn save(&self) -> Vec<(String, Part<'_>)> {
        let mut parts: Vec<(String, Part)> = self.members.iter().flat_map(|m| m.save()).collect();
        parts.extend(self.judge.save());
        let steps = self.steps.to_string();
        parts.push((
            "ensemble".into(),
            Box::new(move || Tensors::of_note("steps", steps)),
        ));
        parts
    }

    fn load(&mut self, read: &dyn Fn(&str) -> Result<Tensors>, purpose: Purpose) -> Result<()> {
        let notes = read("ensemble")?.notes;
        self.steps = notes.get("steps").and_then(|s| s.parse().ok()).unwrap_or(0);
        self.members.iter_mut().try_for_each(|m| m.load(read, purpose))?;
        self.judge.load(read, purpose)
    }

    fn draws(&self) -> Option<&dyn Draws> {
        Some(self)
    }
}

/// A latent is that of a member, and a number in [0, 1) that says whose.
impl Draws for Boosted {
    fn latent(&self) -> usize {
        self.config.model.latent() + 1
    }

    fn prior(&self, count: usize, key: Key) -> Tensor<2> {
        let (prior, d) = (self.config.game.prior, self.config.model.latent());
        latents_of_members(prior, d, count, key, &self.stage.plain())
    }

    fn inputs(&self) -> Vec<Port> {
        ports_of_members(self.config.game.prior, self.config.model.latent())
    }

    fn draw(&self, latents: Tensor<2>, _: Option<Tensor<2>>) -> Tensor<4> {
        self.mixed(&latents, self.begun())
    }

    fn draw_truncated(&self, latents: Tensor<2>, _: Option<Tensor<2>>, psi: f64) -> Tensor<4> {
        let (z, at) = parts_of(&latents);
        self.mixed(&Tensor::cat(vec![z * psi, at], 1), self.begun())
    }

    /// What each member makes of the latents.
    fn stages(&self, latents: Tensor<2>) -> Vec<Tensor<4>> {
        let (z, _) = parts_of(&latents);
        self.members[..self.begun()]
            .iter()
            .map(|m| m.draw(z.clone(), None))
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Items that the mixture makes too often lose their weight; what it does not make at all gains most. Where the mixture is
    /// the data, all stay alike. They always sum to one, and by them mixture and member together are as near the data as they can
    /// be: (1 - beta) h + beta n w is the same wherever an item has weight, and not less elsewhere.
    #[test]
    fn weights_fill_what_is_missing() {
        let close = |a: f64, b: f64| (a - b).abs() < 1e-9;
        assert!(weights(&[1.0; 8], 0.25).iter().all(|w| close(*w, 0.125)));
        let h = [0.0, 0.01, 3.0, 1.3, 0.4, 2.2];
        for beta in [0.1, 0.3, 0.5, 0.9] {
            let w = weights(&h, beta);
            assert!(close(w.iter().sum(), 1.0), "{w:?}");
            assert!(w[0] >= w[1] && w[1] >= w[4] && w[4] >= w[2]);
            let total: Vec<f64> = h
                .iter()
                .zip(&w)
                .map(|(h, w)| (1.0 - beta) * h + beta * 6.0 * w)
                .collect();
            let level = total[0];
            for (t, w) in total.iter().zip(&w) {
                assert!(
                    if *w > 0.0 {
                        close(*t, level)
                    } else {
                        *t >= level - 1e-9
                    },
                    "{total:?}"
                );
            }
        }
        assert_eq!(weights(&h, 0.1)[2], 0.0);
    }

    #[test]
    fn items_are_drawn_by_weight() {
        assert_eq!(systematic(&[0.5, 0.0, 0.25, 0.25], 4, 0.5), [0, 0, 2, 3]);
        assert_eq!(systematic(&[1.0, 3.0], 4, 0.0), [0, 1, 1, 1]);
        assert_eq!(systematic(&[0.0, 0.0, 2.0], 3, 0.999), [2, 2, 2]);
    }

    #[test]
    fn members_and_judge_take_turns() {
        let s = Boosting {
            members: 3,
            steps: 2,
            judge_steps: 1,
            ..Boosting::default()
        };
        let turns: Vec<Turn> = (0..10).map(|i| s.turn(i)).collect();
        use Turn::{Judge, Member};
        let want = [
            Member(0),
            Member(0),
            Judge(1),
            Member(1),
            Member(1),
            Judge(2),
            Member(2),
            Member(2),
        ];
        assert_eq!(turns[..8], want);
        assert_eq!(turns[8..], [Member(2), Member(2)], "the last one learns on");
    }
}
