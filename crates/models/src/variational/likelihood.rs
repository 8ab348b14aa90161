//! Observation models p(x | z): what a decoder's numbers say about an item, in nats.
use crate::{Holds, Port, Samples, as_image_shape};
use burn::tensor::{Device, Tensor, TensorData};
use menagerie_data::error::{Error, Result};
use menagerie_data::random::Key;
use menagerie_data::{Batch, DataInfo, Kind};
use menagerie_kernels::{Activation, RowLoss, noise, pool::par_for, row_loss};
use menagerie_nn::activation;
use menagerie_nn::levels::{self, Binarization};
use serde::{Deserialize, Serialize};
use std::sync::{Mutex, PoisonError};

/// The distribution of a number of an item, given its latent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Observation {
    /// black or white: a decoder's number is the logit of white
    Bernoulli,
    /// real: a mean, and a standard deviation that is fixed or a number of its own
    Gaussian,
    /// one of 256 levels: the mass that a logistic distribution has within the level (Kingma et al. 2016, arXiv:1606.04934,
    /// appendix), with a location and a scale for every number
    DiscretizedLogistic,
}

/// What a Bernoulli observes of grey pixels.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Grey {
    /// black or white, drawn anew each time
    Dynamic,
    /// white where brighter than half
    Threshold,
    /// the grey itself, as the probability of white: the cross-entropy, which is the mean over binarizations
    #[serde(rename = "none")]
    Probability,
}

/// The observation model of a data set.
#[derive(Clone, Debug)]
pub struct Likelihood {
    observation: Observation,
    grey: Grey,
    /// of the Gaussian; `None` where the decoder tells it
    deviation: Option<f64>,
    info: DataInfo,
    /// points are divided by this on their way in
    scale: f32,
}

/// Bytes of an image: the levels of the discretized logistic, and the range of dequantized values.
const LEVELS: usize = 256;

impl Likelihood {
    /// For items of that description. `deviation` is the Gaussian's standard deviation in the networks' units, where images
    /// (and points, by their extent) span [-1, 1]; 0 to learn it.
    ///
    /// # Errors
    /// [`Error::Recipe`] when the data cannot be observed like that.
    pub fn new(observation: Observation, grey: Grey, deviation: f64, info: &DataInfo) -> Result<Self> {
        if !matches!(info.kind, Kind::Image | Kind::Points) {
            let problem = format!(
                "items are images or points here, but these are {}",
                info.kind.plural()
            );
            return Err(Error::data(
                &info.source,
                problem,
                "choose another source or model",
            ));
        }
        if observation != Observation::Gaussian && info.kind != Kind::Image {
            return Err(Error::recipe(
                "model.observation",
                "only images have levels, but these are points",
                "set it to \"gaussian\"",
            ));
        }
        if !(deviation.is_finite() && deviation >= 0.0) {
            return Err(Error::recipe(
                "model.deviation",
                format!("{deviation} is not a standard deviation"),
                "give 0 to learn it, or say 0.1",
            ));
        }
        let scale = match info.kind {
            Kind::Points => info.range.0.abs().max(info.range.1.abs()).max(f32::MIN_POSITIVE),
            _ => 1.0,
        };
        let fixed = observation == Observation::Gaussian && deviation > 0.0;
        Ok(Likelihood {
            observation,
            grey,
            deviation: fixed.then_some(deviation),
            info: info.clone(),
            scale,
        })
    }

    /// The data's description.
    pub fn info(&self) -> &DataInfo {
        &self.info
    }

    /// Axes of an item as networks take it: `[height, width, channel]`.
    pub fn item(&self) -> [usize; 3] {
        as_image_shape(&self.info)
    }

    /// Axes of what a decoder says of an item: its channels, doubled where it tells a scale too.
    pub fn outputs(&self) -> [usize; 3] {
        let [h, w, c] = self.item();
        [h, w, if self.tells_scale() { 2 * c } else { c }]
    }

