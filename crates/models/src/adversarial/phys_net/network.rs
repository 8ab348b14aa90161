//! The network of 3D-PhysNet: what it sees of a shape and a press goes through a distribution of codes, and comes back as the pressed shape.
use super::super::networks::conv3d::Around;
use super::super::networks::translator::{Drawn, volume};
use crate::variational::elbo::Gaussian;
use burn::module::Module;
use burn::tensor::{Device, Tensor, TensorData};
use menagerie_data::Press;
use menagerie_nn::{Activation, Init, Linear, Weights};
use serde::{Deserialize, Serialize};

/// Planes that tell of a press: how far a voxel is from its place along three axes, the force as a vector, how stiff the material is and
/// how far it reaches, and the voxel's height.
pub(super) const PLANES: usize = 9;

/// `[model]`: the network's sizes.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Sizes {
    /// channels at half a shape's size; they double with every halving, up to eight times as many
    pub width: usize,
    /// numbers of a code
    pub latent: usize,
    /// residual blocks at half a shape's size, on the way across
    pub blocks: usize,
    /// decay of the moving average; 0 for none
    pub average: f64,
}

impl Default for Sizes {
    fn default() -> Self {
        Sizes {
            width: 32,
            latent: 32,
            blocks: 2,
            average: 0.0,
        }
    }
}

/// An encoder and a decoder whose levels are joined. The smallest grid gives a distribution of codes, and is added what a code that is
/// drawn and the press make of it; what crosses at half the size passes residual blocks.
#[derive(Module, Debug)]
pub(super) struct PhysNet {
    volume: volume::Volume,
    blocks: Vec<[Around; 2]>,
    code: Linear,
    spread: Linear,
    latent: usize,
}

/// What is said of shapes.
pub(super) struct Said {
    /// the pressed shapes, `[batch, side * side, side, 1]` in [-1, 1]
    pub(super) shapes: Tensor<4>,
    /// q(z | x, c)
    pub(super) codes: Gaussian,
}

impl PhysNet {
    /// For cubes of that side.
    pub(super) fn new(s: &Sizes, side: usize, init: &Init) -> Self {
        let of = volume::Sizes {
            width: s.width,
            dropout: 0.0,
            average: s.average,
        };
        let volume = volume::Volume::new(&of, [side * side, side, 1], PLANES, &init.at("volume"));
        let [slices, height, width, channels] = volume.innermost();
        let inner = slices * height * width * channels;
        let block = |i: usize| {
            ["first", "second"].map(|name| {
                let at = init.at("block").nth(i).at(name);
                Around::new([s.width; 2], volume.slices_after_first(), &at)
            })
        };
        PhysNet {
            blocks: (0..s.blocks).map(block).collect(),
            code: Linear::of([inner, 2 * s.latent])
                .weights(Weights::Normal(0.02))
                .init(&init.at("code")),
            spread: Linear::of([s.latent + Press::NUMBERS, inner])
                .weights(Weights::Normal(0.02))
                .init(&init.at("spread")),
            latent: s.latent,
            volume,
        }
    }

    /// Numbers of a code.
    pub(super) fn latent(&self) -> usize {
        self.latent
    }

