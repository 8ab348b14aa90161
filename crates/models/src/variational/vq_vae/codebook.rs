//! A codebook: vectors that stand for all vectors near them, and how it learns.
//!
//! van den Oord, Vinyals, Kavukcuoglu (2017), Neural Discrete Representation Learning, arXiv:1711.00937.
//!
//! ```text
//! q(z = k | x) = 1 for k = argmin_j || z_e(x) - e_j ||, else 0                                      (equation 1)
//! N_i <- decay N_i + (1 - decay) n_i,   m_i <- decay m_i + (1 - decay) sum_j z_ij,   e_i = m_i / N_i       (appendix A.1)
//! ```
use burn::module::{Module, Param};
use burn::tensor::{Device, Int, Tensor, TensorData};
use menagerie_data::error::{Error, Result};
use menagerie_data::random::Key;
use menagerie_nn::{Tensors, collective};
use serde::{Deserialize, Serialize};

/// `[codebook]`
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct CodebookConfig {
    /// codes (the paper's K)
    pub size: usize,
    /// `moving-average`: a code is the running mean of what it stands for; `gradient`: it descends its squared distance from
    /// that, by the optimizer
    pub learn: Learn,
    /// of the moving averages
    pub decay: f64,
    /// weight of the squared distance of the encoder's vectors from their codes (the paper's beta)
    pub commitment: f64,
    /// `moving-average`: a code whose running count is below this share of the mean count is put where one of the batch's
    /// vectors is; 0 for never
    pub revive: f64,
}

/// How codes move.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Learn {
    /// appendix A.1
    MovingAverage,
    /// equation 3, its second term
    Gradient,
}

impl Default for CodebookConfig {
    fn default() -> Self {
        CodebookConfig {
            size: 512,
            learn: Learn::MovingAverage,
            decay: 0.99,
            commitment: 0.25,
            revive: 0.03,
        }
    }
}

/// Codes that the prior's softmax could still tell apart in reasonable memory.
const MOST: usize = 1 << 14;

impl CodebookConfig {
    /// Refuses what is no codebook.
    ///
    /// # Errors
    /// [`Error::Recipe`] with the key.
    pub fn check(&self) -> Result<()> {
        if !(2..=MOST).contains(&self.size) {
            return Err(Error::recipe(
                "codebook.size",
                format!("{} codes cannot be told apart", self.size),
                format!("give 2 to {MOST}"),
            ));
        }
        if !(0.0..1.0).contains(&self.decay) {
            return Err(Error::recipe(
                "codebook.decay",
                format!("{} is not a decay", self.decay),
                "give 0 or more and less than 1, say 0.99",
            ));
        }
        if !(0.0..1.0).contains(&self.revive) {
            let problem = format!("{} is not a share of the mean count", self.revive);
            return Err(Error::recipe(
                "codebook.revive",
                problem,
                "give 0 for never, or say 0.03",
            ));
        }
        if !(self.commitment.is_finite() && self.commitment >= 0.0) {
            return Err(Error::recipe(
                "codebook.commitment",
                format!("{} is not a weight", self.commitment),
                "give 0 or more, say 0.25",
            ));
        }
        Ok(())
    }
}

/// The codes' vectors.
#[derive(Module, Debug)]
pub(super) struct Codebook {
    /// `[size, width]`
    pub vectors: Param<Tensor<2>>,
}

impl Codebook {
    /// Vectors that are yet to be put somewhere.
    pub(super) fn new(size: usize, width: usize, device: &Device) -> Codebook {
        Codebook {
            vectors: menagerie_nn::init::zeros([size, width], device),
        }
    }

    /// With other vectors, `[size, width]` row by row.
    pub(super) fn at(&self, vectors: Vec<f32>) -> Codebook {
        let shape = self.vectors.dims();
        Codebook {
            vectors: Param::from_tensor(Tensor::from_data(
                TensorData::new(vectors, shape),
                &self.vectors.device(),
            )),
        }
    }

    /// The code nearest to each of the vectors `[n, width]`, the first of equals.
    pub(super) fn nearest(&self, z: Tensor<2>) -> Vec<u32> {
        let size = self.vectors.dims()[0];
        let scores = menagerie_nn::numbers(self.scores(z));
        let best = |row: &[f32]| {
            row.iter().enumerate().fold(
                (0, f32::NEG_INFINITY),
                |b, (i, &v)| if v > b.1 { (i, v) } else { b },
            )
        };
        scores.chunks_exact(size).map(|row| best(row).0 as u32).collect()
    }

