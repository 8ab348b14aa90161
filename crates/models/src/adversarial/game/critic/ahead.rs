//! Where the critic will be after some more updates on the same data and samples (Metz et al. 2017, arXiv:1611.02163).
use super::super::super::networks::CriticNetwork;
use super::super::augment::AdaptiveState;
use super::super::objective::{Apart, Losses};
use super::super::penalty::{HistoricalAverage, LeCamState};
use super::{Critic, Moment, Shown};
use burn::tensor::Tensor;
use menagerie_data::error::{Error, Result};
use menagerie_nn::Kept;

/// A critic as it stood before it went ahead.
pub struct Before {
    learner: Kept<CriticNetwork>,
    historical: Option<HistoricalAverage<CriticNetwork>>,
    lecam: LeCamState,
    adaptive: AdaptiveState,
    pseudo: f64,
    objective: Option<f64>,
}

impl Critic {
    /// Learns from these data and samples so many times; what it was before is given, to go back to.
    ///
    /// # Errors
    /// Those of [`Critic::learn`]; it is then as it was before.
    pub fn go_ahead(&mut self, steps: usize, data: &Shown, samples: &Shown, now: Moment) -> Result<Before> {
        let before = Before {
            learner: self.learner.keep(),
            historical: self.historical.clone(),
            lecam: self.lecam,
            adaptive: self.adaptive,
            pseudo: self.pseudo,
            objective: self.objective.state(),
        };
        for step in 0..steps {
            let then = Moment {
                key: now.key.stream("ahead").step(step as u64),
                watch: false,
                ..now
            };
            if let Err(e) = self.learn(data.clone(), samples.clone(), None, then) {
                self.go_back(before);
                return Err(e);
            }
        }
        Ok(before)
    }

    /// Takes back what [`Critic::go_ahead`] has done.
    pub fn go_back(&mut self, before: Before) {
        self.learner.put_back(before.learner);
        self.historical = before.historical;
        self.lecam = before.lecam;
        self.adaptive = before.adaptive;
        self.pseudo = before.pseudo;
        if let Some(state) = before.objective {
            self.objective.restore(state);
        }
    }

    /// The loss by which the maker of these samples learns from the critic of so many updates ahead, all of them on the tape:
    ///
    /// theta_D^(k+1) = theta_D^k - step of the optimizer along grad_D L_D(theta_D^k, G),  L = L_G(theta_D^K, G)   (equations 6 to 8)
    ///
    /// so that its gradient has both terms of equation 9, what samples are worth to the critic there and how they move it. Data and
    /// samples are as the critic sees them; `keep` is that of [`Critic::persuade`].
    ///
    /// # Errors
    /// [`Error::Recipe`] for a critic whose gradient is not written out.
    pub fn persuade_through(
        &self,
        steps: usize,
        data: &Shown,
        samples: &Shown,
        keep: Option<&dyn Fn(&[f32]) -> Vec<usize>>,
    ) -> Result<Tensor<1>> {
        let refused = |what: &str| {
            let problem = format!("{what}, and the critic's updates cannot be differentiated");
            Error::recipe(
                "game.unrolled.through",
                problem,
                "set game.unrolled.through=false",
            )
        };
        let Losses::Apart(losses) = self.objective.losses() else {
            return Err(refused("the objective compares data and samples"));
        };
        let Some(network) = self.network().written_out() else {
            return Err(refused("these networks have more than fully connected layers"));
        };
        let mut ahead = self.learner.ahead();
        for _ in 0..steps {
            let part = |shown: &Shown, are_data: bool| {
                let (given, scores) = network.forward(&ahead, shown.items.clone());
                let slopes = self.slopes(losses, scores, are_data)?;
                let by_scores = slopes / shown.items.dims()[0] as f64;
                Some(network.gradient(&ahead, &given, by_scores))
            };
            let parts = part(&data.detached(), true).zip(part(samples, false));
            let (of_data, mut of_samples) =
                parts.ok_or_else(|| refused("the slope of the objective is not known"))?;
            let sum = |(name, g): (String, Tensor<1>)| {
                let g = match of_samples.remove(&name) {
                    Some(other) => g + other,
                    None => g,
                };
                (name, g)
            };
            ahead.step(of_data.into_iter().map(sum).collect());
        }
        let scores = network.forward(&ahead, samples.items.clone()).1;
        Ok(losses.generator(super::kept(scores, keep)))
    }

