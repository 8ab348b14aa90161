//! The networks of the family: generators, and the trunks of discriminators, each in a file of its own; what a discriminator
//! says of an item is read off its trunk by heads.
mod attention;
pub mod biggan;
pub mod biggan_deep;
pub(super) mod calorimeter;
pub mod coded;
pub(super) mod conv3d;
pub mod coupled;

pub mod dcgan;
pub mod heads;
pub mod local;
pub mod mapped;
pub mod mlp;
pub mod patch;
pub mod progan;
pub mod r3gan;
pub mod recurrent;
pub mod resnet;
pub mod sequence;
pub mod stylegan2;
pub mod summary;
pub mod text;
pub mod translator;
pub mod video;
pub mod voxel;
pub mod written_out;

pub use heads::{CriticNetwork, Heads, Verdict};
pub use translator::{TranslatorNetwork, TranslatorSizes};

use super::translation::needs_sides;
use crate::as_image_shape;
use burn::module::Module;
use burn::tensor::Tensor;
use menagerie_data::error::{Error, Result};
use menagerie_data::random::Key;
use menagerie_data::{DataInfo, Kind};
use menagerie_nn::{Dual, Init, Linear};
use serde::{Deserialize, Serialize};

/// `[model]`: which networks play, and their sizes. Any of them goes with any objective, penalty and condition.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "architecture", rename_all = "kebab-case")]
pub enum Sizes {
    /// fully connected networks, for images and for points
    Mlp(mlp::Sizes),
    /// strided convolutions
    Dcgan(dcgan::Sizes),
    /// residual blocks
    Resnet(resnet::Sizes),
    /// a mapping network and modulated convolutions
    Stylegan2(stylegan2::Sizes),
    /// residual blocks that are told parts of the latent
    Biggan(biggan::Sizes),
    /// networks that grow
    Progan(progan::Sizes),
    /// inverted bottlenecks without norms
    R3gan(r3gan::Sizes),
    /// strided convolutions for two domains, tied where meaning is
    Coupled(coupled::Sizes),
    /// residual convolutions along a sequence
    Sequence(sequence::Sizes),
    /// locally connected layers
    Local(local::Sizes),
    /// the same for each layer of a calorimeter
    Calorimeter(local::Sizes),
    /// frames that follow each other
    Video(video::Sizes),
    /// convolutions over depth, height and width
    Voxel(voxel::Sizes),
    /// notes that follow each other
    Recurrent(recurrent::Sizes),
}

/// What a generator is told beside its latent, and how.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Told {
    /// numbers joined to the latent
    pub joined: usize,
    /// numbers that scale and shift what batch norm gives
    pub norms: usize,
}

impl Sizes {
    /// Dimensions of a latent.
    pub fn latent(&self) -> usize {
        match self {
            Sizes::Mlp(s) => s.latent,
            Sizes::Dcgan(s) => s.latent,
            Sizes::Resnet(s) => s.latent,
            Sizes::Stylegan2(s) => s.latent,
            Sizes::Biggan(s) => s.latent,
            Sizes::Progan(s) => s.latent,
            Sizes::R3gan(s) => s.latent,
            Sizes::Coupled(s) => s.latent,
            Sizes::Sequence(s) => s.latent,
            Sizes::Local(s) | Sizes::Calorimeter(s) => s.latent,
            Sizes::Video(s) => s.latent,
            Sizes::Voxel(s) => s.latent,
            Sizes::Recurrent(s) => s.latent,
        }
    }

    /// The same networks with another latent.
    pub fn with_latent(&self, latent: usize) -> Sizes {
        let mut sizes = self.clone();
        match &mut sizes {
            Sizes::Mlp(s) => s.latent = latent,
            Sizes::Dcgan(s) => s.latent = latent,
            Sizes::Resnet(s) => s.latent = latent,
            Sizes::Stylegan2(s) => s.latent = latent,
            Sizes::Biggan(s) => s.latent = latent,
            Sizes::Progan(s) => s.latent = latent,
            Sizes::R3gan(s) => s.latent = latent,
            Sizes::Coupled(s) => s.latent = latent,
            Sizes::Sequence(s) => s.latent = latent,
            Sizes::Local(s) | Sizes::Calorimeter(s) => s.latent = latent,
            Sizes::Video(s) => s.latent = latent,
            Sizes::Voxel(s) => s.latent = latent,
            Sizes::Recurrent(s) => s.latent = latent,
        }
        sizes
    }

