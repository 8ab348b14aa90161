use crate::{Init, Weights, activations, numbers};
use burn::module::{Module, Param};
use burn::tensor::{Tensor, TensorData};
use menagerie_kernels::{Activation, activation, conv2d_reaching, linear};
use std::ops::Range;

/// What the middle of a masked convolution sees of the present pixel (van den Oord et al. 2016, arXiv:1601.06759, figure 2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mask {
    /// channels before the output's own: for the first layer, which reads the image
    A,
    /// those and its own: for all later layers
    B,
}

/// A convolution that sees the pixels above and to the left alone: `[batch, height, width, in] -> [.., out]`.
///
/// Weights that a mask would remove do not exist: the kernel is two, one over the rows above and one over the beginning of
/// the present row. Where a pixel's channels come one after the other (R, G, B), all features fall into as many groups,
/// and of the present pixel a group sees those before it, and with mask B itself.
#[derive(Module, Debug)]
pub struct MaskedConv2d {
    /// the rows above, `[kernel / 2, kernel, in, out]`
    pub above: Option<Param<Tensor<4>>>,
    /// the present row up to the middle, `[1, kernel / 2 + 1, in, out]`, without the middle where mask A removes all of it
    pub row: Option<Param<Tensor<4>>>,
    /// `[out]`
    pub bias: Param<Tensor<1>>,
    #[module(skip)]
    mask: Mask,
    groups: usize,
    kernel: usize,
}

/// One kernel of the rows above and the present one, which zeros fill up: `[kernel / 2 + 1, kernel, in, out]`. A pass over
/// the input instead of two is worth more than the zeros cost.
fn joined(above: Tensor<4>, row: Tensor<4>) -> Tensor<4> {
    let ([_, kernel, i, o], taps) = (above.dims(), row.dims()[1]);
    let unseen = Tensor::zeros([1, kernel - taps, i, o], &row.device());
    Tensor::cat(vec![above, Tensor::cat(vec![row, unseen], 1)], 0)
}

/// The channels of group `g` of `groups` among `n`.
fn group_channels(n: usize, groups: usize, g: usize) -> Range<usize> {
    (g * n).div_ceil(groups)..((g + 1) * n).div_ceil(groups)
}

/// A masked convolution in the making: `MaskedConv2d::of([1, 32], Mask::A).kernel(7).init(&init)`.
#[derive(Clone, Copy, Debug)]
pub struct MaskedConvOf {
    channels: [usize; 2],
    mask: Mask,
    kernel: usize,
    groups: usize,
    rows_above: bool,
}

impl MaskedConvOf {
    /// A square kernel of this odd side; 3 unless said otherwise.
    pub fn kernel(mut self, side: usize) -> Self {
        self.kernel = side;
        self
    }

    /// Groups of channels, which come one after the other in a pixel; 1 unless said otherwise.
    pub fn groups(mut self, groups: usize) -> Self {
        self.groups = groups;
        self
    }

    /// Of the present row alone.
    pub fn row(mut self) -> Self {
        self.rows_above = false;
        self
    }

    /// The layer; weights and bias uniform in ±1/sqrt(in kernel²), as for the convolution without a mask.
    pub fn init(self, at: &Init) -> MaskedConv2d {
        let ([i, o], kernel) = (self.channels, self.kernel);
        let rows = if self.rows_above { kernel / 2 } else { 0 };
        let taps = if rows > 0 { kernel * kernel } else { kernel };
        let fan = [i * taps, o * taps];
        let weight = |name: &str, h: usize, w: usize| {
            (h * w > 0).then(|| Weights::Fan.draw([h, w, i, o], fan, &at.at(name)))
        };
        // With one group, mask A leaves nothing of the present pixel.
        let middle = usize::from(self.mask == Mask::B || self.groups > 1);
        MaskedConv2d {
            above: weight("above", rows, kernel),
            row: weight("row", 1, kernel / 2 + middle),
            bias: Weights::Fan.draw([o], fan, &at.at("bias")),
            mask: self.mask,
            groups: self.groups,
            kernel,
        }
    }
}

impl MaskedConv2d {
    /// Of `[in, out]` channels.
    pub fn of(channels: [usize; 2], mask: Mask) -> MaskedConvOf {
        MaskedConvOf {
            channels,
            mask,
            kernel: 3,
            groups: 1,
            rows_above: true,
        }
    }

    /// `activation(conv(x) + bias)`
    pub fn forward(&self, x: Tensor<4>, act: Activation) -> Tensor<4> {
        let reach = self.kernel / 2;
        let bias = self.bias.val();
        let over = |x: Tensor<4>, row: Tensor<4>, act| match row.dims() {
            [_, _, i, o] if self.kernel == 1 => linear(x, row.reshape([i, o]), Some(bias.clone()), act),
            _ => conv2d_reaching(x, row, Some(bias.clone()), [0, reach], act),
        };
        let y = match (&self.above, self.masked_row()) {
            (Some(above), Some(row)) => {
                conv2d_reaching(x, joined(above.val(), row), Some(bias), [reach, reach], act)
            }
            (Some(above), None) => conv2d_reaching(x, above.val(), Some(bias), [reach, reach], act),
            (None, Some(row)) => over(x, row, act),
            (None, None) => {
                let [b, h, w, _] = x.dims();
                activation(
                    Tensor::zeros([b, h, w, bias.dims()[0]], &x.device()) + bias.unsqueeze(),
                    act,
                )
            }
        };
        activations::keep(y)
    }

