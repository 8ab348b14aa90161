//! Numbers of a tensor, read back.
use burn::tensor::Tensor;

/// Every number of a tensor, row by row.
///
/// # Panics
/// If the tensor is not of 32-bit floats, which no tensor of this library is.
pub fn numbers<const D: usize>(t: Tensor<D>) -> Vec<f32> {
    let t = if t.is_autodiff() { t.inner() } else { t };
    t.into_data()
        .try_into_vec::<f32>()
        .expect("tensors hold 32-bit floats")
}

/// The one number of a tensor.
///
/// # Panics
/// As [`numbers`], and if there is none.
pub fn number<const D: usize>(t: Tensor<D>) -> f64 {
    numbers(t)[0] as f64
}
