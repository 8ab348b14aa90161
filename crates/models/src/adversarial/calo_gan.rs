//! CaloGAN: showers in the layers of a calorimeter, of an energy that is asked for.
//!
//! Paganini, de Oliveira, Nachman (2018), CaloGAN: Simulating 3D High Energy Particle Showers in Multi-Layer Electromagnetic Calorimeters
//! with Generative Adversarial Networks, arXiv:1712.10321.
//!
//! Each layer has cells of its own and a stream of LAGAN's networks; what a layer holds is carried to the next through a gate that is
//! learned, a ReLU leaves most cells empty, and latents are multiplied by the energy. The discriminator compares a batch within itself,
//! sees what each layer and all of them hold, and how far that is from what was asked for; the generator pays for that distance, too.
//! The paper's layers have 3 x 96, 12 x 12 and 12 x 6 cells in GeV, these 3 x 24, 12 x 12 and 12 x 6 in roots of shares of 100 GeV, and its
//! discriminator has batch norm. With `model.architecture = "mlp"` or `"dcgan"` other networks play the same game.
use super::config::Optimizers;
use super::game::objective::Rule;
use super::networks::{Sizes, local};
use super::plays::asked::{AskedConfig, AskedSettings};
use crate::{Entry, Model, Registered};
use burn::tensor::Device;
use menagerie_data::DataInfo;
use menagerie_data::error::Result;
use menagerie_data::random::Key;

/// See the module.
pub struct CaloGan;

const NAME: &str = "calo_gan";

impl Registered for CaloGan {
    type Config = AskedConfig;
    fn defaults() -> AskedConfig {
        AskedConfig {
            model: Sizes::Calorimeter(local::Sizes::default()),
            objective: Rule::NonSaturating,
            calorimeter: AskedSettings::default(),
            optimizer: Optimizers::default(),
        }
    }
    fn check(config: &AskedConfig) -> Result<()> {
        config.check()
    }
    fn build(config: AskedConfig, data: &DataInfo, device: &Device, key: Key) -> Result<Box<dyn Model>> {
        Ok(Box::new(config.asked(NAME, data, device, key)?))
    }
}

/// In the registry.
pub(crate) const ENTRY: Entry = Entry {
    name: NAME,
    family: super::FAMILY,
    capabilities: super::OF_A_DUEL,
    paper: "Paganini et al. 2018, CaloGAN: Simulating 3D High Energy Particle Showers in Calorimeters, arXiv:1712.10321",
    recipe: NAME,
    data: &["showers"],
    tiny: &[
        ("model.width", "4"),
        ("model.local", "3"),
        ("model.latent", "8"),
        ("model.minibatch", "4"),
        ("model.average", "0.9"),
        ("data.limit", "60"),
    ],
    ..Entry::of::<CaloGan>()
};
