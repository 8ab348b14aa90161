//! Super-resolution that keeps what it was given (Sonderby, Caballero, Theis, Shi, Huszar 2017, Amortised MAP Inference for Image
//! Super-resolution, arXiv:1610.04490, section 3.1). With A the shrinking and A+ the blowing up, A A+ = 1, every image that
//! shrinks to y is of the form
//!
//! f_theta(y) = (1 - A+ A) g_theta(y) + A+ y                                                            (equation 7)
//!
//! Here A takes the mean of every square and A+ repeats it, so that the projection moves each square of the network's answer by
//! one colour.
use burn::tensor::activation::relu;
use burn::tensor::{Tensor, TensorData};
use menagerie_data::error::{Error, Result};
use menagerie_kernels::{avg_pool2d, max_pool2d, resize_nearest};
use serde::{Deserialize, Serialize};

/// `[translation.output]` of the rule `affine`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Affine {
    /// side in pixels of the squares whose means are kept: how often the given image was shrunk
    pub side: usize,
}

impl Default for Affine {
    fn default() -> Self {
        Affine { side: 4 }
    }
}

impl Affine {
    pub(super) fn check(self) -> Result<()> {
        match self.side {
            2..=64 => Ok(()),
            side => Err(Error::recipe(
                "translation.output.side",
                format!("{side} is no side of a square to keep the mean of"),
                "give 2 to 64, such as 4 for shrunk=4:SOURCE",
            )),
        }
    }

    /// The image that is nearest to what was said among those whose squares have the means of the given image. Where such a
    /// square would leave [-1, 1], which the paper lets it do and a picture cannot, its contrast is lowered until it does not.
    pub(super) fn projected(self, said: Tensor<4>, given: &Tensor<4>) -> Tensor<4> {
        let [_, h, w, _] = said.dims();
        let blown_up = |x: Tensor<4>| self.blown_up(x, [h, w]);
        let mean = blown_up(self.shrunk(given.clone()));
        let off = said.clone() - blown_up(self.shrunk(said));
        // By how much a square is too large for the room above and below its mean.
        let (m, d) = (mean.clone().detach(), off.clone().detach());
        let above = relu(d.clone()) / (m.clone().neg() + (1.0 + ROOM));
        let below = relu(d.neg()) / (m + (1.0 + ROOM));
        let needed = blown_up(relu(self.largest(above + below) - 1.0) + 1.0);
        (mean + off / needed).clamp(-1.0, 1.0)
    }

    /// The mean of each square, `[batch, height / side, width / side, channel]`, rounded up: what remains at the edge has its own.
    pub(in super::super) fn shrunk(self, x: Tensor<4>) -> Tensor<4> {
        let [_, h, w, _] = x.dims();
        let device = x.device();
        let means = self.pooled(x, avg_pool2d);
        let whole = |n: usize| (0..n.div_ceil(self.side)).map(move |i| (n - i * self.side).min(self.side));
        if h.is_multiple_of(self.side) && w.is_multiple_of(self.side) {
            return means;
        }
        // Zeros beyond the edge were counted.
        let area = (self.side * self.side) as f32;
        let share: Vec<f32> = whole(h)
            .flat_map(|a| whole(w).map(move |b| area / (a * b) as f32))
            .collect();
        let [_, rows, columns, _] = means.dims();
        means * Tensor::from_data(TensorData::new(share, [1, rows, columns, 1]), &device)
    }

    /// The largest number of each square, none of them below zero.
    fn largest(self, x: Tensor<4>) -> Tensor<4> {
        self.pooled(x, max_pool2d)
    }

