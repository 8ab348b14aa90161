use burn::tensor::Tensor;

/// Every pixel's vector, or every latent, brought to a mean square of one over the last axis (Karras et al. 2018,
/// arXiv:1710.10196, section 4.2).
pub fn pixel_norm<const D: usize>(x: Tensor<D>) -> Tensor<D> {
    let square = (x.clone() * x.clone()).mean_dim(D - 1);
    x / (square + 1e-8).sqrt()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::numbers;
    use burn::tensor::Device;

    #[test]
    fn the_mean_square_is_one() {
        let x = Tensor::<2>::from_floats([[3.0, 4.0], [0.0, 0.0]], &Device::flex());
        let y = numbers(pixel_norm(x));
        assert!(
            (y[0] - 3.0 / 12.5f32.sqrt()).abs() < 1e-6 && y[2..] == [0.0, 0.0],
            "{y:?}"
        );
    }
}
