//! The denoising autoencoder: it is shown an item with a part destroyed, and gives back the whole.
//!
//! Vincent, Larochelle, Bengio, Manzagol (2008), Extracting and Composing Robust Features with Denoising Autoencoders,
//! ICML 2008; Vincent, Larochelle, Lajoie, Bengio, Manzagol (2010), JMLR 11, section 3.3, for the other two corruptions.
//!
//! ```text
//! min E L(x, g(f(x~))),  x~ ~ q(x~ | x)                                       (2008, equation 4)
//! ```
use super::autoencoder::{self, Loss, Sizes};
use crate::{Capability, Entry, Model, Registered};
use burn::tensor::Device;
use menagerie_data::error::{Error, Result};
use menagerie_data::random::Key;
use menagerie_data::{Batch, DataInfo, Kind};
use menagerie_kernels::noise;
use menagerie_nn::OptimizerConfig;
use serde::{Deserialize, Serialize};

/// Everything of a recipe that is this model's own.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// `[model]`
    pub model: Sizes,
    /// `[corruption]`
    pub corruption: Corruption,
    /// `[loss]`
    pub loss: Loss,
    /// `[optimizer]`
    pub optimizer: OptimizerConfig,
}

/// `[corruption]`: what is done to items before they are shown.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Corruption {
    /// `masking`, `gaussian` or `salt-and-pepper`
    pub kind: CorruptionKind,
    /// the share of numbers that are destroyed; `gaussian`: the noise's standard deviation, where images span 2 and points are
    /// scaled into [-1, 1]
    pub amount: f64,
}

/// How items are corrupted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum CorruptionKind {
    /// destroyed numbers become black (0, for points)
    Masking,
    /// noise is added to every number
    Gaussian,
    /// destroyed numbers become black or white by a fair coin (the ends of the range, for points)
    SaltAndPepper,
}

impl Default for Corruption {
    fn default() -> Self {
        Corruption {
            kind: CorruptionKind::Masking,
            amount: 0.25,
        }
    }
}

impl Default for Config {
    /// An overcomplete code: the corruption, not the bottleneck, keeps it from copying.
    fn default() -> Self {
        let autoencoder::Config {
            model,
            loss,
            optimizer,
        } = autoencoder::Config::default();
        let model = Sizes {
            hidden: vec![500],
            latent: 500,
            ..model
        };
        Config {
            model,
            corruption: Corruption::default(),
            loss,
            optimizer,
        }
    }
}

impl Corruption {
    /// Refuses shares outside of [0, 1].
    ///
    /// # Errors
    /// [`Error::Recipe`] with the key.
    pub fn check(&self) -> Result<()> {
        let most = if self.kind == CorruptionKind::Gaussian {
            f64::MAX
        } else {
            1.0
        };
        if !(0.0..=most).contains(&self.amount) {
            return Err(Error::recipe(
                "corruption.amount",
                format!("{} is too small or too large", self.amount),
                "give say 0.25",
            ));
        }
        Ok(())
    }

    /// The values of a batch, corrupted; `extent` is the largest absolute value of points. Item `i` of the data set is
    /// corrupted by `key.step(i)`.
    pub fn of(&self, batch: &Batch, extent: f32, key: Key) -> Vec<f32> {
        let mut out = batch.values.clone();
        let n = (out.len() / batch.indices.len().max(1)).max(1);
        let (masked, low) = if batch.kind == Kind::Points {
            (0.0, -extent)
        } else {
            (-1.0, -1.0)
        };
        let amount = self.amount as f32;
        let mut drawn = vec![0f32; n];
        for (item, &i) in out.chunks_exact_mut(n).zip(&batch.indices) {
            let key = key.step(i as u64).words();
            match self.kind {
                CorruptionKind::Gaussian => {
                    noise::fill_normal(key, &mut drawn);
                    item.iter_mut()
                        .zip(&drawn)
                        .for_each(|(v, e)| *v += amount * extent * e);
                }
                kind => {
                    noise::fill_uniform(key, &mut drawn);
                    for (v, u) in item.iter_mut().zip(&drawn).filter(|(_, u)| **u < amount) {
                        *v = match kind {
                            CorruptionKind::Masking => masked,
                            // Which half of the destroyed share u is in is the coin.
                            _ if *u < 0.5 * amount => low,
                            _ => -low,
                        };
                    }
                }
            }
        }
        out
    }
}

