//! AE-GAN: a generator that takes an attack out of an image before a classifier sees it.
//!
//! Shen, Jin, Gao, Zhang (2017), AE-GAN: adversarial eliminating with GAN (later APE-GAN: Adversarial Perturbation Elimination with
//! GAN), arXiv:1707.05474.
//!
//! l_G = 0.7 ||x - G(x_adv)||^2 / n + 0.3 l_adv,  l_adv = -log D(G(x_adv))                          (equations 7 to 9)
//!
//! x_adv is the fast gradient sign method's. What it has not learned from (other attacks, other bounds) it meets as it is.
use super::adv_gan::{AdvGan, TINY};
use super::game::objective::Rule;
use super::networks::TranslatorSizes;
use super::networks::translator::resnet;
use super::plays::perturb::{AttackConfig, Role, Settings};
use crate::{Capability, Entry, Model, Registered};
use burn::tensor::Device;
use menagerie_data::DataInfo;
use menagerie_data::error::Result;
use menagerie_data::random::Key;
use menagerie_nn::NormOver;

/// See the module.
pub struct AeGan;

impl Registered for AeGan {
    type Config = AttackConfig;
    fn defaults() -> AttackConfig {
        AttackConfig {
            // Where nothing was changed nothing is to be done: it begins as the identity.
            model: TranslatorSizes::Resnet(resnet::Sizes {
                width: 8,
                blocks: 4,
                norm: NormOver::Layer,
                residual: true,
                ..resnet::Sizes::default()
            }),
            attack: Settings::of_defender(),
            objective: Rule::NonSaturating,
            ..AdvGan::defaults()
        }
    }
    fn check(config: &AttackConfig) -> Result<()> {
        config.check()
    }
    fn build(config: AttackConfig, data: &DataInfo, device: &Device, key: Key) -> Result<Box<dyn Model>> {
        Ok(Box::new(config.perturbing(
            ("ae_gan", Role::Defender),
            data,
            device,
            key,
        )?))
    }
}

/// In the registry.
pub(crate) const ENTRY: Entry = Entry {
    name: "ae_gan",
    family: super::FAMILY,
    capabilities: &[Capability::Classify, Capability::Attack, Capability::Defend],
    paper: "Shen et al. 2017, AE-GAN: adversarial eliminating with GAN, arXiv:1707.05474",
    recipe: "ae_gan",
    data: &["digits"],
    tiny: TINY,
    ..Entry::of::<AeGan>()
};