    /// Decay of the generator's moving average; 0 for none.
    pub fn average(&self) -> f64 {
        match self {
            Sizes::Mlp(s) => s.average,
            Sizes::Dcgan(s) => s.average,
            Sizes::Resnet(s) => s.average,
            Sizes::Stylegan2(s) => s.average,
            Sizes::Biggan(s) => s.average,
            Sizes::Progan(s) => s.average,
            Sizes::R3gan(s) => s.average,
            Sizes::Coupled(s) => s.average,
            Sizes::Sequence(s) => s.average,
            Sizes::Local(s) | Sizes::Calorimeter(s) => s.average,
            Sizes::Video(s) => s.average,
            Sizes::Voxel(s) => s.average,
            Sizes::Recurrent(s) => s.average,
        }
    }

    /// Whether a foreground is drawn before a background.
    pub fn draws_foreground(&self) -> bool {
        matches!(self, Sizes::Video(s) if s.dynamics == video::Dynamics::Convolution)
    }

    /// Whether the discriminator has batch norm, and so no derivative of an item by itself.
    pub fn batch_norm_in_discriminator(&self) -> bool {
        match self {
            Sizes::Dcgan(s) => s.norm == dcgan::Norm::Batch && !s.spectral_norm,
            Sizes::Coupled(s) => s.norm == dcgan::Norm::Batch,
            Sizes::Video(_) => true,
            Sizes::Voxel(s) => s.batch_norm,

            _ => false,
        }
    }

    /// Whether the generator has batch norm, and so statistics that it follows.
    pub fn batch_norm_in_generator(&self) -> bool {
        match self {
            Sizes::Mlp(s) => s.batch_norm,
            Sizes::Dcgan(s) => s.virtual_batch == 0,
            Sizes::Stylegan2(_) | Sizes::Progan(_) | Sizes::R3gan(_) | Sizes::Sequence(_) => false,
            _ => true,
        }
    }

    /// The setting by which the discriminator has batch norm, and what to do where it must have none.
    pub fn without_batch_norm(&self) -> [&'static str; 2] {
        match self {
            Sizes::Voxel(_) => [
                "model.batch_norm = true",
                "set model.batch_norm=false, or leave the penalty out",
            ],
            Sizes::Video(_) => ["model.architecture = \"video\"", "leave it out"],
            _ => [
                "model.norm = \"batch\"",
                "set model.norm=layer or model.norm=none, or model.spectral_norm=true",
            ],
        }
    }

