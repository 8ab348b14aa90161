//! Judges a model or its samples by named metrics, each figure with its definition.
//!
//! A figure is the number, its error, and everything the number depends on: two figures may be compared only where their
//! definitions are equal.
use super::extractor::Extractor;
use super::gather::{Gathered, Gatherer};
use super::needs::Needs;
use super::subject::{Subject, each_item};
use super::{
    by_acting, by_anomaly, by_attack, by_capability, by_classes, by_completion, by_deformation, by_features,
    by_frames, by_grammar, by_images, by_inference, by_latents, by_message, by_notes, by_places,
    by_representation, by_rows, by_rule, by_sentences, by_sequence, by_shape, by_table, by_text,
    by_translation,
};
use crate::data::{Dataset, Kind, Role, sentences, simulator};
use crate::error::{Error, Result, nearest};
use crate::metrics::prdc::Prdc;
use crate::models::{Capability, Model};
use crate::random::Key;
use serde_json::{Map, Value, json};

/// A line of the table of metrics.
#[derive(Clone, Copy, Debug)]
pub struct Metric {
    /// what commands call it
    pub name: &'static str,
    /// what it is, in a line
    pub about: &'static str,
    /// whether more is better; None where neither is
    pub higher_is_better: Option<bool>,
    /// what it asks for
    pub needs: Needs,
    /// whether it is worked out where none are named; the others are dear, or another one's figure in other words
    pub usual: bool,
}

/// A line ends in `named` where the metric is worked out only if it is named.
macro_rules! metrics {
    ($($name:literal, $about:literal, $better:expr, $needs:expr $(, $named:ident)?;)*) => {
        /// Every metric.
        pub const METRICS: &[Metric] = &[$(Metric {
            name: $name, about: $about, higher_is_better: $better, needs: $needs, usual: metrics!(usual $($named)?),
        }),*];
    };
    (usual) => { true };
    (usual named) => { false };
}

const MORE: Option<bool> = Some(true);
const LESS: Option<bool> = Some(false);

