//! Networks of the video VAE, and a pass of them over a video.
use super::super::elbo::Gaussian;
use super::super::networks::{Decoder, Encoder};
use burn::module::Module;
use burn::tensor::{Device, Tensor};
use menagerie_nn::{Activation, Linear, LstmCell, LstmState, activation};

/// The parts; those that a configuration does not use are not there.
#[derive(Module, Debug)]
pub(super) struct VideoNetwork {
    /// a frame -> its features
    pub(super) encoder: Encoder,
    /// features, and what came before -> q(z_t | ..)
    pub(super) posterior: Linear,
    /// what came before, and attributes -> p(z_t | ..)
    pub(super) prior: Option<Linear>,
    pub(super) cell: Option<LstmCell>,
    /// mean and spread of the features over time -> attributes
    pub(super) reader: Option<Linear>,
    pub(super) decoder: Decoder,
    pub(super) conditional_posterior: bool,
}

/// What a pass over a video gave, all frames of a video in a row: `[batch, time latent]`.
pub(super) struct Pass {
    pub(super) posterior: Gaussian,
    /// `None`: standard normal
    pub(super) prior: Option<Gaussian>,
    pub(super) latents: Tensor<2>,
    pub(super) state: Option<LstmState>,
}

/// Side by side, without those that are not there.
fn beside(parts: Vec<Option<Tensor<2>>>) -> Tensor<2> {
    let mut parts: Vec<Tensor<2>> = parts.into_iter().flatten().collect();
    if parts.len() == 1 {
        parts.remove(0)
    } else {
        Tensor::cat(parts, 1)
    }
}

fn in_a_row(all: Vec<Gaussian>) -> Gaussian {
    let (mean, log_variance) = all.into_iter().map(|g| (g.mean, g.log_variance)).unzip();
    Gaussian {
        mean: Tensor::cat(mean, 1),
        log_variance: Tensor::cat(log_variance, 1),
    }
}

impl VideoNetwork {
    pub(super) fn start(&self, batch: usize, device: &Device) -> Option<LstmState> {
        self.cell
            .as_ref()
            .map(|c| LstmState::zeros(batch, c.units(), device))
    }

    /// Features of frames `[batch time, height, width, channel]` -> `[batch time, units]`.
    pub(super) fn features(&self, frames: Tensor<4>) -> Tensor<2> {
        activation(self.encoder.forward(frames), Activation::Relu)
    }

    /// p(z_t | ..) for what came before; `None` is standard normal.
    pub(super) fn prior(
        &self,
        state: &Option<LstmState>,
        attributes: &Option<Tensor<2>>,
    ) -> Option<Gaussian> {
        let prior = self.prior.as_ref()?;
        let known = beside(vec![state.as_ref().map(|s| s.hidden.clone()), attributes.clone()]);
        Some(Gaussian::of(prior.forward(known, Activation::Identity)))
    }

    pub(super) fn next(
        &self,
        z: Tensor<2>,
        attributes: &Option<Tensor<2>>,
        state: Option<LstmState>,
    ) -> Option<LstmState> {
        Some(
            self.cell
                .as_ref()?
                .forward(beside(vec![Some(z), attributes.clone()]), state?),
        )
    }

    /// Latents of `frames` frames after what came before, drawn by standard normal noise for each: `[batch, time latent]`.
    pub(super) fn imagined(
        &self,
        mut state: Option<LstmState>,
        attributes: &Option<Tensor<2>>,
        frames: usize,
        noise: impl Fn(usize) -> Tensor<2>,
    ) -> Tensor<2> {
        let mut latents = Vec::new();
        for t in 0..frames {
            let z = match self.prior(&state, attributes) {
                Some(p) => p.draw(noise(t)),
                None => noise(t),
            };
            state = self.next(z.clone(), attributes, state);
            latents.push(z);
        }
        Tensor::cat(latents, 1)
    }

