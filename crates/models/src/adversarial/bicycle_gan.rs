//! BicycleGAN: many answers for one image, each by its style.
//!
//! Zhu, Zhang, Pathak, Darrell, Efros, Wang, Shechtman (2017), Toward Multimodal Image-to-Image Translation, arXiv:1711.11586.
//!
//! L_GAN^VAE(D, G, E) + lambda L_1(G, E) + L_GAN(D', G) + lambda_latent L_1^latent(G, E) + lambda_KL L_KL(E)   (equation 9)
//!
//! with least squares for L_GAN, a style of 8 numbers that is told as planes beside the image, critics that do not see the given
//! image, lambda = 10, lambda_latent = 0.5, lambda_KL = 0.01, Adam at 2e-4 with a first moment of 0.5 (sections 4 and 5).
use super::game::objective::{LeastSquares, Rule};
use super::networks::translator::unet;
use super::networks::{TranslatorSizes, patch};
use super::plays::bicycle::BicycleSettings;
use super::translation::Translation;
use super::{Optimizers, TRANSLATES};
use crate::{Entry, Model, Registered};
use burn::tensor::Device;
use menagerie_data::DataInfo;
use menagerie_data::error::Result;
use menagerie_data::random::Key;

/// See the module.
pub struct BicycleGan;

const NAME: &str = "bicycle_gan";

impl Registered for BicycleGan {
    type Config = Translation<BicycleSettings>;
    fn defaults() -> Self::Config {
        Translation {
            model: TranslatorSizes::Unet(unet::Sizes {
                dropout: 0.0,
                ..Default::default()
            }),
            critic: patch::Sizes::default(),
            translation: BicycleSettings::default(),
            objective: Rule::LeastSquares(LeastSquares::default()),
            penalty: Default::default(),
            augment: Default::default(),
            optimizer: Optimizers::default(),
        }
    }
    fn check(config: &Self::Config) -> Result<()> {
        config.check()?;
        config.hears()
    }
    fn build(config: Self::Config, data: &DataInfo, device: &Device, key: Key) -> Result<Box<dyn Model>> {
        Ok(Box::new(config.in_styles(NAME, data, device, key)?))
    }
}

/// In the registry.
pub(crate) const ENTRY: Entry = Entry {
    name: NAME,
    family: super::FAMILY,
    capabilities: TRANSLATES,
    paper: "Zhu et al. 2017, Toward Multimodal Image-to-Image Translation, arXiv:1711.11586",
    recipe: NAME,
    data: &["portraits:edges"],
    tiny: &[
        ("model.width", "4"),
        ("critic.width", "4"),
        ("translation.width", "4"),
        ("data.size", "16"),
        ("data.limit", "40"),
        ("model.average", "0.9"),
    ],
    ..Entry::of::<BicycleGan>()
};