metrics! {
    "nll", "mean negative log-likelihood of the data, nats", LESS, Needs::Capability(Capability::LogLikelihood);
    "bpd", "the same in bits a dimension", LESS, Needs::Capability(Capability::LogLikelihood);
    "elbo", "mean evidence lower bound of the data, nats", MORE, Needs::Capability(Capability::EvidenceBound);
    "iwae", "mean importance-weighted bound of the data, nats; iwae-K for K samples", MORE, Needs::Capability(Capability::EvidenceBound);
    "mse", "mean squared error of reconstructions, pixels in [0, 1]", LESS, Needs::Capability(Capability::Reconstruct);
    "iou", "mean overlap of shapes and their reconstructions, intersection over union; /shown of what the model was shown of them", MORE, Needs::Capability(Capability::Reconstruct), named;
    "psnr", "mean peak signal-to-noise ratio of reconstructions, or of translations against the truth, dB", MORE, Needs::Back;
    "ssim", "mean structural similarity of items and their reconstructions, or of truths and translations", MORE, Needs::Back;
    "l1", "mean absolute error of translations against the truth, pixels in [0, 1]", LESS, Needs::Truth;
    "shrunk-l1", "the same of the means of squares of 4 pixels: whether a translation shrinks to what it should", LESS, Needs::Truth, named;
    "sad", "sum of absolute differences of alpha, the last channel, of translations and truths, a thousand pixels", LESS, Needs::Truth, named;
    "alpha-mse", "mean squared error of alpha, the last channel, of translations and truths, in [0, 1]", LESS, Needs::Truth, named;
    "seam", "mean absolute error of the step across the edge of the last channel's mask, pixels in [0, 1]", LESS, Needs::Truth, named;
    "penetration", "how deep translated heights go into what stands against them (the second channel) within the last channel's mask, the mean, in [0, 1]", LESS, Needs::Truth, named;
    "contact", "the share of the mask that translated heights touch (within a fiftieth), and how far it is from the truth's: the mean absolute difference", LESS, Needs::Truth, named;
    "completion", "mean absolute error of the middle of images or shapes, hidden and filled in, in [0, 1]; /mean-fill by the mean of the rest; of shapes /iou", LESS, Needs::Capability(Capability::Complete), named;
    "cycle", "mean absolute error of images translated there and back, and how far they were moved", LESS, Needs::Capability(Capability::Translate);
    "answers", "mean feature distance of translations of one image, and that of two images of the side asked for beside it", None, Needs::Sides, named;
    "best-of", "mean absolute error of the best of 8 translations of an image against the truth, pixels in [0, 1]", LESS, Needs::Truth, named;
    "side-fid", "Frechet distance of translated images and those of the side they should look like", LESS, Needs::Sides, named;
    "attribute-flips", "share of translated images that show what they should, as --reader reads it, and how much else stays", MORE, Needs::Reader, named;
    "asked", "how far translated images are from what they were told to show, attribute by attribute, as --reader reads it; /data of true images, /others by chance", LESS, Needs::Reader, named;
    "box-overlap", "mean overlap (IoU) of the box of what differs from a translation's border and the box given; /data of true images, /others by chance", MORE, Needs::Truth, named;
    "layout-agreement", "share of pixels whose part in the layout given is that which --segmenter sees in the translation; /data in the true image", MORE, Needs::Truth, named;
    "text-match", "share of items whose own description the critic finds fitter than that of another", MORE, Needs::Capability(Capability::Illustrate);
    "retrieval", "share of images made of descriptions whose own is the nearest of 100, by the run's encoders", MORE, Needs::Capability(Capability::Illustrate);
    "described", "share of images made of descriptions that show what these say, as --reader reads it", MORE, Needs::Described, named;
    "accuracy", "share of items whose class is found", MORE, Needs::Capability(Capability::Classify);
    "auroc", "probability that an item of a class it has not learned from has a larger score than one of the others", MORE, Needs::Unusual;
    "average-precision", "mean precision over thresholds of the same scores, by the recall that each adds", MORE, Needs::Unusual;
    "attack-success", "share of items told right that are not when they are changed, by each method, within the run's bound", MORE, Needs::Capability(Capability::Attack);
    "defended-accuracy", "accuracy of the run's target on items under each attack, after and (NAME/before) before the defence", MORE, Needs::Capability(Capability::Defend);
    "imputation", "error of a table's values that were hidden and filled in, in deviations of their columns; beside means and regressions", LESS, Needs::Capability(Capability::Complete);
    "test-errors", "items whose class is not found, of how many the definition says", LESS, Needs::Capability(Capability::Classify), named;
    "calibration", "expected calibration error of class probabilities, 15 bins; /nll the mean of -ln of the right class's", LESS, Needs::Capability(Capability::Classify), named;
    "cluster-accuracy", "share of items in the group that stands for their class, classes and groups matched at best", MORE, Needs::Capability(Capability::Cluster), named;
    "attributes", "accuracy or correlation of every attribute that is read", MORE, Needs::Capability(Capability::ReadAttributes);
    "mig", "mutual information gap: whether one dimension of the code tells each factor", MORE, Needs::Capability(Capability::Encode), named;
    "dci", "disentanglement, completeness and informativeness of the code", MORE, Needs::Capability(Capability::Encode), named;
    "linear-probe", "accuracy of a linear classifier on the features of each layer", MORE, Needs::Capability(Capability::Features), named;
    "identification", "share of items whose nearest in a gallery of one a class, by features, is of their class; by how far from the front, untrained, by pixels", MORE, Needs::Capability(Capability::Features), named;
    "fid", "Frechet distance of features", LESS, Needs::Features;
    "fid-infinity", "the same, extrapolated to infinitely many samples", LESS, Needs::Features, named;
    "kid", "kernel distance of features: unbiased polynomial MMD", LESS, Needs::Features;
    "precision", "share of samples that lie among the data, by 3 nearest neighbours", MORE, Needs::Features;
    "recall", "share of data that lie among the samples, by 3 nearest neighbours", MORE, Needs::Features;
    "density", "how densely data lie around samples, by 5 nearest neighbours", MORE, Needs::Features;
    "coverage", "share of data with a sample among their 5 nearest neighbours", MORE, Needs::Features;
    "swd", "sliced 2-Wasserstein distance of features", LESS, Needs::Features, named;
    "intra-fid", "mean over classes of the Frechet distance of a class's samples and data", LESS, Needs::LabelledFeatures, named;
    "is", "Inception score: sure of each sample's class, and of many classes", MORE, Needs::Classes, named;
    "class-accuracy", "share of samples that a classifier takes for the class they were drawn from", MORE, Needs::Classes;
    "intra-e", "entropy of a video's class, by a classifier of its frames: the class is clear and stays the same", LESS, Needs::Frames;
    "inter-e", "entropy of the classes over all videos: all of them occur", MORE, Needs::Frames;
    "i-score", "exp of the mean divergence of a video's class from those of all videos", MORE, Needs::Frames;
    "drawn-attack", "share of samples that the extractor takes for their class and the run's target for another; /confirmed and /misled of either alone", MORE, Needs::Classes, named;
    "stacked-mnist", "modes of the thousand triples of digits that samples find, and KL to even shares", None, Needs::Classes, named;
    "pair-agreement", "share of drawn pairs whose images are of one class, by a classifier of both sides", MORE, Needs::Classes, named;
    "ppl", "perceptual path length: squared change of features a step of the latent", LESS, Needs::Path, named;
    "cas", "accuracy on the data of a classifier that learned from samples alone", MORE, Needs::LabelledImages, named;
    "frequency", "root mean squared difference of the power spectra of samples and data, dB", LESS, Needs::Images, named;
    "ms-ssim", "mean similarity of random pairs of samples, and that of pairs of the data beside it", None, Needs::Images, named;
    "nearest", "median distance of samples to their nearest training item, over that of held-out items", MORE, Needs::Images, named;
    "wasserstein-2d", "2-Wasserstein distance of points, exactly, and that of data and data beside it", LESS, Needs::Points;
    "modes", "modes of the density that samples find with a fair share; modes/any with one sample at least", MORE, Needs::Density;
    "mode-kl", "KL of the shares of samples nearest to each mode to the true ones, nats", LESS, Needs::Density;
    "high-quality", "share of samples within 3 standard deviations of a mode", MORE, Needs::Density;
    "true-nll", "mean negative log-likelihood of the samples under the true density, nats", LESS, Needs::Density;
    "maximized", "mean prediction for samples whose latents have climbed; /before, /best, /training (the most in the data), /true where it is known", MORE, Needs::Capability(Capability::Maximize);
    "profile", "mean log-odds of samples by the columns of the training sequences, nats a sequence, and that of held-out ones beside it", None, Needs::Sequences;
    "entropy", "mean difference of the entropies of columns, samples against training sequences, nats", LESS, Needs::Sequences;
    "pairs", "correlation of how pairs of columns vary together, samples against data; /independent of columns drawn each for itself", MORE, Needs::Sequences;
    "identity", "mean share of places that a sample has in common with its nearest training sequence; /copies of them", None, Needs::Sequences;
        "shape-match", "mean over held-out shapes of the largest overlap (IoU) with a sample, and with a training shape beside it", MORE, Needs::Shapes;
    "deformation", "mean overlap (IoU) of pressed shapes and what is predicted of them; /rest of the shapes as they were, /nearest of the most similar training item", MORE, Needs::Deformation;
    "shape-coverage", "share of held-out shapes that some sample is most like, and of training shapes beside it", MORE, Needs::Shapes;
    "scale-consistency", "share of a piece's notes that are of one scale, the best of the twelve major ones; /data, /independent of notes drawn each for itself, /untrained", None, Needs::Notes;
    "repetitions", "share of a piece's runs of three notes that have come before in it; the same beside it", None, Needs::Notes;
    "tone-span", "semitones from the lowest note of a piece to the highest; the same beside it", None, Needs::Notes;
    "grammatical", "share of samples that the grammar of the data can draw; /different of these, /entropy of the grammar, nats: the least nll there is", MORE, Needs::Grammar;
    "bleu", "BLEU-4 of likeliest answers to held-out sentences, 0 to 100", MORE, Needs::Answers;
    "fitting", "share of these answers that the grammar of the data allows; /dull of those that say nothing, /data of the data's own", MORE, Needs::Answers;
    "distinct", "different words (/1) and pairs of words (/2) of all in these answers; /data of the data's own", MORE, Needs::Answers, named;
    "observables", "Wasserstein-1 distance of each attribute of samples, as it truly is, and of data, in deviations of the data", LESS, Needs::Rule;
    "localisation", "mean error in metres of the place of a held-out map, found by measured and drawn maps; /measured, /repeated without the drawn ones", LESS, Needs::Places;
    "validity", "share of samples that are molecules by their SMILES; /markov of a chain of letters", MORE, Needs::Sequences, named;
    "uniqueness", "share of the valid samples that differ", MORE, Needs::Sequences, named;
    "novelty", "share of these that are no training sequence", MORE, Needs::Sequences, named;
    "bit-error", "share of a message's bits that are read wrong off the classes of what is drawn, after JPEG and noise; /checked where the sender draws again", LESS, Needs::Message, named;
        "return", "mean sum of the rewards of an episode, of what acts; /expert and /chance from the same starts", MORE, Needs::Capability(Capability::Act);
    "posterior-distance", "how far draws of a simulator's parameters are from the exact posterior, in deviations of the prior; /abc by rejection", LESS, Needs::Capability(Capability::Infer);
    "parameter-error", "how far the mean of these draws is from the true parameters; /abc by rejection", LESS, Needs::Capability(Capability::Infer);
    "interval-coverage", "how often the true parameters lie in the central nine tenths of the draws: 0.9 is right", None, Needs::Capability(Capability::Infer);
    "epsilon", "bound of what the samples tell of any one item, at the delta of the definition (differential privacy)", LESS, Needs::Privacy;
    "column-distance", "mean distance of the columns of a table of samples from those of the data, and of each", LESS, Needs::Columns;
    "rare-classes", "how well classes below a tenth of the rows keep their share: the mean of the smaller share, of samples or data, over the larger", MORE, Needs::Columns, named;
    "table-utility", "accuracy of the outcome on real rows by a classifier that learned from samples, and how its answers depend on the group", MORE, Needs::Outcome;
    "risk-difference", "how much likelier one group's outcome is than another's, in samples and in the data", LESS, Needs::Groups;
    "protected-error", "balanced error of telling the protected column from the others of a sample, and of the data", MORE, Needs::Groups;
}