    /// Refuses sizes of zero, and data that the networks cannot take.
    ///
    /// # Errors
    /// [`Error::Recipe`] or [`Error::Data`].
    pub fn check(&self, model: &str, info: &DataInfo) -> Result<()> {
        let sizes = match self {
            Sizes::Mlp(s) => s.all(),
            Sizes::Dcgan(s) => vec![s.latent, s.width],
            Sizes::Resnet(s) => vec![s.latent, s.width],
            Sizes::Stylegan2(s) => vec![s.latent, s.width, s.mapping],
            Sizes::Biggan(s) => vec![s.latent, s.width, s.embedding],
            Sizes::Progan(s) => vec![s.latent, s.width, s.phase as usize],
            Sizes::R3gan(s) => vec![s.latent, s.width, s.blocks, s.expansion, s.group],
            Sizes::Coupled(s) => vec![s.latent, s.width, s.own + usize::from(s.told)],
            Sizes::Sequence(s) => vec![s.latent, s.width, s.blocks],
            Sizes::Local(s) | Sizes::Calorimeter(s) => vec![s.latent, s.width, s.local],
            Sizes::Video(s) => vec![s.latent, s.width, s.motion],
            Sizes::Voxel(s) => vec![s.latent, s.width],
            Sizes::Recurrent(s) => vec![s.latent, s.width, s.layers],
        };
        if sizes.contains(&0) {
            let fix = format!("see the defaults: `menagerie train {model} --dry-run`");
            return Err(Error::recipe("model", "its sizes must be 1 or more", fix));
        }
        if let Sizes::Stylegan2(s) = self
            && !(0.0..=1.0).contains(&s.mixing)
        {
            let problem = format!("{} is no share of the samples", s.mixing);
            return Err(Error::recipe(
                "model.mixing",
                problem,
                "give 0 to 1; the paper has 0.9",
            ));
        }

        match self {
            Sizes::Sequence(s) => return s.fits(model, info),
            Sizes::Video(s) => return s.fits(model, info),
            Sizes::Voxel(s) => return s.fits(model, info),
            Sizes::Calorimeter(_) => return calorimeter::fits(model, info),
            Sizes::Recurrent(s) => return s.fits(model, info),
            _ => {}
        }

        let convolutional = !matches!(self, Sizes::Mlp(_));
        if let Sizes::Coupled(_) = self {
            needs_sides(model, info)?;
        } else if !matches!(info.kind, Kind::Image | Kind::Points) {
            let problem = format!(
                "{model} draws images or points, but these are {}",
                info.kind.plural()
            );
            return Err(Error::data(&info.source, problem, "choose a source of images"));
        }
        if convolutional && info.kind == Kind::Points {
            return Err(Error::data(
                &info.source,
                format!("{model} draws images, but these are points"),
                "set model.architecture=mlp, train `gan` on it, or choose a source of images",
            ));
        }
        let [h, w, _] = as_image_shape(info);
        let (least, of) = match self {
            Sizes::Local(_) => (local::LEAST, "locally connected layers"),
            _ => (8, "strided convolutions"),
        };
        if convolutional && h.min(w) < least {
            let problem = format!("images of {h}x{w} are too small for {of}");
            let fix = format!("enlarge them with --size {least} or more");
            return Err(Error::data(&info.source, problem, fix));
        }
        if let Sizes::Coupled(s) = self {
            s.fits([h, w])?;
        }
        if let Sizes::Biggan(s) = self
            && !s.reaches_every_block([h, w])
        {
            let problem = format!(
                "{} numbers are too few for a part for each block at {h}x{w}",
                s.latent
            );
            return Err(Error::recipe("model.latent", problem, "give 16 or more"));
        }
        Ok(())
    }

    /// A fresh generator of items of that shape.
    pub fn generator(&self, info: &DataInfo, told: Told, init: &Init) -> GeneratorNetwork {
        let shape = as_image_shape(info);
        let bounded = info.kind == Kind::Image;
        match self {
            Sizes::Mlp(s) => GeneratorNetwork::Mlp(mlp::Generator::new(s, shape, bounded, told, init)),
            Sizes::Dcgan(s) => GeneratorNetwork::Dcgan(dcgan::Generator::new(s, shape, told, init)),
            Sizes::Resnet(s) => GeneratorNetwork::Resnet(resnet::Generator::new(s, shape, told, init)),
            Sizes::Stylegan2(s) => {
                GeneratorNetwork::Stylegan2(stylegan2::Generator::new(s, shape, told, init))
            }
            Sizes::Biggan(s) if s.deep => {
                GeneratorNetwork::BigganDeep(biggan_deep::Generator::new(s, shape, told, init))
            }
            Sizes::Biggan(s) => GeneratorNetwork::Biggan(biggan::Generator::new(s, shape, told, init)),
            Sizes::Progan(s) => GeneratorNetwork::Progan(progan::Generator::new(s, shape, told, init)),
            Sizes::R3gan(s) => GeneratorNetwork::R3gan(r3gan::Generator::new(s, shape, told, init)),
            Sizes::Coupled(s) => GeneratorNetwork::Coupled(coupled::Generator::new(s, shape, init)),
            Sizes::Sequence(s) => GeneratorNetwork::Sequence(sequence::Generator::new(s, shape, told, init)),
            Sizes::Local(s) => GeneratorNetwork::Local(local::Generator::new(s, shape, told, init)),
            Sizes::Calorimeter(s) => {
                GeneratorNetwork::Calorimeter(calorimeter::Generator::new(s, told, init))
            }
            Sizes::Video(s) => GeneratorNetwork::Video(video::Generator::new(s, video::shape(info), init)),
            Sizes::Voxel(s) => GeneratorNetwork::Voxel(voxel::Generator::new(s, info, told, init)),
            Sizes::Recurrent(s) => {
                GeneratorNetwork::Recurrent(recurrent::Generator::new(s, shape, told, init))
            }
        }
    }

