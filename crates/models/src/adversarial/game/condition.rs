//! What networks are told beside the item or the latent, and what they must say of it: one axis of the family.
use super::super::networks::{Heads, Told, Verdict};
use super::{check_weights, contrast};
use burn::tensor::Tensor;
use burn::tensor::activation::log_softmax;
use menagerie_data::error::Result;
use serde::{Deserialize, Serialize};

/// How the generator hears its class.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum IntoGenerator {
    /// joined to the latent (Mirza & Osindero 2014, arXiv:1411.1784)
    #[default]
    Concatenate,
    /// scales and shifts behind every norm (Dumoulin et al. 2017; de Vries et al. 2017)
    BatchNorm,
    /// it hears none; its samples are of whatever class the discriminator sees in them
    Nothing,
}

/// How the discriminator hears, or tells, the class.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum IntoDiscriminator {
    /// as planes beside the item's channels (Mirza & Osindero 2014)
    #[default]
    Concatenate,
    /// projected onto the features (Miyato & Koyama 2018, arXiv:1802.05637, equation 3)
    Projection,
    /// a direction of the features to which a network of its own maps it (Karras et al. 2020, arXiv:2006.06676: StyleGAN2-ADA)
    Mapped,
    /// it does not hear it, but tells it: an auxiliary classifier (Odena et al. 2016, arXiv:1610.09585)
    Classes,
    /// a second classifier of samples alone takes away what the first costs in diversity (Gong et al. 2019,
    /// arXiv:1907.02690: TAC-GAN)
    TwinClasses,
    /// the classifier tells classes of data from classes of samples, 2K of them (Hou et al. 2021, arXiv:2107.10060: ADC-GAN)
    DiscriminativeClasses,
    /// K + 1 classes, the last of which are samples; the class error reaches the generator (Tan et al. 2017,
    /// arXiv:1702.03410: ArtGAN). Where the generator hears no class, the target is the class that a sample is most like:
    /// activation maximization (Zhou et al. 2017, arXiv:1703.02000: AM-GAN, section 4.2)
    ClassesAndSamples,
    /// embeddings of items are compared with that of their class and with each other (Kang & Park 2020, arXiv:2006.12681:
    /// ContraGAN's 2C loss)
    Contrast,
    /// the same with data-to-data cross-entropy (Kang et al. 2021, arXiv:2111.01118: ReACGAN)
    DataToData,
}

/// `[condition]`: classes.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Condition {
    /// `concatenate`, `batch-norm` or `nothing`
    pub generator: IntoGenerator,
    /// `concatenate`, `projection`, `mapped`, `classes`, `twin-classes`, `discriminative-classes`, `classes-and-samples`,
    /// `contrast` or `data-to-data`
    pub discriminator: IntoDiscriminator,
    /// weight of the classifiers' losses beside the objective's, where there are classifiers
    pub weight: f64,
}

impl Default for Condition {
    fn default() -> Self {
        Condition {
            generator: IntoGenerator::Concatenate,
            discriminator: IntoDiscriminator::Concatenate,
            weight: 1.0,
        }
    }
}

/// Mean cross-entropy of logits `[batch, classes]` with targets `[batch, classes]` that sum to one, in nats, `[1]`.
pub fn cross_entropy(logits: Tensor<2>, targets: Tensor<2>) -> Tensor<1> {
    -(log_softmax(logits, 1) * targets).sum_dim(1).mean()
}

impl Condition {
    /// Refuses a weight that is none.
    ///
    /// # Errors
    /// [`menagerie_data::Error::Recipe`].
    pub fn check(&self) -> Result<()> {
        check_weights([("condition.weight", self.weight)])
    }

    /// What the generator is told, of so many classes.
    pub fn told(&self, classes: usize) -> Told {
        match self.generator {
            IntoGenerator::Concatenate => Told {
                joined: classes,
                norms: 0,
            },
            IntoGenerator::BatchNorm => Told {
                joined: 0,
                norms: classes,
            },
            IntoGenerator::Nothing => Told::default(),
        }
    }

    /// The discriminator's heads, for so many classes.
    pub fn heads(&self, classes: usize, heads: Heads) -> Heads {
        match self.discriminator {
            IntoDiscriminator::Concatenate => Heads {
                joined: classes,
                ..heads
            },
            IntoDiscriminator::Projection => Heads {
                projected: classes,
                ..heads
            },
            IntoDiscriminator::Mapped => Heads {
                mapped: classes,
                ..heads
            },
            IntoDiscriminator::Classes => Heads { classes, ..heads },
            IntoDiscriminator::TwinClasses => Heads {
                classes,
                twin: classes,
                ..heads
            },
            IntoDiscriminator::DiscriminativeClasses => Heads {
                classes: 2 * classes,
                ..heads
            },
            IntoDiscriminator::ClassesAndSamples => Heads {
                classes: classes + 1,
                ..heads
            },
            IntoDiscriminator::Contrast | IntoDiscriminator::DataToData => Heads {
                embedded: classes,
                ..heads
            },
        }
    }