/// A figure and what it depends on.
#[derive(Clone, Debug, PartialEq)]
pub struct Verdict {
    /// the metric, or `metric/member` for one of several figures
    pub metric: String,
    /// the figure
    pub value: f64,
    /// its standard error, where one is known
    pub error: Option<f64>,
    /// what makes the figure doubtful
    pub warning: Option<String>,
    /// everything it depends on
    pub definition: Map<String, Value>,
}

/// How `NAME/member` and the figure itself are told.
pub(super) fn members(
    name: &str,
    definition: &Map<String, Value>,
    figures: Vec<(&str, (f64, Option<f64>))>,
) -> Result<Vec<Verdict>> {
    let one = |(member, (value, error)): (&str, (f64, Option<f64>))| Verdict {
        metric: format!("{name}{member}"),
        value,
        error,
        warning: None,
        definition: definition.clone(),
    };
    Ok(figures.into_iter().map(one).collect())
}

impl Verdict {
    /// The metric as people are told it: with the extractor that the figure depends on, `fid(random:0)`.
    pub fn label(&self) -> String {
        label(&self.metric, &self.definition)
    }

    /// As a line of evaluation.jsonl and `--json` have it.
    pub fn to_json(&self) -> Value {
        let mut out = json!({"value": self.value, "error": self.error, "definition": self.definition});
        if let Some(w) = &self.warning {
            out["warning"] = w.as_str().into();
        }
        out
    }
}

