//! Blending (Wu, Zheng, Zhang, Huang 2017, GP-GAN: Towards Realistic High-Resolution Image Blending, arXiv:1703.07195). A network
//! says which colours a pasted image should have, blurred; the gradients are those of what was pasted and of what it was pasted
//! into. Both together give the image (the Gauss-Poisson equation, section 3.3):
//!
//! min_x  || grad x - v ||^2  +  beta || g * x - g * x_l ||^2
//!
//! with v the gradient of the pasted image, across its seam that of x_l, g a Gaussian and x_l what the network says. With edges
//! that reflect, both terms are diagonal in cosines, so that x = C^-1 [ (C D^T v + beta g^2 C x_l) / (lambda + beta g^2) ]: solved
//! exactly by four products with the matrix of the cosine transform.
use burn::tensor::{Device, Tensor, TensorData};
use menagerie_data::error::{Error, Result};
use menagerie_kernels::{Activation, linear};
use serde::{Deserialize, Serialize};
use std::f64::consts::PI;

/// `[translation.output]` of the rule `blend`: both sides have where something was pasted as their last channel.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Blend {
    /// weight of the network's colours; 0 for the Poisson equation alone: nothing of the network, no step across the seam, and
    /// the mean that the image has outside of what was pasted
    pub colour: f64,
    /// standard deviation in pixels of the Gaussian through which colours are compared
    pub blur: f64,
}

impl Default for Blend {
    fn default() -> Self {
        Blend {
            colour: 1.0,
            blur: 1.0,
        }
    }
}

/// What the network says beside the mask of what it was given.
pub(super) fn beside_mask(said: Tensor<4>, given: &Tensor<4>) -> Tensor<4> {
    let c = given.dims()[3];
    Tensor::cat(vec![said, given.clone().narrow(3, c - 1, 1)], 3)
}

impl Blend {
    pub(super) fn check(self) -> Result<()> {
        super::super::super::game::check_weights([("translation.output.colour", self.colour)])?;
        match self.blur.is_finite() && (0.0..=64.0).contains(&self.blur) {
            true => Ok(()),
            false => Err(Error::recipe(
                "translation.output.blur",
                format!("{} is no deviation of a Gaussian in pixels", self.blur),
                "give 0 to 64, such as 1",
            )),
        }
    }

    /// The image that solves the equation, beside the mask.
    pub(super) fn solved(self, said: Tensor<4>, given: &Tensor<4>) -> Tensor<4> {
        let c = given.dims()[3];
        let (pasted, mask) = (
            given.clone().narrow(3, 0, c - 1),
            given.clone().narrow(3, c - 1, 1),
        );
        let (device, [_, h, w, _]) = (given.device(), given.dims());
        // D^T v along both axes.
        let along = |axis: usize| {
            let seam = differences(mask.clone(), axis).abs().greater_elem(0.5).float();
            let inside = differences(pasted.clone(), axis) * (seam.clone().neg() + 1.0);
            let v = match self.colour > 0.0 {
                true => inside + differences(said.clone(), axis) * seam,
                false => inside,
            };
            transposed_differences(v, axis)
        };
        let spectrum = cosines(along(1) + along(2), false);
        let plane = |f: &dyn Fn(usize, usize) -> f64| -> Tensor<4> {
            let values: Vec<f32> = (0..h * w).map(|i| f(i / w, i % w) as f32).collect();
            Tensor::from_data(TensorData::new(values, [1, h, w, 1]), &device)
        };
        let (rows, columns) = (gaussian(self.blur, h), gaussian(self.blur, w));
        let low = |u: usize, v: usize| self.colour * (rows[u] * columns[v]).powi(2);
        let laplacian = |u: usize, v: usize| step(u, h) + step(v, w);
        let x = if self.colour > 0.0 {
            let colours = cosines(said, false) * plane(&low);
            let below = plane(&|u, v| 1.0 / (laplacian(u, v) + low(u, v)).max(1e-9));
            cosines((spectrum + colours) * below, true)
        } else {
            let below = plane(&|u, v| if u + v == 0 { 0.0 } else { 1.0 / laplacian(u, v) });
            let x = cosines(spectrum * below, true);
            // The equation leaves the mean open: it is that outside.
            let outside = mask.lower_elem(0.0).float();
            let of_all = |x: Tensor<4>| x.mean_dim(1).mean_dim(2);
            let off = of_all((pasted - x.clone()) * outside.clone());
            x + off / of_all(outside).clamp(1e-3, 1.0)
        };
        beside_mask(x.clamp(-1.0, 1.0), given)
    }
}

