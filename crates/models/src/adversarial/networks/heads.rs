//! What a discriminator says of an item: a trunk, and heads that read a score, classes, codes or the item itself off it.
use super::super::game::contrast;
use super::mapped::Mapped;
use super::written_out::{Dense, WrittenOut};
use super::{GeneratorNetwork, Sizes, Told, TrunkNetwork, mlp, patch};
use burn::module::Module;
use burn::tensor::Tensor;
use menagerie_data::DataInfo;
use menagerie_data::random::Key;
use menagerie_nn::{Activation, BatchNorm, Dual, Init, Linear, Weights};

/// Which heads a discriminator has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Heads {
    /// numbers of the score: 1, or the classes (and one for samples) of a discriminator that tells classes
    pub outputs: usize,
    /// numbers of the condition that is joined to the item, as planes of their own
    pub joined: usize,
    /// numbers of the condition that is projected onto the features (Miyato & Koyama 2018, arXiv:1802.05637)
    pub projected: usize,
    /// classes along whose mapped directions the score is read
    pub mapped: usize,
    /// classes that an auxiliary head tells
    pub classes: usize,
    /// the score is read off the classes' logits: their logarithm of summed exponentials, so that D(x) = Z / (Z + 1)
    /// (Salimans et al. 2016, section 5)
    pub score_of_classes: bool,
    /// classes that a second auxiliary head tells, of samples alone
    pub twin: usize,
    /// whether the score has a bias: objectives of differences of scores do not see it
    pub biased: bool,
    /// classes whose embeddings are compared with those of items
    pub embedded: usize,
    /// numbers that describe the latent code of a sample
    pub codes: usize,
    /// numbers of the code through which the item must be given back, where the score is how well that is done
    pub autoencoder: usize,
    /// whether it is given back beside a score of another kind
    pub decodes: bool,
}

impl Default for Heads {
    fn default() -> Self {
        Heads {
            outputs: 1,
            joined: 0,
            projected: 0,
            mapped: 0,
            classes: 0,
            score_of_classes: false,
            biased: true,
            twin: 0,
            embedded: 0,
            codes: 0,
            autoencoder: 0,
            decodes: false,
        }
    }
}

/// A discriminator.
#[derive(Module, Debug)]
pub struct CriticNetwork {
    trunk: TrunkNetwork,
    score: Option<Linear>,
    projection: Option<Linear>,
    mapped: Option<Mapped>,
    classes: Option<Linear>,
    twin: Option<Linear>,
    embedding: Option<Linear>,
    embeddings_of_classes: Option<Linear>,
    code_units: Option<Linear>,
    code_norm: Option<BatchNorm>,
    codes: Option<Linear>,
    squeeze: Option<Linear>,
    decoder: Option<GeneratorNetwork>,
    /// whether giving back is not the score
    decodes: bool,
    joined: usize,
    /// whether the features are the scores, of patches or of the images of an item
    patches: bool,
}

/// What a discriminator says of a batch.
pub struct Verdict {
    /// `[batch, outputs]`, or `[batch, patches]` of a discriminator of patches; higher for what is more like data
    pub score: Dual<2>,
    /// `[batch, features]`
    pub features: Dual<2>,
    /// logits of an auxiliary head, `[batch, classes]`
    pub classes: Option<Tensor<2>>,
    /// logits of the second auxiliary head
    pub twin: Option<Tensor<2>>,
    /// embeddings of the items, `[batch, dimensions]`, and of all classes, `[classes, dimensions]`, their lengths one
    pub embedding: Option<(Tensor<2>, Tensor<2>)>,
    /// what it says of the latent code, `[batch, codes]`
    pub codes: Option<Tensor<2>>,
}

impl Verdict {
    /// Logits of classes, `[batch, classes]`: an auxiliary head's, or the scores themselves where these are classes.
    pub fn class_logits(&self) -> Tensor<2> {
        self.classes.clone().unwrap_or_else(|| self.score.value.clone())
    }
}

/// Dimensions of an embedding.
const EMBEDDING: usize = 128;
/// Units between the features and what is said of the latent code (Chen et al. 2016, appendix C.1).
const CODE_UNITS: usize = 128;

