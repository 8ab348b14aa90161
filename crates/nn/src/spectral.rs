//! Spectral normalization: a weight divided by its largest singular value.
use crate::Init;
use burn::module::{Flag, Module, Param, RunningState};
use burn::tensor::Tensor;
use menagerie_kernels::noise;

/// W / sigma(W), with sigma by power iteration that goes on from pass to pass (Miyato et al. 2018, arXiv:1802.05957,
/// algorithm 1). The vectors are constants of a pass: the gradient is equation 12's.
#[derive(Module, Debug)]
pub struct SpectralNorm {
    /// the left singular vector so far, `[rows]`
    pub left: RunningState<Tensor<1>>,
    training: Param<Flag>,
}

impl SpectralNorm {
    /// For a weight of so many rows.
    pub fn new(rows: usize, init: &Init) -> Self {
        let u: Tensor<1> = noise::normal(init.at("spectral").key().words(), [rows], &init.plain_device());
        SpectralNorm {
            left: RunningState::new(normalized(u)),
            training: Param::from_bool(true),
        }
    }

    /// `weight / sigma`; all axes but the last are the rows.
    pub fn of<const D: usize>(&self, weight: Tensor<D>) -> Tensor<D> {
        let dims = weight.dims();
        let (columns, total) = (dims[D - 1], weight.shape().num_elements());
        let matrix = weight.clone().reshape([total / columns, columns]);
        let plain = if matrix.is_autodiff() {
            matrix.clone().inner()
        } else {
            matrix.clone()
        };
        let product = |m: Tensor<2>, v: Tensor<1>| -> Tensor<1> {
            let n = v.dims()[0];
            m.matmul(v.reshape([n, 1])).flatten(0, 1)
        };
        let right = normalized(product(plain.clone().transpose(), self.left.value_sync()));
        let mut left = self.left.value_sync();
        if self.training.is_enabled() {
            left = normalized(product(plain, right.clone()));
            self.left.update(left.clone());
            // RunningState holds an update back until the next one; take it in now, so that what is saved is current.
            self.left.value_sync();
        }
        let constant = |t: Tensor<1>| {
            if weight.is_autodiff() {
                Tensor::from_inner(t)
            } else {
                t
            }
        };
        let sigma = (product(matrix, constant(right)) * constant(left)).sum();
        let ones = vec![1; D];
        weight / sigma.reshape::<D, _>(<[usize; D]>::try_from(ones).expect("D ones"))
    }
}

fn normalized(v: Tensor<1>) -> Tensor<1> {
    let norm = (v.clone() * v.clone()).sum().sqrt() + 1e-12;
    v / norm
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::numbers;
    use burn::tensor::{Device, TensorData};
    use menagerie_data::Key;

    /// Power iteration finds the largest singular value, and the gradient is that of W / sigma(W) (equation 12): orthogonal to
    /// W itself, since the size of W does not matter.
    #[test]
    fn the_largest_singular_value_becomes_one() {
        let device = Device::flex().autodiff();
        let norm = SpectralNorm::new(3, &Init::new(Key::new(4), &device));
        // diag(3, 1) beside a row of zeros: singular values 3 and 1
        let w = Tensor::<2>::from_data(
            TensorData::new(vec![3f32, 0.0, 0.0, 1.0, 0.0, 0.0], [3, 2]),
            &device,
        )
        .require_grad();
        let mut scaled = norm.of(w.clone());
        for _ in 0..30 {
            scaled = norm.of(w.clone());
        }
        let values = numbers(scaled.clone());
        assert!(
            (values[0] - 1.0).abs() < 1e-5 && (values[3] - 1.0 / 3.0).abs() < 1e-5,
            "{values:?}"
        );
        let weights = Tensor::from_data([[0.3f32, -1.0], [2.0, 0.7], [0.1, 0.4]], &device);
        let g = numbers(w.grad(&(scaled * weights).sum().backward()).expect("a gradient"));
        let along: f32 = g.iter().zip(numbers(w)).map(|(g, w)| g * w).sum();
        assert!(along.abs() < 1e-5, "{along}");
        assert!((g[3] - 0.7 / 3.0).abs() < 1e-5, "{g:?}");
    }
}
