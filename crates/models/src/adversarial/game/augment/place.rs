//! Shifts, flips and holes. A shift or a flip is a matrix for the rows and one for the columns of each item, so that a batch
//! goes through two batched products, and the gradient through their transposes.
use burn::tensor::{Tensor, TensorData};
use menagerie_data::random::Key;

/// Rows and columns of each item through matrices `[batch, height, height]` and `[batch, width, width]`.
pub(super) fn separable(x: Tensor<4>, rows: Tensor<3>, columns: Tensor<3>) -> Tensor<4> {
    let [b, h, w, c] = x.dims();
    let x = rows.matmul(x.reshape([b, h, w * c])).reshape([b, h, w, c]);
    let x = x.swap_dims(1, 2).reshape([b, w, h * c]);
    columns.matmul(x).reshape([b, w, h, c]).swap_dims(1, 2)
}

/// Matrices that take entry `i` of a line to `place(item, i)`, where that is on the line.
fn moves(batch: usize, n: usize, place: impl Fn(usize, usize) -> isize, like: &Tensor<4>) -> Tensor<3> {
    let mut m = vec![0f32; batch * n * n];
    for b in 0..batch {
        for i in 0..n {
            let to = place(b, i);
            if (0..n as isize).contains(&to) {
                m[(b * n + to as usize) * n + i] = 1.0;
            }
        }
    }
    Tensor::from_data(TensorData::new(m, [batch, n, n]), &like.device())
}

/// Each item shifted by up to `reach` of its sides, zeros (grey) following, and flipped left to right with a chance of one
/// half if `flip`; both with that probability.
pub fn shift_and_flip(x: Tensor<4>, reach: f64, flip: bool, probability: f64, key: Key) -> Tensor<4> {
    let [b, h, w, _] = x.dims();
    let shift = |n: usize, name: &str, i: usize| -> isize {
        let rng = &mut key.stream(name).step(i as u64).rng();
        let most = (n as f64 * reach + 0.5) as usize;
        if rng.chance(probability) {
            rng.below(2 * most + 1) as isize - most as isize
        } else {
            0
        }
    };
    let down: Vec<isize> = (0..b).map(|i| shift(h, "down", i)).collect();
    let right: Vec<isize> = (0..b).map(|i| shift(w, "right", i)).collect();
    let flips: Vec<bool> = (0..b)
        .map(|i| flip && key.stream("flip").step(i as u64).rng().chance(0.5 * probability))
        .collect();
    let rows = moves(b, h, |n, i| i as isize + down[n], &x);
    let columns = moves(
        b,
        w,
        |n, i| (if flips[n] { w - 1 - i } else { i }) as isize + right[n],
        &x,
    );
    separable(x, rows, columns)
}

/// A square of half the sides, at a random place of each item, becomes grey (0), with that probability.
pub fn cutout(x: Tensor<4>, probability: f64, key: Key) -> Tensor<4> {
    let [b, h, w, _] = x.dims();
    let mut mask = vec![1f32; b * h * w];
    for i in 0..b {
        let rng = &mut key.step(i as u64).rng();
        if !rng.chance(probability) {
            continue;
        }
        let (top, left) = (
            rng.below(h + 1) as isize - h as isize / 4,
            rng.below(w + 1) as isize - w as isize / 4,
        );
        for y in top.max(0)..(top + h as isize / 2).min(h as isize) {
            for x in left.max(0)..(left + w as isize / 2).min(w as isize) {
                mask[(i * h + y as usize) * w + x as usize] = 0.0;
            }
        }
    }
    let mask = Tensor::from_data(TensorData::new(mask, [b, h, w, 1]), &x.device());
    x * mask
}
