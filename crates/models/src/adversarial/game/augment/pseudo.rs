//! Adaptive pseudo augmentation (Jiang et al. 2021, arXiv:2111.06849): a share of the data that the discriminator is shown are
//! samples, the larger the more it overfits, so that it cannot learn its data by heart.
use super::super::Shown;
use super::adaptive::follow;
use burn::tensor::{Tensor, TensorData};
use menagerie_data::error::Result;
use menagerie_data::random::Key;
use serde::{Deserialize, Serialize};

/// `[augment.pseudo]`.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Pseudo {
    /// the mean sign of data's scores that is aimed at (paper: 0.6)
    pub target: f64,
    /// items of data over which the share may rise from 0 to 1 (paper: 500,000)
    pub items: u64,
}

impl Default for Pseudo {
    fn default() -> Self {
        Pseudo {
            target: 0.6,
            items: 100_000,
        }
    }
}

impl Pseudo {
    pub(super) fn check(&self) -> Result<()> {
        super::adaptive::check("augment.pseudo", self.target, self.items)
    }

    /// The share after an update that gave these scores to data.
    pub fn follow(&self, share: f64, scores: &[f32]) -> f64 {
        follow(share, scores, self.target, self.items)
    }

    /// Data, each with that probability replaced by the sample of its place, and so what is said of it: its class, or the latent
    /// that it is paired with.
    pub fn mixed(&self, mut data: Shown, samples: Shown, share: f64, key: Key) -> Shown {
        if share == 0.0 {
            return data;
        }
        let (n, device) = (data.items.dims()[0], data.items.device());
        let is_sample = |i: usize| f32::from(key.step(i as u64).rng().chance(share));
        let mask: Vec<f32> = (0..n).map(is_sample).collect();
        let of_items = Tensor::<4>::from_data(TensorData::new(mask.clone(), [n, 1, 1, 1]), &device);
        data.items = data.items.clone() + (samples.items - data.items) * of_items;
        data.classes = data.classes.zip(samples.classes).map(|(of_data, of_samples)| {
            let mask = Tensor::<2>::from_data(TensorData::new(mask, [n, 1]), &device);
            of_data.clone() + (of_samples - of_data) * mask
        });
        data
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use burn::tensor::Device;
    use menagerie_nn::numbers;

    /// Where an item became a sample, so did its class; how many do follows the share.
    #[test]
    fn items_and_what_is_said_of_them_are_replaced_together() {
        let n = 400;
        let of = |value: f64| Shown {
            classes: Some(Tensor::ones([n, 2], &Device::flex()) * value),
            ..Shown::plain(Tensor::ones([n, 1, 1, 1], &Device::flex()) * value)
        };
        let mixed = Pseudo::default().mixed(of(0.0), of(1.0), 0.3, Key::new(4));
        let (items, classes) = (numbers(mixed.items), numbers(mixed.classes.unwrap()));
        assert!(items.iter().zip(classes.chunks(2)).all(|(i, c)| c == [*i, *i]));
        let replaced = items.iter().sum::<f32>() as usize;
        assert!((90..150).contains(&replaced), "{replaced} of {n}");
        let kept = Pseudo::default().mixed(of(0.0), of(1.0), 0.0, Key::new(4));
        assert!(numbers(kept.items).iter().all(|v| *v == 0.0));
    }
}