    /// The derivative of the critic's loss by each score, `[batch, 1]`, as if a batch were one item.
    fn slopes(&self, losses: &dyn Apart, scores: Tensor<2>, are_data: bool) -> Option<Tensor<2>> {
        match are_data && self.smoothing > 0.0 {
            true => Some(
                losses.slopes(scores.clone(), true)? * (1.0 - self.smoothing)
                    + losses.slopes(scores, false)? * self.smoothing,
            ),
            false => losses.slopes(scores, are_data),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::adversarial::gan::Gan;
    use crate::adversarial::networks::{Heads, Sizes, mlp};
    use crate::adversarial::{Config, Optimizers, Variant};
    use burn::tensor::{Device, TensorData};
    use menagerie_data::{Key, Source};
    use menagerie_nn::collective::Group;
    use menagerie_nn::{OptimizerConfig, Tensors, numbers};
    use std::ops::Range;

    const HIDDEN: usize = 5;
    const STEPS: usize = 3;
    const BETAS: [f64; 2] = [0.5, 0.9];
    const RATE: f64 = 0.02;
    const DATA: [f32; 8] = [1.3, 0.2, -0.4, 1.1, 0.9, -0.8, -1.2, -0.3];
    const SAMPLES: [f32; 6] = [0.4, 0.5, -0.7, 0.1, 0.25, -1.4];

    fn critic() -> Critic {
        let device = Device::flex().autodiff();
        let sizes = Sizes::Mlp(mlp::Sizes {
            width: HIDDEN,
            depth: 1,
            ..mlp::Sizes::default()
        });
        let config = Config {
            optimizer: Optimizers::both(OptimizerConfig::adam(RATE).betas(BETAS[0], BETAS[1])),
            ..Gan::config()
        };
        let data = Source::parse("ring8").open().unwrap().dataset;
        let settings = config.critic(data.info());
        let key = Key::new(3);
        Critic::new(settings, &sizes, data.info(), Heads::default(), key, &device).unwrap()
    }

    fn points(values: &[f32]) -> Tensor<4> {
        let data = TensorData::new(values.to_vec(), [values.len() / 2, 1, 1, 2]);
        Tensor::from_data(data, &Device::flex().autodiff())
    }

    fn now(step: u64) -> Moment {
        Moment {
            updates: step,
            key: Key::new(7).step(step),
            watch: false,
        }
    }

    /// All numbers of the critic, in one order.
    fn flat(of: &Tensors, prefix: &str) -> Vec<f64> {
        let names = [
            "trunk.hidden.0.weight",
            "trunk.hidden.0.bias",
            "score.weight",
            "score.bias",
        ];
        let values = names.map(|name| of.arrays[&format!("{prefix}{name}")].1.clone());
        values.concat().into_iter().map(f64::from).collect()
    }

    fn softplus(x: f64) -> f64 {
        x.max(0.0) + (-x.abs()).exp().ln_1p()
    }

    /// The mean over points of softplus(sign * score), by weights in that order.
    fn loss(w: &[f64], points: &[f64], sign: f64) -> f64 {
        let (h, n) = (HIDDEN, points.len() / 2);
        let of = |p: &[f64]| {
            let unit = |j: usize| {
                let x = p[0] * w[j] + p[1] * w[h + j] + w[2 * h + j];
                x.max(0.2 * x) * w[3 * h + j]
            };
            softplus(sign * ((0..h).map(unit).sum::<f64>() + w[4 * h]))
        };
        points.chunks(2).map(of).sum::<f64>() / n as f64
    }

    fn slopes(at: &[f64], f: impl Fn(&[f64]) -> f64, h: f64) -> Vec<f64> {
        let moved = |i: usize, by: f64| {
            let mut x = at.to_vec();
            x[i] += by;
            f(&x)
        };
        (0..at.len())
            .map(|i| (moved(i, h) - moved(i, -h)) / (2.0 * h))
            .collect()
    }

    /// Against the whole of it in f64: gradients by differences, Adam by its formula, and the loss ahead by differences again.
    #[test]
    fn the_gradient_through_updates_is_that_of_the_loss_ahead() {
        let mut critic = critic();
        for step in 0..4 {
            let (data, samples) = (Shown::plain(points(&DATA)), Shown::plain(points(&SAMPLES)));
            critic.learn(data, samples, None, now(step)).unwrap();
        }
        let parts: Vec<(String, Tensors)> =
            critic.learner.save().into_iter().map(|(n, p)| (n, p())).collect();
        let part = |name: &str| &parts.iter().find(|(n, _)| n == name).unwrap().1;
        let weights = flat(part("discriminator"), "");
        let moments = ["first.", "second."].map(|m| flat(part("optimizer_discriminator"), m));
        let data = DATA.map(f64::from);
        let ahead = |samples: &[f64], through: &[f64]| {
            let (mut w, [mut m, mut v]) = (weights.clone(), moments.clone());
            for t in 5..5 + STEPS as i32 {
                let g = slopes(&w, |w| loss(w, &data, -1.0) + loss(w, through, 1.0), 1e-6);
                for (i, g) in g.into_iter().enumerate() {
                    m[i] = BETAS[0] * m[i] + (1.0 - BETAS[0]) * g;
                    v[i] = BETAS[1] * v[i] + (1.0 - BETAS[1]) * g * g;
                    let root = (v[i] / (1.0 - BETAS[1].powi(t))).sqrt() + 1e-8;
                    w[i] -= RATE * m[i] / (1.0 - BETAS[0].powi(t)) / root;
                }
            }
            loss(&w, samples, -1.0)
        };
        let at = SAMPLES.map(f64::from);
        let whole = slopes(&at, |x| ahead(x, x), 1e-4);
        let first = slopes(&at, |x| ahead(x, &at), 1e-4);

        let x = points(&SAMPLES).require_grad();
        let (shown, real) = (Shown::plain(x.clone()), Shown::plain(points(&DATA)));
        let through = critic.persuade_through(STEPS, &real, &shown, None).unwrap();
        assert!((numbers(through.clone())[0] as f64 - ahead(&at, &at)).abs() < 1e-4);
        let got = numbers(x.grad(&through.backward()).unwrap());

        let before = critic.go_ahead(STEPS, &real, &shown, now(9)).unwrap();
        let given = critic.persuade(&shown, None, None);
        critic.go_back(before);
        assert_eq!(flat(&Tensors::of(critic.network()), ""), weights);
        let got_first = numbers(x.grad(&given.backward()).unwrap());

        let far = |a: &[f32], b: &[f64]| {
            let off = a.iter().zip(b).map(|(a, b)| (*a as f64 - b).abs());
            off.fold(0.0, f64::max) / b.iter().fold(0.0, |m: f64, v| m.max(v.abs()))
        };
        assert!(far(&got, &whole) < 2e-3, "{got:?} {whole:?}");
        assert!(far(&got_first, &first) < 2e-3, "{got_first:?} {first:?}");
        assert!(
            far(&got, &first) > 0.02,
            "the second term counts: {got:?} {first:?}"
        );
    }
    /// Leaves of a batch find the gradient of the whole: each update ahead is by the mean over all of them.
    #[test]
    fn leaves_go_ahead_together() {
        let samples = [&SAMPLES[..], &[1.0, 0.3]].concat();
        let of = |rows: Range<usize>| -> Vec<f32> {
            let part = |values: &[f32]| points(&values[2 * rows.start..2 * rows.end]);
            let x = part(&samples).require_grad();
            let (shown, data) = (Shown::plain(x.clone()), Shown::plain(part(&DATA)));
            let loss = critic().persuade_through(STEPS, &data, &shown, None).unwrap();
            numbers(x.grad(&loss.backward()).unwrap())
        };
        let whole = of(0..4);
        let group = Group::new(2, None).unwrap();
        let leaves = std::thread::scope(|threads| {
            let leaf = |place: usize| {
                let (group, of) = (group.clone(), &of);
                threads.spawn(move || group.seated(place, || of(2 * place..2 * place + 2)))
            };
            [0, 1].map(leaf).map(|t| t.join().unwrap())
        });
        let largest = whole.iter().fold(0f32, |m, v| m.max(v.abs()));
        for (whole, leaf) in whole.iter().zip(leaves.concat()) {
            // A leaf's loss is the mean over half as many.
            assert!((whole - leaf / 2.0).abs() < 2e-3 * largest, "{whole} {leaf}");
        }
    }
}