/// A metric with the extractor of its definition, where it has one: `fid(random:0)`, `cas/data`.
pub fn label(metric: &str, definition: &Map<String, Value>) -> String {
    match definition.get("extractor").and_then(Value::as_str) {
        Some(extractor) => format!("{metric}({extractor})"),
        None => metric.into(),
    }
}

/// The metric of that name (`iwae-50` is `iwae` with 50 samples), and the number in its name.
///
/// # Errors
/// [`Error::Usage`] with the nearest known name.
pub fn metric(name: &str) -> Result<(&'static Metric, Option<usize>)> {
    if let Some(k) = name
        .strip_prefix("iwae-")
        .and_then(|k| k.parse().ok())
        .filter(|&k| (1..=1_000_000).contains(&k))
    {
        let iwae = METRICS.iter().find(|m| m.name == "iwae");
        return iwae
            .map(|m| (m, Some(k)))
            .ok_or_else(|| Error::usage("the metric iwae is not in the table", "report this as a bug"));
    }
    let found = METRICS.iter().find(|m| m.name == name);
    found.map(|m| (m, None)).ok_or_else(|| {
        Error::usage(
            format!("there is no metric `{name}`"),
            nearest(name, METRICS.iter().map(|m| m.name)),
        )
    })
}

/// What is to be said of a metric of the table that no arm works out.
pub(super) fn forgotten(metric: &str) -> Error {
    Error::usage(
        format!("`{metric}` is in the table of metrics, but nothing works it out"),
        "report this as a bug",
    )
}

