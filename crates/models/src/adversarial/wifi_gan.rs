//! AF-DCGAN: maps of the amplitudes of a Wi-Fi channel, drawn where measuring more of them would be dear.
//!
//! Li, Qu, Liu, Zhou, Sun, Wang (2018), AF-DCGAN: Amplitude Feature Deep Convolutional GAN for Fingerprint Construction in Indoor Localization
//! System, arXiv:1804.05347.
//!
//! What a receiver hears at a place (amplitudes of subcarriers, packet by packet) is a picture, an amplitude feature map; a DCGAN that has learned
//! from the few that were measured draws more of them, and both together are the fingerprints by which somebody is found. One generator
//! serves all places here: both networks are told which one (as in [`super::cgan`]), so that what all maps have in common is learned from all.
use super::config::Config;
use super::dcgan::Dcgan;
use super::game::condition::Condition;
use super::{OfTwo, Variant};
use crate::Entry;

/// See the module.
pub struct WifiGan;

impl Variant for WifiGan {
    const NAME: &'static str = "wifi_gan";
    fn config() -> Config {
        Config {
            condition: Some(Condition::default()),
            ..Dcgan::config()
        }
    }
}

/// In the registry.
pub(crate) const ENTRY: Entry = Entry {
    name: WifiGan::NAME,
    family: super::FAMILY,
    capabilities: super::OF_CLASSES,
    paper: "Li et al. 2018, AF-DCGAN: Amplitude Feature Deep Convolutional GAN for Fingerprint Construction, arXiv:1804.05347",
    recipe: WifiGan::NAME,
    data: &["wifi"],
    tiny: super::TINY_DCGAN,
    ..Entry::of::<OfTwo<WifiGan>>()
};