    /// Whether the discriminator hears the class.
    pub fn is_heard(&self) -> bool {
        matches!(
            self.discriminator,
            IntoDiscriminator::Concatenate | IntoDiscriminator::Projection | IntoDiscriminator::Mapped
        )
    }

    /// The loss of embeddings, where they are compared.
    fn compared(&self, verdict: &Verdict, y: &Tensor<2>) -> Option<Tensor<1>> {
        let (e, classes) = verdict.embedding.clone()?;
        let c = y.clone().matmul(classes);
        let loss = match self.discriminator {
            IntoDiscriminator::Contrast => contrast::conditional(e, c, y),
            _ => contrast::data_to_data(e, c, y),
        };
        Some(loss * self.weight)
    }

    /// The discriminator's loss on items of the data, or on samples, of classes y.
    pub fn discriminator_loss(&self, verdict: &Verdict, y: &Tensor<2>, of_data: bool) -> Option<Tensor<1>> {
        if verdict.embedding.is_some() {
            return if of_data { self.compared(verdict, y) } else { None };
        }
        let logits = verdict.classes.clone()?;
        let loss = match self.discriminator {
            IntoDiscriminator::TwinClasses if of_data => cross_entropy(logits, y.clone()),
            IntoDiscriminator::TwinClasses => cross_entropy(verdict.twin.clone()?, y.clone()),
            IntoDiscriminator::DiscriminativeClasses => cross_entropy(logits, half(y, of_data)),
            IntoDiscriminator::ClassesAndSamples => cross_entropy(logits, with_samples(y, of_data)),
            _ => cross_entropy(logits, y.clone()),
        };
        Some(loss * self.weight)
    }

    /// The generator's loss on samples of classes y.
    pub fn generator_loss(&self, verdict: &Verdict, y: &Tensor<2>) -> Option<Tensor<1>> {
        if verdict.embedding.is_some() {
            return self.compared(verdict, y);
        }
        let logits = verdict.classes.clone()?;
        let loss = match self.discriminator {
            IntoDiscriminator::TwinClasses => {
                cross_entropy(logits, y.clone()) - cross_entropy(verdict.twin.clone()?, y.clone())
            }
            IntoDiscriminator::DiscriminativeClasses => {
                cross_entropy(logits.clone(), half(y, true)) - cross_entropy(logits, half(y, false))
            }
            IntoDiscriminator::ClassesAndSamples => {
                let y = if self.generator == IntoGenerator::Nothing {
                    likeliest(&logits, y.dims()[1])
                } else {
                    y.clone()
                };
                cross_entropy(logits, with_samples(&y, true))
            }
            _ => cross_entropy(logits, y.clone()),
        };
        Some(loss * self.weight)
    }
}

/// Classes among K + 1, the last of which are samples.
fn with_samples(y: &Tensor<2>, of_data: bool) -> Tensor<2> {
    let [n, classes] = y.dims();
    let (class, sample) = if of_data {
        (y.clone(), 0.0)
    } else {
        (Tensor::zeros([n, classes], &y.device()), 1.0)
    };
    Tensor::cat(vec![class, Tensor::ones([n, 1], &y.device()) * sample], 1)
}

/// The class of each row's largest logit among the first `classes`.
fn likeliest(logits: &Tensor<2>, classes: usize) -> Tensor<2> {
    let rows = logits.dims()[1];
    let values = menagerie_nn::numbers(logits.clone());
    let largest = |row: &[f32]| {
        let order = |a: &usize, b: &usize| row[*a].total_cmp(&row[*b]);
        (0..classes).max_by(order).unwrap_or(0) as u32
    };
    let labels: Vec<u32> = values.chunks_exact(rows).map(largest).collect();
    super::stage::one_hot(&labels, classes, &logits.device())
}

/// Classes among 2K: those of data are the first K.
fn half(y: &Tensor<2>, of_data: bool) -> Tensor<2> {
    let nothing = y.zeros_like();
    let parts = if of_data {
        vec![y.clone(), nothing]
    } else {
        vec![nothing, y.clone()]
    };
    Tensor::cat(parts, 1)
}