/// The data that are compared with, and how they are named in definitions.
#[derive(Clone, Copy)]
pub struct Reference<'a> {
    /// the items
    pub set: &'a dyn Dataset,
    /// source, split, size and channels
    pub definition: &'a Map<String, Value>,
    /// where training items lie, for metrics of memorization
    pub training: Option<&'a dyn Dataset>,
    /// statistics that were gathered before
    pub gathered: Option<&'a Gathered>,
}

/// Told how far it is: what is done, how many, of how many.
pub type Tell<'a> = &'a mut dyn FnMut(&str, usize, usize);

/// Works out metrics; what several of them need is gathered once.
pub struct Judge<'a> {
    /// what is judged
    pub subject: Subject<'a>,
    /// what it is compared with
    pub reference: Option<Reference<'a>>,
    /// what gives features
    pub extractor: Option<&'a Extractor>,
    /// the model as it was before it learned, for metrics that show it beside
    pub untrained: Option<&'a dyn Model>,
    /// what `attribute-flips` and `asked` look at, where the data or the model do not say
    pub traits: &'a [String],
    /// another model that attacks, and its name, for `defended-accuracy`
    pub attacker: Option<(&'a dyn Model, &'a str)>,
    /// another model that turns images into their layouts, and its name, for `layout-agreement`
    pub segmenter: Option<(&'a dyn Model, &'a str)>,
    /// samples to draw or to read, and items of the data to compare with
    pub count: usize,
    /// all draws come from it
    pub key: Key,
    samples: Option<Gathered>,
    of_data: Option<Gathered>,
    /// precision, recall, density and coverage share most of their work
    pub(super) prdc: Option<Prdc>,
    /// so do the three of videos
    pub(super) consistency: Option<by_frames::Found>,
    /// scores and whose are unusual
    pub(super) unusual: Option<by_anomaly::Found>,
}

impl<'a> Judge<'a> {
    /// With nothing gathered yet.
    pub fn new(
        subject: Subject<'a>,
        reference: Option<Reference<'a>>,
        extractor: Option<&'a Extractor>,
        count: usize,
        key: Key,
    ) -> Self {
        Judge {
            subject,
            reference,
            extractor,
            untrained: None,
            traits: &[],
            attacker: None,
            segmenter: None,
            count,
            key,
            samples: None,
            of_data: None,
            prdc: None,
            consistency: None,
            unusual: None,
        }
    }