    /// Of vectors `[n, width]` the larger, the nearer a code is: `[n, codes]`, without autodiff.
    /// || z - e ||^2 = || z ||^2 - 2 (z e - || e ||^2 / 2), and the first term is the same for all codes.
    pub(super) fn scores(&self, z: Tensor<2>) -> Tensor<2> {
        let (z, e) = (plain(z), plain(self.vectors.val()));
        let half_squares = (e.clone() * e.clone()).sum_dim(1).transpose() * 0.5;
        z.matmul(e.transpose()) - half_squares
    }

    /// The vectors of some codes, `[n, width]`.
    pub(super) fn look_up(&self, codes: &[u32]) -> Tensor<2> {
        let vectors = self.vectors.val();
        let codes: Vec<i32> = codes.iter().map(|&c| c as i32).collect();
        let n = codes.len();
        vectors.clone().select(
            0,
            Tensor::<1, Int>::from_data(TensorData::new(codes, [n]), &vectors.device()),
        )
    }
}

/// The codes' vectors e for the next layer; their gradient goes to the encoder's vectors z as it is (section 3.2).
pub(super) fn straight_through(z: Tensor<2>, e: Tensor<2>) -> Tensor<2> {
    z.clone() + (e - z).detach()
}

fn plain(t: Tensor<2>) -> Tensor<2> {
    if t.is_autodiff() { t.inner() } else { t }
}

/// How often each code was chosen.
pub(super) fn counts(codes: &[u32], size: usize) -> Vec<u32> {
    let mut n = vec![0; size];
    codes.iter().for_each(|&c| n[c as usize] += 1);
    n
}

/// exp of the entropy of the codes' frequencies: as many codes as would be in use if all were used alike.
pub(super) fn perplexity(counts: &[u32]) -> f64 {
    let total = counts.iter().sum::<u32>().max(1) as f64;
    let entropy: f64 = counts
        .iter()
        .filter(|&&n| n > 0)
        .map(|&n| n as f64 / total)
        .map(|p| -p * p.ln())
        .sum();
    entropy.exp()
}

/// Vectors for a fresh codebook: some of a batch's `[n, width]`, drawn without putting back while there are enough.
pub(super) fn first_vectors(z: &[f32], width: usize, size: usize, key: Key) -> Vec<f32> {
    let order = key.permutation(z.len() / width);
    (0..size)
        .map(|i| order[i % order.len()] as usize)
        .flat_map(|i| z[i * width..(i + 1) * width].iter().copied())
        .collect()
}

/// Running counts and sums of what codes stand for.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct MovingAverage {
    /// N, `[size]`
    counts: Vec<f32>,
    /// m, `[size, width]`
    sums: Vec<f32>,
    decay: f32,
    revive: f32,
}

impl MovingAverage {
    /// Of a fresh codebook with these vectors, each counted as often as `mean` says.
    pub(super) fn new(vectors: &[f32], mean: f32, config: &CodebookConfig) -> MovingAverage {
        let sums = vectors.iter().map(|v| v * mean).collect();
        MovingAverage {
            counts: vec![mean; config.size],
            sums,
            decay: config.decay as f32,
            revive: config.revive as f32,
        }
    }

    /// The codebook's vectors after a batch z `[n, width]` whose codes these are, with those of all its leaves; `key` decides
    /// where dead codes go.
    pub(super) fn update(&mut self, z: &[f32], codes: &[u32], key: Key) -> Vec<f32> {
        let z = &collective::gather(z.to_vec())[..];
        let codes = collective::gather(codes.iter().map(|&c| c as f32).collect());
        let codes = &codes.into_iter().map(|c| c as u32).collect::<Vec<_>>()[..];
        let key = collective::common_key(key);

        let (size, width) = (self.counts.len(), self.sums.len() / self.counts.len());
        let mut new = vec![0f64; size * width];
        for (z, &c) in z.chunks_exact(width).zip(codes) {
            new[c as usize * width..][..width]
                .iter_mut()
                .zip(z)
                .for_each(|(s, z)| *s += *z as f64);
        }
        let d = self.decay;
        self.counts
            .iter_mut()
            .zip(counts(codes, size))
            .for_each(|(n, new)| *n = d * *n + (1.0 - d) * new as f32);
        self.sums
            .iter_mut()
            .zip(new)
            .for_each(|(m, new)| *m = d * *m + (1.0 - d) * new as f32);
        let mean = codes.len() as f32 / size as f32;
        let mut places = key.permutation(codes.len()).into_iter();
        for (n, m) in self.counts.iter_mut().zip(self.sums.chunks_exact_mut(width)) {
            // Fewer vectors than dead codes: the rest waits for the next batch.
            let place = if *n < self.revive * mean {
                places.next()
            } else {
                None
            };
            if let Some(at) = place {
                *n = mean;
                m.iter_mut()
                    .zip(&z[at as usize * width..])
                    .for_each(|(m, z)| *m = mean * z);
            }
        }
        let each = self.counts.iter().zip(self.sums.chunks_exact(width));
        // A code that is never revived may have been counted down to nothing: then it stays at the last place that can be told.
        each.flat_map(|(n, m)| m.iter().map(|m| m / n.max(1e-30)))
            .collect()
    }