    fn tells_scale(&self) -> bool {
        match self.observation {
            Observation::Bernoulli => false,
            Observation::Gaussian => self.deviation.is_none(),
            Observation::DiscretizedLogistic => true,
        }
    }

    /// Whether values are bytes that are made continuous by noise within a level (Theis et al. 2016, arXiv:1511.01844).
    fn dequantizes(&self) -> bool {
        self.observation == Observation::Gaussian
            && self.info.kind == Kind::Image
            && self.info.range == (0.0, 255.0)
    }

    /// Whether the model is shown something else than the item.
    pub fn binarizes(&self) -> bool {
        self.observation == Observation::Bernoulli && self.grey != Grey::Probability
    }

    /// The items of a batch as they are observed, and as encoders take them, `[batch, height, width, channel]`: 0 and 1 (or
    /// between) for Bernoulli, [-1, 1] otherwise. What is drawn for item `i` of the data set is drawn from `key.step(i)`;
    /// without a key, its expectation is taken.
    pub fn observed(&self, batch: &Batch, key: Option<Key>, device: &Device) -> Tensor<4> {
        let values = &batch.values;
        let unit = || values.iter().map(|v| (v + 1.0) * 0.5).collect::<Vec<f32>>();
        let seen = match (self.observation, self.grey, key) {
            (Observation::Bernoulli, Grey::Dynamic, Some(key)) => Binarization::Dynamic.of(batch, key),
            (Observation::Bernoulli, Grey::Threshold, _) => {
                values.iter().map(|&v| f32::from(v > 0.0)).collect()
            }
            (Observation::Bernoulli, ..) => unit(),
            (Observation::DiscretizedLogistic, ..) => values
                .iter()
                .map(|&v| levels::value(levels::level(v, LEVELS), LEVELS))
                .collect(),
            (Observation::Gaussian, ..) if self.dequantizes() => dequantized(batch, key),
            (Observation::Gaussian, ..) => values.iter().map(|v| v / self.scale).collect(),
        };
        let [h, w, c] = self.item();
        Tensor::from_data(TensorData::new(seen, [batch.shape[0], h, w, c]), device)
    }

    /// Items in the data's own terms as [`Likelihood::observed`] has them without a key.
    pub(super) fn seen(&self, x: Tensor<4>) -> Tensor<4> {
        let top = (LEVELS - 1) as f64;
        match (self.observation, self.grey) {
            (Observation::Bernoulli, Grey::Threshold) => x.greater_elem(0.0).float(),
            (Observation::Bernoulli, _) => (x + 1.0) * 0.5,
            (Observation::DiscretizedLogistic, _) => {
                let level = ((x + 1.0) * (0.5 * top)).round().clamp(0.0, top);
                level * (2.0 / top) - 1.0
            }
            (Observation::Gaussian, _) if self.dequantizes() => ((x + 1.0) * 127.5 + 0.5) / 128.0 - 1.0,
            (Observation::Gaussian, _) => x / self.scale,
        }
    }

    /// What encoders take, as another program gives it.
    pub(super) fn item_port(&self) -> Port {
        let port = Port::item(&self.info);
        match self.observation {
            Observation::DiscretizedLogistic => Port {
                holds: Holds::Steps(LEVELS),
                ..port
            },
            _ => port,
        }
    }

    /// [`Likelihood::mean`] as a tensor.
    pub(super) fn mean_of(&self, said: Tensor<4>) -> Tensor<4> {
        let mean = self.said_mean(said);
        match self.info.kind {
            Kind::Points => mean * self.scale,
            // Dequantized: the middle of level b is (b + 1/2) / 128 - 1.
            _ if self.dequantizes() => (((mean + 1.0) * 128.0 - 0.5) / 127.5 - 1.0).clamp(-1.0, 1.0),
            _ => mean.clamp(-1.0, 1.0),
        }
    }

    fn said_mean(&self, said: Tensor<4>) -> Tensor<4> {
        match self.observation {
            Observation::Bernoulli => activation(said, Activation::Sigmoid) * 2.0 - 1.0,
            _ if self.tells_scale() => self.split(said).0,
            _ => said,
        }
    }