    /// Metrics that suit what is judged, for when none are named.
    pub fn usual(&self) -> Vec<&'static str> {
        let image = self.subject.info().kind == Kind::Image;
        let draws = match self.subject {
            Subject::Model { model, .. } => model.as_sample().is_some(),
            Subject::Items(_) => true,
        };
        let classifies = self.extractor.is_some_and(|e| !e.classes().is_empty());
        let paired = self.reference.is_some_and(|r| r.set.info().kind == Kind::Pair);
        let suits = |m: &&Metric| match (m.needs, self.subject) {
            (Needs::Capability(Capability::Translate), Subject::Model { model, .. }) => {
                model.as_translate().is_some_and(|t| t.directions().len() == 2)
            }
            (Needs::Truth, Subject::Model { model, .. }) => paired && Capability::Translate.of(model),
            (Needs::Back, Subject::Model { model, .. }) => match Capability::Translate.of(model) {
                true => paired,
                false => Capability::Reconstruct.of(model) && (m.name != "ssim" || image),
            },
            (Needs::Unusual, Subject::Model { model, info, .. }) => {
                m.needs.missing(model).is_none() && !by_anomaly::unseen(info).is_empty()
            }
            (
                Needs::Unusual | Needs::Truth | Needs::Back | Needs::Sides | Needs::Reader | Needs::Described,
                _,
            ) => false,
            (Needs::Capability(Capability::Complete), Subject::Model { model, .. }) => {
                let tables = m.name == "imputation";
                let fits = tables || image;
                fits && model.as_complete().is_some_and(|c| c.takes_missing() == tables)
            }
            (Needs::Capability(Capability::Infer), Subject::Model { model, info, .. }) => {
                // Against what is exact only where that is known.
                let seen = info.columns.iter().filter(|c| c.role != Role::Parameter).count();
                let known = simulator(&info.source).is_some_and(|s| s.posterior(&vec![0.0; seen]).is_some());
                model.as_infer().is_some() && (m.name != "posterior-distance" || known)
            }
            (Needs::Capability(c), Subject::Model { model, .. }) => c.of(model),
            (Needs::Capability(_), Subject::Items(_)) => false,
            (Needs::Density, _) => {
                draws
                    && self.reference.is_some_and(|r| {
                        r.set
                            .density()
                            .is_some_and(|d| d.modes().is_some() || m.name == "true-nll")
                    })
            }
            (Needs::Features, _) => draws && image && self.reference.is_some(),
            (Needs::Classes, _) => draws && image && classifies && self.subject.has_classes(),
            (Needs::Frames, _) => {
                draws
                    && self.subject.info().kind == Kind::Video
                    && self.extractor.is_some_and(Extractor::classifies)
            }
            (Needs::Points, _) => {
                let info = self.subject.info();
                draws && self.reference.is_some() && info.kind == Kind::Points && info.columns.is_empty()
            }
            (Needs::Message, Subject::Model { model, .. }) => {
                image && model.as_classify().is_some() && self.subject.is_conditional()
            }
            (Needs::Message, Subject::Items(_)) => false,
            (Needs::Privacy, Subject::Model { model, .. }) => model.privacy().is_some(),
            (Needs::Privacy, Subject::Items(_)) => false,
            (Needs::Columns | Needs::Outcome | Needs::Groups, _) => {
                let info = self.subject.info();
                let has = |role| info.column_of(role).is_some();
                draws
                    && self.reference.is_some()
                    && !info.columns.is_empty()
                    && (m.needs == Needs::Columns || has(Role::Outcome))
                    && (m.needs != Needs::Groups || has(Role::Protected))
            }
            (Needs::Sequences, _) => {
                draws && self.reference.is_some() && self.subject.info().kind == Kind::Sequence
            }
            (Needs::Shapes, _) => {
                draws && self.reference.is_some() && self.subject.info().kind == Kind::Voxels
            }
            (Needs::Deformation, Subject::Model { model, info, .. }) => {
                Capability::Predict.of(model) && by_deformation::are(info)
            }
            (Needs::Deformation, Subject::Items(_)) => false,
            (Needs::Places, _) => {
                image
                    && self.subject.has_classes()
                    && self.reference.is_some_and(|r| by_places::has(r.set.info()))
            }
            (Needs::Notes, _) => draws && self.reference.is_some() && self.subject.info().kind == Kind::Notes,
            (Needs::Answers, Subject::Model { model, info, .. }) => {
                let known = sentences::pairs_of(&info.source).is_some();
                Capability::Predict.of(model) && by_sentences::are(info) && (known || m.name == "bleu")
            }
            (Needs::Answers, Subject::Items(_)) => false,
            (Needs::Grammar, _) => draws && self.reference.is_some_and(|r| by_grammar::knows(r.set)),
            (Needs::Rule, _) => draws && self.reference.is_some_and(|r| by_rule::knows(r.set)),
            // Of a purpose of their own.
            (Needs::LabelledFeatures | Needs::LabelledImages | Needs::Path | Needs::Images, _) => false,
        };
        METRICS
            .iter()
            .filter(|m| m.usual)
            .filter(suits)
            .map(|m| m.name)
            .collect()
    }

    /// The figures of one metric.
    ///
    /// # Errors
    /// [`Error::Usage`] when the model, the data or the extractor do not give what it asks for.
    pub fn work_out(&mut self, name: &str, tell: Tell) -> Result<Vec<Verdict>> {
        let (metric, number) = metric(name)?;
        match metric.needs {
            Needs::Capability(Capability::Encode | Capability::Features | Capability::Cluster) => {
                by_representation::work_out(self, metric, tell)
            }
            Needs::Truth | Needs::Sides | Needs::Reader | Needs::Capability(Capability::Translate) => {
                by_translation::work_out(self, metric, tell)
            }
            Needs::Described | Needs::Capability(Capability::Illustrate) => {
                by_text::work_out(self, metric, tell)
            }
            Needs::Back if self.subject.model(name)?.0.as_translate().is_some() => {
                by_translation::work_out(self, metric, tell)
            }
            Needs::Capability(Capability::Attack | Capability::Defend) => {
                by_attack::work_out(self, metric, tell)
            }
            Needs::Capability(Capability::Maximize) => by_sequence::maximized(self, metric, tell),
            Needs::Capability(Capability::Complete) if name == "imputation" => {
                by_table::work_out(self, metric, tell)
            }
            Needs::Capability(Capability::Infer) => by_inference::work_out(self, metric, tell),
            Needs::Capability(Capability::Act) => by_acting::work_out(self, metric, tell),

            Needs::Capability(Capability::Complete) => by_completion::work_out(self, metric, tell),
            Needs::Unusual => by_anomaly::work_out(self, metric, tell),
            Needs::Capability(_) | Needs::Back => by_capability::work_out(self, name, metric, number, tell),
            Needs::Features => by_features::work_out(self, metric, tell),
            Needs::LabelledFeatures | Needs::Classes | Needs::LabelledImages => {
                by_classes::work_out(self, metric, tell)
            }
            Needs::Frames => by_frames::work_out(self, metric, tell),
            Needs::Path => by_latents::work_out(self, metric, tell),
            Needs::Rule => by_rule::work_out(self, metric, tell),
            Needs::Places => by_places::work_out(self, metric, tell),
            Needs::Grammar => by_grammar::work_out(self, metric, tell),
            Needs::Answers => by_sentences::work_out(self, metric, tell),
            Needs::Sequences => by_sequence::work_out(self, metric, tell),
            Needs::Shapes => by_shape::work_out(self, metric, tell),
            Needs::Deformation => by_deformation::work_out(self, metric, tell),
            Needs::Notes => by_notes::work_out(self, metric, tell),

            Needs::Images | Needs::Points | Needs::Density => by_images::work_out(self, metric, tell),
            Needs::Columns | Needs::Outcome | Needs::Groups => by_rows::work_out(self, metric, tell),
            Needs::Message => by_message::work_out(self, metric, tell),
            Needs::Privacy => by_capability::privacy(self, metric),
        }
    }

    /// What was gathered so far: of samples, of the data.
    pub fn gathered(&self) -> (Option<&Gathered>, Option<&Gathered>) {
        (self.samples.as_ref(), self.of_data.as_ref())
    }

    /// The data to compare with.
    ///
    /// # Errors
    /// [`Error::Usage`] when there are none.
    pub fn data(&self, metric: &str) -> Result<Reference<'a>> {
        self.reference.ok_or_else(|| {
            Error::usage(
                format!("`{metric}` compares with data, and none were given"),
                "give --data SOURCE",
            )
        })
    }

    /// The extractor.
    ///
    /// # Errors
    /// [`Error::Usage`] when there is none.
    pub fn features(&self, metric: &str) -> Result<&'a Extractor> {
        self.extractor.ok_or_else(|| {
            let fix = "give --extractor classifier:RUN, features:RUN, learned, inception:FILE, imagenet:FILE, random:SEED or pixels";
            Error::usage(
                format!("`{metric}` compares features, and no extractor was given"),
                fix,
            )
        })
    }

    /// What every figure that compares samples with data depends on.
    ///
    /// # Errors
    /// [`Error::Usage`] when no data were given.
    pub fn definition(&self, metric: &str) -> Result<Map<String, Value>> {
        let data = self.data(metric)?;
        let mut out = Map::new();
        out.insert("samples".into(), self.subject.available(self.count).into());
        out.insert("reference".into(), data.definition.clone().into());
        out.insert("reference_samples".into(), self.data_count(metric)?.into());
        Ok(out)
    }

    /// Items of the data that are compared with.
    ///
    /// # Errors
    /// [`Error::Usage`] when no data were given.
    pub fn data_count(&self, metric: &str) -> Result<usize> {
        let data = self.data(metric)?;
        Ok(data
            .gathered
            .map_or(self.count.min(data.set.info().count), |g| g.count))
    }

    /// Features of the samples.
    ///
    /// # Errors
    /// Those of the sampler and the extractor; [`Error::Usage`] for fewer than two samples.
    pub fn sample_features(&mut self, metric: &str, tell: Tell) -> Result<&Gathered> {
        let extractor = self.features(metric)?;
        if self.samples.is_none() {
            let total = self.subject.available(self.count);
            let mut g = Gatherer::new(extractor, self.subject.info())?;
            let mut done = 0;
            self.subject.each(total, None, self.key, &mut |batch| {
                done += batch.shape[0];
                g.add(&batch)?;
                tell("features of samples", done, total);
                Ok(())
            })?;
            self.samples = Some(g.finish("the samples")?);
        }
        Ok(self.samples.get_or_insert_default())
    }

    /// Features of the data.
    ///
    /// # Errors
    /// Those of the data and the extractor; [`Error::Usage`] for fewer than two items.
    pub fn data_features(&mut self, metric: &str, tell: Tell) -> Result<&Gathered> {
        let (data, extractor) = (self.data(metric)?, self.features(metric)?);
        if self.of_data.is_none() {
            self.of_data = Some(match data.gathered {
                Some(g) => g.clone(),
                None => gather(data.set, extractor, self.count, tell)?,
            });
        }
        Ok(self.of_data.get_or_insert_default())
    }

    /// Both, samples first.
    ///
    /// # Errors
    /// As the two.
    pub fn both_features(&mut self, metric: &str, tell: Tell) -> Result<(&Gathered, &Gathered)> {
        self.sample_features(metric, tell)?;
        self.data_features(metric, tell)?;
        match (&self.samples, &self.of_data) {
            (Some(s), Some(r)) => Ok((s, r)),
            _ => Err(Error::usage("nothing was gathered", "report this as a bug")),
        }
    }
}

/// Features of `count` items of a set.
///
/// # Errors
/// Those of the data and the extractor.
pub fn gather(set: &dyn Dataset, extractor: &Extractor, count: usize, tell: Tell) -> Result<Gathered> {
    let total = count.min(set.info().count);
    let mut g = Gatherer::new(extractor, set.info())?;
    let mut done = 0;
    each_item(set, total, &mut |batch| {
        done += batch.shape[0];
        g.add(&batch)?;
        tell("features of the data", done, total);
        Ok(())
    })?;
    g.finish("the data")
}
