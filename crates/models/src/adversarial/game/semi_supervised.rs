//! Few items have labels, and the discriminator learns to tell them: one axis of the family.
use super::check_weights;
use super::condition::cross_entropy;
use burn::tensor::Tensor;
use burn::tensor::activation::softmax;
use menagerie_data::error::Result;
use serde::{Deserialize, Serialize};

/// `[semi_supervised]`: the discriminator tells K classes, and by their logits' log-sum-exp data from samples (Odena 2016,
/// arXiv:1606.01583; Salimans et al. 2016, section 5). Items with labels come beside the others (`train.labels`).
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SemiSupervised {
    /// weight of the labelled items' cross-entropy
    pub weight: f64,
    /// weight of the entropy of classes of items without labels (Dai et al. 2017, arXiv:1705.09783, equation 5)
    pub entropy: f64,
}

impl Default for SemiSupervised {
    fn default() -> Self {
        SemiSupervised {
            weight: 1.0,
            entropy: 0.0,
        }
    }
}

impl SemiSupervised {
    /// Refuses weights that are none.
    ///
    /// # Errors
    /// [`menagerie_data::Error::Recipe`].
    pub fn check(&self) -> Result<()> {
        check_weights([
            ("semi_supervised.weight", self.weight),
            ("semi_supervised.entropy", self.entropy),
        ])
    }

    /// The loss of items with labels: logits `[batch, classes]` against classes as rows of zeros with a one.
    pub fn loss(&self, logits: Tensor<2>, y: Tensor<2>) -> Tensor<1> {
        cross_entropy(logits, y) * self.weight
    }

    /// The loss of data without labels: the entropy of what is said of each.
    pub fn entropy_loss(&self, logits: Tensor<2>) -> Option<Tensor<1>> {
        let p = || softmax(logits.clone(), 1);
        (self.entropy > 0.0).then(|| cross_entropy(logits.clone(), p()) * self.entropy)
    }
}
