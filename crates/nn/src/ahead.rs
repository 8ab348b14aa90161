//! Updates of an optimizer on the tape: weights as they will be after some more steps, as functions of the gradients that lead
//! there. Burn differentiates once, so what is differentiated must be a value: here the updates are.
use crate::collective;
use crate::optimizer::{OptimizerConfig, Rule};
use burn::tensor::{Device, Tensor};
use std::collections::BTreeMap;
use std::ops::Range;

/// Flat tensors by the names of the parameters they belong to.
pub(crate) type Flat = BTreeMap<String, Tensor<1>>;

/// Parameters that are updated by [`Ahead::step`], as `optimizer` would update them, while the network itself stays as it is.
#[derive(Clone, Debug)]
pub struct Ahead {
    config: OptimizerConfig,
    steps: u64,
    places: BTreeMap<String, Range<usize>>,
    weights: Tensor<1>,
    first: Tensor<1>,
    second: Tensor<1>,
}

impl Ahead {
    /// From these weights and moments, none of which has a tape; moments that are missing are zero.
    pub(crate) fn new(
        config: OptimizerConfig,
        steps: u64,
        weights: Flat,
        [first, second]: [Flat; 2],
        device: &Device,
    ) -> Self {
        let mut from = 0;
        let places = weights.iter().map(|(name, w)| {
            let n = w.dims()[0];
            from += n;
            (name.clone(), from - n..from)
        });
        let places: BTreeMap<String, Range<usize>> = places.collect();
        let plain = crate::init::plain(device);
        let joined = |of: &Flat| {
            let one = |(name, place): (&String, &Range<usize>)| {
                let zeros = || Tensor::zeros([place.len()], &plain);
                of.get(name).cloned().unwrap_or_else(zeros)
            };
            Tensor::from_inner(Tensor::cat(places.iter().map(one).collect(), 0))
        };
        Ahead {
            config,
            steps,
            weights: joined(&weights),
            first: joined(&first),
            second: joined(&second),
            places,
        }
    }

    /// A parameter as it stands, of that shape.
    ///
    /// # Panics
    /// If there is none of that name and size.
    pub fn get<const D: usize>(&self, name: &str, shape: [usize; D]) -> Tensor<D> {
        let place = self.places[name].clone();
        self.weights.clone().slice([place]).reshape(shape)
    }

    /// One update by gradients of all parameters, flat, on the tape or not; where leaves of a batch learn together, by their mean
    /// over all of them.
    ///
    /// # Panics
    /// If a gradient is missing.
    pub fn step(&mut self, mut gradients: Flat) {
        let found = self.places.keys().map(|name| {
            let gradient = gradients.remove(name);
            gradient.expect("every parameter has a gradient")
        });
        let g = Tensor::cat(found.collect(), 0);
        let g = collective::mean_with_gradient(g);
        self.steps += 1;
        let rate = self.config.rate_at(self.steps);
        let square = || g.clone() * g.clone();
        let mix = |old: Tensor<1>, kept: f64, new: Tensor<1>| old * kept + new * (1.0 - kept);
        let (w, first, second) = (self.weights.clone(), self.first.clone(), self.second.clone());
        match self.config.rule {
            Rule::Adam {
                beta1,
                beta2,
                epsilon,
                weight_decay,
            } => {
                self.first = mix(first, beta1, g.clone());
                self.second = mix(second, beta2, square());
                let t = self.steps.min(i32::MAX as u64) as i32;
                let root = rooted(self.second.clone()) * (1.0 / (1.0 - beta2.powi(t)).sqrt()) + epsilon;
                let step = self.first.clone() * (rate / (1.0 - beta1.powi(t))) / root;
                self.weights = w * (1.0 - rate * weight_decay) - step;
            }
            Rule::RmsProp { decay, epsilon } => {
                self.second = mix(second, decay, square());
                self.weights = w - g * rate / (rooted(self.second.clone()) + epsilon);
            }
            Rule::Sgd { momentum } => {
                self.first = first * momentum + g;
                self.weights = w - self.first.clone() * rate;
            }
            // As it goes in the mean: what is drawn is not known ahead.
            Rule::Sghmc {
                friction,
                decay,
                epsilon,
                prior,
                items,
            } => {
                self.second = mix(second, decay, square());
                let uphill = g.clone() + w.clone() / (items * prior * prior);
                let step = match decay {
                    0.0 => uphill * rate,
                    _ => uphill * rate / (rooted(self.second.clone()) + epsilon),
                };
                self.first = first * (1.0 - friction) - step;
                self.weights = w + self.first.clone();
            }
        }
    }
}