    /// Shapes at rest `[batch, side * side, side, 1]` and presses as they are told, `[batch, 9]`, nothing where that is unknown; codes are
    /// their mean and so many deviations off it, `[batch, latent]`.
    pub(super) fn forward(
        &self,
        rest: Tensor<4>,
        told: Option<&Tensor<2>>,
        noise: Option<Tensor<2>>,
    ) -> Said {
        let planes = planes(&rest, told);
        let mut levels = self.volume.encoded(Tensor::cat(vec![rest, planes], 3));
        let smallest = levels.len() - 1;
        let inner = levels[smallest].clone();
        let shape = inner.dims();
        let code = self
            .code
            .forward(inner.clone().flatten::<2>(1, 3), Activation::Identity);
        let codes = Gaussian::of(code);
        let drawn = match noise {
            Some(noise) => codes.draw(noise),
            None => codes.mean.clone(),
        };
        let told = told
            .cloned()
            .unwrap_or_else(|| Tensor::zeros([shape[0], Press::NUMBERS], &drawn.device()));
        let spread = self
            .spread
            .forward(Tensor::cat(vec![drawn, told], 1), Activation::Relu);
        levels[smallest] = inner + spread.reshape(shape);
        levels[1] = self.blocks.iter().fold(levels[1].clone(), |x, [first, second]| {
            let y = first.forward(x.clone(), Activation::Relu);
            x + second.forward(y, Activation::Identity)
        });
        Said {
            shapes: self.volume.decoded(&levels, Drawn::Nothing),
            codes,
        }
    }
}

/// What presses, `[batch, 9]` as they are told, say of each voxel of shapes of that size: `[batch, side * side, side, 9]`; zeros where they
/// are not told.
pub(super) fn planes(shapes: &Tensor<4>, told: Option<&Tensor<2>>) -> Tensor<4> {
    let ([n, rows, side, _], device) = (shapes.dims(), shapes.device());
    let Some(told) = told else {
        return Tensor::zeros([n, rows, side, PLANES], &device);
    };
    let everywhere = |x: Tensor<2>| {
        let numbers = x.dims()[1];
        x.reshape([n, 1, 1, numbers]).expand([n, rows, side, numbers])
    };
    let of = |from: usize, numbers: usize| told.clone().narrow(1, from, numbers);
    let at = places(side, &device).expand([n, rows, side, 3]);
    let height = at.clone().narrow(3, 1, 1);
    // A force is told in [-1, 1], of forces of 1 to 3.
    let size = (of(6, 1) + 2.0) / 3.0;
    Tensor::cat(
        vec![
            at - everywhere(of(0, 3)),
            everywhere(of(3, 3) * size),
            everywhere(of(7, 2)),
            height,
        ],
        3,
    )
}

/// The middle of each voxel, x to the right, y up, z away, in [-1, 1]: `[1, side * side, side, 3]`.
fn places(side: usize, device: &Device) -> Tensor<4> {
    let of = |i: usize| (2 * i + 1) as f32 / side as f32 - 1.0;
    let voxel = |v: usize| {
        let (depth, row, column) = (v / (side * side), v / side % side, v % side);
        [of(column), -of(row), of(depth)]
    };
    let values: Vec<f32> = (0..side.pow(3)).flat_map(voxel).collect();
    Tensor::from_data(TensorData::new(values, [1, side * side, side, 3]), device)
}

#[cfg(test)]
mod tests {
    use super::*;
    use menagerie_nn::numbers;

    /// By hand, at the voxel in the lower right corner in front: where it lies from the place, the force, the material, its height.
    #[test]
    fn planes_by_hand() {
        let (device, side) = (Device::flex(), 4);
        let press = Press {
            place: [0.5, 0.75, 0.25],
            toward: [0.0, -1.0, 0.0],
            force: 3.0,
            stiffness: 30.0,
            reach: 0.2,
        };
        let told = Tensor::from_data(TensorData::new(press.told().to_vec(), [1, 9]), &device);
        let shapes = Tensor::zeros([1, side * side, side, 1], &device);
        let all = numbers(planes(&shapes, Some(&told)));
        let had = &all[(3 * side + 3) * PLANES..][..PLANES];
        // Its middle is (0.875, 0.125, 0.125): in [-1, 1] (0.75, -0.75, -0.75); the place (0, 0.5, -0.5).
        let want = [0.75, -1.25, -0.25, 0.0, -1.0, 0.0, 1.0, -1.0, -0.75];
        assert!(had.iter().zip(want).all(|(a, b)| (a - b).abs() < 1e-5), "{had:?}");
        assert!(numbers(planes(&shapes, None)).iter().all(|v| *v == 0.0));
    }
}
