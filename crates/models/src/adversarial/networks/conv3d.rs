//! Convolutions over three axes, with kernels of 4 in each, that halve or double all three: as convolutions of images whose channels
//! are those of the slices that a kernel spans. The slices of a volume, frames of a video or depths of a shape, lie below each other,
//! `[batch, slices * height, width, channel]`.
use burn::module::Module;
use burn::tensor::Tensor;
use menagerie_nn::pyramid::{channels, sizes};
use menagerie_nn::{Activation, BatchNorm, Conv2d, ConvTranspose2d, Dual, Init, Linear, Weights};

pub(super) const STD: Weights = Weights::Normal(0.02);
/// Standard deviation of a norm's first scales.
const SPREAD: f64 = 0.02;
const LEAKY: Activation = Activation::LeakyRelu(0.2);

/// From latents to volumes: projected onto the smallest grid, then doubled layer by layer, with batch norm and ReLU between.
#[derive(Module, Debug)]
pub(super) struct Rise {
    project: Linear,
    norm: BatchNorm,
    ups: Vec<Up>,
    #[module(skip)]
    first: [usize; 4],
}

impl Rise {
    /// To `[slices, height, width, channel]`; at half the size there are `width` channels, and twice as many at each halving, up to
    /// eight times.
    pub(super) fn new(latent: usize, width: usize, [t, h, w, c]: [usize; 4], init: &Init) -> Self {
        let (grid, slices) = (sizes([h, w]), halved(t, sizes([h, w]).len()));
        let n = grid.len() - 1;
        let at = |i: usize| if i == 0 { c } else { channels(width, i) };
        let up = |i: usize| {
            let slices = [slices[i], slices[i - 1]];
            Up::new(
                [at(i), at(i - 1)],
                [grid[i - 1], slices],
                i > 1,
                &init.at("up").nth(i),
            )
        };
        let [fh, fw] = grid[n];
        let norm = BatchNorm::of(at(n)).spread(SPREAD);
        Rise {
            project: Linear::of([latent, slices[n] * fh * fw * at(n)])
                .weights(STD)
                .no_bias()
                .init(&init.at("project")),
            norm: norm.init(&init.at("norm")),
            ups: (1..=n).rev().map(up).collect(),
            first: [slices[n], fh, fw, at(n)],
        }
    }

    pub(super) fn project(&self) -> &Linear {
        &self.project
    }

    /// Latents `[batch, latent]` -> volumes, without a last activation.
    pub(super) fn forward(&self, z: Tensor<2>) -> Tensor<4> {
        let batch = z.dims()[0];
        let [t, h, w, c] = self.first;
        let x = self.project.forward(z, Activation::Identity);
        let x = self
            .norm
            .forward(x.reshape([batch, t * h, w, c]), Activation::Relu);
        self.ups.iter().fold(x, |x, up| up.forward(x))
    }
}

/// Slices at each halving, the first one being what there is.
pub(super) fn halved(slices: usize, times: usize) -> Vec<usize> {
    std::iter::successors(Some(slices), |s| Some(s.div_ceil(2)))
        .take(times)
        .collect()
}

/// From volumes to features: halved layer by layer, leaky ReLU of slope 0.2 between; what is left, flattened.
#[derive(Module, Debug)]
pub(super) struct Fall {
    downs: Vec<Down>,
    features: usize,
}

impl Fall {
    /// Of `[slices, height, width, channel]`; batch norm, where it is asked for, in all layers but the first.
    pub(super) fn new(width: usize, [t, h, w, c]: [usize; 4], norm: bool, init: &Init) -> Self {
        let (grid, slices) = (sizes([h, w]), halved(t, sizes([h, w]).len()));
        let n = grid.len() - 1;
        let at = |i: usize| if i == 0 { c } else { channels(width, i) };
        let down = |i: usize| {
            let norm = norm && i > 1;
            Down::new([at(i - 1), at(i)], slices[i - 1], norm, &init.at("down").nth(i))
        };
        let [fh, fw] = grid[n];
        Fall {
            downs: (1..=n).map(down).collect(),
            features: slices[n] * fh * fw * at(n),
        }
    }

    /// What each layer sees, and the features `[batch, features]`.
    pub(super) fn layers(&self, x: Dual<4>) -> (Vec<Dual<4>>, Dual<2>) {
        let mut seen = Vec::new();
        let x = self.downs.iter().fold(x, |x, down| {
            let x = down.dual(x);
            seen.push(x.clone());
            x
        });
        (seen, x.linear(|t| t.flatten::<2>(1, 3)))
    }

