//! A generator that looks ahead: it learns against the discriminator as it will be after some updates, and knows how those depend on
//! its samples (Metz et al. 2017, arXiv:1611.02163, Unrolled GAN).
//!
//! With theta_(j+1) = theta_j - eta grad L_D(theta_j, x~) and lambda_K = d L_G / d theta_K, the gradient by the samples x~ is
//!
//! d L_G / d x~ - eta sum over j of (d^2 L_D / d x~ d theta)(theta_j) lambda_(j+1),
//! lambda_j = lambda_(j+1) - eta (d^2 L_D / d theta^2)(theta_j) lambda_(j+1)                        (equations 9 to 11)
//!
//! Both products are differences of gradients at theta_j + h lambda and theta_j - h lambda: no second derivative is taken.
use super::super::super::game::critic::Critic;
use super::super::super::game::{Moment, Shown};
use super::super::super::networks::CriticNetwork;
use burn::tensor::Tensor;
use menagerie_data::error::{Error, Result};
use menagerie_nn::Direction;
use serde::{Deserialize, Serialize};

/// `[game.unrolled]`
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Unrolled {
    /// updates of the discriminator that the generator looks ahead (paper: 5 to 10)
    pub steps: usize,
    /// the learning rate of these updates, which are plain gradient descent
    pub learning_rate: f64,
}

impl Default for Unrolled {
    fn default() -> Self {
        Unrolled {
            steps: 5,
            learning_rate: 0.05,
        }
    }
}

/// How far weights are moved along a direction, as a length, for a difference of gradients.
const REACH: f64 = 1e-2;

impl Unrolled {
    /// Refuses no steps, and a rate that is none.
    ///
    /// # Errors
    /// [`Error::Recipe`].
    pub fn check(&self) -> Result<()> {
        match self.steps > 0 && self.learning_rate.is_finite() && self.learning_rate > 0.0 {
            true => Ok(()),
            false => Err(Error::recipe(
                "game.unrolled",
                "steps must be 1 or more, learning_rate a positive number",
                "leave the table out to look ahead no step",
            )),
        }
    }

    /// The generator's loss `[1]` as a function of its samples: its value is that after the updates, its gradient the whole one.
    ///
    /// # Errors
    /// When a loss is no longer finite.
    pub fn loss(&self, critic: &Critic, samples: &Shown, data: &Shown, now: Moment) -> Result<Tensor<1>> {
        let at = samples.detached();
        let data = data.detached();
        let mut networks = vec![critic.network().clone()];
        for j in 0..self.steps {
            let network = &networks[j];
            let (theta, _) = gradients(critic, network, &data, &at, now)?;
            networks.push(theta.moves(network.clone(), -self.learning_rate));
        }
        let last = networks.pop().unwrap_or_else(|| critic.network().clone());
        let leaf = with_leaf(&at);
        let loss = critic.persuaded_by(&last, &leaf, Some(&data), None);
        let value = loss.clone().inner();
        let gradient = loss.backward();
        let mut lambda = Direction::of(&last, &gradient);
        let mut by_samples = gradient_of(&leaf, &gradient);
        for network in networks.iter().rev() {
            let length = lambda.length();
            if length == 0.0 {
                break;
            }
            let h = REACH / length;
            let side = |step: f64| gradients(critic, &lambda.moves(network.clone(), step), &data, &at, now);
            let ((theta_up, x_up), (theta_down, x_down)) = (side(h)?, side(-h)?);
            let scale = -self.learning_rate / (2.0 * h);
            by_samples = by_samples + (x_up - x_down) * scale;
            lambda = lambda.plus(&theta_up, scale).plus(&theta_down, -scale);
        }
        // Of this value, and with that gradient by the samples.
        let along = (samples.items.clone() * Tensor::from_inner(by_samples)).sum();
        Ok(along.clone() - along.detach() + Tensor::from_inner(value))
    }
}

fn with_leaf(shown: &Shown) -> Shown {
    Shown {
        items: shown.items.clone().require_grad(),
        ..shown.clone()
    }
}

fn gradient_of(leaf: &Shown, gradients: &burn::tensor::Gradients) -> Tensor<4> {
    let zeros = || leaf.items.clone().inner().zeros_like();
    leaf.items.grad(gradients).unwrap_or_else(zeros)
}