    /// log p(x | z) in nats, in the data's own units, of what a decoder said `[K N, height, width, ..]` about observed items
    /// `[N, height, width, channel]`: row r is about item r mod N.
    pub fn log_probability(&self, said: Tensor<4>, observed: Tensor<4>) -> Tensor<1> {
        let ([rows, ..], [items, ..]) = (said.dims(), observed.dims());
        let numbers = self.info.numbers();
        let flat = |x: Tensor<4>, rows: usize| x.reshape([rows, numbers]);
        let log = match (self.observation, self.deviation) {
            (Observation::Bernoulli, _) => {
                return -row_loss(flat(said, rows), flat(observed, items), RowLoss::Bernoulli);
            }
            (Observation::Gaussian, Some(s)) => {
                let squares = row_loss(flat(said, rows), flat(observed, items), RowLoss::Square);
                squares * (-0.5 / (s * s)) - numbers as f64 * (s.ln() + 0.5 * std::f64::consts::TAU.ln())
            }
            (Observation::Gaussian, None) => {
                let (mean, log_scale) = self.split(said);
                let gap = (observed.repeat_dim(0, rows / items) - mean) * (-log_scale.clone()).exp();
                let all = gap.clone() * gap * -0.5 - log_scale;
                flat(all, rows).sum_dim(1).reshape([rows]) - numbers as f64 * 0.5 * std::f64::consts::TAU.ln()
            }
            (Observation::DiscretizedLogistic, _) => {
                let (mean, log_scale) = self.split(said);
                let all = log_level_mass(observed.repeat_dim(0, rows / items), mean, log_scale);
                flat(all, rows).sum_dim(1).reshape([rows])
            }
        };
        log - self.log_stretch()
    }

    /// Means and logarithms of scales. These are kept between a half level and the whole range by a tanh, so that neither
    /// a density nor its gradient can grow without bound.
    fn split(&self, said: Tensor<4>) -> (Tensor<4>, Tensor<4>) {
        let c = self.item()[2];
        let raw = said.clone().narrow(3, c, c);
        (
            said.narrow(3, 0, c),
            activation(raw, Activation::Tanh) * 3.0 - 2.5,
        )
    }

    /// By how much the logarithm of a density shrinks from the networks' units to the data's own.
    fn log_stretch(&self) -> f64 {
        let each = match (self.observation, self.info.kind) {
            (Observation::Gaussian, Kind::Image) if self.dequantizes() => LEVELS as f64 / 2.0,
            // Real-valued images: [0, 1] becomes [-1, 1].
            (Observation::Gaussian, Kind::Image) => 0.5,
            (Observation::Gaussian, _) => self.scale as f64,
            _ => 1.0,
        };
        self.info.numbers() as f64 * each.ln()
    }

    /// The mean of p(x | z) in the data's own terms, `[rows, ..item]`, of what a decoder said.
    pub fn mean(&self, said: Tensor<4>) -> Samples {
        let rows = said.dims()[0];
        self.items(self.said_mean(said), rows)
    }

    /// Observed items in the data's own terms.
    pub fn shown(&self, observed: Tensor<4>) -> Samples {
        let rows = observed.dims()[0];
        let x = if self.observation == Observation::Bernoulli {
            observed * 2.0 - 1.0
        } else {
            observed
        };
        self.items(x, rows)
    }

    fn items(&self, x: Tensor<4>, rows: usize) -> Samples {
        let mut values = menagerie_nn::numbers(x);
        match self.info.kind {
            Kind::Points => values.iter_mut().for_each(|v| *v *= self.scale),
            // Dequantized: the middle of level b is (b + 1/2) / 128 - 1.
            _ if self.dequantizes() => values
                .iter_mut()
                .for_each(|v| *v = (((*v + 1.0) * 128.0 - 0.5) / 127.5 - 1.0).clamp(-1.0, 1.0)),
            _ => values.iter_mut().for_each(|v| *v = v.clamp(-1.0, 1.0)),
        }
        Samples {
            kind: self.info.kind,
            shape: [&[rows], &self.info.shape[..]].concat(),
            values,
        }
    }
}

