//! Categorical GAN: classes that nobody has named.
//!
//! Springenberg (2015), Unsupervised and Semi-supervised Learning with Categorical Generative Adversarial Networks,
//! arXiv:1511.06390.
//!
//! D is sure of data, unsure of samples, and uses its K classes alike; G makes samples that D is sure of (equation 9).
//!
//! With `semi_supervised = {}` some items have labels (`train.labels`), which name the K classes: their cross-entropy is added to the
//! discriminator's loss, weighted by the paper's lambda, and the model classifies (section 3.2).
use super::config::Config;
use super::dcgan::Dcgan;
use super::game::objective::{Categorical, Rule};
use super::{OfTwo, Variant};
use crate::Entry;

/// See the module.
pub struct CatGan;

impl Variant for CatGan {
    const NAME: &'static str = "cat_gan";
    fn config() -> Config {
        Config {
            objective: Rule::Categorical(Categorical::default()),
            ..Dcgan::config()
        }
    }
}

/// In the registry.
pub(crate) const ENTRY: Entry = Entry {
    name: CatGan::NAME,
    family: super::FAMILY,
    capabilities: super::OF_GROUPS,
    paper: "Springenberg 2015, Unsupervised and Semi-supervised Learning with Categorical GANs, arXiv:1511.06390",
    recipe: CatGan::NAME,
    data: &["digits"],
    tiny: super::TINY_DCGAN,
    ..Entry::of::<OfTwo<CatGan>>()
};

#[cfg(test)]
mod tests {
    use crate::{Model, StepReport};
    use burn::tensor::Device;
    use menagerie_data::{Batch, Dataset, Key, Source};
    use std::sync::Arc;

    fn digits() -> Arc<dyn Dataset> {
        Source::parse("digits").open().unwrap().dataset
    }

    fn model(classes: i64) -> menagerie_data::error::Result<Box<dyn Model>> {
        let entry = crate::entry("cat_gan").unwrap();
        let mut settings = (entry.defaults)();
        let mut set = |table: &str, key: &str, value: toml::Value| {
            let table = settings.entry(table).or_insert_with(|| toml::Table::new().into());
            table.as_table_mut().unwrap().insert(key.into(), value);
        };
        set("model", "width", 4.into());
        // Without batch norm what is said of an item in training is what is said of it afterwards.
        set("model", "norm", "none".into());
        set("semi_supervised", "weight", 2.0.into());
        set("objective", "classes", classes.into());
        settings["optimizer"]["discriminator"]["learning_rate"] = 2e-3.into();
        let device = Device::flex().autodiff();
        crate::build(entry, &settings, digits().info(), &device, Key::new(1))
    }

    /// The loss of labels is the cross-entropy of what the classifier says, and labels teach it.
    #[test]
    fn labels_name_the_classes() {
        let mut model = model(10).unwrap();
        let data = digits();
        let batch = |from: u32| Batch::of(&*data, &(from..from + 20).collect::<Vec<_>>()).unwrap();
        let (unlabelled, labelled) = (batch(0), batch(500));
        let said = |model: &dyn Model| -> f64 {
            let all = model.as_classify().unwrap().log_probabilities(&labelled).unwrap();
            let labels = labelled.labels.as_ref().unwrap().iter();
            let own = labels.zip(all.chunks(10)).map(|(y, p)| -p[*y as usize] as f64);
            own.sum::<f64>() / 20.0
        };
        assert_eq!((model.batches_per_step(), model.labelled_batches()), (2, 1));
        let before = said(&*model);
        let mut step = |n: u64| -> StepReport {
            let both = [unlabelled.clone(), labelled.clone()];
            model.step(&both, Key::new(2).step(n), true).unwrap()
        };
        let told = step(0).get("loss/labelled").unwrap();
        assert!((told - 2.0 * before).abs() < 1e-4, "{told} {before}");
        (1..60).for_each(|n| drop(step(n)));
        assert!(said(&*model) < before - 0.1, "{} {before}", said(&*model));
    }

    #[test]
    fn there_are_as_many_classes_as_labels_name() {
        let e = model(7).err().unwrap().to_string();
        assert!(e.contains("objective.classes") && e.contains("10"), "{e}");
    }
}
