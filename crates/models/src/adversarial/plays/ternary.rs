//! A discriminator that tells three things apart: two ways of being made, and the data. Taigman et al. 2016 (arXiv:1611.02200) tell what
//! was made of one domain from what was made of the other, Brock et al. 2016 (arXiv:1609.07093) reconstructions from samples.
use super::super::game::condition::cross_entropy;
use super::super::game::{critic, stage};
use super::super::networks::{CriticNetwork, Heads, Sizes};
use crate::{NetworkInfo, Part, Purpose};
use burn::module::Module;
use burn::tensor::{Device, Tensor};
use menagerie_data::DataInfo;
use menagerie_data::error::Result;
use menagerie_nn::{Init, Learner, OptimizerConfig, Tensors};

/// See the module.
pub(super) struct Ternary {
    learner: Learner<CriticNetwork>,
}

/// The class of the data, counted from 0.
const DATA: u32 = 2;

/// Minus the logarithm of the probability of a class, the mean over items.
fn unlikely(network: &CriticNetwork, x: Tensor<4>, class: u32) -> Tensor<1> {
    let (n, device) = (x.dims()[0], x.device());
    let logits = network.judge(x.into(), None, None).classes;
    let logits = logits.unwrap_or_else(|| Tensor::zeros([n, 3], &device));
    cross_entropy(logits, stage::one_hot(&vec![class; n], 3, &device))
}

impl Ternary {
    /// A fresh one for items of that description.
    ///
    /// # Errors
    /// Those of [`Learner::new`].
    pub(super) fn new(
        sizes: &Sizes,
        info: &DataInfo,
        optimizer: OptimizerConfig,
        device: &Device,
        at: &Init,
    ) -> Result<Ternary> {
        let heads = Heads {
            classes: 3,
            score_of_classes: true,
            ..Heads::default()
        };
        let network = CriticNetwork::new(sizes, info, heads, at);
        Ok(Ternary {
            learner: Learner::new(critic::DISCRIMINATOR, network, optimizer, 0.0, device)?,
        })
    }

    /// An update on what was made in the two ways, and on data: E -log D_1(first) - log D_2(second) - log D_3(data); gives the loss.
    pub(super) fn learn(&mut self, first: &Tensor<4>, second: &Tensor<4>, data: &Tensor<4>) -> Result<f64> {
        let tells = self.learner.network();
        let told = unlikely(tells, first.clone().detach(), 0)
            + unlikely(tells, second.clone().detach(), 1)
            + unlikely(tells, data.clone(), DATA);
        Ok(self.learner.descend(told, false)?.loss)
    }

    /// As it is now, its weights held fixed.
    pub(super) fn fixed(&self) -> CriticNetwork {
        self.learner.network().clone().no_grad()
    }

    /// The loss by which whoever made items learns: E -log D_3(x).
    pub(super) fn persuade(fixed: &CriticNetwork, x: Tensor<4>) -> Tensor<1> {
        unlikely(fixed, x, DATA)
    }

    /// As it answers, on a device without a tape.
    pub(super) fn for_use_on(&self, device: &Device) -> CriticNetwork {
        self.learner.for_use_on(device)
    }

    pub(super) fn info(&self, x: Tensor<4>) -> NetworkInfo {
        self.learner.info(|d| d.judge(x.into(), None, None))
    }

    pub(super) fn save(&self) -> Vec<(String, Part<'_>)> {
        self.learner.save()
    }

    pub(super) fn load(&mut self, read: &dyn Fn(&str) -> Result<Tensors>, purpose: Purpose) -> Result<()> {
        self.learner.load(read, purpose)
    }
}