/// The root, whose slope at zero is large but finite: a weight that has never had a gradient has none ahead either.
fn rooted(t: Tensor<1>) -> Tensor<1> {
    (t + 1e-30).sqrt()
}

#[cfg(test)]
mod tests {
    use crate::{Activation, Ahead, Init, Learner, Linear, OptimizerConfig, numbers};
    use burn::tensor::{Device, Tensor};
    use menagerie_data::Key;

    fn learner(config: OptimizerConfig) -> Learner<Linear> {
        let device = Device::flex().autodiff();
        let network = Linear::of([2, 3]).init(&Init::new(Key::new(1), &device));
        Learner::new("line", network, config, 0.0, &device).unwrap()
    }

    fn loss(x: &Tensor<2>, y: Tensor<2>) -> Tensor<1> {
        (y * x.clone().narrow(1, 0, 1)).powi_scalar(2).mean()
    }

    /// Three steps ahead are where three updates lead, of every rule, with moments that are not at their beginning.
    #[test]
    fn steps_ahead_are_those_of_the_optimizer() {
        let device = Device::flex().autodiff();
        let x = Tensor::<2>::from_floats([[0.3, 1.0], [1.1, -0.4]], &device);
        for config in [
            OptimizerConfig::adam(0.05).betas(0.5, 0.9).weight_decay(0.1),
            OptimizerConfig::rms_prop(0.02),
            OptimizerConfig::sgd(0.1, 0.8),
        ] {
            let mut learner = learner(config);
            let down = |learner: &mut Learner<Linear>| {
                let y = learner.network().forward(x.clone(), Activation::Tanh);
                learner.descend(loss(&x, y), false).unwrap();
            };
            down(&mut learner);
            let mut ahead: Ahead = learner.ahead();
            for _ in 0..3 {
                let w = ahead.get("weight", [2, 3]).detach().require_grad();
                let b = ahead.get("bias", [3]).detach().require_grad();
                let y = (x.clone().matmul(w.clone()) + b.clone().reshape([1, 3])).tanh();
                let g = loss(&x, y).backward();
                let flat = [
                    ("weight".to_string(), w.grad(&g).unwrap().reshape([6])),
                    ("bias".to_string(), b.grad(&g).unwrap()),
                ];
                ahead.step(flat.map(|(name, g)| (name, Tensor::from_inner(g))).into());
                down(&mut learner);
            }
            let got = numbers(ahead.get("weight", [6]));
            let want = numbers(learner.network().weight.val());
            for (got, want) in got.iter().zip(&want) {
                assert!((got - want).abs() < 1e-5, "{config:?}: {got} {want}");
            }
        }
    }

    /// A gradient of zero from the beginning has a step whose slope is finite.
    #[test]
    fn a_weight_without_a_gradient_has_a_slope() {
        let learner = learner(OptimizerConfig::adam(0.05));
        let device = Device::flex().autodiff();
        let g = Tensor::<1>::zeros([9], &device).require_grad();
        let mut ahead = learner.ahead();
        let flat = [
            ("weight".to_string(), g.clone().narrow(0, 0, 6)),
            ("bias".to_string(), g.clone().narrow(0, 6, 3)),
        ];
        ahead.step(flat.into());
        let slopes = ahead.get("weight", [6]).sum().backward();
        assert!(numbers(g.grad(&slopes).unwrap()).iter().all(|v| v.is_finite()));
    }
}
