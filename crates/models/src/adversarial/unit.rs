//! UNIT: two sides whose images have one latent, without pairs.
//!
//! Liu, Breuel, Kautz (2017), Unsupervised Image-to-Image Translation Networks, arXiv:1703.00848.
//!
//! L_VAE(E_A, G_A) + L_GAN(E_B, G_A, D_A) + L_CC(E_A, G_A, E_B, G_B), and the same for B                (equations 2 to 5)
//!
//! with weights of 10 for the game, 0.1 for divergences and 100 for images given back (section 4), layers next to the latent that
//! both sides share, and latents N(E(x), 1) (section 3). Distances and divergences are means over numbers, so that the weights suit
//! any size. Adam at 1e-4 with moments of 0.5 and 0.999 (section 4).
use super::game::objective::Rule;
use super::networks::{coded, patch};
use super::plays::coded::{CodedConfig, CodedSettings};
use super::{Optimizers, TRANSLATES};
use crate::{Entry, Model, Registered};
use burn::tensor::Device;
use menagerie_data::DataInfo;
use menagerie_data::error::Result;
use menagerie_data::random::Key;
use menagerie_nn::OptimizerConfig;

/// See the module.
pub struct Unit;

const NAME: &str = "unit";

impl Registered for Unit {
    type Config = CodedConfig;
    fn defaults() -> Self::Config {
        CodedConfig {
            model: coded::Sizes {
                blocks: 3,
                shared: 1,
                style: 0,
                ..Default::default()
            },
            critic: patch::Sizes::default(),
            translation: CodedSettings {
                game: 10.0,
                image: 100.0,
                content: 0.0,
                style: 0.0,
                cycle: 100.0,
                kl: 0.1,
            },
            objective: Rule::NonSaturating,
            penalty: Default::default(),
            augment: Default::default(),
            optimizer: Optimizers::both(OptimizerConfig::adam(1e-4).betas(0.5, 0.999)),
        }
    }
    fn check(config: &Self::Config) -> Result<()> {
        config.check()
    }
    fn build(config: Self::Config, data: &DataInfo, device: &Device, key: Key) -> Result<Box<dyn Model>> {
        Ok(Box::new(config.by_codes(NAME, data, device, key)?))
    }
}

/// In the registry.
pub(crate) const ENTRY: Entry = Entry {
    name: NAME,
    family: super::FAMILY,
    capabilities: TRANSLATES,
    paper: "Liu et al. 2017, Unsupervised Image-to-Image Translation Networks, arXiv:1703.00848",
    recipe: NAME,
    data: &["portraits:sides"],
    tiny: super::TINY_CODED,
    ..Entry::of::<Unit>()
};
