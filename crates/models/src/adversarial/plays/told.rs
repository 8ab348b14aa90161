//! What images show, as networks are told it: attributes, each by itself, or classes, of which an image has one.
use super::super::game::{Stage, Wanted, stage};
use burn::tensor::activation::{log_sigmoid, log_softmax};
use burn::tensor::{Tensor, TensorData};
use menagerie_data::error::{Error, Result, nearest};
use menagerie_data::random::Key;
use menagerie_data::{Batch, DataInfo, Kind, Trait};
use menagerie_nn::numbers;

enum By {
    /// each by itself, by the attributes
    Traits(Vec<Trait>),
    /// one of all, by the class
    Classes,
}

/// See the module.
pub(super) struct Told {
    /// what it is called, in the order of the numbers
    pub(super) names: Vec<String>,
    by: By,
    attributes: usize,
}

impl Told {
    /// The attributes of these names, or the classes of the data where there are none; `key` is the recipe's for them.
    ///
    /// # Errors
    /// [`Error::Data`] for data that do not say what their images show, [`Error::Recipe`] for names that they do not know.
    pub(super) fn new(
        model: &'static str,
        info: &DataInfo,
        wanted: &[String],
        key: &'static str,
    ) -> Result<Told> {
        if info.kind != Kind::Image {
            let problem = format!(
                "{model} learns from images that say what they show, and these are {}",
                info.kind.plural()
            );
            let fix =
                "give images with classes or attributes, such as portraits; of two sides learns cycle_gan";
            return Err(Error::data(&info.source, problem, fix));
        }
        let attributes = info.attributes.len();
        if wanted.is_empty() {
            stage::needs_labels(model, info)?;
            info.every_label(model)?;
            return Ok(Told {
                names: info.labels.clone(),
                by: By::Classes,
                attributes,
            });
        }
        let one = |name: &String| {
            Trait::of_attributes(&info.attributes, name).map_err(|_| {
                let fix = match info.attributes.is_empty() {
                    true => "leave it out, and classes are the domains, or take data with attributes".into(),
                    false => nearest(name, info.attributes.iter().map(String::as_str)),
                };
                let problem = format!(
                    "{} does not say of its images whether they show `{name}`",
                    info.source
                );
                Error::recipe(key, problem, fix)
            })
        };
        Ok(Told {
            names: wanted.to_vec(),
            by: By::Traits(wanted.iter().map(one).collect::<Result<_>>()?),
            attributes,
        })
    }

    /// What each item of a batch shows, `[batch, names]`, rows of zeros and ones.
    ///
    /// # Errors
    /// [`Error::Data`] where an item does not say.
    pub(super) fn of(&self, stage: &Stage, batch: &Batch) -> Result<Tensor<2>> {
        let traits = match &self.by {
            By::Classes => return Ok(stage.one_hot(stage.labels_of(batch)?, &stage.device)),
            By::Traits(traits) => traits,
        };
        let n = batch.shape[0];
        if batch.attributes.len() != n * self.attributes {
            let problem = format!(
                "some items have no attributes, and {} learns from them",
                stage.model
            );
            return Err(Error::data(
                "the training data",
                problem,
                "give every item all of them",
            ));
        }
        let rows = batch.attributes.chunks_exact(self.attributes.max(1));
        let values: Vec<f32> = rows
            .flat_map(|row| traits.iter().map(move |t| f32::from(u8::from(t.shows(row)))))
            .collect();
        Ok(Tensor::from_data(
            TensorData::new(values, [n, traits.len()]),
            &stage.device,
        ))
    }

    /// How unlikely it is by these logits: the sum over attributes, each by itself, or the cross-entropy of one class of all.
    pub(super) fn misread(&self, logits: Tensor<2>, shown: &Tensor<2>) -> Tensor<1> {
        let n = logits.dims()[0] as f64;
        let likely = match self.by {
            By::Classes => log_softmax(logits, 1) * shown.clone(),
            By::Traits(_) => {
                log_sigmoid(logits.clone()) * shown.clone() + log_sigmoid(-logits) * (-shown.clone() + 1.0)
            }
        };
        likely.sum() / -n
    }

    /// What images show by these logits `[batch, names]`, as rows of zeros and ones.
    pub(super) fn as_rows(&self, logits: Tensor<2>) -> Tensor<2> {
        let off = match self.by {
            By::Classes => logits.clone() - logits.max_dim(1),
            By::Traits(_) => logits,
        };
        -off.lower_elem(0.0).float() + 1.0
    }

    /// What images are to show that show what these logits say, `[batch, names]`: of attributes, what is not asked for stays as it
    /// is read; of classes, what it was is no longer.
    pub(super) fn wanted(&self, logits: impl FnOnce() -> Tensor<2>, n: usize, wanted: &Wanted) -> Vec<f32> {
        let mut told = match self.by {
            By::Classes => vec![0.0; n * self.names.len()],
            By::Traits(_) => numbers(self.as_rows(logits())),
        };
        for row in told.chunks_exact_mut(self.names.len()) {
            for &(domain, amount) in &wanted.domains {
                row[domain] = amount;
            }
        }
        told
    }
}

/// What others of a batch show, as a permutation of its rows: so that what is asked for is as likely together as it is in the data.
pub(super) fn shuffled(shown: &Tensor<2>, key: Key) -> Tensor<2> {
    let n = shown.dims()[0];
    let order: Vec<i32> = key.permutation(n).into_iter().map(|i| i as i32).collect();
    let order = Tensor::from_data(TensorData::new(order, [n]), &shown.device());
    shown.clone().select(0, order)
}
