//! AdvGAN: a generator of changes that mislead a classifier, in one pass and without its gradient once it has learned.
//!
//! Xiao, Li, Zhu, He, Liu, Song (2018), Generating Adversarial Examples with Adversarial Networks, arXiv:1801.02610.
//!
//! L = L_adv + alpha L_GAN + beta L_hinge,  L_hinge = E max(0, ||G(x)||_2 - c)                        (equations 1 to 4)
//!
//! The game is that of squared errors, L_adv the lead of the right class (section 4.1). A change stays within `attack.epsilon` a pixel, as in
//! the paper's experiments. The paper's critic sees whole images, this one patches.
use super::Optimizers;
use super::game::objective::{LeastSquares, Rule};
use super::networks::translator::resnet;
use super::networks::{TranslatorSizes, patch};
use super::plays::perturb::{AttackConfig, Role, Settings};
use super::plays::target::TargetSettings;
use crate::{Capability, Entry, Model, Registered};
use burn::tensor::Device;
use menagerie_data::DataInfo;
use menagerie_data::error::Result;
use menagerie_data::random::Key;
use menagerie_nn::{NormOver, OptimizerConfig};

/// See the module.
pub struct AdvGan;

impl Registered for AdvGan {
    type Config = AttackConfig;
    fn defaults() -> AttackConfig {
        AttackConfig {
            model: TranslatorSizes::Resnet(resnet::Sizes {
                width: 8,
                blocks: 4,
                norm: NormOver::Instance,
                ..resnet::Sizes::default()
            }),
            critic: patch::Sizes {
                width: 16,
                norm: NormOver::Layer,
                ..patch::Sizes::default()
            },
            attack: Settings::of_attacker(),
            target: TargetSettings::default(),
            objective: Rule::LeastSquares(LeastSquares::default()),
            penalty: Default::default(),
            optimizer: Optimizers::both(OptimizerConfig::adam(1e-3).betas(0.5, 0.999)),
        }
    }
    fn check(config: &AttackConfig) -> Result<()> {
        config.check()
    }
    fn build(config: AttackConfig, data: &DataInfo, device: &Device, key: Key) -> Result<Box<dyn Model>> {
        Ok(Box::new(config.perturbing(
            ("adv_gan", Role::Attacker),
            data,
            device,
            key,
        )?))
    }
}

/// Settings that make a test of a second.
pub(super) const TINY: &[(&str, &str)] = &[
    ("model.width", "4"),
    ("model.blocks", "1"),
    ("model.average", "0.9"),
    ("critic.width", "4"),
    ("target.model.width", "4"),
    ("target.model.average", "0.9"),
];

/// In the registry.
pub(crate) const ENTRY: Entry = Entry {
    name: "adv_gan",
    family: super::FAMILY,
    capabilities: &[Capability::Classify, Capability::Attack],
    paper: "Xiao et al. 2018, Generating Adversarial Examples with Adversarial Networks, arXiv:1801.02610",
    recipe: "adv_gan",
    data: &["digits"],
    tiny: TINY,
    ..Entry::of::<AdvGan>()
};