    pub(super) fn features(&self) -> usize {
        self.features
    }

    /// Slices of what a layer gives.
    pub(super) fn slices_after(&self, layer: usize) -> usize {
        self.downs[layer].slices_after()
    }
}

/// Halves: slice i of the output sees slices 2 i - 1 to 2 i + 2 of the input, zeros where there are none. One slice alone stays one.
#[derive(Module, Debug)]

pub(super) struct Down {
    conv: Conv2d,
    norm: Option<BatchNorm>,
    slices: usize,
}

impl Down {
    pub(super) fn new([inputs, outputs]: [usize; 2], slices: usize, norm: bool, init: &Init) -> Self {
        let spans = if slices > 1 { 4 } else { 1 };
        Down {
            conv: Conv2d::of([spans * inputs, outputs])
                .kernel(4)
                .stride(2)
                .padding(1)
                .weights(STD)
                .bias_if(!norm)
                .init(&init.at("conv")),
            norm: norm.then(|| BatchNorm::of(outputs).spread(SPREAD).init(&init.at("norm"))),
            slices,
        }
    }

    /// Slices of what it gives.
    pub(super) fn slices_after(&self) -> usize {
        self.slices.div_ceil(2)
    }

    /// `[batch, slices * height, width, channel]` -> the same with half of each.
    pub(super) fn dual(&self, x: Dual<4>) -> Dual<4> {
        let (t, after) = (self.slices, self.slices_after());
        let x = x.linear(|x| gathered(x, t));
        let x = match &self.norm {
            Some(norm) => {
                let y = self.conv.dual(x, Activation::Identity);
                y.with(norm.forward(y.value.clone(), LEAKY), None)
            }
            None => self.conv.dual(x, LEAKY),
        };
        x.linear(|x| {
            let [rows, h, w, c] = x.dims();
            x.reshape([rows / after, after * h, w, c])
        })
    }
}

/// `[batch, slices * height, width, channel]` -> an image for every second slice, `[batch * after, height, width, 4 channel]`, which
/// holds the four around it.
fn gathered(x: Tensor<4>, t: usize) -> Tensor<4> {
    let [batch, rows, w, c] = x.dims();
    let h = rows / t;
    let after = t.div_ceil(2);
    if t == 1 {
        return x;
    }
    // One slice of zeros before, and one or two behind: then two at a time, side by side.
    let nothing = x.clone().narrow(1, 0, h) * 0.0;
    let behind = 2 * after + 2 - t - 1;
    let mut parts = vec![nothing.clone(), x];
    parts.extend(vec![nothing; behind]);
    let pairs = Tensor::cat(parts, 1).reshape([batch, after + 1, 2, h * w, c]);
    let pairs = pairs.swap_dims(2, 3);
    let early = pairs.clone().narrow(1, 0, after);
    let late = pairs.narrow(1, 1, after);
    // [batch, after, pixels, 2 (early, late), 2 (slices), channel]
    let all: Tensor<5> = Tensor::cat(vec![early, late], 3);
    all.reshape([batch * after, h, w, 4 * c])
}

/// Doubles: of slices i - 1 and i comes slice 2 i, of i and i + 1 slice 2 i + 1. One slice may stay one.
#[derive(Module, Debug)]

pub(super) struct Up {
    even: ConvTranspose2d,
    /// none where slices are not doubled
    odd: Option<ConvTranspose2d>,
    norm: Option<BatchNorm>,
    #[module(skip)]
    size: [usize; 2],
    #[module(skip)]
    slices: [usize; 2],
}

impl Up {
    /// To images of that size, from so many slices to so many; with a norm and ReLU, or with a bias alone.
    pub(super) fn new(
        [inputs, outputs]: [usize; 2],
        [size, slices]: [[usize; 2]; 2],
        norm: bool,
        init: &Init,
    ) -> Self {
        let doubled = slices[1] > 1;
        let up = |name: &str| {
            ConvTranspose2d::of([if doubled { 2 * inputs } else { inputs }, outputs])
                .kernel(4)
                .stride(2)
                .padding(1)
                .weights(STD)
                .bias_if(!norm)
                .init(&init.at(name))
        };
        Up {
            even: up("even"),
            odd: doubled.then(|| up("odd")),
            norm: norm.then(|| BatchNorm::of(outputs).spread(SPREAD).init(&init.at("norm"))),
            size,
            slices,
        }
    }

