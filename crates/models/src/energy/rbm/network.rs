//! The machine's weights, its chains, and its normalizer.
use super::super::annealing::{Normalizer, Path, log_mean_exp};
use super::super::binary::{on, rows};
use burn::module::{Module, Param};
use burn::tensor::Tensor;
use burn::tensor::activation::softplus;
use menagerie_data::random::Key;
use menagerie_nn::{Init, Weights, activations, numbers};

/// The weights.
#[derive(Module, Debug)]
pub(super) struct RbmNetwork {
    /// W, `[visible, hidden]`
    pub(super) weight: Param<Tensor<2>>,
    /// b, `[visible]`
    visible: Param<Tensor<1>>,
    /// c, `[hidden]`
    hidden: Param<Tensor<1>>,
}

impl RbmNetwork {
    /// Small weights (standard deviation 0.01: Hinton 2010, A Practical Guide, section 8), biases 0.
    pub(super) fn new(visible: usize, hidden: usize, init: &Init) -> RbmNetwork {
        let fans = [visible, hidden];
        RbmNetwork {
            weight: Weights::Normal(0.01).draw([visible, hidden], fans, &init.at("weight")),
            visible: Weights::Zero.draw([visible], fans, init),
            hidden: Weights::Zero.draw([hidden], fans, init),
        }
    }

    /// c + v'W, `[n, hidden]`.
    pub(super) fn to_hidden(&self, v: Tensor<2>) -> Tensor<2> {
        activations::keep(v.matmul(self.weight.val()) + self.hidden.val().unsqueeze())
    }

    /// b + W h, `[n, visible]`.
    pub(super) fn to_visible(&self, h: Tensor<2>) -> Tensor<2> {
        h.matmul(self.weight.val().transpose()) + self.visible.val().unsqueeze()
    }

    /// F of every row of `[n, visible]`, `[n]`.
    pub(super) fn free_energy(&self, v: Tensor<2>) -> Tensor<1> {
        let n = v.dims()[0];
        let on = v
            .clone()
            .matmul(self.visible.val().unsqueeze_dim::<2>(1))
            .reshape([n]);
        let off = softplus(self.to_hidden(v), 1.0).sum_dim(1).reshape([n]);
        (on + off).neg()
    }

    /// A sweep of Gibbs sampling: hidden units given visible ones, and back.
    pub(super) fn sweep(&self, v: Tensor<2>, key: Key) -> Tensor<2> {
        let h = on(self.to_hidden(v), key.stream("hidden"));
        on(self.to_visible(h), key.stream("visible"))
    }
}

/// Hidden or visible units whose states are all summed over, where there are no more.
const SUMMED: usize = 16;

/// ln Z by the states of the smaller layer, where it is small: each has a sum over the other in closed form.
pub(super) fn exact(network: &RbmNetwork) -> Option<Normalizer> {
    let [visible, hidden] = network.weight.dims();
    let few = visible.min(hidden);
    if few > SUMMED {
        return None;
    }
    let states: Vec<f32> = (0..1usize << few)
        .flat_map(|s| (0..few).map(move |i| (s >> i & 1) as f32))
        .collect();
    let states = rows(states, few, &network.weight.device());
    let (own, other) = match visible <= hidden {
        true => (network.visible.val(), network.to_hidden(states.clone())),
        false => (network.hidden.val(), network.to_visible(states.clone())),
    };
    let on = numbers(states.matmul(own.unsqueeze_dim::<2>(1)));
    let rest = numbers(softplus(other, 1.0).sum_dim(1));
    let terms: Vec<f64> = on.iter().zip(rest).map(|(a, b)| *a as f64 + b as f64).collect();
    let log = log_mean_exp(&terms) + few as f64 * std::f64::consts::LN_2;
    Some(Normalizer { log, error: 0.0 })
}

/// From units that are independent, with the data's means, to the machine (2008, equations 13 to 17).
pub(super) struct Annealed<'a> {
    network: &'a RbmNetwork,
    /// biases of the first distribution
    base: Tensor<1>,
    first: Vec<f32>,
}

impl<'a> Annealed<'a> {
    pub(super) fn new(network: &'a RbmNetwork, means: &[f32]) -> Annealed<'a> {
        // No unit is taken to be always on or always off.
        let first: Vec<f32> = means.iter().map(|m| m.clamp(0.01, 0.99)).collect();
        let logits: Vec<f32> = first.iter().map(|m| (m / (1.0 - m)).ln()).collect();
        let base = Tensor::from_floats(&logits[..], &network.weight.device());
        Annealed { network, base, first }
    }

    fn visible_bias(&self, b: f64) -> Tensor<1> {
        self.base.clone() * (1.0 - b) + self.network.visible.val() * b
    }
}

impl Path for Annealed<'_> {
    fn first_normalizer(&self) -> f64 {
        let hidden = self.network.hidden.dims()[0] as f64;
        let visible: f64 = self.first.iter().map(|m| -(1.0 - *m as f64).ln()).sum();
        visible + hidden * std::f64::consts::LN_2
    }

    fn draw(&self, runs: usize, key: Key) -> Vec<f32> {
        let units = self.first.len();
        let logits = self.base.clone().unsqueeze::<2>().repeat_dim(0, runs);
        let drawn = numbers(on(logits, key));
        debug_assert_eq!(drawn.len(), runs * units);
        drawn
    }

    fn log_density(&self, states: &[f32], b: f64) -> Vec<f64> {
        let v = rows(states.to_vec(), self.first.len(), &self.base.device());
        let on = numbers(v.clone().matmul(self.visible_bias(b).unsqueeze_dim::<2>(1)));
        let rest = numbers(softplus(self.network.to_hidden(v) * b, 1.0).sum_dim(1));
        on.iter().zip(rest).map(|(a, c)| *a as f64 + c as f64).collect()
    }

    fn transition(&self, states: Vec<f32>, b: f64, key: Key) -> Vec<f32> {
        let v = rows(states, self.first.len(), &self.base.device());
        let h = on(self.network.to_hidden(v) * b, key.stream("hidden"));
        let back = h.matmul(self.network.weight.val().transpose()) * b;
        numbers(on(back + self.visible_bias(b).unsqueeze(), key.stream("visible")))
    }
}
