//! Every model, a folder a family, a file a model.
pub mod adversarial;
pub mod autoregressive;
pub mod discriminative;
pub mod flow;
mod model;
pub mod variational;

pub use model::{
    Capability, Classify, Complete, Encode, EvidenceBound, Exported, Features, LatentSpace, LogLikelihood, Model, NetworkInfo, Part, Port,
    Predict, Purpose, ReadAttributes, Reconstruct, Reconstruction, Sample, SampleRequest, Samples, StepReport, Trouble, as_image_shape,
    of_shape, unconditional, untempered,
};

use crate::data::DataInfo;
use crate::error::{Error, Result, nearest};
use crate::limits;
use crate::random::Key;
use crate::recipe::Recipe;
use burn::tensor::Device;

/// A line of the registry.
pub struct Entry {
    /// what commands and recipes call it
    pub name: &'static str,
    /// its family in the taxonomy of generative models
    pub family: &'static str,
    /// what it can do
    pub capabilities: &'static [Capability],
    /// authors, year, title
    pub paper: &'static str,
    /// the recipe that `train NAME` takes
    pub recipe: &'static str,
    /// the model's own tables with their defaults
    pub defaults: fn() -> toml::Table,
    /// reads the model's own tables of a recipe, as `build` will
    pub check: fn(&Recipe) -> Result<()>,
    /// builds it for data of that description; `key` decides the first weights
    pub build: fn(&Recipe, &DataInfo, &Device, Key) -> Result<Box<dyn Model>>,
    /// built-in sources that the harness of all models trains it on
    pub data: &'static [&'static str],
    /// settings that make it small enough for a test of a second
    pub tiny: &'static [(&'static str, &'static str)],
}

