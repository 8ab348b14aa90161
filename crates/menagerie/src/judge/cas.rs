//! Classification accuracy score (CAS): Ravuri & Vinyals 2019, Classification Accuracy Score for Conditional Generative
//! Models, arXiv:1905.10887, section 3.
//!
//! A classifier learns from samples and their classes alone; the score is its accuracy on real items it has never seen.
//! A share, from 0 to 1. More is better; the score of the same classifier that learned from as many real items stands
//! beside it. It depends on the classifier (a LeNet, below), on how long it learns, and on both counts.
use super::by_capability::argmax;
use super::metric::Tell;
use crate::data::{Batch, DataInfo, Kind};
use crate::error::{Error, Result};
use crate::models::Model;
use crate::models::discriminative::Augmentation;
use crate::models::discriminative::TrunkKind;
use crate::models::discriminative::classifier::{Config, Sizes};
use crate::nn::OptimizerConfig;
use crate::random::Key;
use burn::tensor::Device;
use serde_json::{Map, Value, json};

/// Channels of the LeNet's first layer.
const WIDTH: usize = 16;
const BATCH: usize = 64;
/// Times that every item is seen, as far as the least and the most steps allow.
const EPOCHS: usize = 8;
const STEPS: std::ops::RangeInclusive<usize> = 300..=4000;

/// 8-bit images with classes.
pub struct Labelled {
    /// `[height, width, channel]`
    pub shape: Vec<usize>,
    /// image after image
    pub bytes: Vec<u8>,
    /// a class an image
    pub labels: Vec<u32>,
}

impl Labelled {
    fn batch(&self, indices: &[u32]) -> Batch {
        let n: usize = self.shape.iter().product();
        let values = indices
            .iter()
            .flat_map(|&i| &self.bytes[i as usize * n..(i as usize + 1) * n])
            .map(|&b| b as f32 / 127.5 - 1.0);
        Batch {
            kind: Kind::Image,
            shape: [&[indices.len()], &self.shape[..]].concat(),
            values: values.collect(),
            labels: Some(indices.iter().map(|&i| self.labels[i as usize]).collect()),
            attributes: vec![],
            captions: None,
            indices: indices.to_vec(),
        }
    }
}

fn steps(items: usize) -> usize {
    (items * EPOCHS / BATCH).clamp(*STEPS.start(), *STEPS.end())
}

/// What a score depends on beside its data.
pub fn definition(items: usize) -> Map<String, Value> {
    let all = json!({
        "classifier": format!("lenet, width {WIDTH}, 5x5 convolutions, batch norm"),
        "steps": steps(items),
        "batch": BATCH,
        "optimizer": "Adam, 2e-3 falling to 2e-5, weight decay 1e-2, average 0.99",
        "augmentation": "shifts of up to 2 pixels",
    });
    all.as_object().cloned().unwrap_or_default()
}

/// For every test item whether the classifier that learned from `train` finds its class.
///
/// # Errors
/// [`Error::Usage`] for fewer items than a batch, or a class that the data have not; [`Error::Training`] when the loss is
/// no longer finite.
pub fn right(
    train: &Labelled,
    test: &Labelled,
    classes: &[String],
    key: Key,
    what: &str,
    tell: Tell,
) -> Result<Vec<f64>> {
    let (items, steps) = (train.labels.len(), steps(train.labels.len()));
    if items < BATCH || test.labels.is_empty() {
        let problem = format!(
            "{items} items to learn from and {} to be tested on are too few for `cas`",
            test.labels.len()
        );
        return Err(Error::usage(problem, "give more with -n, thousands if you can"));
    }
    let info = DataInfo {
        source: what.into(),
        kind: Kind::Image,
        shape: train.shape.clone(),
        count: items,
        range: (0.0, 255.0),
        labels: classes.to_vec(),
        ..DataInfo::default()
    };
    let config = Config {
        model: Sizes {
            network: TrunkKind::Lenet,
            width: WIDTH,
            blocks: 1,
            average: 0.99,
        },
        augment: Augmentation {
            shift: 2,
            flip: false,
        },
        optimizer: OptimizerConfig {
            learning_rate_decay: 0.01f64.powf(1.0 / steps as f64),
            ..OptimizerConfig::adam(2e-3).weight_decay(1e-2)
        },
    };
    let mut model = config.build(&info, &Device::flex().autodiff(), key.stream("init"))?;
    let (mut order, mut epoch) = (Vec::new(), 0);
    for step in 0..steps {
        if order.len() < BATCH {
            order = key.stream("order").step(epoch).permutation(items);
            epoch += 1;
        }
        let batch = train.batch(&order.split_off(order.len() - BATCH));
        model.step(&[batch], key.step(step as u64), false)?;
        tell(&format!("a classifier learns from {what}"), step + 1, steps);
    }
    let Some(classify) = model.as_classify() else {
        return Ok(vec![]);
    };
    let mut out = Vec::with_capacity(test.labels.len());
    let all: Vec<u32> = (0..test.labels.len() as u32).collect();
    for part in all.chunks(250) {
        let batch = test.batch(part);
        let found = classify.log_probabilities(&batch)?;
        let labels = batch.labels.iter().flatten();
        out.extend(
            found
                .chunks_exact(classes.len())
                .zip(labels)
                .map(|(row, &l)| f64::from(argmax(row) == l as usize)),
        );
    }
    Ok(out)
}