impl CriticNetwork {
    /// A fresh one, for data of that description.
    pub fn new(sizes: &Sizes, info: &DataInfo, heads: Heads, init: &Init) -> Self {
        let trunk = sizes.trunk(info, heads.joined, init);
        let features = trunk.features();
        let head = |n: usize, name: &str| (n > 0).then(|| trunk.head(n, &init.at(name)));
        let plain = |n: usize, name: &str| {
            let of = Linear::of([features, n]).weights(Weights::Normal(0.02));
            (n > 0).then(|| of.init(&init.at(name)))
        };
        let code = heads.autoencoder;
        // They have scores of their own.
        let patches = matches!(trunk, TrunkNetwork::Coupled(_) | TrunkNetwork::Video(_));
        let of = Linear::of([heads.projected, features])
            .weights(Weights::Normal(0.02))
            .no_bias();
        CriticNetwork {
            score: ((code == 0 || heads.decodes) && !heads.score_of_classes && !patches).then(|| {
                // What is read along a class's direction is as wide as the features.
                let outputs = if heads.mapped > 0 { features } else { heads.outputs };
                let mut head = trunk.head(outputs, init);
                if !heads.biased && heads.mapped == 0 {
                    head.bias = None;
                }
                head
            }),
            projection: (heads.projected > 0).then(|| of.init(&init.at("projection"))),
            mapped: (heads.mapped > 0).then(|| Mapped::new(heads.mapped, features, &init.at("mapped"))),
            classes: head(heads.classes, "classes"),
            twin: head(heads.twin, "twin"),
            embedding: head(if heads.embedded > 0 { EMBEDDING } else { 0 }, "embedding"),
            embeddings_of_classes: (heads.embedded > 0).then(|| {
                let of = Linear::of([heads.embedded, EMBEDDING]).weights(Weights::Normal(1.0));
                of.no_bias().init(&init.at("embeddings of classes"))
            }),
            code_units: plain(if heads.codes > 0 { CODE_UNITS } else { 0 }, "code units"),
            code_norm: (heads.codes > 0).then(|| BatchNorm::of(CODE_UNITS).init(&init.at("code norm"))),
            codes: (heads.codes > 0).then(|| Linear::of([CODE_UNITS, heads.codes]).init(&init.at("codes"))),
            squeeze: plain(code, "squeeze"),
            decoder: (code > 0).then(|| {
                sizes
                    .with_latent(code)
                    .generator(info, Told::default(), &init.at("decoder"))
            }),
            decodes: heads.decodes,
            joined: heads.joined,
            patches,
            trunk,
        }
    }

    /// One that gives every patch of an image a score of its own, for images of `[height, width, channel]`; `biased` says
    /// whether the objective sees a constant that is added to all scores.
    pub fn of_patches(s: &patch::Sizes, shape: [usize; 3], biased: bool, init: &Init) -> Self {
        CriticNetwork {
            trunk: TrunkNetwork::Patch(patch::Trunk::new(s, shape, biased, init)),
            score: None,
            projection: None,
            mapped: None,
            classes: None,
            twin: None,
            embedding: None,
            embeddings_of_classes: None,
            code_units: None,
            code_norm: None,
            codes: None,
            squeeze: None,
            decoder: None,
            decodes: false,
            joined: 0,
            patches: true,
        }
    }

    /// Of items `[batch, height, width, channel]`, and what they are said to be `[batch, numbers]`; with a key, as in training.
    pub fn judge(&self, x: Dual<4>, condition: Option<&Tensor<2>>, noise: Option<Key>) -> Verdict {
        let item = x.value.clone();
        let features = self.trunk.forward(self.with_planes(x, condition), noise);
        let energy = match self.decodes {
            true => None,
            false => self.error(item, features.value.clone()),
        };
        let score = match (&self.score, energy) {
            _ if self.patches => features.clone(),
            (Some(head), _) => head.dual(features.clone(), Activation::Identity),
            (None, Some(energy)) => features.with(-energy, None),
            _ => match &self.classes {
                Some(head) => log_sum_exp(head.dual(features.clone(), Activation::Identity)),
                None => unreachable!("a discriminator has a score, tells classes or gives the item back"),
            },
        };
        let score = match (&self.projection, condition) {
            (Some(projection), Some(y)) => {
                let direction = projection.forward(y.clone(), Activation::Identity);
                let along = features.clone().times(direction.into());
                score.plus(along.linear(|t| t.sum_dim(1)))
            }
            _ => score,
        };
        let score = match &self.mapped {
            Some(mapped) => mapped.read(score, condition),
            None => score,
        };
        let read = |head: &Option<Linear>| {
            head.as_ref()
                .map(|h| h.forward(features.value.clone(), Activation::Identity))
        };
        let codes = self
            .code_units
            .as_ref()
            .zip(self.code_norm.as_ref())
            .zip(self.codes.as_ref())
            .map(|((units, norm), codes)| {
                let h = units.forward(features.value.clone(), Activation::Identity);
                let h = norm.forward(h, Activation::LeakyRelu(0.1));
                codes.forward(h, Activation::Identity)
            });
        Verdict {
            classes: read(&self.classes),
            twin: read(&self.twin),
            embedding: read(&self.embedding)
                .zip(self.embeddings_of_classes.as_ref())
                .map(|(e, all)| (contrast::unit(e), contrast::unit(all.weight.val()))),
            codes,
            score,
            features,
        }
    }

    /// Whether it gives items back beside its score.
    pub fn decodes(&self) -> bool {
        self.decodes && self.decoder.is_some()
    }

    /// How far items are from what is given back of their features, `[batch, 1]`, where they are given back.
    pub fn error(&self, items: Tensor<4>, features: Tensor<2>) -> Option<Tensor<2>> {
        let (squeeze, decoder) = self.squeeze.as_ref().zip(self.decoder.as_ref())?;
        let code = squeeze.forward(features, Activation::Identity);
        Some(distance(items, decoder.forward(code, None)))
    }

