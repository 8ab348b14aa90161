//! Consistency: an augmented item keeps its score. For data alone it is CR (Zhang et al. 2019, arXiv:1910.12027), for samples
//! too bCR (Zhao et al. 2020, arXiv:2002.04724, algorithm 1).
use super::super::augment::shift_and_flip;
use burn::tensor::Tensor;
use menagerie_data::random::Key;
use serde::{Deserialize, Serialize};

/// `[penalty.consistency]`: weight E (D(T(x)) - D(x))^2, T a shift by up to an eighth and, if so, a flip.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Consistency {
    /// weight on data
    pub data: f64,
    /// weight on samples; 0 for CR
    pub samples: f64,
    /// flip left and right too
    pub flip: bool,
}

impl Default for Consistency {
    fn default() -> Self {
        Consistency {
            data: 10.0,
            samples: 10.0,
            flip: false,
        }
    }
}

impl Consistency {
    /// T(x).
    pub fn augmented(&self, x: Tensor<4>, key: Key) -> Tensor<4> {
        shift_and_flip(x, 0.125, self.flip, 1.0, key)
    }

    /// The loss, without its weight.
    pub fn loss(scores: Tensor<2>, of_augmented: Tensor<2>) -> Tensor<1> {
        let off = of_augmented - scores;
        (off.clone() * off).mean()
    }
}