impl Registered for Config {
    type Config = Config;
    fn defaults() -> Config {
        Config::default()
    }
    fn check(config: &Config) -> Result<()> {
        config.corruption.check()
    }
    fn build(config: Config, info: &DataInfo, device: &Device, key: Key) -> Result<Box<dyn Model>> {
        let Config {
            model,
            corruption,
            loss,
            optimizer,
        } = config;
        let plain = autoencoder::Config {
            model,
            loss,
            optimizer,
        };
        Ok(Box::new(plain.build(
            "denoising_autoencoder",
            Some(corruption),
            info,
            device,
            key,
        )?))
    }
}

/// In the registry.
pub(crate) const ENTRY: Entry = Entry {
    name: "denoising_autoencoder",
    family: super::FAMILY,
    capabilities: &[Capability::Encode, Capability::Reconstruct, Capability::Features],
    paper: "Vincent et al. 2008, Extracting and Composing Robust Features with Denoising Autoencoders, ICML 2008",
    recipe: "denoising_autoencoder",
    data: &["digits"],
    tiny: &[
        ("model.hidden", "[16]"),
        ("model.latent", "8"),
        ("model.network", "conv"),
        ("model.width", "4"),
        ("loss.error", "cross-entropy"),
    ],
    ..Entry::of::<Config>()
};

#[cfg(test)]
mod tests {
    use super::*;

    fn batch(indices: Vec<u32>) -> Batch {
        let values = vec![0.25; indices.len() * 10_000];
        let shape = vec![indices.len(), 100, 100, 1];
        Batch {
            kind: Kind::Image,
            shape,
            values,
            labels: None,
            attributes: vec![],
            captions: None,
            indices,
        }
    }

    /// Shares and moments are those asked for, and an item is corrupted alike in any batch.
    #[test]
    fn corruptions_do_what_they_say() {
        let key = Key::new(3);
        let run = |kind, amount, indices: Vec<u32>| Corruption { kind, amount }.of(&batch(indices), 1.0, key);
        let share =
            |values: &[f32], v: f32| values.iter().filter(|x| **x == v).count() as f64 / values.len() as f64;
        let masked = run(CorruptionKind::Masking, 0.3, vec![5, 1]);
        assert!(
            (share(&masked, -1.0) - 0.3).abs() < 0.015 && share(&masked, -1.0) + share(&masked, 0.25) == 1.0
        );
        assert_eq!(masked[10_000..], run(CorruptionKind::Masking, 0.3, vec![1])[..]);
        let salted = run(CorruptionKind::SaltAndPepper, 0.3, vec![5, 1]);
        assert!((share(&salted, -1.0) - 0.15).abs() < 0.015 && (share(&salted, 1.0) - 0.15).abs() < 0.015);
        let noisy = run(CorruptionKind::Gaussian, 0.5, vec![5, 1]);
        let mean = noisy.iter().map(|v| *v as f64 - 0.25).sum::<f64>() / 20_000.0;
        let variance = noisy.iter().map(|v| (*v as f64 - 0.25).powi(2)).sum::<f64>() / 20_000.0;
        assert!(
            mean.abs() < 0.02 && (variance - 0.25).abs() < 0.01,
            "{mean} {variance}"
        );
        assert!(
            Corruption {
                kind: CorruptionKind::Masking,
                amount: 1.5
            }
            .check()
            .is_err()
        );
    }
}