/// x(i + 1) - x(i) along an axis, one fewer than there are.
fn differences(x: Tensor<4>, axis: usize) -> Tensor<4> {
    let n = x.dims()[axis];
    x.clone().narrow(axis, 1, n - 1) - x.narrow(axis, 0, n - 1)
}

/// The transpose of [`differences`]: one more than there are.
fn transposed_differences(v: Tensor<4>, axis: usize) -> Tensor<4> {
    let mut shape = v.dims();
    shape[axis] = 1;
    let nothing = Tensor::zeros(shape, &v.device());
    Tensor::cat(vec![nothing.clone(), v.clone()], axis) - Tensor::cat(vec![v, nothing], axis)
}

/// What a squared difference between neighbours makes of cosine `u` of `n`: 4 sin^2(pi u / 2 n).
fn step(u: usize, n: usize) -> f64 {
    4.0 * (PI * u as f64 / (2 * n) as f64).sin().powi(2)
}

/// What a Gaussian of that deviation, sampled to three of them and summing to one, makes of each of `n` cosines.
fn gaussian(deviation: f64, n: usize) -> Vec<f64> {
    let taps = taps(deviation);
    let sum = |u: usize| {
        taps.iter()
            .map(|(k, weight)| weight * (PI * u as f64 * *k as f64 / n as f64).cos())
            .sum()
    };
    (0..n).map(sum).collect()
}

/// Offsets and weights of a sampled Gaussian.
fn taps(deviation: f64) -> Vec<(i64, f64)> {
    let reach = (3.0 * deviation).ceil() as i64;
    let of = |k: i64| (-0.5 * (k as f64 / deviation.max(1e-9)).powi(2)).exp();
    let all: f64 = (-reach..=reach).map(of).sum();
    (-reach..=reach).map(|k| (k, of(k) / all)).collect()
}

/// The orthonormal cosine transform (DCT-II) of both axes of images `[batch, height, width, channel]`, or its inverse.
fn cosines(x: Tensor<4>, inverse: bool) -> Tensor<4> {
    let [_, h, w, _] = x.dims();
    let device = x.device();
    let x = x.permute([0, 3, 1, 2]);
    let x = linear(x, basis(w, inverse, &device), None, Activation::Identity);
    let x = linear(
        x.permute([0, 1, 3, 2]),
        basis(h, inverse, &device),
        None,
        Activation::Identity,
    );
    x.permute([0, 3, 2, 1])
}

/// `[place, cosine]`; the inverse is its transpose.
fn basis(n: usize, inverse: bool, device: &Device) -> Tensor<2> {
    let of = |place: usize, u: usize| {
        let scale = if u == 0 { 1.0 } else { 2.0 };
        (scale / n as f64).sqrt() * (PI * u as f64 * (2 * place + 1) as f64 / (2 * n) as f64).cos()
    };
    let values: Vec<f32> = (0..n * n)
        .map(|i| match inverse {
            false => of(i / n, i % n) as f32,
            true => of(i % n, i / n) as f32,
        })
        .collect();
    Tensor::from_data(TensorData::new(values, [n, n]), device)
}

#[cfg(test)]
mod tests {
    use super::*;
    use menagerie_data::{Batch, Key, Source};
    use menagerie_kernels::noise;
    use menagerie_nn::numbers;

    const SIZE: [usize; 2] = [6, 5];

    /// Solves a dense system by elimination with pivots.
    fn eliminated(mut a: Vec<Vec<f64>>, mut b: Vec<f64>) -> Vec<f64> {
        let n = b.len();
        for i in 0..n {
            let best = (i..n)
                .max_by(|p, q| a[*p][i].abs().total_cmp(&a[*q][i].abs()))
                .unwrap();
            a.swap(i, best);
            b.swap(i, best);
            for j in i + 1..n {
                let factor = a[j][i] / a[i][i];
                for k in i..n {
                    a[j][k] -= factor * a[i][k];
                }
                b[j] -= factor * b[i];
            }
        }
        for i in (0..n).rev() {
            b[i] = (b[i] - (i + 1..n).map(|k| a[i][k] * b[k]).sum::<f64>()) / a[i][i];
        }
        b
    }

