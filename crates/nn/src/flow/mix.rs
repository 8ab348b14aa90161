use super::{Flow, for_all};
use crate::{Activation, Init, activation, named};
use burn::module::{Module, Param};
use burn::tensor::{Device, Tensor, TensorData};
use menagerie_data::random::Key;
use menagerie_kernels::linear;

/// |ln s| stays below this, so that the matrix stays far from singular.
const BOUND: f64 = 4.0;

/// An invertible 1x1 convolution (Kingma & Dhariwal 2018, section 3.2): y = x W at every pixel, with
/// W = P L (U + diag(s)) (their equation 10). P, a permutation, and the signs of s are those of a random rotation and
/// fixed; L, lower triangular with ones on its diagonal, U, strictly upper triangular, and ln |s|, softly bounded, are
/// trained. The log-determinant is h w sum(ln |s|).
#[derive(Module, Debug)]
pub struct Mix {
    /// below the diagonal L, above it U, as LAPACK packs them, `[channels, channels]`
    triangles: Param<Tensor<2>>,
    /// ln |s| before the bound, `[channels]`
    log_scale: Param<Tensor<1>>,
    /// P, `[channels, channels]`
    fixed_permutation: Param<Tensor<2>>,
    /// signs of s, `[channels]`
    fixed_signs: Param<Tensor<1>>,
}

impl Mix {
    /// Starts as a random rotation.
    pub fn new(channels: usize, init: &Init) -> Self {
        let (c, device) = (channels, init.device());
        let (order, lu) = decompose(rotation(c, init.key()), c);
        let mut triangles = vec![0f32; c * c];
        let (mut log_scale, mut signs, mut permutation) = (vec![0f32; c], vec![0f32; c], vec![0f32; c * c]);
        for i in 0..c {
            for j in (0..c).filter(|&j| j != i) {
                triangles[i * c + j] = lu[i * c + j] as f32;
            }
            let d = lu[i * c + i];
            // The bound's own inverse, so that it starts as the rotation.
            log_scale[i] = (BOUND * (d.abs().ln() / BOUND).clamp(-0.99, 0.99).atanh()) as f32;
            signs[i] = d.signum() as f32;
            permutation[order[i] * c + i] = 1.0;
        }
        let square = |v: Vec<f32>| Tensor::<2>::from_data(TensorData::new(v, [c, c]), device);
        let row = |v: Vec<f32>| Tensor::<1>::from_data(TensorData::new(v, [c]), device);
        Mix {
            triangles: Param::from_tensor(square(triangles)),
            log_scale: Param::from_tensor(row(log_scale)),
            fixed_permutation: Param::from_tensor(square(permutation)).set_require_grad(false),
            fixed_signs: Param::from_tensor(row(signs)).set_require_grad(false),
        }
    }

    /// ln |s|, `[channels]`
    fn log_diagonal(&self) -> Tensor<1> {
        activation(self.log_scale.val() / BOUND, Activation::Tanh) * BOUND
    }

    /// W, and the sum of ln |s|. They do not depend on what is given: a recording has them worked out.
    fn weight(&self) -> (Tensor<2>, Tensor<1>) {
        if !named::is_recording() {
            return self.product();
        }
        let (device, (weight, sum)) = (self.triangles.device(), self.read().product());
        (
            Tensor::from_data(weight.into_data(), &device),
            Tensor::from_data(sum.into_data(), &device),
        )
    }

    /// The same by tensors.
    fn product(&self) -> (Tensor<2>, Tensor<1>) {
        let triangles = self.triangles.val();
        let c = triangles.dims()[0];
        let one = Tensor::<2>::eye(c, &triangles.device());
        let log_diagonal = self.log_diagonal();
        let diagonal = log_diagonal.clone().exp() * self.fixed_signs.val();
        let lower = triangles.clone().tril(-1) + one.clone();
        let upper = triangles.triu(1) + one * diagonal.reshape([1, c]);
        let product = linear(lower, upper, None, Activation::Identity);
        (
            linear(self.fixed_permutation.val(), product, None, Activation::Identity),
            log_diagonal.sum(),
        )
    }

    /// The same numbers on the CPU.
    fn read(&self) -> Mix {
        fn read<const D: usize>(p: &Param<Tensor<D>>) -> Param<Tensor<D>> {
            Param::from_tensor(Tensor::from_data(p.val().into_data(), &Device::flex()))
        }
        Mix {
            triangles: read(&self.triangles),
            log_scale: read(&self.log_scale),
            fixed_permutation: read(&self.fixed_permutation),
            fixed_signs: read(&self.fixed_signs),
        }
    }

