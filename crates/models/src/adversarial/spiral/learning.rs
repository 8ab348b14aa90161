//! What critic, policy and value learn of drawings.
use super::super::acting::{advantages, clipped, evened};
use super::Spiral;
use super::drawing::{Drawn, distances, image};
use super::policy::Policy;
use burn::module::Module;
use burn::tensor::{Tensor, TensorData};
use menagerie_data::error::Result;
use menagerie_data::random::Key;
use menagerie_kernels::noise;
use menagerie_nn::{number, numbers};

/// Rows of a step's drawings, and what came of them.
pub(super) struct Tried<'a> {
    drawn: &'a Drawn,
    /// `[strokes drawings, numbers]`
    seen: Tensor<2>,
    /// how much better each stroke was than was foretold, evened out; and what is to be foretold
    gain: Vec<f32>,
    targets: Vec<f32>,
}

impl Spiral {
    /// Updates of the critic by E D(C) - E D(x) + penalty; gives the last loss.
    pub(super) fn criticize(
        &mut self,
        data: &[f32],
        drawings: &[f32],
        targets: &[f32],
        key: Key,
    ) -> Result<f64> {
        let device = self.critic.device().clone();
        let real = self.session.beside(data, targets, &device);
        let own = self.session.beside(drawings, targets, &device);
        let rows = real.dims()[0];
        let mut loss = f64::NAN;
        for step in 0..self.settings.critic_steps {
            let words = key.step(step as u64).words();
            let u: Tensor<2> = noise::uniform(words, [rows, 1], &device);
            let between = real.clone() + (own.clone() - real.clone()) * u;
            let d = self.critic.network();
            let gap = d.forward(own.clone()).mean() - d.forward(real.clone()).mean();
            let sum = gap + d.penalty(between) * self.settings.penalty;
            loss = self.critic.descend(sum, false)?.loss;
        }
        Ok(loss)
    }

    /// What each stroke adds to the critic's score, and takes of the squared distance to a target; row by row.
    pub(super) fn rewards(&self, drawn: &Drawn, targets: &[f32]) -> Vec<f32> {
        let (critic, device) = (self.critic.network().valid(), self.critic.plain_device());
        let worth = |ink: &Vec<f32>| {
            let images = image(ink);
            let mut all = numbers(critic.forward(self.session.beside(&images, targets, &device)));
            for (worth, far) in all.iter_mut().zip(distances(&images, targets, self.pixels())) {
                *worth -= self.settings.distance as f32 * far;
            }
            all
        };
        let all: Vec<Vec<f32>> = drawn.canvases.iter().map(worth).collect();
        let adds = |w: &[Vec<f32>]| w[1].iter().zip(&w[0]).map(|(a, b)| a - b).collect::<Vec<f32>>();
        all.windows(2).flat_map(adds).collect()
    }

    /// Advantages of the strokes of each drawing, evened out among free drawings and among those of targets; and what values should be.
    pub(super) fn credited<'a>(&self, drawn: &'a Drawn, rewards: &[f32], redrawn: usize) -> Tried<'a> {
        let strokes = self.session.strokes;
        let (rows, count) = (rewards.len(), rewards.len() / strokes);
        let seen = TensorData::new(drawn.seen.clone(), [rows, self.session.seen()]);
        let seen = Tensor::<2>::from_data(seen, self.policy.device());
        let values = numbers(self.value.network().valid().forward(seen.clone().inner()));
        let (mut gain, mut targets) = (vec![0.0; rows], vec![0.0; rows]);
        for i in 0..count {
            let of = |all: &[f32]| all.iter().skip(i).step_by(count).copied().collect::<Vec<f32>>();
            let (own, mut foretold) = (of(rewards), of(&values));
            // Nothing comes after the last stroke.
            foretold.push(0.0);
            let better = advantages(&own, &foretold, 1.0, self.settings.trace);
            for (t, a) in better.into_iter().enumerate() {
                (gain[t * count + i], targets[t * count + i]) = (a, a + foretold[t]);
            }
        }
        let kinds = [true, false].map(|of| {
            (0..rows)
                .filter(|r| (r % count < redrawn) == of)
                .collect::<Vec<usize>>()
        });
        for kind in kinds {
            let own: Vec<f32> = kind.iter().map(|r| gain[*r]).collect();
            kind.iter().zip(evened(&own)).for_each(|(r, g)| gain[*r] = g);
        }
        Tried {
            drawn,
            seen,
            gain,
            targets,
        }
    }

    /// Policy and value learn of what was tried; gives both losses, the policy's gradient, and its entropy.
    pub(super) fn improve(&mut self, tried: &Tried, watch: bool) -> Result<([f64; 2], Option<f64>, f64)> {
        let (s, device) = (self.settings, self.policy.device().clone());
        let rows = tried.gain.len();
        let column = |v: &[f32]| Tensor::<2>::from_data(TensorData::new(v.to_vec(), [rows, 1]), &device);
        let (gain, targets) = (column(&tried.gain), column(&tried.targets));
        let chosen = Policy::chosen(&tried.drawn.actions, self.session.easel.places(), &device);
        let mut old: Option<Tensor<2>> = None;
        let (mut losses, mut gradient, mut entropy) = ([f64::NAN; 2], None, f64::NAN);
        for _ in 0..s.epochs {
            let [log, spread] = self.policy.network().told(tried.seen.clone(), &chosen);
            let before = old.get_or_insert_with(|| log.clone().detach()).clone();
            let spread = spread.mean();
            entropy = number(spread.clone());
            let loss = clipped((log - before).exp(), gain.clone(), s.clip) - spread * s.entropy;
            let descent = self.policy.descend(loss, watch)?;
            (losses[0], gradient) = (descent.loss, descent.gradient);
            let off = self.value.network().forward(tried.seen.clone()) - targets.clone();
            losses[1] = self.value.descend((off.clone() * off).mean(), false)?.loss;
        }
        Ok((losses, gradient, entropy))
    }

    /// How far drawings of targets are from them, and from the targets of others: the mean of squares over pixels, ink being 0 to 1.
    pub(super) fn off(&self, images: &[f32], targets: &[f32]) -> Vec<(&'static str, f64)> {
        let n = self.pixels();
        if targets.len() <= n {
            return vec![];
        }
        let others = [&targets[n..], &targets[..n]].concat();
        let mean = |targets: &[f32]| {
            let all = distances(images, targets, n);
            all.iter().map(|d| f64::from(*d)).sum::<f64>() / (all.len() * n) as f64
        };
        vec![("distance", mean(targets)), ("distance/another", mean(&others))]
    }
}