    /// Rows of least squares: each difference between neighbours, and each blurred pixel where the edges reflect.
    fn rows(colour: f64, blur: f64) -> (Vec<Vec<f64>>, Vec<[usize; 2]>, Vec<Vec<f64>>) {
        let [h, w] = SIZE;
        let (mut gradient, mut ends) = (vec![], vec![]);
        for y in 0..h {
            for x in 0..w {
                for (to, there) in [((y + 1) * w + x, y + 1 < h), (y * w + x + 1, x + 1 < w)] {
                    if there {
                        let mut row = vec![0.0; h * w];
                        (row[to], row[y * w + x]) = (1.0, -1.0);
                        gradient.push(row);
                        ends.push([y * w + x, to]);
                    }
                }
            }
        }
        let reflected = |i: i64, n: usize| {
            let i = i.rem_euclid(2 * n as i64) as usize;
            if i < n { i } else { 2 * n - 1 - i }
        };
        let low = (0..h * w).map(|i| {
            let mut row = vec![0.0; h * w];
            for (dy, a) in taps(blur) {
                for (dx, b) in taps(blur) {
                    let (y, x) = ((i / w) as i64 + dy, (i % w) as i64 + dx);
                    row[reflected(y, h) * w + reflected(x, w)] += colour.sqrt() * a * b;
                }
            }
            row
        });
        (gradient, ends, low.collect())
    }

    /// The solution is that of the normal equations, written out and solved by elimination.
    #[test]
    fn the_equation_is_solved_as_a_dense_one_is() {
        let [h, w] = SIZE;
        for (colour, blur) in [(1.0, 1.0), (0.3, 2.5), (7.0, 0.0)] {
            let key = Key::new(4);
            let said: Tensor<4> = noise::normal(key.words(), [1, h, w, 1], &Device::flex()) * 0.1;
            let pasted = noise::normal(key.stream("pasted").words(), [1, h, w, 1], &Device::flex()) * 0.1;
            let mask: Vec<f32> = (0..h * w)
                .map(|i| if i % w > 1 && i / w < 3 { 1.0 } else { -1.0 })
                .collect();
            let given = Tensor::from_data(TensorData::new(mask.clone(), [1, h, w, 1]), &Device::flex());
            let given = Tensor::cat(vec![pasted.clone(), given], 3);
            let made = Blend { colour, blur }.solved(said.clone(), &given);
            let made = numbers(made.narrow(3, 0, 1));
            let (gradient, ends, low) = rows(colour, blur);
            let (said, pasted) = (numbers(said), numbers(pasted));
            let n = h * w;
            let (mut a, mut b) = (vec![vec![0.0; n]; n], vec![0.0; n]);
            let mut add = |row: &[f64], want: f64| {
                for i in 0..n {
                    b[i] += row[i] * want;
                    for j in 0..n {
                        a[i][j] += row[i] * row[j];
                    }
                }
            };
            for (row, [from, to]) in gradient.iter().zip(ends) {
                let of = if mask[from] == mask[to] { &pasted } else { &said };
                add(row, (of[to] - of[from]) as f64);
            }
            for row in &low {
                add(row, row.iter().zip(&said).map(|(a, b)| a * *b as f64).sum());
            }
            let want = eliminated(a, b);
            for (a, b) in made.iter().zip(want) {
                assert!((*a as f64 - b).abs() < 1e-4, "{a} {b}");
            }
        }
    }

    /// What was pasted into a plain picture, an offset brighter, is gone by the Poisson equation alone.
    #[test]
    fn an_offset_is_taken_away() {
        let [h, w] = [9, 8];
        let inside = |i: usize| (2..6).contains(&(i / w)) && (3..7).contains(&(i % w));
        let values = (0..h * w).flat_map(|i| if inside(i) { [0.6, 1.0] } else { [0.2, -1.0] });
        let data = TensorData::new(values.collect::<Vec<f32>>(), [1, h, w, 2]);
        let given: Tensor<4> = Tensor::from_data(data, &Device::flex());
        let blend = Blend {
            colour: 0.0,
            blur: 1.0,
        };
        let made = blend.solved(given.clone().narrow(3, 0, 1) * 0.0, &given);
        for v in numbers(made.narrow(3, 0, 1)) {
            assert!((v - 0.2).abs() < 1e-5, "{v}");
        }
    }

    /// With the right colours, blurred as they are compared, the seam is gone whatever was pasted, and details are those of the
    /// pasted picture.
    #[test]
    fn right_colours_close_a_seam() {
        let source = Source {
            size: vec![32],
            limit: 8,
            ..Source::parse("portraits:pasted")
        };
        let set = source.open().unwrap().dataset;
        let batch = Batch::of(&*set, &[0, 1, 2, 3, 4, 5, 6, 7]).unwrap();
        let [given, truth] = [0, 1].map(|side| -> Tensor<4> {
            let values = batch.side(side).values;
            Tensor::from_data(TensorData::new(values, [8, 32, 32, 4]), &Device::flex())
        });
        let off = |made: &Tensor<4>| (made.clone() - truth.clone()).abs().mean().into_scalar::<f32>();
        let made = Blend::default().solved(truth.clone().narrow(3, 0, 3), &given);
        assert!(off(&made) < 0.15 * off(&given), "{} {}", off(&made), off(&given));
    }
}