    /// A fresh trunk of a discriminator; `extra` channels are joined to those of the items.
    pub fn trunk(&self, info: &DataInfo, extra: usize, init: &Init) -> TrunkNetwork {
        let [h, w, c] = as_image_shape(info);
        let shape = [h, w, c + extra];
        match self {
            Sizes::Mlp(s) => TrunkNetwork::Mlp(mlp::Trunk::new(s, shape, init)),
            Sizes::Dcgan(s) => TrunkNetwork::Dcgan(dcgan::Trunk::new(s, shape, init)),
            Sizes::Resnet(s) => TrunkNetwork::Resnet(resnet::Trunk::new(s, shape, init)),
            Sizes::Stylegan2(s) => TrunkNetwork::Stylegan2(stylegan2::Trunk::new(s, shape, init)),
            Sizes::Biggan(s) if s.deep => TrunkNetwork::BigganDeep(biggan_deep::Trunk::new(s, shape, init)),
            Sizes::Biggan(s) => TrunkNetwork::Resnet(biggan::trunk(s, shape, init)),
            Sizes::Progan(s) => TrunkNetwork::Progan(progan::Trunk::new(s, shape, init)),
            Sizes::R3gan(s) => TrunkNetwork::R3gan(r3gan::Trunk::new(s, shape, init)),
            Sizes::Coupled(s) => TrunkNetwork::Coupled(coupled::Trunk::new(s, shape, init)),
            Sizes::Sequence(s) => TrunkNetwork::Sequence(sequence::Trunk::new(s, shape, init)),
            Sizes::Local(s) => TrunkNetwork::Local(local::Trunk::new(s, shape, init)),
            Sizes::Calorimeter(s) => TrunkNetwork::Calorimeter(calorimeter::Trunk::new(s, init)),
            Sizes::Video(s) => TrunkNetwork::Video(video::Trunk::new(s, video::shape(info), init)),
            Sizes::Voxel(s) => TrunkNetwork::Voxel(voxel::Trunk::new(s, info, extra, init)),
            Sizes::Recurrent(s) => TrunkNetwork::Recurrent(recurrent::Trunk::new(s, shape, init)),
        }
    }
}

/// A network from latents to items.
#[derive(Module, Debug)]
#[allow(missing_docs, clippy::large_enum_variant)] // each variant is the network of its name
pub enum GeneratorNetwork {
    Mlp(mlp::Generator),
    Dcgan(dcgan::Generator),
    Resnet(resnet::Generator),
    Stylegan2(stylegan2::Generator),
    Biggan(biggan::Generator),
    BigganDeep(biggan_deep::Generator),
    Progan(progan::Generator),
    R3gan(r3gan::Generator),
    Coupled(coupled::Generator),
    Sequence(sequence::Generator),
    Local(local::Generator),
    Calorimeter(calorimeter::Generator),
    Video(video::Generator),
    Voxel(voxel::Generator),
    Recurrent(recurrent::Generator),
}

impl GeneratorNetwork {
    /// Latents `[batch, latent]`, and what is told beside them `[batch, numbers]` -> items `[batch, height, width, channel]`.
    pub fn forward(&self, z: Tensor<2>, told: Option<&Tensor<2>>) -> Tensor<4> {
        match self {
            GeneratorNetwork::Mlp(g) => g.forward(z, told),
            GeneratorNetwork::Dcgan(g) => g.forward(z, told),
            GeneratorNetwork::Resnet(g) => g.forward(z, told),
            GeneratorNetwork::Stylegan2(g) => g.forward(z, told),
            GeneratorNetwork::Biggan(g) => g.forward(z, told),
            GeneratorNetwork::BigganDeep(g) => g.forward(z, told),
            GeneratorNetwork::Progan(g) => g.forward(z, told),
            GeneratorNetwork::R3gan(g) => g.forward(z, told),
            GeneratorNetwork::Coupled(g) => g.forward(z),
            GeneratorNetwork::Sequence(g) => g.forward(z, told),
            GeneratorNetwork::Local(g) => g.forward(z, told),
            GeneratorNetwork::Calorimeter(g) => g.forward(z, told),
            GeneratorNetwork::Video(g) => g.forward(z),
            GeneratorNetwork::Voxel(g) => g.forward(z, told),
            GeneratorNetwork::Recurrent(g) => g.forward(z, told),
        }
    }

