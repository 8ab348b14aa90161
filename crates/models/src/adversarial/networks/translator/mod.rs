//! Networks from an image to an image of the same size.
#[cfg(test)]
mod against_pytorch;
pub mod pathways;
pub mod resnet;
pub mod unet;
pub mod volume;

use burn::module::Module;
use burn::tensor::Tensor;
use menagerie_data::error::{Error, Result};
use menagerie_data::random::Key;
use menagerie_nn::{Init, pad};
use serde::{Deserialize, Serialize};

/// `[model]`: which network translates, and its sizes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "architecture", rename_all = "kebab-case")]
pub enum TranslatorSizes {
    /// down to a small grid and up again, each level of the way down joined to that of the way up
    Unet(unet::Sizes),
    /// down twice, residual blocks, up twice
    Resnet(resnet::Sizes),
    /// the same as the first, of shapes of voxels
    Volume(volume::Sizes),
    /// from a place, and what is to be there, by a global and a local pathway
    Pathways(pathways::Sizes),
}

impl TranslatorSizes {
    /// Decay of the moving average; 0 for none.
    pub fn average(&self) -> f64 {
        match self {
            TranslatorSizes::Unet(s) => s.average,
            TranslatorSizes::Resnet(s) => s.average,
            TranslatorSizes::Volume(s) => s.average,
            TranslatorSizes::Pathways(s) => s.average,
        }
    }

    /// Refuses sizes of zero.
    ///
    /// # Errors
    /// [`Error::Recipe`] with the key.
    pub fn check(&self) -> Result<()> {
        let dropout = match self {
            TranslatorSizes::Unet(s) => s.dropout,
            TranslatorSizes::Volume(s) => s.dropout,
            TranslatorSizes::Resnet(_) | TranslatorSizes::Pathways(_) => 0.0,
        };
        if !(0.0..1.0).contains(&dropout) {
            let problem = format!("{dropout} is not a share of numbers to drop");
            return Err(Error::recipe("model.dropout", problem, "give 0 to below 1"));
        }
        let (width, average) = match self {
            TranslatorSizes::Unet(s) => {
                if s.depth == 1 || s.depth > unet::DEEPEST {
                    let problem = format!("{} is no number of halvings", s.depth);
                    let fix = format!("give 2 to {}, or 0 for what suits the images", unet::DEEPEST);
                    return Err(Error::recipe("model.depth", problem, fix));
                }
                (s.width, s.average)
            }
            TranslatorSizes::Resnet(s) => (s.width, s.average),
            TranslatorSizes::Volume(s) => (s.width, s.average),
            TranslatorSizes::Pathways(s) => (s.width, s.average),
        };
        if width == 0 {
            return Err(Error::recipe("model.width", "0 is too small", "give 1 or more"));
        }
        match (0.0..1.0).contains(&average) {
            true => Ok(()),
            false => Err(Error::recipe(
                "model.average",
                format!("{average} is not a decay"),
                "give 0 for none, or a number such as 0.999",
            )),
        }
    }

    /// A fresh network for images of `[height, width, channel]`, which is told so many numbers beside; it takes any other size as
    /// well, but for a network of shapes.
    pub fn network(&self, shape: [usize; 3], told: usize, init: &Init) -> TranslatorNetwork {
        match self {
            TranslatorSizes::Unet(s) => TranslatorNetwork::Unet(unet::Unet::new(s, shape, told, init)),
            TranslatorSizes::Resnet(s) => {
                TranslatorNetwork::Resnet(resnet::Resnet::new(s, shape, told, init))
            }
            TranslatorSizes::Volume(s) => {
                TranslatorNetwork::Volume(volume::Volume::new(s, shape, told, init))
            }
            TranslatorSizes::Pathways(s) => {
                TranslatorNetwork::Pathways(pathways::Pathways::new(s, shape, told, init))
            }
        }
    }
}