    /// `[batch, slices * height, width, channel]` -> the same with twice of each.
    pub(super) fn forward(&self, x: Tensor<4>) -> Tensor<4> {
        let [batch, rows, w, c] = x.dims();
        let [before, after] = self.slices;
        let h = rows / before;
        let to_images = |x: Tensor<4>| x.reshape([batch * before, h, w, c]);
        let up = |conv: &ConvTranspose2d, x: Tensor<4>| conv.forward(x, self.size, Activation::Identity);
        let y = match &self.odd {
            None => up(&self.even, to_images(x)),
            Some(odd) => {
                let nothing = x.clone().narrow(1, 0, h) * 0.0;
                let earlier = match before {
                    1 => nothing.clone(),
                    _ => Tensor::cat(vec![nothing.clone(), x.clone().narrow(1, 0, rows - h)], 1),
                };
                let later = match before {
                    1 => nothing,
                    _ => Tensor::cat(vec![x.clone().narrow(1, h, rows - h), nothing], 1),
                };
                let [earlier, now, later] = [earlier, x, later].map(to_images);
                let even = up(&self.even, Tensor::cat(vec![earlier, now.clone()], 3));
                let odd = up(odd, Tensor::cat(vec![now, later], 3));
                let [_, h, w, c] = even.dims();
                // Slice by slice in turn.
                let [even, odd] = [even, odd].map(|t| t.reshape([batch, before, h * w * c]));
                let both: Tensor<3> = Tensor::cat(vec![even, odd], 2);
                let both = both.reshape([batch, 2 * before * h, w, c]);
                both.narrow(1, 0, after * h)
            }
        };
        let [_, h, w, c] = [0, self.size[0], self.size[1], y.dims()[3]];
        let y = y.reshape([batch, after * h, w, c]);
        match &self.norm {
            Some(norm) => norm.forward(y, Activation::Relu),
            None => y,
        }
    }
}

/// A convolution with kernels of 3 in each axis, which keeps the size: slice i of the output sees slices i - 1 to i + 1 of the input, zeros
/// where there are none.
#[derive(Module, Debug)]
pub(in crate::adversarial) struct Around {
    conv: Conv2d,
    slices: usize,
}

impl Around {
    pub(in crate::adversarial) fn new([inputs, outputs]: [usize; 2], slices: usize, init: &Init) -> Self {
        let conv = Conv2d::of([3 * inputs, outputs]).kernel(3).padding(1);
        Around {
            conv: conv.weights(STD).bias().init(init),
            slices,
        }
    }

