//! From a shape of voxels to one: down to a small grid and up again by convolutions over depth, height and width, each level of the
//! way down joined to that of the way up (Ronneberger et al. 2015; in three dimensions Cicek et al. 2016, arXiv:1606.06650). Shapes are
//! cubes, whose slices lie below each other.
use super::super::conv3d::{Down, Up, halved};
use super::{Drawn, unet};
use burn::module::Module;
use burn::tensor::Tensor;
use menagerie_nn::pyramid::{channels, sizes};
use menagerie_nn::{Activation, Init, activation};
use serde::{Deserialize, Serialize};

/// `[model]`: the network's sizes.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Sizes {
    /// channels at half the size; they double with every halving, up to eight times as many
    pub width: usize,
    /// share of the numbers of the smallest grid that are dropped: what makes two answers differ
    pub dropout: f64,
    /// decay of the moving average; 0 for none
    pub average: f64,
}

impl Default for Sizes {
    fn default() -> Self {
        Sizes {
            width: 32,
            dropout: 0.2,
            average: 0.0,
        }
    }
}

/// See the module.
#[derive(Module, Debug)]
pub struct Volume {
    downs: Vec<Down>,
    ups: Vec<Up>,
    dropout: f64,
    #[module(skip)]
    innermost: [usize; 4],
}

impl Volume {
    /// For cubes of that side as `[side * side, side, channel]`, with so many planes beside their channels that say what is wanted.
    pub fn new(s: &Sizes, [_, side, c]: [usize; 3], told: usize, init: &Init) -> Self {
        // An odd number of rows is halved downwards, of slices upwards.
        let grid = sizes([side; 2]);
        let (slices, n) = (halved(side, grid.len()), grid.len() - 1);
        let at = |i: usize| if i == 0 { c } else { channels(s.width, i) };
        let down = |i: usize| {
            let inputs = if i == 1 { c + told } else { at(i - 1) };
            Down::new([inputs, at(i)], slices[i - 1], i > 1, &init.at("down").nth(i))
        };
        let up = |i: usize| {
            let joined = if i < n { 2 * at(i) } else { at(i) };
            let sides = [grid[i - 1], [slices[i], slices[i - 1]]];
            Up::new([joined, at(i - 1)], sides, i > 1, &init.at("up").nth(i))
        };
        Volume {
            downs: (1..=n).map(down).collect(),
            ups: (1..=n).rev().map(up).collect(),
            dropout: s.dropout,
            innermost: [slices[n], grid[n][0], grid[n][1], at(n)],
        }
    }

    /// The smallest grid: its slices, height, width and channels.
    pub(crate) fn innermost(&self) -> [usize; 4] {
        self.innermost
    }

    /// Slices of what is seen at half the size.
    pub(crate) fn slices_after_first(&self) -> usize {
        self.downs[0].slices_after()
    }

    /// Whether it has noise.
    pub fn drops(&self) -> bool {
        self.dropout > 0.0
    }

    /// What is seen of shapes: themselves, and each level on the way down.
    pub(in crate::adversarial) fn encoded(&self, x: Tensor<4>) -> Vec<Tensor<4>> {
        let mut levels = vec![x];
        for (i, down) in self.downs.iter().enumerate() {
            let x = levels[i].clone();
            levels.push(down.dual(x.into()).value);
        }
        levels
    }

    /// Shapes of what is seen; numbers of the smallest grid are dropped as they are drawn.
    pub(in crate::adversarial) fn decoded(&self, levels: &[Tensor<4>], drawn: Drawn<'_>) -> Tensor<4> {
        let n = self.downs.len();
        let inner = levels[n].clone();
        let inner = match drawn {
            Drawn::Nothing => inner,
            _ if self.drops() => unet::dropped(inner, self.dropout, 0, drawn),
            _ => inner,
        };
        self.ups.iter().enumerate().fold(inner, |x, (j, up)| {
            let x = up.forward(x);
            if j + 1 == n {
                return activation(x, Activation::Tanh);
            }
            Tensor::cat(vec![x, levels[n - 1 - j].clone()], 3)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use burn::tensor::Device;
    use menagerie_data::Key;

    /// Cubes of any side come back as such.
    #[test]
    fn any_side() {
        let device = Device::flex();
        for side in [8, 11, 16] {
            let s = Sizes {
                width: 2,
                ..Sizes::default()
            };
            let v = Volume::new(&s, [side * side, side, 1], 1, &Init::new(Key::new(1), &device));
            let x = Tensor::ones([2, side * side, side, 2], &device);
            let levels = v.encoded(x);
            let keys: Vec<Key> = (0..2).map(|i| Key::new(7).step(i)).collect();
            let y = v.decoded(&levels, Drawn::By(&keys));
            assert_eq!(y.dims(), [2, side * side, side, 1]);
        }
    }
}