/// Bytes b as (b + u) / 128 - 1 with u uniform in [0, 1), or 1/2 without a key.
fn dequantized(batch: &Batch, key: Option<Key>) -> Vec<f32> {
    let mut out = vec![0.5; batch.values.len()];
    let n = (out.len() / batch.indices.len().max(1)).max(1);
    // An item has a stream of its own, so any thread may draw it; each takes its place alone, and no lock is waited for.
    let places: Vec<Mutex<&mut [f32]>> = out.chunks_mut(n).map(Mutex::new).collect();
    par_for(places.len(), &|i| {
        let mut item = places[i].lock().unwrap_or_else(PoisonError::into_inner);
        if let (Some(key), Some(&index)) = (key, batch.indices.get(i)) {
            noise::fill_uniform(key.step(index as u64).words(), &mut item);
        }
        item.iter_mut()
            .zip(&batch.values[i * n..])
            .for_each(|(u, v)| *u = ((v + 1.0) * 127.5 + *u) / 128.0 - 1.0);
    });
    drop(places);
    out
}

/// Logarithm of the mass that a logistic distribution has in the level around x, where the outermost levels reach to
/// infinity. With a and b the level's edges, standardized,
/// sigmoid(a) - sigmoid(b) = sigmoid(a) sigmoid(-b) (1 - exp(b - a)), of which no factor loses digits.
fn log_level_mass(x: Tensor<4>, mean: Tensor<4>, log_scale: Tensor<4>) -> Tensor<4> {
    let half = 1.0 / (LEVELS - 1) as f64;
    let inverse = (-log_scale).exp();
    let gap = x.clone() - mean;
    let above = (gap.clone() + half) * inverse.clone();
    let below = (gap - half) * inverse.clone();
    let not_last = x.clone().lower_elem(1.0 - half).float();
    let not_first = x.greater_elem(half - 1.0).float();
    let width = (-(inverse * (-2.0 * half)).exp() + 1.0).log();
    let softplus = |x| activation(x, Activation::Softplus);
    width * not_first.clone() * not_last.clone() - softplus(-above) * not_last - softplus(below) * not_first
}

#[cfg(test)]
mod tests {
    use super::*;

    fn info(kind: Kind, shape: &[usize], range: (f32, f32)) -> DataInfo {
        let (labels, attributes) = (vec![], vec![]);
        DataInfo {
            source: "test".into(),
            kind,
            shape: shape.to_vec(),
            count: 9,
            range,
            labels,
            attributes,
            ..DataInfo::default()
        }
    }

    fn batch(kind: Kind, shape: &[usize], values: Vec<f32>) -> Batch {
        let n = values.len() / shape.iter().product::<usize>();
        let shape = [&[n], shape].concat();
        Batch {
            kind,
            shape,
            values,
            labels: None,
            attributes: vec![],
            captions: None,
            indices: (0..n as u32).collect(),
        }
    }

    fn numbers(t: Tensor<1>) -> Vec<f64> {
        t.into_data()
            .as_slice::<f32>()
            .unwrap()
            .iter()
            .map(|&v| v as f64)
            .collect()
    }

    /// The masses of all 256 levels sum to one, for narrow and wide, central and outlying logistic distributions.
    #[test]
    fn discretized_logistic_sums_to_one() {
        let device = Device::flex();
        let l = Likelihood::new(
            Observation::DiscretizedLogistic,
            Grey::Dynamic,
            0.0,
            &info(Kind::Image, &[1, 1, 1], (0.0, 255.0)),
        )
        .unwrap();
        let all = batch(
            Kind::Image,
            &[1, 1, 1],
            (0..256).map(|b| levels::value(b, 256)).collect(),
        );
        for (mean, raw) in [(0.0, 0.0), (0.3, -3.0), (-1.0, 0.5), (1.4, -0.5), (0.0, 3.0)] {
            let said = Tensor::<1>::from_floats([mean, raw], &device)
                .reshape([1, 1, 1, 2])
                .repeat_dim(0, 256);
            let sum: f64 = numbers(l.log_probability(said, l.observed(&all, None, &device)))
                .iter()
                .map(|v| v.exp())
                .sum();
            assert!((sum - 1.0).abs() < 1e-4, "{mean} {raw}: {sum}");
        }
    }

