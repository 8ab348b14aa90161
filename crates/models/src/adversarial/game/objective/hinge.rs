//! Geometric GAN (Lim & Ye 2017, arXiv:1705.02894): the discriminator is a support vector machine on its own features, with
//! the soft margin's hinge (equation 17); the generator moves along the hyperplane's normal (equation 18), all its samples
//! with equal force.
//!
//! min_D E max(0, 1 - s(x)) + E max(0, 1 + s(G(z))),  min_G - E s(G(z))
use super::{Apart, Losses, Objective};
use burn::tensor::Tensor;
use burn::tensor::activation::relu;

/// The hinge. SNGAN, SAGAN and BigGAN have it too.
pub struct Hinge;

impl Objective for Hinge {
    fn losses(&self) -> Losses<'_> {
        Losses::Apart(self)
    }

    /// The share of items within the margin or on its wrong side: the support vectors, which alone move the hyperplane.
    fn watch(&self, data: &[f32], samples: &[f32]) -> Vec<(&'static str, f64)> {
        let inside =
            data.iter().filter(|s| **s < 1.0).count() + samples.iter().filter(|s| **s > -1.0).count();
        vec![(
            "d/support-vectors",
            inside as f64 / (data.len() + samples.len()).max(1) as f64,
        )]
    }
}

impl Apart for Hinge {
    fn data(&self, scores: Tensor<2>) -> Tensor<1> {
        relu(-scores + 1.0).mean()
    }
    fn samples(&self, scores: Tensor<2>) -> Tensor<1> {
        relu(scores + 1.0).mean()
    }
    fn generator(&self, scores: Tensor<2>) -> Tensor<1> {
        -scores.mean()
    }
}
