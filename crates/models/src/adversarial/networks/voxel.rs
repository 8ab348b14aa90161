//! Networks of shapes of voxels, by convolutions over depth, height and width (Wu et al. 2016, 3D-GAN, arXiv:1610.07584, figure 1). The
//! slices of a shape lie below each other, `[batch, depth * height, width, channel]`, as everything of the family is an image to its
//! game.
use super::Told;
use super::conv3d::{Fall, Rise, STD};
use burn::module::Module;
use burn::tensor::Tensor;
use menagerie_data::error::{Error, Result};
use menagerie_data::{DataInfo, Kind};
use menagerie_nn::{Activation, Dual, Init, Linear, activation};
use serde::{Deserialize, Serialize};

/// `[model]`: the networks' sizes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Sizes {
    /// dimensions of a latent (paper: 200)
    pub latent: usize,
    /// channels at half a shape's size; they double with every halving, up to eight times as many (paper: 64)
    pub width: usize,
    /// whether the discriminator has batch norm, which a gradient penalty does not go with
    pub batch_norm: bool,
    /// decay of the generator's moving average; 0 for none
    pub average: f64,
}

impl Default for Sizes {
    fn default() -> Self {
        Sizes {
            latent: 100,
            width: 32,
            batch_norm: true,
            average: 0.0,
        }
    }
}

impl Sizes {
    /// Refuses what is no shape.
    ///
    /// # Errors
    /// [`Error::Data`].
    pub(super) fn fits(&self, model: &str, info: &DataInfo) -> Result<()> {
        match info.kind {
            Kind::Voxels => Ok(()),
            kind => {
                let problem = format!("{model} draws shapes of voxels, but these are {}", kind.plural());
                let fix = "choose `shapes`, or a folder of .obj files";
                Err(Error::data(&info.source, problem, fix))
            }
        }
    }
}

/// `[depth, height, width, channel]` of shapes.
fn shape(info: &DataInfo) -> [usize; 4] {
    match info.shape[..] {
        [d, h, w, c] => [d, h, w, c],
        _ => [1, 1, 1, info.shape.iter().product()],
    }
}

/// Projected, and doubled to the whole grid.
#[derive(Module, Debug)]
pub struct Generator {
    rise: Rise,
}

impl Generator {
    pub(super) fn new(s: &Sizes, info: &DataInfo, told: Told, init: &Init) -> Self {
        let latent = s.latent + told.joined + told.norms;
        Generator {
            rise: Rise::new(latent, s.width, shape(info), init),
        }
    }

    pub(super) fn first(&self) -> &Linear {
        self.rise.project()
    }

    /// See [`super::GeneratorNetwork::forward`]. What is told is joined to the latent, whichever way it was asked for.
    pub fn forward(&self, z: Tensor<2>, told: Option<&Tensor<2>>) -> Tensor<4> {
        let z = match told {
            Some(t) => Tensor::cat(vec![z, t.clone()], 1),
            None => z,
        };
        activation(self.rise.forward(z), Activation::Tanh)
    }
}

/// Halved until it is small; what is left is the features.
#[derive(Module, Debug)]
pub struct Trunk {
    fall: Fall,
}

impl Trunk {
    pub(super) fn new(s: &Sizes, info: &DataInfo, extra: usize, init: &Init) -> Self {
        let [d, h, w, c] = shape(info);
        Trunk {
            fall: Fall::new(s.width, [d, h, w, c + extra], s.batch_norm, init),
        }
    }

    /// See [`super::TrunkNetwork::layers`]. Layers have the slices of all depths side by side, as channels, so that what is pooled over
    /// places still says how deep it lay.
    pub fn layers(&self, x: Dual<4>) -> (Vec<Dual<4>>, Dual<2>) {
        let (seen, features) = self.fall.layers(x);
        let beside = |(i, x): (usize, Dual<4>)| {
            let t = self.fall.slices_after(i);
            x.linear(|x| {
                let [batch, rows, w, c] = x.dims();
                let h = rows / t;
                let slices: Tensor<5> = x.reshape([batch, t, h, w, c]);
                slices.permute([0, 2, 3, 1, 4]).reshape([batch, h, w, t * c])
            })
        };
        (seen.into_iter().enumerate().map(beside).collect(), features)
    }

    /// See [`super::TrunkNetwork::features`].
    pub fn features(&self) -> usize {
        self.fall.features()
    }

    pub(super) fn head(&self, outputs: usize, init: &Init) -> Linear {
        let of = Linear::of([self.features(), outputs]).weights(STD);
        of.init(&init.at("logit"))
    }
}