/// What a network draws on its way.
#[derive(Clone, Copy)]
pub enum Drawn<'a> {
    /// nothing: it draws no numbers
    Nothing,
    /// numbers of each item by its key
    By(&'a [Key]),
    /// uniform in [0, 1): of each layer that draws, one after the other, as many as the layer says it needs
    Given(&'a dyn Fn(usize, [usize; 4]) -> Tensor<4>),
}

/// Numbers of each item `[batch, numbers]` as planes beside the channels of its image.
pub(crate) fn beside(x: Tensor<4>, told: Tensor<2>) -> Tensor<4> {
    let ([n, h, w, _], [_, numbers]) = (x.dims(), told.dims());
    let planes = told.reshape([n, 1, 1, numbers]).expand([n, h, w, numbers]);
    Tensor::cat(vec![x, planes], 3)
}

/// A network from an image to an image.
#[derive(Module, Debug)]
#[allow(missing_docs, clippy::large_enum_variant)] // each variant is the network of its name
pub enum TranslatorNetwork {
    Unet(unet::Unet),
    Resnet(resnet::Resnet),
    Volume(volume::Volume),
    Pathways(pathways::Pathways),
}

impl TranslatorNetwork {
    /// Images `[batch, height, width, channel]` in [-1, 1] -> images of the same size. A size that cannot be halved as often
    /// as need be is padded by reflection, and the margins are cut off again. `noise` has a key an item for networks that
    /// draw; without, nothing is drawn.
    pub fn forward(&self, x: Tensor<4>, noise: Option<&[Key]>) -> Tensor<4> {
        self.forward_with(x, noise.map_or(Drawn::Nothing, Drawn::By))
    }

    /// The same, however it is drawn.
    pub fn forward_with(&self, x: Tensor<4>, drawn: Drawn<'_>) -> Tensor<4> {
        let [_, h, w, _] = x.dims();
        let margins = pad::to_multiple([h, w], self.multiple());
        let y = self.decoded(&self.encoded(pad::reflect(x, margins)), drawn);
        pad::cut(y, margins)
    }

    /// The same, told something of each item: numbers `[batch, told]`, which become planes beside the image's channels.
    pub fn forward_told(&self, x: Tensor<4>, told: Tensor<2>, noise: Option<&[Key]>) -> Tensor<4> {
        self.forward(beside(x, told), noise)
    }

    /// What the first half sees of images whose sides are multiples of [`Self::multiple`], level by level; the images first.
    pub fn encoded(&self, x: Tensor<4>) -> Vec<Tensor<4>> {
        match self {
            TranslatorNetwork::Unet(n) => n.encoded(x),
            TranslatorNetwork::Resnet(n) => n.encoded(x),
            TranslatorNetwork::Volume(n) => n.encoded(x),
            // Both pathways begin at what is given.
            TranslatorNetwork::Pathways(_) => vec![x],
        }
    }

    /// The images that the second half makes of it.
    pub fn decoded(&self, levels: &[Tensor<4>], drawn: Drawn<'_>) -> Tensor<4> {
        match self {
            TranslatorNetwork::Unet(n) => n.decoded(levels, drawn),
            TranslatorNetwork::Resnet(n) => n.decoded(levels),
            TranslatorNetwork::Volume(n) => n.decoded(levels, drawn),
            TranslatorNetwork::Pathways(n) => n.forward(levels[0].clone()),
        }
    }

    /// Whether it draws.
    pub fn draws(&self) -> bool {
        match self {
            TranslatorNetwork::Unet(n) => n.drops(),
            TranslatorNetwork::Volume(n) => n.drops(),
            TranslatorNetwork::Resnet(_) | TranslatorNetwork::Pathways(_) => false,
        }
    }

    /// Sides of what it takes without padding are multiples of this.
    pub fn multiple(&self) -> usize {
        match self {
            TranslatorNetwork::Unet(n) => n.multiple(),
            TranslatorNetwork::Resnet(_) => resnet::MULTIPLE,
            TranslatorNetwork::Volume(_) => 1,
            TranslatorNetwork::Pathways(n) => n.multiple(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use burn::tensor::Device;

    /// Any size comes back, also one that is smaller than what is halved; what is drawn is the item's own.
    #[test]
    fn any_size_and_any_number_of_channels() {
        let device = Device::flex();
        let keys: Vec<Key> = (0..2).map(|i| Key::new(7).step(i)).collect();
        for sizes in [
            TranslatorSizes::Unet(unet::Sizes {
                width: 2,
                ..Default::default()
            }),
            TranslatorSizes::Unet(unet::Sizes {
                width: 2,
                skips: false,
                ..Default::default()
            }),
            TranslatorSizes::Resnet(resnet::Sizes {
                width: 2,
                blocks: 1,
                ..Default::default()
            }),
            TranslatorSizes::Resnet(resnet::Sizes {
                width: 2,
                blocks: 1,
                residual: true,
                norm: menagerie_nn::NormOver::Layer,
                ..Default::default()
            }),
        ] {
            for channels in [1, 3, 4] {
                let network = sizes.network([32, 32, channels], 0, &Init::new(Key::new(1), &device));
                for [h, w] in [[32, 32], [8, 8], [13, 21], [40, 30], [3, 50]] {
                    let x = Tensor::<1, burn::tensor::Int>::arange(0..(2 * h * w * channels) as i64, &device)
                        .float()
                        .reshape([2, h, w, channels])
                        .sin();
                    let y = network.forward(x.clone(), Some(&keys));
                    assert_eq!(y.dims(), x.dims(), "{sizes:?}");
                    let alone = network.forward(x.narrow(0, 1, 1), Some(&keys[1..]));
                    let off = (y.narrow(0, 1, 1) - alone).abs().max().into_scalar::<f32>();
                    assert!(off < 1e-5, "an item is itself in any batch: {off}");
                }
            }
        }
    }
}
