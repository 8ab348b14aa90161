//! First weights, drawn from keys.
use burn::module::Param;
use burn::tensor::{Device, Tensor};
use menagerie_data::limits::claim;
use menagerie_data::random::Key;
use menagerie_kernels::noise;

/// Normal with the given mean and standard deviation.
pub fn normal<const D: usize>(
    key: Key,
    shape: [usize; D],
    mean: f64,
    std: f64,
    device: &Device,
) -> Param<Tensor<D>> {
    claim(&shape);
    Param::from_tensor(noise::normal(key.words(), shape, device) * std + mean)
}

/// Uniform in [-bound, bound).
pub fn uniform<const D: usize>(key: Key, shape: [usize; D], bound: f64, device: &Device) -> Param<Tensor<D>> {
    claim(&shape);
    Param::from_tensor(noise::uniform(key.words(), shape, device) * (2.0 * bound) - bound)
}

/// All zero.
pub fn zeros<const D: usize>(shape: [usize; D], device: &Device) -> Param<Tensor<D>> {
    claim(&shape);
    Param::from_tensor(Tensor::zeros(shape, device))
}