    /// The same as in training: with the noise, and the mixing of latents, that some networks have.
    pub fn in_training(&self, z: Tensor<2>, told: Option<&Tensor<2>>, key: Key) -> Tensor<4> {
        match self {
            GeneratorNetwork::Stylegan2(g) => g.in_training(z, told, key),
            _ => self.forward(z, told),
        }
    }

    /// The first layer's weights, `[inputs, outputs]`, where it takes the whole latent.
    pub fn first_weights(&self) -> Option<Tensor<2>> {
        let layer = match self {
            GeneratorNetwork::Mlp(g) => g.first(),
            GeneratorNetwork::Dcgan(g) => g.first(),
            GeneratorNetwork::Resnet(g) => g.first(),
            GeneratorNetwork::Progan(g) => g.first(),
            GeneratorNetwork::R3gan(g) => g.first(),
            GeneratorNetwork::Coupled(g) => return Some(g.first_weights()),
            GeneratorNetwork::Sequence(g) => g.first(),
            GeneratorNetwork::Local(g) => g.first(),
            GeneratorNetwork::Voxel(g) => g.first(),
            GeneratorNetwork::Stylegan2(_)
            | GeneratorNetwork::Biggan(_)
            | GeneratorNetwork::BigganDeep(_)
            | GeneratorNetwork::Calorimeter(_)
            | GeneratorNetwork::Video(_)
            | GeneratorNetwork::Recurrent(_) => return None,
        };
        Some(layer.weight.val())
    }

    /// Takes up how far it has grown after so many updates, if it grows.
    pub fn grow(&self, updates: u64) {
        if let GeneratorNetwork::Progan(g) = self {
            g.grow(updates);
        }
    }

    /// Items as they are at present: coarse where the networks have not grown yet.
    pub fn shown(&self, items: Tensor<4>) -> Tensor<4> {
        match self {
            GeneratorNetwork::Progan(g) => g.shown(items),
            _ => items,
        }
    }

    /// Of two domains: that network.
    pub fn coupled(&self) -> Option<&coupled::Generator> {
        match self {
            GeneratorNetwork::Coupled(g) => Some(g),
            _ => None,
        }
    }

    /// How much of a video its foreground covers, the mean over all pixels, where there is one.
    pub fn covered(&self, z: Tensor<2>) -> Option<Tensor<1>> {
        match self {
            GeneratorNetwork::Video(g) => g.covered(z),
            _ => None,
        }
    }

    /// Where latents are mapped to styles first: that network.
    pub fn styled(&self) -> Option<&stylegan2::Generator> {
        match self {
            GeneratorNetwork::Stylegan2(g) => Some(g),
            _ => None,
        }
    }
}

/// A network from items to features, of which a discriminator's heads read what they say.
#[derive(Module, Debug)]
#[allow(missing_docs, clippy::large_enum_variant)] // each variant is the network of its name
pub enum TrunkNetwork {
    Mlp(mlp::Trunk),
    Dcgan(dcgan::Trunk),
    Resnet(resnet::Trunk),
    Patch(patch::Trunk),
    Stylegan2(stylegan2::Trunk),
    BigganDeep(biggan_deep::Trunk),
    Progan(progan::Trunk),
    R3gan(r3gan::Trunk),
    Coupled(coupled::Trunk),
    Sequence(sequence::Trunk),
    Local(local::Trunk),
    Calorimeter(calorimeter::Trunk),
    Video(video::Trunk),
    Voxel(voxel::Trunk),
    Recurrent(recurrent::Trunk),
}

impl TrunkNetwork {
    /// Items `[batch, height, width, channel]` -> features `[batch, features]`.
    pub fn forward(&self, x: Dual<4>, noise: Option<Key>) -> Dual<2> {
        self.layers(x, noise).1
    }