    /// The inverse of W, computed in f64.
    fn inverse_weight(&self) -> Tensor<2> {
        let device = self.triangles.device();
        // What is recorded has no values; what it is made of has.
        let w = match named::is_recording() {
            true => self.read().product().0,
            false => self.product().0,
        };
        let c = w.dims()[0];
        let values = crate::numbers(w).into_iter().map(f64::from).collect();
        let (order, lu) = decompose(values, c);
        let mut out = vec![0f32; c * c];
        for column in 0..c {
            // W x = e_column: forward through L, backward through U.
            let mut x: Vec<f64> = order
                .iter()
                .map(|&row| f64::from(u8::from(row == column)))
                .collect();
            for i in 0..c {
                x[i] -= (0..i).map(|j| lu[i * c + j] * x[j]).sum::<f64>();
            }
            for i in (0..c).rev() {
                x[i] = (x[i] - (i + 1..c).map(|j| lu[i * c + j] * x[j]).sum::<f64>()) / lu[i * c + i];
            }
            (0..c).for_each(|i| out[i * c + column] = x[i] as f32);
        }
        Tensor::from_data(TensorData::new(out, [c, c]), &device)
    }
}

impl Flow for Mix {
    fn forward(&self, x: Tensor<4>) -> (Tensor<4>, Tensor<1>) {
        let [batch, h, w, _] = x.dims();
        let (weight, log_det) = self.weight();
        (
            linear(x, weight, None, Activation::Identity),
            for_all(log_det * (h * w) as f64, batch),
        )
    }

    fn inverse(&self, y: Tensor<4>) -> (Tensor<4>, Tensor<1>) {
        let [batch, h, w, _] = y.dims();
        let log_det = for_all(self.log_diagonal().sum() * -((h * w) as f64), batch);
        (
            linear(y, self.inverse_weight(), None, Activation::Identity),
            log_det,
        )
    }
}

/// A random rotation `[c, c]`: normal numbers, made orthonormal row by row (Gram and Schmidt, twice for accuracy).
fn rotation(c: usize, key: Key) -> Vec<f64> {
    let mut draw = key.rng();
    let mut m: Vec<f64> = (0..c * c).map(|_| draw.normal()).collect();
    for i in 0..c {
        let (before, rest) = m.split_at_mut(i * c);
        let row = &mut rest[..c];
        for earlier in before.chunks_exact(c).chain(before.chunks_exact(c)) {
            let along: f64 = row.iter().zip(earlier).map(|(a, b)| a * b).sum();
            row.iter_mut().zip(earlier).for_each(|(a, b)| *a -= along * b);
        }
        let length = row.iter().map(|v| v * v).sum::<f64>().sqrt();
        row.iter_mut().for_each(|v| *v /= length);
    }
    m
}

/// Row `order[i]` of a matrix `[c, c]` is row i of L U, here packed into one matrix; by elimination with partial pivoting.
fn decompose(mut m: Vec<f64>, c: usize) -> (Vec<usize>, Vec<f64>) {
    let mut order: Vec<usize> = (0..c).collect();
    for k in 0..c {
        let pivot = (k..c)
            .max_by(|&a, &b| m[a * c + k].abs().total_cmp(&m[b * c + k].abs()))
            .unwrap_or(k);
        order.swap(k, pivot);
        (0..c).for_each(|j| m.swap(k * c + j, pivot * c + j));
        for i in k + 1..c {
            let factor = m[i * c + k] / m[k * c + k];
            m[i * c + k] = factor;
            (k + 1..c).for_each(|j| m[i * c + j] -= factor * m[k * c + j]);
        }
    }
    (order, m)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// It starts as an orthogonal matrix: W W^T = 1, and its inverse is its transpose.
    #[test]
    fn starts_as_a_rotation() {
        for c in [1, 2, 3, 12, 48] {
            let mix = Mix::new(c, &Init::new(Key::new(c as u64), &Device::flex()));
            let w = mix.weight().0;
            let off = |t: Tensor<2>| t.abs().max().into_scalar::<f32>();
            let gram = w.clone().matmul(w.clone().transpose()) - Tensor::eye(c, &Device::flex());
            assert!(off(gram) < 2e-6 * c as f32, "{c} channels");
            assert!(
                off(mix.inverse_weight() - w.transpose()) < 2e-6 * c as f32,
                "{c} channels"
            );
        }
    }

    /// Whatever the trained numbers, s lies between exp(-4) and exp(4).
    #[test]
    fn scales_are_bounded() {
        let mut mix = Mix::new(3, &Init::new(Key::new(1), &Device::flex()));
        mix.log_scale = Param::from_tensor(Tensor::from_data(
            TensorData::from([-1e9f32, 0.0, 1e9]),
            &Device::flex(),
        ));
        let s = mix.log_diagonal().into_data();
        assert_eq!(s.as_slice::<f32>().unwrap(), [-4.0, 0.0, 4.0]);
        let x = Tensor::<4>::ones([1, 1, 1, 3], &Device::flex());
        let back = mix.inverse(mix.forward(x.clone()).0).0;
        assert!((back - x).abs().max().into_scalar::<f32>() < 1e-3);
    }
}