    /// `[batch, slices * height, width, channel]` -> the same with its own channels.
    pub(in crate::adversarial) fn forward(&self, x: Tensor<4>, activation: Activation) -> Tensor<4> {
        let ([batch, rows, w, c], t) = (x.dims(), self.slices);
        let h = rows / t;
        let nothing = x.clone().narrow(1, 0, h) * 0.0;
        let padded = Tensor::cat(vec![nothing.clone(), x, nothing], 1);
        let moved = |by: usize| {
            padded
                .clone()
                .narrow(1, by * h, rows)
                .reshape([batch * t, h, w, c])
        };
        let three = Tensor::cat((0..3).map(moved).collect(), 3);
        let y = self.conv.forward(three, activation);
        let outputs = y.dims()[3];
        y.reshape([batch, rows, w, outputs])
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use burn::tensor::{Device, TensorData};
    use menagerie_data::Key;
    use menagerie_kernels::noise;
    use menagerie_nn::numbers;

    fn drawn(shape: [usize; 4], seed: u64) -> Vec<f32> {
        let x = noise::normal(
            Key::new(seed).words(),
            [1, shape.iter().product()],
            &Device::flex(),
        );
        numbers(x)
    }

    /// Against the sum over the kernel, number by number: four slices around every second one, four rows and columns around every
    /// second pixel.
    #[test]
    fn halving_is_a_convolution_in_three_dimensions() {
        for t in [2, 4, 5] {
            let (h, w, c, out) = (4, 6, 2, 3);
            let down = Down::new([c, out], t, false, &Init::new(Key::new(1), &Device::flex()));
            let x = drawn([t, h, w, c], 2);
            let weight = numbers(down.conv.weight.val());
            let given = Tensor::from_data(TensorData::new(x.clone(), [1, t * h, w, c]), &Device::flex());
            let made = numbers(down.dual(given.into()).value);
            let after = t.div_ceil(2);
            assert_eq!(made.len(), after * h / 2 * (w / 2) * out);
            let at = |f: isize, i: isize, j: isize, k: usize| -> f64 {
                let inside = (0..t as isize).contains(&f)
                    && (0..h as isize).contains(&i)
                    && (0..w as isize).contains(&j);
                let n = ((f.max(0) as usize * h + i.max(0) as usize) * w + j.max(0) as usize) * c + k;
                if inside { x[n] as f64 } else { 0.0 }
            };
            let mut place = 0;
            for f in 0..after {
                for i in 0..h / 2 {
                    for j in 0..w / 2 {
                        for o in 0..out {
                            let mut sum = 0.0;
                            for n in 0..4 * 4 * 4 * c {
                                let (k, kf, kj, ki) = (n % c, n / c % 4, n / c / 4 % 4, n / c / 16);
                                let v = at(
                                    2 * f as isize - 1 + kf as isize,
                                    2 * i as isize - 1 + ki as isize,
                                    2 * j as isize - 1 + kj as isize,
                                    k,
                                );
                                // [row, column, frame and channel, output]
                                sum += v * weight[((ki * 4 + kj) * 4 * c + kf * c + k) * out + o] as f64;
                            }
                            let expected = if sum < 0.0 { 0.2 * sum } else { sum };
                            assert!(
                                (made[place] as f64 - expected).abs() < 1e-5,
                                "{t}: {} {expected}",
                                made[place]
                            );
                            place += 1;
                        }
                    }
                }
            }
        }
    }

    /// Against the sum over the kernel, number by number.
    #[test]
    fn the_same_size_is_a_convolution_in_three_dimensions() {
        let (t, h, w, c, out) = (3, 4, 5, 2, 3);
        let around = Around::new([c, out], t, &Init::new(Key::new(1), &Device::flex()));
        let (x, weight) = (drawn([t, h, w, c], 2), numbers(around.conv.weight.val()));
        let given = Tensor::from_data(TensorData::new(x.clone(), [1, t * h, w, c]), &Device::flex());
        let made = numbers(around.forward(given, Activation::Identity));
        let at = |place: [usize; 3], kernel: [usize; 3], k: usize| -> f64 {
            let [f, i, j] = [0, 1, 2].map(|a| (place[a] + kernel[a]).wrapping_sub(1));
            let inside = f < t && i < h && j < w;
            if inside {
                x[((f * h + i) * w + j) * c + k] as f64
            } else {
                0.0
            }
        };
        for (place, had) in made.iter().enumerate() {
            let (o, v) = (place % out, place / out);
            let here = [v / (h * w), v / w % h, v % w];
            let sum: f64 = (0..27 * c)
                .map(|n| {
                    let (k, kf, kj, ki) = (n % c, n / c % 3, n / c / 3 % 3, n / c / 9);
                    at(here, [kf, ki, kj], k) * weight[((ki * 3 + kj) * 3 * c + kf * c + k) * out + o] as f64
                })
                .sum();
            assert!((*had as f64 - sum).abs() < 1e-5, "{place}: {had} {sum}");
        }
    }

    /// A slice of the input changes the four around twice its place, and no other.
    #[test]
    fn doubling_reaches_the_slices_around() {
        let (before, after, h, w, c) = (4, 8, 2, 2, 1);
        let up = Up::new(
            [c, 2],
            [[2 * h, 2 * w], [before, after]],
            false,
            &Init::new(Key::new(1), &Device::flex()),
        );
        let of = |x: Vec<f32>| {
            let x = Tensor::from_data(TensorData::new(x, [1, before * h, w, c]), &Device::flex());
            let y = up.forward(x);
            assert_eq!(y.dims(), [1, after * 2 * h, 2 * w, 2]);
            numbers(y)
        };
        let usual = of(vec![0.5; before * h * w * c]);
        let mut other = vec![0.5; before * h * w * c];
        other[h * w * c] = 2.0;
        let other = of(other);
        let frame = 4 * h * w * 2;
        let changed: Vec<usize> = (0..after)
            .filter(|f| usual[f * frame..(f + 1) * frame] != other[f * frame..(f + 1) * frame])
            .collect();
        assert_eq!(changed, [1, 2, 3, 4]);
    }
}
