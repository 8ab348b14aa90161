//! The classifier that is attacked, or whose features are kept: of another run, held as it is, or one that learns beside.
use super::super::game::{Moment, critic};
use crate::attack::{self, Method, fgsm, pgd};
use crate::discriminative::classifier::{self, ClassifierNetwork, cross_entropy};
use crate::{NetworkInfo, Part, Purpose};
use burn::tensor::{Device, Tensor};
use menagerie_data::DataInfo;
use menagerie_data::error::{Error, Result};
use menagerie_data::random::Key;
use menagerie_nn::{Init, Learner, OptimizerConfig, Tensors, number, numbers, on_tape};
use serde::{Deserialize, Serialize};

/// `[target]`: the classifier that is attacked, or whose features are kept.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct TargetSettings {
    /// a run of `classifier`, whose network is taken as it is; empty for one that learns on the same batches
    pub run: String,
    /// `[target.model]`: its network; of a run, that run's
    pub model: classifier::Sizes,
    /// `[target.optimizer]`: of one that learns
    pub optimizer: OptimizerConfig,
}

impl Default for TargetSettings {
    fn default() -> Self {
        TargetSettings {
            run: String::new(),
            model: classifier::Sizes::default(),
            optimizer: classifier::Config::default().optimizer,
        }
    }
}

/// See the module.
pub(super) struct Target {
    learner: Learner<ClassifierNetwork>,
    learns: bool,
}

const NAME: &str = "target";

impl Target {
    /// With fresh weights, until those of a run take their place.
    pub(super) fn new(s: &TargetSettings, info: &DataInfo, device: &Device, key: Key) -> Result<Target> {
        let network = s.model.network(info, &Init::new(key.stream(NAME), device))?;
        Ok(Target {
            learner: Learner::new(NAME, network, s.optimizer, s.model.average, device)?,
            learns: s.run.is_empty(),
        })
    }

    /// Takes the network of a classifier's checkpoint.
    pub(super) fn take(&mut self, read: &dyn Fn(&str) -> Result<Tensors>) -> Result<()> {
        if self.learns {
            let problem = "a network was given for a target that learns";
            return Err(Error::recipe(
                "target.run",
                problem,
                "name the run that it is from",
            ));
        }
        let of_classifier = |name: &str| read(&name.replace(NAME, "classifier"));
        self.learner.load(&of_classifier, Purpose::Use)
    }

    /// An update on items and their classes, where it learns; gives its loss.
    pub(super) fn learn(&mut self, x: Tensor<4>, labels: &[u32], now: Moment) -> Result<Option<f64>> {
        if !self.learns {
            return Ok(None);
        }
        let loss = cross_entropy(self.learner.network().forward(x), labels);
        let value = number(loss.clone());
        critic::finite("the target's loss", value, now)?;
        self.learner.update(&mut [loss.backward()], false);
        Ok(Some(value))
    }

    /// Logits of items on a tape, its weights held fixed, as it answers.
    pub(super) fn logits(&self) -> impl Fn(Tensor<4>) -> Tensor<2> + use<> {
        let network = on_tape(self.learner.for_use());
        move |x| network.forward(x)
    }

    /// What its last layer sees of items on a tape, `[batch, features]`, its weights held fixed.
    pub(super) fn features(&self) -> impl Fn(Tensor<4>) -> Tensor<2> + use<> {
        let network = on_tape(self.learner.for_use());
        move |x| network.features_of(x)
    }

    /// The same without a tape, on the items' device.
    pub(super) fn seen(&self, x: Tensor<4>) -> Tensor<2> {
        self.learner.for_use_on(&x.device()).features_of(x)
    }

    /// How many features that are.
    pub(super) fn width(&self) -> usize {
        self.learner.network().features()
    }

    /// Updates that it has learned by, where it does.
    pub(super) fn updates(&self) -> u64 {
        if self.learns { self.learner.updates() } else { 0 }
    }

    /// Whether it learns on the batches itself.
    pub(super) fn learns(&self) -> bool {
        self.learns
    }

    /// Logits of items without a tape, on their device.
    pub(super) fn answer(&self, x: Tensor<4>) -> Tensor<2> {
        self.learner.for_use_on(&x.device()).forward(x)
    }

    /// The classes that it takes items for.
    pub(super) fn classes(&self, x: Tensor<4>) -> Vec<u32> {
        let logits = self.answer(x);
        let classes = logits.dims()[1];
        classifier::best(&numbers(logits), classes).collect()
    }

    /// Items changed by its own gradient, within epsilon, away from these classes or from those that it takes them for.
    pub(super) fn attacked(
        &self,
        items: Tensor<4>,
        labels: Option<&[u32]>,
        (method, epsilon): (Method, f64),
        keys: &[Key],
    ) -> Tensor<4> {
        let found = labels.map_or_else(|| self.classes(items.clone()), <[u32]>::to_vec);
        match method {
            Method::Fgsm => fgsm(&self.logits(), &items, &found, epsilon),
            Method::Pgd => pgd(&self.logits(), &items, &found, epsilon, attack::STEPS, keys),
            Method::Learned => items,
        }
    }

    pub(super) fn info(&self, x: Tensor<4>) -> NetworkInfo {
        self.learner.info(|n| n.forward(x))
    }

    pub(super) fn save(&self) -> Vec<(String, Part<'_>)> {
        self.learner.save()
    }

    pub(super) fn load(&mut self, read: &dyn Fn(&str) -> Result<Tensors>, purpose: Purpose) -> Result<()> {
        self.learner.load(read, purpose)
    }
}
