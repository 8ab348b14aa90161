//! Annealed blur (Susmelj et al. 2017, ABC-GAN; Roth et al. 2017): what the discriminator sees is blurred at first, so that
//! data and samples overlap, and sharp at the end.
use super::place::separable;
use burn::tensor::{Tensor, TensorData};
use serde::{Deserialize, Serialize};

/// `[augment.blur]`.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Blur {
    /// standard deviation of the Gaussian at first, in pixels
    pub std: f64,
    /// it falls linearly and is gone after so many updates
    pub steps: u64,
}

impl Default for Blur {
    fn default() -> Self {
        Blur {
            std: 2.0,
            steps: 2000,
        }
    }
}

/// A Gaussian along the line, the border's pixel going on beyond it; rows sum to one.
fn gaussian(n: usize, std: f64) -> Vec<f32> {
    let reach = (3.0 * std).ceil() as isize;
    let weight = |d: isize| (-0.5 * (d as f64 / std).powi(2)).exp();
    let total: f64 = (-reach..=reach).map(weight).sum();
    let mut m = vec![0f32; n * n];
    for i in 0..n {
        for d in -reach..=reach {
            let from = (i as isize + d).clamp(0, n as isize - 1) as usize;
            m[i * n + from] += (weight(d) / total) as f32;
        }
    }
    m
}

/// Every item blurred by that many pixels.
pub(super) fn blurred(x: Tensor<4>, std: f64) -> Tensor<4> {
    let [b, h, w, _] = x.dims();
    let matrix = |n: usize| {
        let m = Tensor::<3>::from_data(TensorData::new(gaussian(n, std), [1, n, n]), &x.device());
        m.expand([b, n, n])
    };
    let (rows, columns) = (matrix(h), matrix(w));
    separable(x, rows, columns)
}