    /// Takes up how far it has grown after so many updates, if it grows.
    pub fn grow(&self, updates: u64) {
        self.trunk.grow(updates);
    }

    /// The code of an autoencoding discriminator, `[batch, code]`.
    pub fn code(&self, x: Tensor<4>) -> Option<Tensor<2>> {
        let squeeze = self.squeeze.as_ref()?;
        Some(squeeze.forward(self.trunk.forward(x.into(), None).value, Activation::Identity))
    }

    /// Itself as layers whose gradient is written out, where it has fully connected layers and a score alone.
    pub fn written_out(&self) -> Option<WrittenOut> {
        let TrunkNetwork::Mlp(trunk) = &self.trunk else {
            return None;
        };
        let score = self.score.as_ref()?;
        let more = [
            &self.projection,
            &self.classes,
            &self.twin,
            &self.embedding,
            &self.codes,
        ];
        let told = self.joined > 0 || self.mapped.is_some();
        if trunk.spectral() || told || more.into_iter().any(Option::is_some) {
            return None;
        }
        let dense = |name: String, layer: &Linear| Dense {
            name,
            sizes: layer.weight.dims(),
            biased: layer.bias.is_some(),
        };
        let hidden = trunk.hidden().iter().enumerate();
        let mut layers: Vec<Dense> = hidden
            .map(|(i, layer)| dense(format!("trunk.hidden.{i}"), layer))
            .collect();
        layers.push(dense("score".into(), score));
        Some(WrittenOut::new(layers, mlp::LEAKY))
    }

    /// What each layer of the trunk sees of items without a condition.
    pub fn layers(&self, x: Tensor<4>) -> Vec<Tensor<4>> {
        let nothing = (self.joined > 0).then(|| Tensor::zeros([x.dims()[0], self.joined], &x.device()));
        let x = self.with_planes(x.into(), nothing.as_ref());
        self.trunk
            .layers(x, None)
            .0
            .into_iter()
            .map(|d| d.value)
            .collect()
    }

    /// Whether a derivative along a direction depends on values smoothly.
    pub fn smooth(&self) -> bool {
        self.trunk.smooth() || (self.score.is_none() && !self.patches)
    }

    /// The condition as planes beside the item's channels, of which the item knows nothing.
    fn with_planes(&self, x: Dual<4>, condition: Option<&Tensor<2>>) -> Dual<4> {
        let Some(y) = condition.filter(|_| self.joined > 0) else {
            return x;
        };
        let [batch, height, width, _] = x.value.dims();
        let planes = y.clone().reshape([batch, 1, 1, self.joined]);
        let planes = planes.expand([batch, height, width, self.joined]);
        x.cat(planes.into(), 3)
    }
}

/// log sum exp over each row, `[batch, 1]`; its derivative along a direction is the direction's mean under the softmax.
fn log_sum_exp(logits: Dual<2>) -> Dual<2> {
    let l = logits.value.clone();
    let largest = l.clone().max_dim(1).detach();
    let shifted = (l - largest.clone()).exp();
    let sum = shifted.clone().sum_dim(1);
    let value = sum.clone().log() + largest;
    let tangent = logits.tangent.clone().map(|t| (t * (shifted / sum)).sum_dim(1));
    logits.with(value, tangent)
}

/// Mean squared distance of items, `[batch, 1]`.
fn distance(a: Tensor<4>, b: Tensor<4>) -> Tensor<2> {
    let difference = (a - b).flatten::<2>(1, 3);
    (difference.clone() * difference).mean_dim(1)
}

/// Features of a batch, and for each item how close the others are to it in several learned ways (Salimans et al. 2016,
/// arXiv:1606.03498, section 3.2): o(x_i)_b = sum over j != i of exp(-||M_ib - M_jb||_1), M = f(x) T. A batch of samples that
/// are all alike gives itself away.
#[derive(Module, Debug)]
pub struct MinibatchDiscrimination {
    project: Linear,
    kernels: usize,
}

/// Numbers of a kernel.
const ROWS: usize = 5;

impl MinibatchDiscrimination {
    /// With so many kernels.
    pub fn new(features: usize, kernels: usize, init: &Init) -> Self {
        let of = Linear::of([features, kernels * ROWS])
            .weights(Weights::Normal(0.02))
            .no_bias();
        MinibatchDiscrimination {
            project: of.init(init),
            kernels,
        }
    }

    /// Numbers that are added to the features.
    pub fn kernels(&self) -> usize {
        self.kernels
    }

    /// `[batch, features]` -> `[batch, features + kernels]`. It has no derivative of an item by itself.
    pub fn dual(&self, x: Dual<2>) -> Dual<2> {
        let value = x.value.clone();
        let batch = value.dims()[0];
        let m = self.project.forward(value.clone(), Activation::Identity);
        let row = m.clone().reshape([batch, 1, self.kernels, ROWS]);
        let column = m.reshape([1, batch, self.kernels, ROWS]);
        let near = (row - column).abs().sum_dim(3).neg().exp().sum_dim(1) - 1.0;
        x.with(
            Tensor::cat(vec![value, near.reshape([batch, self.kernels])], 1),
            None,
        )
    }
}