/// Every model there is. `tests/every_model.rs` runs over it.
pub fn registry() -> &'static [Entry] {
    use Capability::*;
    &[
        Entry {
            name: "gan",
            family: "adversarial",
            capabilities: &[Sample, LatentSpace],
            paper: "Goodfellow et al. 2014, Generative Adversarial Networks, arXiv:1406.2661",
            recipe: "gan",
            defaults: adversarial::gan::defaults,
            check: adversarial::gan::check,
            build: adversarial::gan::build,
            data: &["digits", "ring8"],
            tiny: &[("model.width", "16"), ("model.depth", "2"), ("model.latent", "4")],
        },
        Entry {
            name: "dcgan",
            family: "adversarial",
            capabilities: &[Sample, LatentSpace],
            paper: "Radford et al. 2015, Unsupervised Representation Learning with Deep Convolutional GANs, arXiv:1511.06434",
            recipe: "dcgan",
            defaults: adversarial::dcgan::defaults,
            check: adversarial::dcgan::check,
            build: adversarial::dcgan::build,
            data: &["digits"],
            tiny: &[("model.width", "4"), ("model.latent", "8"), ("data.size", "8"), ("model.average", "0.9")],
        },
        Entry {
            name: "fvbn",
            family: "autoregressive",
            capabilities: &[Sample, LogLikelihood, Complete],
            paper: "Frey 1998, Graphical Models for Machine Learning and Digital Communication (Neal 1992)",
            recipe: "fvbn",
            defaults: autoregressive::fvbn::defaults,
            check: autoregressive::fvbn::check,
            build: autoregressive::fvbn::build,
            data: &["digits"],
            tiny: &[("data.size", "6"), ("model.average", "0.9")],
        },
        Entry {
            name: "nade",
            family: "autoregressive",
            capabilities: &[Sample, LogLikelihood, Complete],
            paper: "Larochelle & Murray 2011, The Neural Autoregressive Distribution Estimator",
            recipe: "nade",
            defaults: autoregressive::nade::defaults,
            check: autoregressive::nade::check,
            build: autoregressive::nade::build,
            data: &["digits"],
            tiny: &[("data.size", "6"), ("model.width", "9"), ("model.average", "0.9")],
        },
        Entry {
            name: "made",
            family: "autoregressive",
            capabilities: &[Sample, LogLikelihood, Complete],
            paper: "Germain et al. 2015, MADE: Masked Autoencoder for Distribution Estimation, arXiv:1502.03509",
            recipe: "made",
            defaults: autoregressive::made::defaults,
            check: autoregressive::made::check,
            build: autoregressive::made::build,
            data: &["digits"],
            tiny: &[("data.size", "6"), ("model.width", "40"), ("model.depth", "2"), ("model.orders", "2")],
        },
        Entry {
            name: "pixel_cnn",
            family: "autoregressive",
            capabilities: &[Sample, LogLikelihood, Complete],
            paper: "van den Oord et al. 2016, Pixel Recurrent Neural Networks, arXiv:1601.06759",
            recipe: "pixel_cnn",
            defaults: autoregressive::pixel_cnn::defaults,
            check: autoregressive::pixel_cnn::check,
            build: autoregressive::pixel_cnn::build,
            data: &["digits", "portraits"],
            tiny: &[
                ("data.size", "6"),
                ("model.width", "8"),
                ("model.depth", "2"),
                ("model.head", "8"),
                ("model.levels", "5"),
                ("model.average", "0.9"),
            ],
        },
        Entry {
            name: "gated_pixel_cnn",
            family: "autoregressive",
            capabilities: &[Sample, LogLikelihood, Complete],
            paper: "van den Oord et al. 2016, Conditional Image Generation with PixelCNN Decoders, arXiv:1606.05328",
            recipe: "gated_pixel_cnn",
            defaults: autoregressive::gated_pixel_cnn::defaults,
            check: autoregressive::gated_pixel_cnn::check,
            build: autoregressive::gated_pixel_cnn::build,
            data: &["digits", "portraits"],
            tiny: &[("data.size", "6"), ("model.width", "6"), ("model.depth", "2"), ("model.head", "6"), ("model.levels", "5")],
        },
        Entry {
            name: "pixel_rnn",
            family: "autoregressive",
            capabilities: &[Sample, LogLikelihood, Complete],
            paper: "van den Oord et al. 2016, Pixel Recurrent Neural Networks, arXiv:1601.06759",
            recipe: "pixel_rnn",
            defaults: autoregressive::pixel_rnn::defaults,
            check: autoregressive::pixel_rnn::check,
            build: autoregressive::pixel_rnn::build,
            data: &["digits"],
            tiny: &[("data.size", "6"), ("model.width", "3"), ("model.depth", "2"), ("model.hidden", "6"), ("model.average", "0.9")],
        },
        Entry {
            name: "wavenet",
            family: "autoregressive",
            capabilities: &[Sample, LogLikelihood, Complete],
            paper: "van den Oord et al. 2016, WaveNet: A Generative Model for Raw Audio, arXiv:1609.03499",
            recipe: "wavenet",
            defaults: autoregressive::wavenet::defaults,
            check: autoregressive::wavenet::check,
            build: autoregressive::wavenet::build,
            data: &["tones"],
            tiny: &[
                ("model.width", "8"),
                ("model.skip", "8"),
                ("model.cycles", "1"),
                ("model.layers", "5"),
                ("data.length", "60"),
                ("model.average", "0.9"),
            ],
        },
        Entry {
            name: "autoencoder",
            family: "variational",
            capabilities: &[Encode, Reconstruct, Features],
            paper: "Hinton & Salakhutdinov 2006, Reducing the Dimensionality of Data with Neural Networks, Science 313",
            recipe: "autoencoder",
            defaults: variational::autoencoder::defaults,
            check: variational::autoencoder::check,
            build: variational::autoencoder::build,
            data: &["digits", "ring8"],
            tiny: &[("model.hidden", "[16]"), ("model.latent", "2"), ("model.average", "0.9")],
        },
        Entry {
            name: "denoising_autoencoder",
            family: "variational",
            capabilities: &[Encode, Reconstruct, Features],
            paper: "Vincent et al. 2008, Extracting and Composing Robust Features with Denoising Autoencoders, ICML 2008",
            recipe: "denoising_autoencoder",
            defaults: variational::denoising_autoencoder::defaults,
            check: variational::denoising_autoencoder::check,
            build: variational::denoising_autoencoder::build,
            data: &["digits"],
            tiny: &[
                ("model.hidden", "[16]"),
                ("model.latent", "8"),
                ("model.network", "conv"),
                ("model.width", "4"),
                ("loss.error", "cross-entropy"),
            ],
        },
        Entry {
            name: "vae",
            family: "variational",
            capabilities: &[Sample, LatentSpace, EvidenceBound, Encode, Reconstruct, Features],
            paper: "Kingma & Welling 2014, Auto-Encoding Variational Bayes, arXiv:1312.6114",
            recipe: "vae",
            defaults: variational::vae::defaults,
            check: variational::vae::check,
            build: variational::vae::build,
            data: &["digits"],
            tiny: &[("model.hidden", "[16]"), ("model.latent", "4"), ("model.average", "0.9")],
        },
        Entry {
            name: "iwae",
            family: "variational",
            capabilities: &[Sample, LatentSpace, EvidenceBound, Encode, Reconstruct, Features],
            paper: "Burda et al. 2016, Importance Weighted Autoencoders, arXiv:1509.00519",
            recipe: "iwae",
            defaults: variational::iwae::defaults,
            check: variational::iwae::check,
            build: variational::iwae::build,
            data: &["digits"],
            tiny: &[("model.hidden", "[16]"), ("model.latent", "4"), ("loss.samples", "3"), ("model.observation", "discretized-logistic")],
        },
        Entry {
            name: "beta_vae",
            family: "variational",
            capabilities: &[Sample, LatentSpace, EvidenceBound, Encode, Reconstruct, Features],
            paper: "Higgins et al. 2017, beta-VAE: Learning Basic Visual Concepts with a Constrained Variational Framework, ICLR 2017",
            recipe: "beta_vae",
            defaults: variational::beta_vae::defaults,
            check: variational::beta_vae::check,
            build: variational::beta_vae::build,
            data: &["digits"],
            tiny: &[
                ("model.hidden", "[16]"),
                ("model.latent", "4"),
                ("model.width", "4"),
                ("model.batch_norm", "true"),
                ("model.deviation", "0"),
                ("data.size", "9"),
            ],
        },
        Entry {
            name: "conditional_vae",
            family: "variational",
            capabilities: &[Sample, Predict],
            paper: "Sohn et al. 2015, Learning Structured Output Representation using Deep Conditional Generative Models",
            recipe: "conditional_vae-colorize",
            defaults: variational::conditional_vae::defaults,
            check: variational::conditional_vae::check,
            build: variational::conditional_vae::build,
            data: &["digits", "portraits", "portraits:video"],
            tiny: &[("model.width", "4"), ("model.latent", "3"), ("model.hidden", "[8]"), ("data.size", "8"), ("model.average", "0.9")],
        },
        Entry {
            name: "vae_gan",
            family: "variational",
            capabilities: &[Sample, LatentSpace, EvidenceBound, Encode, Reconstruct, Features],
            paper: "Larsen et al. 2016, Autoencoding beyond pixels using a learned similarity metric, arXiv:1512.09300",
            recipe: "vae_gan",
            defaults: variational::vae_gan::defaults,
            check: variational::vae_gan::check,
            build: variational::vae_gan::build,
            data: &["digits"],
            tiny: &[("model.latent", "4"), ("model.width", "4"), ("game.layer", "1"), ("data.size", "9"), ("model.average", "0.9")],
        },
        Entry {
            name: "vq_vae",
            family: "variational",
            capabilities: &[Sample, EvidenceBound, Encode, Reconstruct, Features],
            paper: "van den Oord et al. 2017, Neural Discrete Representation Learning, arXiv:1711.00937",
            recipe: "vq_vae",
            defaults: variational::vq_vae::defaults,
            check: variational::vq_vae::check,
            build: variational::vq_vae::build,
            data: &["digits", "portraits"],
            tiny: &[
                ("model.width", "6"),
                ("model.inner", "3"),
                ("model.latent", "4"),
                ("model.observation", "discretized-logistic"),
                ("codebook.size", "9"),
                ("prior.after", "1"),
                ("prior.width", "6"),
                ("prior.depth", "2"),
                ("prior.head", "6"),
                ("prior.embedding", "3"),
                ("prior.average", "0.9"),
                ("data.size", "12"),
            ],
        },
        Entry {
            name: "video_vae",
            family: "variational",
            capabilities: &[Sample, EvidenceBound, Predict],
            paper: "He et al. 2018, Probabilistic Video Generation using Holistic Attribute Control, arXiv:1803.08085",
            recipe: "video_vae",
            defaults: variational::video_vae::defaults,
            check: variational::video_vae::check,
            build: variational::video_vae::build,
            data: &["portraits:video", "moving:digits"],
            tiny: &[
                ("model.width", "4"),
                ("model.latent", "3"),
                ("model.units", "8"),
                ("data.size", "12"),
                ("data.frames", "4"),
                ("model.average", "0.9"),
            ],
        },
        Entry {
            name: "nice",
            family: "flow",
            capabilities: &[Sample, LatentSpace, LogLikelihood, Encode, Reconstruct],
            paper: "Dinh et al. 2014, NICE: Non-linear Independent Components Estimation, arXiv:1410.8516",
            recipe: "nice",
            defaults: flow::nice::defaults,
            check: flow::nice::check,
            build: flow::nice::build,
            data: &["digits", "ring8"],
            tiny: &[("model.width", "8"), ("model.depth", "2")],
        },
        Entry {
            name: "real_nvp",
            family: "flow",
            capabilities: &[Sample, LatentSpace, LogLikelihood, Encode, Reconstruct],
            paper: "Dinh et al. 2017, Density estimation using Real NVP, arXiv:1605.08803",
            recipe: "real_nvp",
            defaults: flow::real_nvp::defaults,
            check: flow::real_nvp::check,
            build: flow::real_nvp::build,
            data: &["digits", "ring8"],
            tiny: &[("model.width", "4"), ("model.depth", "1"), ("model.couplings", "4")],
        },
        Entry {
            name: "glow",
            family: "flow",
            capabilities: &[Sample, LatentSpace, LogLikelihood, Encode, Reconstruct],
            paper: "Kingma & Dhariwal 2018, Glow: Generative Flow with Invertible 1x1 Convolutions, arXiv:1807.03039",
            recipe: "glow",
            defaults: flow::glow::defaults,
            check: flow::glow::check,
            build: flow::glow::build,
            data: &["digits"],
            tiny: &[("model.width", "4"), ("model.depth", "2"), ("data.size", "8"), ("model.average", "0.9")],
        },
        Entry {
            name: "classifier",
            family: "discriminative",
            capabilities: &[Classify, Features],
            paper: "LeCun et al. 1998, Gradient-Based Learning Applied to Document Recognition; He et al. 2015, Deep Residual Learning, arXiv:1512.03385",
            recipe: "classifier",
            defaults: discriminative::classifier::defaults,
            check: discriminative::classifier::check,
            build: discriminative::classifier::build,
            data: &["digits"],
            tiny: &[("model.width", "4"), ("augment.flip", "true")],
        },
        Entry {
            name: "attribute-reader",
            family: "discriminative",
            capabilities: &[ReadAttributes, Features],
            paper: "He et al. 2015, Deep Residual Learning for Image Recognition, arXiv:1512.03385",
            recipe: "attribute-reader",
            defaults: discriminative::attribute_reader::defaults,
            check: discriminative::attribute_reader::check,
            build: discriminative::attribute_reader::build,
            data: &["portraits"],
            tiny: &[("model.width", "4"), ("data.size", "8"), ("data.limit", "64")],
        },
    ]
}

/// The registry's line for a model.
///
/// # Errors
/// [`Error::Usage`] with the nearest known name.
pub fn entry(name: &str) -> Result<&'static Entry> {
    let found = registry().iter().find(|e| e.name == name);
    found.ok_or_else(|| Error::usage(format!("there is no model `{name}`"), nearest(name, registry().iter().map(|e| e.name))))
}

/// Builds the model a recipe names.
///
/// # Errors
/// What its `build` says; [`Error::Recipe`] when its weights would not fit into memory.
pub fn build(recipe: &Recipe, info: &DataInfo, device: &Device, key: Key) -> Result<Box<dyn Model>> {
    let entry = entry(recipe.model_name())?;
    limits::while_building(|| (entry.build)(recipe, info, device, key))
}

/// A configuration's defaults as TOML tables, for `Entry::defaults`.
pub(crate) fn tables<C: serde::Serialize>(config: C) -> toml::Table {
    toml::Table::try_from(config).expect("a configuration is a table of plain values")
}