/// The gradient of the discriminator's loss by its weights, and by the samples.
fn gradients(
    critic: &Critic,
    network: &CriticNetwork,
    data: &Shown,
    samples: &Shown,
    now: Moment,
) -> Result<(Direction, Tensor<4>)> {
    let leaf = with_leaf(samples);
    let (all, _) = critic.objectives(network, data, &leaf, now)?;
    let mut theta: Option<Direction> = None;
    let mut by_samples = leaf.items.clone().inner().zeros_like();
    for g in &all {
        let part = Direction::of(network, g);
        theta = Some(match theta {
            Some(sum) => sum.plus(&part, 1.0),
            None => part,
        });
        if let Some(x) = leaf.items.grad(g) {
            by_samples = by_samples + x;
        }
    }
    theta.map(|t| (t, by_samples)).ok_or_else(|| Error::Training {
        step: now.updates + 1,
        problem: "the discriminator's loss has no gradient".into(),
        fix: "report this as a bug".into(),
    })
}

#[cfg(test)]
mod tests {
    use super::super::super::super::config::Config;
    use super::super::super::super::game::CriticConfig;
    use super::super::super::super::networks::{Heads, Sizes, mlp};
    use super::*;
    use burn::tensor::{Device, TensorData};
    use menagerie_data::{DataInfo, Key, Kind};
    use menagerie_nn::{number, numbers};

    /// The derivative along some change of the samples, against the difference of the losses after the same updates.
    #[test]
    fn the_gradient_goes_through_the_updates() {
        let device = Device::flex().autodiff();
        let sizes = Sizes::Mlp(mlp::Sizes {
            width: 8,
            depth: 2,
            latent: 2,
            ..Default::default()
        });
        let config = Config::of(sizes);
        let info = DataInfo {
            source: "points".into(),
            kind: Kind::Points,
            shape: vec![2],
            count: 6,
            range: (-1.0, 1.0),
            labels: vec![],
            attributes: vec![],
            rate: 0,
            shares: vec![],
        };
        let critic: CriticConfig = config.critic(&info);
        let critic = Critic::new(critic, &info, Heads::default(), Key::new(5), &device).unwrap();
        let wave =
            |phase: f64| -> Vec<f32> { (0..12).map(|i| (1.3 * i as f64 + phase).sin() as f32).collect() };
        let shown = |values: Vec<f32>| {
            Shown::plain(Tensor::from_data(TensorData::new(values, [6, 1, 1, 2]), &device))
        };
        let (data, samples, along) = (wave(0.0), wave(1.0), wave(2.5));
        let unrolled = Unrolled {
            steps: 3,
            learning_rate: 0.5,
        };
        let now = Moment {
            updates: 0,
            key: Key::new(1),
            watch: false,
        };
        let at = |h: f32| {
            let moved = samples.iter().zip(&along).map(|(x, v)| x + h * v).collect();
            let leaf = with_leaf(&shown(moved));
            let loss = unrolled.loss(&critic, &leaf, &shown(data.clone()), now).unwrap();
            let value = number(loss.clone());
            (value, numbers(gradient_of(&leaf, &loss.backward())))
        };
        for h in [0.02f32, 0.005, 0.002, 0.0005] { eprintln!("{h}: {}", (at(h).0 - at(-h).0) / (2.0 * h as f64)); }
        let (up, down) = (at(0.002).0, at(-0.002).0);
        let slope: f64 = at(0.0).1.iter().zip(&along).map(|(g, v)| (g * v) as f64).sum();
        let expected = (up - down) / 0.004;
        assert!(
            (slope - expected).abs() < 0.02 * expected.abs(),
            "{slope} {expected}"
        );
        // The direct part alone is another.
        let leaf = with_leaf(&shown(samples.clone()));
        let plain = critic.persuaded_by(critic.network(), &leaf, None, None);
        let direct: f64 = numbers(gradient_of(&leaf, &plain.backward()))
            .iter()
            .zip(&along)
            .map(|(g, v)| (g * v) as f64)
            .sum();
        assert!(
            (direct - expected).abs() > 0.1 * expected.abs(),
            "{direct} {expected}"
        );
    }
}