    /// The weights of the present row, with zeros where a group does not see another.
    fn masked_row(&self) -> Option<Tensor<4>> {
        let row = self.row.as_ref()?.val();
        let [_, taps, i, o] = row.dims();
        if self.groups == 1 {
            return Some(row);
        }
        let mut mask = vec![1.0; taps * i * o];
        for g in 0..self.groups {
            let seen = self.seen(i, g);
            for from in seen..i {
                let at = ((taps - 1) * i + from) * o;
                group_channels(o, self.groups, g).for_each(|to| mask[at + to] = 0.0);
            }
        }
        let mask = Tensor::from_data(TensorData::new(mask, [1, taps, i, o]), &row.device());
        Some(row * mask)
    }

    /// How many of `i` channels of the present pixel group `g` sees.
    fn seen(&self, i: usize, g: usize) -> usize {
        let own = group_channels(i, self.groups, g);
        if self.mask == Mask::A { own.start } else { own.end }
    }

    /// Its weights as one matrix a group of outputs: the offsets (rows, columns) of the pixels that it sees, in the order of
    /// the matrices' rows; by group the matrix's number of rows, its columns; and all weights `[offsets * in, out]`. The
    /// present pixel, of which a group sees only the first channels, comes last.
    pub fn matrix(&self) -> MaskedMatrix {
        let reach = self.kernel / 2;
        let mut offsets = Vec::new();
        let mut weight = Vec::new();
        let mut add = |t: &Option<Param<Tensor<4>>>, up: usize| {
            if let Some(t) = t {
                let [h, w, ..] = t.dims();
                offsets.extend(
                    (0..h * w)
                        .map(|at| (at / w) as isize - up as isize)
                        .zip((0..h * w).map(|at| (at % w) as isize - reach as isize)),
                );
                weight.extend(numbers(t.val()));
            }
        };
        add(&self.above, reach);
        add(&self.row, 0);
        let outputs = self.bias.dims()[0];
        let inputs = [&self.above, &self.row]
            .into_iter()
            .flatten()
            .next()
            .map_or(0, |t| t.dims()[2]);
        let middle = offsets.last() == Some(&(0, 0));
        let whole = (offsets.len() - usize::from(middle)) * inputs;
        let group = |g: usize| {
            (
                whole + if middle { self.seen(inputs, g) } else { 0 },
                group_channels(outputs, self.groups, g),
            )
        };
        let bias = numbers(self.bias.val());
        MaskedMatrix {
            groups: (0..self.groups).map(group).collect(),
            offsets,
            weight,
            bias,
        }
    }
}

/// See [`MaskedConv2d::matrix`].
#[derive(Clone, Debug)]
pub struct MaskedMatrix {
    /// (rows, columns) from the present pixel
    pub offsets: Vec<(isize, isize)>,
    /// by group of outputs: rows of its matrix, and its columns
    pub groups: Vec<(usize, Range<usize>)>,
    /// `[offsets * in, out]`
    pub weight: Vec<f32>,
    /// `[out]`
    pub bias: Vec<f32>,
}

#[cfg(test)]
mod tests {
    use super::*;
    use burn::tensor::Device;
    use menagerie_data::random::Key;

    /// Against a whole convolution whose kernel is masked, written as loops.
    #[test]
    fn what_is_left_out_is_what_the_mask_removes() {
        let device = Device::flex();
        for (kernel, mask, groups, channels) in [
            (3, Mask::B, 1, [4, 5]),
            (7, Mask::A, 1, [1, 6]),
            (3, Mask::A, 3, [3, 7]),
            (5, Mask::B, 3, [6, 9]),
            (1, Mask::B, 2, [4, 6]),
        ] {
            let layer = MaskedConv2d::of(channels, mask)
                .kernel(kernel)
                .groups(groups)
                .init(&Init::new(Key::new(1), &device));
            let ([i, o], [h, w]) = (channels, [5, 6]);
            let x = menagerie_kernels::noise::normal(Key::new(2).words(), [2, h, w, i], &device);
            let y = layer.forward(x.clone(), Activation::Identity).into_data();
            let (x, y) = (x.into_data(), y.as_slice::<f32>().unwrap().to_vec());
            let x = x.as_slice::<f32>().unwrap();
            let m = layer.matrix();
            assert!(m.offsets.iter().all(|&(dy, dx)| (dy, dx) <= (0, 0)
                && dy >= -(kernel as isize / 2)
                && dx.unsigned_abs() <= kernel / 2));
            for at in 0..2 * h * w * o {
                let (b, py, px, out) = (at / (h * w * o), at / (w * o) % h, at / o % w, at % o);
                let group = |c: usize, n: usize| c * groups / n;
                let mut want = m.bias[out] as f64;
                for (t, &(dy, dx)) in m.offsets.iter().enumerate() {
                    let (sy, sx) = (py as isize + dy, px as isize + dx);
                    if sy < 0 || sx < 0 || sx >= w as isize {
                        continue;
                    }
                    for c in 0..i {
                        let hidden = (dy, dx) == (0, 0)
                            && (group(c, i), 0) >= (group(out, o), usize::from(mask == Mask::B));
                        if !hidden {
                            let v = x[((b * h + sy as usize) * w + sx as usize) * i + c];
                            want += v as f64 * m.weight[(t * i + c) * o + out] as f64;
                        }
                    }
                }
                assert!(
                    (y[at] as f64 - want).abs() < 1e-4,
                    "{kernel} {mask:?} {groups} {at}: {} {want}",
                    y[at]
                );
            }
            let taps = kernel * (kernel / 2) + kernel / 2 + usize::from(mask == Mask::B || groups > 1);
            assert_eq!(m.offsets.len(), taps, "no weight that a mask would remove");
        }
    }
}