    fn pooled(
        self,
        x: Tensor<4>,
        pool: fn(Tensor<4>, [usize; 2], [usize; 2], [usize; 2]) -> Tensor<4>,
    ) -> Tensor<4> {
        let [n, h, w, c] = x.dims();
        let missing = |side: usize| side.next_multiple_of(self.side) - side;
        let device = x.device();
        let zeros = |h: usize, w: usize| Tensor::zeros([n, h, w, c], &device);
        let x = match missing(h) {
            0 => x,
            more => Tensor::cat(vec![x, zeros(more, w)], 1),
        };
        let x = match missing(w) {
            0 => x,
            more => Tensor::cat(vec![x, zeros(h + missing(h), more)], 2),
        };
        pool(x, [self.side; 2], [self.side; 2], [0; 2])
    }

    /// Each number as a square, cut to the image's size.
    fn blown_up(self, x: Tensor<4>, [h, w]: [usize; 2]) -> Tensor<4> {
        let [_, rows, columns, _] = x.dims();
        let x = resize_nearest(x, [rows * self.side, columns * self.side]);
        x.narrow(1, 0, h).narrow(2, 0, w)
    }
}

/// So that nothing is divided by zero where a mean is white or black; less than a rounding.
const ROOM: f64 = 1e-6;

#[cfg(test)]
mod tests {
    use super::*;
    use burn::tensor::Device;
    use menagerie_data::Key;
    use menagerie_kernels::noise;
    use menagerie_nn::numbers;

    fn images(size: [usize; 2], spread: f64, seed: u64) -> Tensor<4> {
        let key = Key::new(seed);
        (noise::normal(key.words(), [2, size[0], size[1], 3], &Device::flex()) * spread).clamp(-1.0, 1.0)
    }

    fn largest(x: Tensor<4>) -> f32 {
        x.abs().max().into_scalar::<f32>()
    }

    /// Shrunk, the output is the input to rounding, whatever the network says and the size; and it is within range.
    #[test]
    fn the_output_shrinks_to_the_input() {
        for (side, size) in [(4, [16, 16]), (4, [13, 21]), (2, [9, 8]), (8, [8, 8])] {
            let a = Affine { side };
            for (spread, of_given) in [(0.2, 0.3), (3.0, 0.9), (0.0, 3.0)] {
                let (said, given) = (images(size, spread, 1), images(size, of_given, 2));
                let made = a.projected(said, &given);
                assert!(largest(made.clone()) <= 1.0);
                let off = largest(a.shrunk(made.clone()) - a.shrunk(given.clone()));
                assert!(off < 2e-6, "{side} {size:?} {spread}: {off}");
                // What satisfies the constraint stays.
                let again = largest(a.projected(made.clone(), &given) - made);
                assert!(again < 1e-5, "{again}");
            }
        }
    }

    /// By hand: within range every square is moved by one colour, and its mean is that of the given image.
    #[test]
    fn squares_are_moved_and_not_changed() {
        let a = Affine { side: 2 };
        let of = |v: &[f32]| -> Tensor<4> {
            Tensor::from_data(TensorData::new(v.to_vec(), [1, 2, 3, 1]), &Device::flex())
        };
        let (said, given) = (
            of(&[0.1, 0.3, 0.5, 0.2, 0.2, 0.1]),
            of(&[0.0, 0.0, 0.4, 0.0, 0.0, 0.2]),
        );
        let made = numbers(a.projected(said, &given));
        for (a, b) in made.iter().zip([-0.1, 0.1, 0.5, 0.0, 0.0, 0.1]) {
            assert!((a - b).abs() < 1e-6, "{made:?}");
        }
    }

    /// Where a square has no room it keeps its mean at the cost of its contrast.
    #[test]
    fn a_square_without_room_is_lowered() {
        let a = Affine { side: 2 };
        let of = |v: [f32; 4]| -> Tensor<4> {
            Tensor::from_data(TensorData::new(v.to_vec(), [1, 2, 2, 1]), &Device::flex())
        };
        let made = numbers(a.projected(of([0.8, -0.8, 0.8, -0.8]), &of([0.6; 4])));
        for (a, b) in made.iter().zip([1.0, 0.2, 1.0, 0.2]) {
            assert!((a - b).abs() < 1e-5, "{made:?}");
        }
    }
}