    /// For a checkpoint.
    pub(super) fn save(&self) -> Tensors {
        let (size, width) = (self.counts.len(), self.sums.len() / self.counts.len());
        let mut out = Tensors::default();
        out.arrays
            .insert("counts".into(), (vec![size], self.counts.clone()));
        out.arrays
            .insert("sums".into(), (vec![size, width], self.sums.clone()));
        out
    }

    /// Takes up what `save` gave.
    ///
    /// # Errors
    /// When it is of another codebook.
    pub(super) fn load(&mut self, from: &Tensors) -> Result<()> {
        let (size, width) = (self.counts.len(), self.sums.len() / self.counts.len());
        let device = Device::flex();
        self.counts = menagerie_nn::numbers(from.get("counts", [size], &device)?);
        self.sums = menagerie_nn::numbers(from.get("sums", [size, width], &device)?);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use menagerie_kernels::noise;

    fn numbers(t: Tensor<2>) -> Vec<f32> {
        t.into_data().try_into_vec().unwrap()
    }

    #[test]
    fn the_nearest_code_is_that_of_a_search_in_f64() {
        let device = Device::flex();
        for (n, size, width) in [(300, 37, 5), (64, 2, 1), (50, 512, 64)] {
            let z = noise::normal::<2>(Key::new(1).words(), [n, width], &device);
            let e = noise::normal::<2>(Key::new(2).words(), [size, width], &device) * 0.8 + 0.3;
            let book = Codebook::new(size, width, &device).at(numbers(e.clone()));
            let codes = book.nearest(z.clone());
            let (z, e) = (numbers(z), numbers(e));
            let mut seen = vec![false; size];
            for (z, &code) in z.chunks(width).zip(&codes) {
                let square = |e: &[f32]| {
                    z.iter()
                        .zip(e)
                        .map(|(z, e)| (*z as f64 - *e as f64).powi(2))
                        .sum::<f64>()
                };
                let best = e.chunks(width).map(square).fold(f64::INFINITY, f64::min);
                let found = square(&e[code as usize * width..][..width]);
                assert!(
                    found - best <= 1e-5 * (1.0 + best),
                    "{found} where {best} is nearest"
                );
                seen[code as usize] = true;
            }
            assert!(
                seen.iter().filter(|s| **s).count() > 1,
                "more than one code is near something"
            );
            assert_eq!(
                numbers(book.look_up(&codes))[..width],
                e[codes[0] as usize * width..][..width]
            );
        }
        // Of equals the first.
        let twice = Codebook::new(3, 1, &device).at(vec![2.0, 1.0, 1.0]);
        assert_eq!(
            twice.nearest(Tensor::from_floats([[1.2], [5.0]], &device)),
            [1, 0]
        );
    }

    /// The gradient at z is the gradient of f at the codes, by central differences of f there; f is a smooth function.
    #[test]
    fn the_gradient_passes_straight_through() {
        let device = Device::flex().autodiff();
        let f = |x: Tensor<2>| ((x.clone() * 1.7).sin() + x.clone() * x.clone() * x).sum();
        let book = Codebook::new(3, 2, &device).at(vec![0.5, -0.4, 1.0, 0.2, -0.7, 0.9]);
        let z = Tensor::<2>::from_floats([[0.6, -0.1], [-0.5, 1.1], [0.9, 0.1]], &device).require_grad();
        let codes = book.nearest(z.clone());
        assert_eq!(codes, [0, 2, 1]);
        let gradients = f(straight_through(z.clone(), book.look_up(&codes))).backward();
        let got = numbers(z.grad(&gradients).unwrap());
        assert!(
            book.vectors.val().grad(&gradients).is_none(),
            "the codes learn otherwise"
        );
        let e = numbers(plain(book.look_up(&codes)));
        for (i, g) in got.iter().enumerate() {
            let at = |by: f64| {
                let each = e
                    .iter()
                    .enumerate()
                    .map(|(j, &v)| v as f64 + if i == j { by } else { 0.0 });
                each.map(|x| (1.7 * x).sin() + x * x * x).sum::<f64>()
            };
            let want = (at(1e-5) - at(-1e-5)) / 2e-5;
            assert!((*g as f64 - want).abs() < 1e-3, "{i}: {g} {want}");
        }
    }

    /// Two codes and three vectors, worked out on paper: appendix A.1 with decay 0.5.
    #[test]
    fn codes_are_running_means() {
        let config = CodebookConfig {
            size: 2,
            decay: 0.5,
            revive: 0.0,
            ..Default::default()
        };
        let mut average = MovingAverage::new(&[0.0, 0.0, 4.0, 4.0], 2.0, &config);
        // N = (2, 2), m = ((0, 0), (8, 8)); n = (2, 1), sums ((3, -1), (6, 2)).
        let vectors = average.update(&[1.0, 0.0, 6.0, 2.0, 2.0, -1.0], &[0, 1, 0], Key::new(1));
        assert_eq!(
            (&average.counts[..], &average.sums[..]),
            (&[2.0, 1.5][..], &[1.5, -0.5, 7.0, 5.0][..])
        );
        assert_eq!(vectors, [0.75, -0.25, 7.0 / 1.5, 5.0 / 1.5]);
        // Never chosen again and never revived, a code stays where it was.
        for s in 0..300 {
            let vectors = average.update(&[1.0, 1.0], &[0], Key::new(s));
            assert!(
                vectors.iter().all(|v| v.is_finite()) && (s > 90 || (vectors[2] - 7.0 / 1.5).abs() < 1e-4),
                "{s}: {vectors:?}"
            );
        }
        let saved = average.save();
        let mut other = MovingAverage::new(&[0.0; 4], 1.0, &config);
        other.load(&saved).unwrap();
        assert_eq!(other, average);
        assert!(
            MovingAverage::new(&[0.0; 6], 1.0, &CodebookConfig { size: 3, ..config })
                .load(&saved)
                .is_err()
        );
    }

    /// A code that nothing chooses is put onto one of the batch's vectors once its count is low, and counted as the mean.
    #[test]
    fn dead_codes_are_revived() {
        let config = CodebookConfig {
            size: 3,
            decay: 0.5,
            revive: 0.2,
            ..Default::default()
        };
        let mut average = MovingAverage::new(&[0.0, 10.0, 20.0], 1.0, &config);
        let z = [0.1, 0.2, 9.0];
        // The third count: 0.5, 0.25, 0.125 < 0.2.
        for s in 0..2 {
            assert_eq!(average.update(&z, &[0, 0, 1], Key::new(s))[2], 20.0);
        }
        let vectors = average.update(&z, &[0, 0, 1], Key::new(2));
        assert!(z.contains(&vectors[2]), "{vectors:?}");
        assert_eq!(average.counts[2], 1.0);
    }

    #[test]
    fn perplexity_counts_codes_in_equal_use() {
        assert!((perplexity(&[5, 5, 0, 5, 5]) - 4.0).abs() < 1e-12);
        assert!((perplexity(&[7, 0, 0]) - 1.0).abs() < 1e-12);
        // (1/2, 1/4, 1/4): 2^1.5.
        assert!((perplexity(&counts(&[1, 1, 2, 0], 3)) - 8f64.sqrt()).abs() < 1e-12);
        let some = first_vectors(&[1.0, 2.0, 3.0, 4.0], 1, 3, Key::new(3));
        assert!(some.iter().all(|v| (1.0..=4.0).contains(v)) && some[0] != some[1] && some[1] != some[2]);
    }

    #[test]
    fn what_is_no_codebook_is_refused() {
        let good = CodebookConfig::default();
        good.check().unwrap();
        for (bad, key) in [
            (CodebookConfig { size: 1, ..good }, "codebook.size"),
            (CodebookConfig { decay: 1.0, ..good }, "codebook.decay"),
            (
                CodebookConfig {
                    commitment: -1.0,
                    ..good
                },
                "codebook.commitment",
            ),
            (CodebookConfig { revive: 1.0, ..good }, "codebook.revive"),
        ] {
            assert!(bad.check().unwrap_err().to_string().contains(key), "{key}");
        }
    }
}