    /// What each layer sees, and the features; with a key, as in training: with the noise that some networks have.
    pub fn layers(&self, x: Dual<4>, noise: Option<Key>) -> (Vec<Dual<4>>, Dual<2>) {
        match self {
            TrunkNetwork::Mlp(t) => t.layers(x, noise),
            TrunkNetwork::Dcgan(t) => t.layers(x),
            TrunkNetwork::Resnet(t) => t.layers(x),
            TrunkNetwork::Patch(t) => t.layers(x),
            TrunkNetwork::Stylegan2(t) => t.layers(x),
            TrunkNetwork::BigganDeep(t) => t.layers(x),
            TrunkNetwork::Progan(t) => t.layers(x),
            TrunkNetwork::R3gan(t) => t.layers(x),
            TrunkNetwork::Coupled(t) => t.layers(x),
            TrunkNetwork::Sequence(t) => t.layers(x),
            TrunkNetwork::Local(t) => t.layers(x),
            TrunkNetwork::Calorimeter(t) => t.layers(x),
            TrunkNetwork::Video(t) => t.layers(x),
            TrunkNetwork::Voxel(t) => t.layers(x),
            TrunkNetwork::Recurrent(t) => t.layers(x),
        }
    }

    /// Takes up how far it has grown after so many updates, if it grows.
    pub fn grow(&self, updates: u64) {
        if let TrunkNetwork::Progan(t) = self {
            t.grow(updates);
        }
    }

    /// Numbers of an item's features.
    pub fn features(&self) -> usize {
        match self {
            TrunkNetwork::Mlp(t) => t.features(),
            TrunkNetwork::Dcgan(t) => t.features(),
            TrunkNetwork::Resnet(t) => t.features(),
            TrunkNetwork::Patch(t) => t.features(),
            TrunkNetwork::Stylegan2(t) => t.features(),
            TrunkNetwork::BigganDeep(t) => t.features(),
            TrunkNetwork::Progan(t) => t.features(),
            TrunkNetwork::R3gan(t) => t.features(),
            TrunkNetwork::Coupled(_) => coupled::Trunk::FEATURES,
            TrunkNetwork::Sequence(t) => t.features(),
            TrunkNetwork::Local(t) => t.features(),
            TrunkNetwork::Calorimeter(t) => t.features(),
            TrunkNetwork::Video(t) => t.features(),
            TrunkNetwork::Voxel(t) => t.features(),
            TrunkNetwork::Recurrent(t) => t.features(),
        }
    }

    /// Whether a derivative along a direction depends on values smoothly: norms, smooth activations.
    pub fn smooth(&self) -> bool {
        match self {
            TrunkNetwork::Dcgan(t) => t.smooth(),
            TrunkNetwork::Resnet(t) => t.smooth(),
            TrunkNetwork::Patch(t) => t.smooth(),
            TrunkNetwork::Coupled(t) => t.smooth(),
            TrunkNetwork::Local(t) => t.smooth(),
            TrunkNetwork::BigganDeep(t) => t.smooth(),
            TrunkNetwork::Mlp(_)
            | TrunkNetwork::R3gan(_)
            | TrunkNetwork::Sequence(_)
            | TrunkNetwork::Video(_)
            | TrunkNetwork::Voxel(_)
            | TrunkNetwork::Recurrent(_) => false,

            // By the deviation over a group; by squares.
            TrunkNetwork::Stylegan2(_) | TrunkNetwork::Progan(_) | TrunkNetwork::Calorimeter(_) => true,
        }
    }

    /// A head that reads so many numbers off the features, drawn as the network's own layers are.
    pub fn head(&self, outputs: usize, init: &Init) -> Linear {
        match self {
            TrunkNetwork::Mlp(t) => t.head(outputs, init),
            TrunkNetwork::Dcgan(t) => t.head(outputs, init),
            TrunkNetwork::Resnet(t) => t.head(outputs, init),
            TrunkNetwork::Patch(t) => t.head(outputs, init),
            TrunkNetwork::Stylegan2(t) => t.head(outputs, init),
            TrunkNetwork::BigganDeep(t) => t.head(outputs, init),
            TrunkNetwork::Progan(t) => t.head(outputs, init),
            TrunkNetwork::R3gan(t) => t.head(outputs, init),
            TrunkNetwork::Coupled(t) => t.head(outputs, init),
            TrunkNetwork::Sequence(t) => t.head(outputs, init),
            TrunkNetwork::Local(t) => t.head(outputs, init),
            TrunkNetwork::Calorimeter(t) => t.head(outputs, init),
            TrunkNetwork::Video(t) => t.head(outputs, init),
            TrunkNetwork::Voxel(t) => t.head(outputs, init),
            TrunkNetwork::Recurrent(t) => t.head(outputs, init),
        }
    }
}
