//! DR-GAN: who is seen, whatever the pose, and the same person in any other pose.
//!
//! Tran, Yin, Liu (2017), Disentangled Representation Learning GAN for Pose-Invariant Face Recognition, CVPR.
//!
//! The play is `plays/posed.rs`. The paper's networks are CASIA-Net with exponential linear units; here they are DCGAN's. Its second
//! part, which weighs the representations of several images of a person, is not here.
use super::Optimizers;
use super::networks::dcgan;
use super::plays::posed::{PoseSettings, PosedConfig};
use crate::{Capability, Entry, Model, Registered};
use burn::tensor::Device;
use menagerie_data::DataInfo;
use menagerie_data::error::Result;
use menagerie_data::random::Key;

/// See the module.
pub struct DrGan;

const NAME: &str = "dr_gan";

impl Registered for DrGan {
    type Config = PosedConfig;
    fn defaults() -> PosedConfig {
        PosedConfig {
            model: dcgan::Sizes {
                latent: 320,
                ..dcgan::Sizes::default()
            },
            pose: PoseSettings::default(),
            optimizer: Optimizers::default(),
        }
    }
    fn check(config: &PosedConfig) -> Result<()> {
        config.check()
    }
    fn build(config: PosedConfig, data: &DataInfo, device: &Device, key: Key) -> Result<Box<dyn Model>> {
        Ok(Box::new(config.posed(NAME, data, device, key)?))
    }
}

/// In the registry.
pub(crate) const ENTRY: Entry = Entry {
    name: NAME,
    family: super::FAMILY,
    capabilities: &[Capability::Translate, Capability::Features],
    paper: "Tran et al. 2017, Disentangled Representation Learning GAN for Pose-Invariant Face Recognition, CVPR",
    recipe: NAME,
    data: &["portraits:people"],
    tiny: &[
        ("model.width", "4"),
        ("model.latent", "8"),
        ("pose.noise", "2"),
        ("data.size", "16"),
        ("data.limit", "40"),
        ("model.average", "0.9"),
    ],
    ..Entry::of::<DrGan>()
};