    /// Goes through `frames` frames of features `[batch time, units]`; the latents are draws by `noise` `[batch, time latent]`.
    pub(super) fn pass(
        &self,
        features: Tensor<2>,
        frames: usize,
        attributes: &Option<Tensor<2>>,
        noise: Tensor<2>,
    ) -> Pass {
        let [rows, units] = features.dims();
        let batch = rows / frames.max(1);
        let latent = noise.dims()[1] / frames.max(1);
        let features = features.reshape([batch, frames * units]);
        let mut state = self.start(batch, &features.device());
        let (mut posteriors, mut priors, mut latents) = (Vec::new(), Vec::new(), Vec::new());
        for t in 0..frames {
            let before = state
                .as_ref()
                .filter(|_| self.conditional_posterior)
                .map(|s| s.hidden.clone());
            let seen = beside(vec![Some(features.clone().narrow(1, t * units, units)), before]);
            let q = Gaussian::of(self.posterior.forward(seen, Activation::Identity));
            priors.extend(self.prior(&state, attributes));
            let z = q.draw(noise.clone().narrow(1, t * latent, latent));
            state = self.next(z.clone(), attributes, state);
            posteriors.push(q);
            latents.push(z);
        }
        let prior = (!priors.is_empty()).then(|| in_a_row(priors));
        Pass {
            posterior: in_a_row(posteriors),
            prior,
            latents: Tensor::cat(latents, 1),
            state,
        }
    }

    /// Logits of the attributes `[batch, width]` from the features of `frames` frames: from their mean and mean distance to it.
    pub(super) fn read(&self, features: Tensor<2>, frames: usize) -> Option<Tensor<2>> {
        let reader = self.reader.as_ref()?;
        let [rows, units] = features.dims();
        let by_time = features.reshape([rows / frames.max(1), frames, units]);
        let mean = by_time.clone().mean_dim(1);
        let spread = (by_time - mean.clone()).abs().mean_dim(1);
        let flat = |t: Tensor<3>| t.reshape([rows / frames.max(1), units]);
        Some(reader.forward(
            Tensor::cat(vec![flat(mean), flat(spread)], 1),
            Activation::Identity,
        ))
    }

    /// Latents `[batch, time latent]` -> frames `[batch time, height, width, channel]`.
    pub(super) fn decode(
        &self,
        latents: Tensor<2>,
        frames: usize,
        attributes: &Option<Tensor<2>>,
    ) -> Tensor<4> {
        let [batch, all] = latents.dims();
        let z = latents.reshape([batch * frames, all / frames.max(1)]);
        let held = attributes.clone().map(|a| {
            let width = a.dims()[1];
            a.reshape([batch, 1, width])
                .repeat_dim(1, frames)
                .reshape([batch * frames, width])
        });
        self.decoder.forward(beside(vec![Some(z), held]))
    }
}

/// log p(z) - log q(z) of the draws that the noise made, `[batch, 1]`: both densities' constants cancel.
pub(super) fn log_ratio(pass: &Pass, p: &Gaussian, noise: Tensor<2>) -> Tensor<2> {
    let gap = pass.latents.clone() - p.mean.clone();
    let of_prior = gap.clone() * gap * (-p.log_variance.clone()).exp() + p.log_variance.clone();
    ((noise.clone() * noise + pass.posterior.log_variance.clone() - of_prior) * 0.5).sum_dim(1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use menagerie_data::random::Key;
    use menagerie_kernels::noise;

    /// A prior that is the posterior costs nothing: with K = 1 and K = 5 the bound is then log p(x | z, a) alone. Against it, the
    /// closed form is the mean of the ratio over draws.
    #[test]
    fn the_divergence_is_the_mean_of_the_ratio_over_draws() {
        let device = Device::flex();
        let posterior = Gaussian::of(Tensor::from_floats(
            [[0.5, -1.0, 0.2, -0.4], [0.0, 0.3, -0.5, 0.6]],
            &device,
        ));
        let prior = Gaussian::of(Tensor::from_floats(
            [[0.1, 0.0, 0.5, 0.0], [0.2, -0.3, 0.0, 0.3]],
            &device,
        ));
        let want = posterior.divergence_from(&prior).sum_dim(1).into_data();
        let mut sums = [0.0f64; 2];
        let draws = 40_000;
        for k in 0..40 {
            let repeat = |g: &Gaussian| Gaussian {
                mean: g.mean.clone().repeat_dim(0, draws / 40),
                log_variance: g.log_variance.clone().repeat_dim(0, draws / 40),
            };
            let (q, p) = (repeat(&posterior), repeat(&prior));
            let noise = noise::normal(Key::new(k).words(), [2 * draws / 40, 2], &device);
            let pass = Pass {
                latents: q.draw(noise.clone()),
                posterior: q,
                prior: None,
                state: None,
            };
            let ratios = log_ratio(&pass, &p, noise).into_data();
            ratios
                .as_slice::<f32>()
                .unwrap()
                .iter()
                .enumerate()
                .for_each(|(i, r)| sums[i % 2] -= *r as f64 / draws as f64);
        }
        for (sum, want) in sums.iter().zip(want.as_slice::<f32>().unwrap()) {
            assert!((sum - *want as f64).abs() < 0.02, "{sum} {want}");
        }
    }
}
