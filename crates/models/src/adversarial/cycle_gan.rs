//! CycleGAN: from one side to the other and back, without pairs.
//!
//! Zhu, Park, Isola, Efros (2017), Unpaired Image-to-Image Translation using Cycle-Consistent Adversarial Networks,
//! arXiv:1703.10593.
//!
//! L_GAN(G, D_B) + L_GAN(F, D_A) + 10 (E ||F(G(a)) - a||_1 + E ||G(F(b)) - b||_1)                   (equation 3)
//!   + 5 (E ||G(b) - b||_1 + E ||F(a) - a||_1)                                                      (section 5.2)
//!
//! with least squares for L_GAN, critics that are also shown earlier translations, and a learning rate that stays for the first
//! half and falls to zero over the second (section 4; the recipe has it).
use super::game::objective::{LeastSquares, Rule};
use super::networks::translator::resnet;
use super::networks::{TranslatorSizes, patch};
use super::plays::cycle::{CycleSettings, CycleVariant, ThereAndBack};
use super::translation::Translation;
use super::{Optimizers, TRANSLATES};
use crate::Entry;

/// See the module.
pub struct CycleGan;

impl CycleVariant for CycleGan {
    const NAME: &'static str = "cycle_gan";
    fn config() -> Translation<CycleSettings> {
        Translation {
            model: TranslatorSizes::Resnet(resnet::Sizes::default()),
            critic: patch::Sizes::default(),
            translation: CycleSettings::default(),
            objective: Rule::LeastSquares(LeastSquares::default()),
            penalty: Default::default(),
            augment: Default::default(),
            optimizer: Optimizers::default(),
        }
    }
}

/// In the registry.
pub(crate) const ENTRY: Entry = Entry {
    name: CycleGan::NAME,
    family: super::FAMILY,
    capabilities: TRANSLATES,
    paper: "Zhu et al. 2017, Unpaired Image-to-Image Translation using Cycle-Consistent Adversarial Networks, arXiv:1703.10593",
    recipe: CycleGan::NAME,
    data: &["portraits:sides", "portraits:layout"],
    tiny: &[
        ("model.width", "2"),
        ("model.blocks", "1"),
        ("critic.width", "4"),
        ("data.size", "16"),
        ("data.limit", "40"),
        ("translation.pool", "6"),
        ("model.average", "0.9"),
    ],
    ..Entry::of::<ThereAndBack<CycleGan>>()
};
