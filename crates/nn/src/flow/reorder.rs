//! Reorderings: bijections that leave volumes alone.
use super::{Flow, zeros_like_items};
use burn::module::Module;
use burn::tensor::{Int, Tensor, TensorData};
use menagerie_kernels::{pixel_shuffle, pixel_unshuffle};

/// `[h, w, c]` -> `[h / 2, w / 2, 4 c]`: each square of 2x2 pixels becomes the channels of one (Dinh et al. 2017, figure 3).
#[derive(Module, Debug)]
pub struct Squeeze {}

impl Flow for Squeeze {
    fn forward(&self, x: Tensor<4>) -> (Tensor<4>, Tensor<1>) {
        let log_det = zeros_like_items(&x);
        (pixel_unshuffle(x, 2), log_det)
    }
    fn inverse(&self, y: Tensor<4>) -> (Tensor<4>, Tensor<1>) {
        let log_det = zeros_like_items(&y);
        (pixel_shuffle(y, 2), log_det)
    }
}

/// `[h, w, c]` -> `[1, 1, h w c]`, with the numbers of even index before those of odd index, so that a coupling of halves
/// is one of even and odd (NICE's partition of images: Dinh et al. 2014, section 5.1).
#[derive(Module, Debug)]
pub struct Interleaved {
    /// `[height, width, channel]` of an item
    shape: [usize; 3],
}

impl Interleaved {
    /// For items of `[height, width, channel]`.
    pub fn new(shape: [usize; 3]) -> Self {
        Interleaved { shape }
    }

    fn select(x: Tensor<4>, order: Vec<i64>) -> Tensor<4> {
        let n = order.len();
        let order: Tensor<1, Int> = Tensor::from_data(TensorData::new(order, [n]), &x.device());
        x.select(3, order)
    }
}

impl Flow for Interleaved {
    fn forward(&self, x: Tensor<4>) -> (Tensor<4>, Tensor<1>) {
        let log_det = zeros_like_items(&x);
        let n: usize = self.shape.iter().product();
        let order = (0..n)
            .step_by(2)
            .chain((1..n).step_by(2))
            .map(|i| i as i64)
            .collect();
        (Self::select(x.reshape([-1, 1, 1, n as i32]), order), log_det)
    }
    fn inverse(&self, y: Tensor<4>) -> (Tensor<4>, Tensor<1>) {
        let log_det = zeros_like_items(&y);
        let n: usize = self.shape.iter().product();
        // Number i stands at i / 2, after the even ones if it is odd.
        let order = (0..n).map(|i| (i / 2 + (i % 2) * n.div_ceil(2)) as i64).collect();
        let [h, w, c] = self.shape.map(|s| s as i32);
        (Self::select(y, order).reshape([-1, h, w, c]), log_det)
    }
}
