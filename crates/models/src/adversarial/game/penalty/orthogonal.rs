//! Orthogonal regularization as BigGAN has it (Brock et al. 2019, arXiv:1809.11096, equation 3): weight ||W^T W o (1 - I)||^2,
//! the columns of a layer's weights at right angles, of whatever length.
use burn::module::{Module, ModuleVisitor, Param};
use burn::tensor::{Gradients, Tensor};
use menagerie_nn::number;
use serde::{Deserialize, Serialize};

/// `[penalty.orthogonal]`: of both networks.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Orthogonal {
    /// the paper's beta
    pub weight: f64,
}

impl Default for Orthogonal {
    fn default() -> Self {
        Orthogonal { weight: 1e-4 }
    }
}

/// The sum over all weights that have columns.
struct Angles(Option<Tensor<1>>);

impl ModuleVisitor for Angles {
    fn visit_float<const D: usize>(&mut self, p: &Param<Tensor<D>>) {
        if D < 2 || !p.is_require_grad() {
            return;
        }
        let w = p.val();
        let columns = w.dims()[D - 1];
        let rows = w.shape().num_elements() / columns;
        let w = w.reshape([rows, columns]);
        let gram = w.clone().transpose().matmul(w.clone());
        let lengths = (w.clone() * w).sum_dim(0);
        // All products, less those of columns with themselves.
        let off = (gram.clone() * gram).sum() - (lengths.clone() * lengths).sum();
        self.0 = Some(match self.0.take() {
            Some(sum) => sum + off,
            None => off,
        });
    }
}

impl Orthogonal {
    /// Its gradients, and its value.
    pub fn gradients<M: Module>(&self, network: &M) -> Option<(Gradients, f64)> {
        let mut angles = Angles(None);
        network.visit(&mut angles);
        let loss = angles.0? * self.weight;
        let value = number(loss.clone());
        Some((loss.backward(), value))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use burn::tensor::{Device, TensorData};
    use menagerie_data::Key;
    use menagerie_nn::{Init, Linear, numbers};

    /// By hand: columns (1, 2) and (3, 4) have the product 11, which counts twice; the gradient is 4 W (G - diag G).
    #[test]
    fn columns_at_right_angles_cost_nothing() {
        let device = Device::flex().autodiff();
        let with = |values: [f32; 4]| {
            let mut layer = Linear::of([2, 2]).init(&Init::new(Key::new(1), &device));
            layer.weight = Param::from_tensor(Tensor::from_data(
                TensorData::new(values.to_vec(), [2, 2]),
                &device,
            ));
            layer
        };
        let layer = with([1.0, 3.0, 2.0, 4.0]);
        let (gradients, value) = Orthogonal { weight: 0.5 }.gradients(&layer).unwrap();
        assert_eq!(value, 121.0);
        let g = numbers(layer.weight.val().grad(&gradients).unwrap());
        assert_eq!(g, [66.0, 22.0, 88.0, 44.0]);
        let (_, value) = Orthogonal::default()
            .gradients(&with([5.0, 0.0, 0.0, 0.1]))
            .unwrap();
        assert!(value.abs() < 1e-9, "{value}");
    }
}
