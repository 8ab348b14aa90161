//! Padding by reflection: what lies beyond the edge is what lies as far before it, the edge itself not twice.
use burn::tensor::{Int, Tensor, TensorData};

/// Pixels on each side: top, bottom, left, right.
pub type Margins = [usize; 4];

/// Where position `i` of an endless row of mirrored copies of `n` numbers comes from, 0 being the first of them.
fn mirrored(i: isize, n: usize) -> usize {
    let period = 2 * (n as isize - 1).max(1);
    let i = i.rem_euclid(period);
    let i = if i < n as isize { i } else { period - i };
    (i as usize).min(n - 1)
}

/// x `[batch, height, width, channel]` with margins that mirror it; wider than the image they mirror it again and again.
///
/// ```
/// use burn::tensor::{Device, Tensor};
/// use menagerie_nn::{numbers, pad};
///
/// let x = Tensor::<1>::from_floats([1.0, 2.0, 3.0], &Device::flex()).reshape([1, 1, 3, 1]);
/// assert_eq!(numbers(pad::reflect(x, [0, 0, 2, 3])), [3.0, 2.0, 1.0, 2.0, 3.0, 2.0, 1.0, 2.0]);
/// ```
pub fn reflect(x: Tensor<4>, [top, bottom, left, right]: Margins) -> Tensor<4> {
    along(along(x, 1, top, bottom), 2, left, right)
}

fn along(x: Tensor<4>, axis: usize, before: usize, after: usize) -> Tensor<4> {
    if before + after == 0 {
        return x;
    }
    let n = x.dims()[axis];
    if before.max(after) >= n {
        let from = -(before as isize)..(n + after) as isize;
        let from: Vec<i64> = from.map(|i| mirrored(i, n) as i64).collect();
        let count = from.len();
        let from = Tensor::<1, Int>::from_data(TensorData::new(from, [count]), &x.device());
        return x.select(axis, from);
    }
    // Slices are copied forward and added backward in long runs; picking single rows is not.
    let slice = |at: usize| x.clone().narrow(axis, at, 1);
    let mut parts: Vec<Tensor<4>> = (1..=before).rev().map(slice).collect();
    parts.push(x.clone());
    parts.extend((1..=after).map(|i| slice(n - 1 - i)));
    Tensor::cat(parts, axis)
}

/// x `[batch, height, width, channel]` with margins of zeros.
pub fn zeros(x: Tensor<4>, [top, bottom, left, right]: Margins) -> Tensor<4> {
    let [n, h, w, c] = x.dims();
    let rows = |count: usize| Tensor::zeros([n, count, w, c], &x.device());
    let x = Tensor::cat(vec![rows(top), x.clone(), rows(bottom)], 1);
    let columns = |count: usize| Tensor::zeros([n, h + top + bottom, count, c], &x.device());
    Tensor::cat(vec![columns(left), x.clone(), columns(right)], 2)
}

/// The part of x without those margins.
pub fn cut(x: Tensor<4>, [top, bottom, left, right]: Margins) -> Tensor<4> {
    let [n, h, w, c] = x.dims();
    if [top, bottom, left, right] == [0; 4] {
        return x;
    }
    x.slice([0..n, top..h - bottom, left..w - right, 0..c])
}

/// Margins that bring a size to the next multiple of `multiple`, as even as can be.
pub fn to_multiple([h, w]: [usize; 2], multiple: usize) -> Margins {
    let missing = |n: usize| n.div_ceil(multiple) * multiple - n;
    let (h, w) = (missing(h), missing(w));
    [h / 2, h - h / 2, w / 2, w - w / 2]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::numbers;
    use burn::tensor::Device;

    /// Position by position, against the definition; narrow margins and ones wider than the image; and the gradient counts
    /// how often a pixel shows.
    #[test]
    fn margins_mirror_the_image() {
        let device = Device::flex().autodiff();
        let (h, w, c) = (3usize, 4usize, 2usize);
        let values: Vec<f32> = (0..h * w * c).map(|i| i as f32).collect();
        for margins in [[1, 2, 0, 3], [0, 1, 1, 0], [5, 0, 9, 4], [0; 4]] {
            let x =
                Tensor::<4>::from_data(TensorData::new(values.clone(), [1, h, w, c]), &device).require_grad();
            let [t, b, l, r] = margins;
            let y = reflect(x.clone(), margins);
            assert_eq!(y.dims(), [1, h + t + b, w + l + r, c]);
            let mut shows = vec![0f32; values.len()];
            let mut want = Vec::new();
            for i in 0..h + t + b {
                for j in 0..w + l + r {
                    let bounce = |i: isize, n: isize| {
                        let mut i = i;
                        while !(0..n).contains(&i) {
                            i = if i < 0 { -i } else { 2 * (n - 1) - i };
                        }
                        i as usize
                    };
                    let (y, x) = (
                        bounce(i as isize - t as isize, h as isize),
                        bounce(j as isize - l as isize, w as isize),
                    );
                    for k in 0..c {
                        want.push(values[(y * w + x) * c + k]);
                        shows[(y * w + x) * c + k] += 1.0;
                    }
                }
            }
            assert_eq!(numbers(y.clone()), want, "{margins:?}");
            assert_eq!(numbers(cut(y.clone(), margins)), values);
            let gradients = y.sum().backward();
            assert_eq!(numbers(x.grad(&gradients).unwrap()), shows, "{margins:?}");
        }
        let one = Tensor::<4>::ones([1, 1, 1, 1], &Device::flex());
        assert_eq!(numbers(reflect(one, [1, 1, 2, 0])), [1.0; 9]);
        assert_eq!(to_multiple([13, 16], 8), [1, 2, 0, 0]);
    }
}