    /// In the data's own units: the density of points integrates to one over the plane, that of bytes over [0, 256).
    #[test]
    fn densities_integrate_to_one_in_the_datas_units() {
        let device = Device::flex();
        for (deviation, raw) in [(0.2, None), (0.0, Some(0.3f32))] {
            let l = Likelihood::new(
                Observation::Gaussian,
                Grey::Dynamic,
                deviation,
                &info(Kind::Points, &[1], (-4.0, 2.0)),
            )
            .unwrap();
            let n = 4000;
            let grid: Vec<f32> = (0..n).map(|i| -10.0 + 20.0 * i as f32 / n as f32).collect();
            let said: Vec<f32> = (0..n)
                .flat_map(|_| [Some(0.1), raw].into_iter().flatten())
                .collect();
            let said = Tensor::<1>::from_floats(&said[..], &device).reshape([n, 1, 1, -1]);
            let x = l.observed(&batch(Kind::Points, &[1], grid), None, &device);
            let sum: f64 = numbers(l.log_probability(said, x))
                .iter()
                .map(|v| v.exp() * 20.0 / n as f64)
                .sum();
            assert!((sum - 1.0).abs() < 1e-3, "{deviation}: {sum}");
        }
        // Bytes: with a wide Gaussian the density at a byte, dequantized to its middle, is that of b + 1/2.
        let l = Likelihood::new(
            Observation::Gaussian,
            Grey::Dynamic,
            0.5,
            &info(Kind::Image, &[1, 1, 1], (0.0, 255.0)),
        )
        .unwrap();
        let x = l.observed(
            &batch(Kind::Image, &[1, 1, 1], vec![100.0 / 127.5 - 1.0]),
            None,
            &device,
        );
        let got = numbers(l.log_probability(Tensor::zeros([1, 1, 1, 1], &device), x.clone()))[0];
        let want = -0.5 * ((100.5f64 - 128.0) / 64.0).powi(2) - (64.0 * std::f64::consts::TAU.sqrt()).ln();
        assert!((got - want).abs() < 1e-5, "{got} {want}");
        assert!((l.shown(x).values[0] - (100.0 / 127.5 - 1.0)).abs() < 1e-5);
    }

    #[test]
    fn bernoulli_is_the_sum_of_log_probabilities() {
        let device = Device::flex();
        let l = Likelihood::new(
            Observation::Bernoulli,
            Grey::Threshold,
            0.0,
            &info(Kind::Image, &[1, 3, 1], (0.0, 255.0)),
        )
        .unwrap();
        let x = l.observed(
            &batch(Kind::Image, &[1, 3, 1], vec![-0.5, 0.5, 1.0]),
            None,
            &device,
        );
        let said = Tensor::<1>::from_floats([0.3, -1.0, 2.0, 0.0, 0.0, 0.0], &device).reshape([2, 1, 3, 1]);
        let got = numbers(l.log_probability(said, x));
        let p = |logit: f64| 1.0 / (1.0 + (-logit).exp());
        let want = [
            (1.0 - p(0.3)).ln() + p(-1.0).ln() + p(2.0).ln(),
            3.0 * 0.5f64.ln(),
        ];
        assert!(
            got.iter().zip(want).all(|(g, w)| (g - w).abs() < 1e-5),
            "{got:?} {want:?}"
        );
    }

    #[test]
    fn points_have_no_levels() {
        let e = Likelihood::new(
            Observation::Bernoulli,
            Grey::Dynamic,
            0.0,
            &info(Kind::Points, &[2], (-1.0, 1.0)),
        )
        .unwrap_err();
        assert!(e.to_string().contains("model.observation"), "{e}");
    }
}
