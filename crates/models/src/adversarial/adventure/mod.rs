//! AdvEntuRe: a classifier of entailment that learns from few examples, and from others that are made of them by what is known of words and by
//! networks that look for what it gets wrong.
//!
//! Kang, Khot, Sabharwal, Hovy (2018), AdvEntuRe: Adversarial Training for Textual Entailment with Knowledge-Guided Examples,
//! arXiv:1805.04680.
//!
//! Two generators make examples (p', h', c') of examples (p, h, c) (section 4):
//! - rules: a word of p or h is replaced by one above or below it or by what excludes it, a determiner negated or weakened. How the new
//!   sentence stands to the old one is known, and with c it decides c', or the example is dropped (tables 1 and 2);
//! - sequence to sequence: h' is drawn by p(h | p, c') for any label c'.
//!
//! The classifier D descends its loss on the given examples and on the made ones. Of some examples by rules that of the largest loss is
//! taken; the writing network G learns the given hypotheses by likelihood, and by policy gradient to be hard for D:
//!
//! L_D = l(X) + w_r l(Z_rules) + w_s l(Z_seq2seq)
//! L_G = -E_X log p(h | p, c) - w_a E_G [(l_D(p, h', c') - b) log p(h' | p, c')]
mod config;
mod examples;
#[cfg(test)]
mod tests;

pub use config::{Config, Generators, Optimizers, Sizes};

use super::letters::{Plan, Reader, Wish};
use super::rows::Layers;
use crate::{
    Capability, Classify, Entry, Function, Holds, Model, NetworkInfo, Part, Port, Purpose, StepReport,
    of_shape,
};
use burn::module::Module;
use burn::tensor::activation::log_softmax;
use burn::tensor::{Device, Tensor, TensorData};
use examples::{Example, by_rules};
use menagerie_data::entailment::{LENGTH, Sentence, WORDS, pair, sentences};
use menagerie_data::error::{Error, Result};
use menagerie_data::random::Key;
use menagerie_data::{Batch, DataInfo, likeliest};
use menagerie_nn::{Init, Learner, Tensors, number, numbers};

/// The cast.
pub struct Adventure {
    generators: Generators,
    plan: Plan,
    labels: Vec<String>,
    classifier: Learner<Layers>,
    writer: Learner<Reader>,
}

impl Config {
    /// Fresh networks.
    ///
    /// # Errors
    /// [`Error::Data`] for other data than pairs of sentences of the language whose words are known.
    pub fn build(&self, info: &DataInfo, device: &Device, key: Key) -> Result<Adventure> {
        use menagerie_data::entailment::{LABELS, NAME};
        let &[LENGTH, letters] = &info.shape[..] else {
            return Err(not_known(info));
        };
        if info.source != NAME || info.labels != LABELS {
            return Err(not_known(info));
        }
        let (w, classes) = (self.model.width, LABELS.len());
        let init = |name: &str| Init::new(key.stream(name), device);
        let layers = Layers::new(&[LENGTH * letters, w, w, classes], &init("classifier"));
        let reader = Reader::new([letters + classes, w, letters], &init("writer"));
        let o = self.optimizer;
        Ok(Adventure {
            generators: self.generators,
            plan: Plan {
                length: LENGTH,
                letters,
                end: None,
            },
            labels: info.labels.clone(),
            classifier: Learner::new("classifier", layers, o.classifier, self.model.average, device)?,
            writer: Learner::new("writer", reader, o.writer, 0.0, device)?,
        })
    }
}

fn not_known(info: &DataInfo) -> Error {
    let problem = format!(
        "adventure makes examples by what it knows of words, and it knows none of these {}",
        info.kind.plural()
    );
    Error::data(&info.source, problem, "take the source `entailment`, whole")
}

/// Letters in front of a hypothesis.
const PREMISE: usize = WORDS + 1;

impl Adventure {
    /// Pairs as the classifier sees them, `[pairs, length letters]`.
    fn seen(&self, pairs: &[u8], device: &Device) -> Tensor<2> {
        let values = self.plan.one_hot(pairs);
        let rows = pairs.len() / LENGTH;
        Tensor::from_data(
            TensorData::new(values, [rows, LENGTH * self.plan.letters]),
            device,
        )
    }

    /// Labels as ones among zeros, `[labels, classes]`.
    fn one_hot(&self, labels: &[u32], device: &Device) -> Tensor<2> {
        super::game::stage::one_hot(labels, self.labels.len(), device)
    }

    /// The loss of each example, `[examples, 1]`.
    fn losses(&self, network: &Layers, examples: &[Example], device: &Device) -> Tensor<2> {
        let pairs: Vec<u8> = examples
            .iter()
            .flat_map(|e| pair(e.premise, e.hypothesis))
            .collect();
        let labels: Vec<u32> = examples.iter().map(|e| e.label).collect();
        let said = log_softmax(network.forward(self.seen(&pairs, device)), 1);
        -(said * self.one_hot(&labels, device)).sum_dim(1)
    }

    /// The examples of a batch.
    fn given(&self, batch: &Batch) -> Result<Vec<Example>> {
        of_shape(batch, &[LENGTH, self.plan.letters], "adventure")?;
        let labels = batch.labels.as_deref().unwrap_or_default();
        let symbols = likeliest(&batch.values, self.plan.letters);
        let both = symbols.chunks_exact(LENGTH).map(sentences);
        let of = |(both, label): (Option<[Sentence; 2]>, &u32)| {
            let [premise, hypothesis] = both?;
            Some(Example {
                premise,
                hypothesis,
                label: *label,
            })
        };
        let all: Option<Vec<Example>> = both.zip(labels).map(of).collect();
        all.filter(|a| a.len() == batch.shape[0]).ok_or_else(|| {
            Error::data(
                "the training data",
                "a pair is no two sentences with a label",
                "take `entailment`",
            )
        })
    }

    /// Of each example one that rules make of it, of some that of the largest loss; none of those of which rules say nothing.
    fn of_rules(&self, given: &[Example], key: Key) -> Vec<Example> {
        let (g, plain) = (self.generators, self.classifier.plain_device());
        let network = self.classifier.network().valid();
        let tried: Vec<Vec<Example>> = given
            .iter()
            .enumerate()
            .map(|(i, e)| by_rules(*e, g.hops, g.tries, &mut key.step(i as u64).rng()))
            .collect();
        let all: Vec<Example> = tried.iter().flatten().copied().collect();
        if all.is_empty() {
            return vec![];
        }
        let losses = numbers(self.losses(&network, &all, &plain));
        let mut from = 0;
        let hardest = |some: &Vec<Example>| {
            let own = &losses[from..from + some.len()];
            from += some.len();
            let best = (0..some.len()).max_by(|a, b| own[*a].total_cmp(&own[*b]))?;
            some.get(best).copied()
        };
        tried.iter().filter_map(hardest).collect()
    }

    /// The mean loss of examples; 0 of none.
    fn mean_loss(&self, examples: &[Example]) -> Tensor<1> {
        let device = self.classifier.device();
        match examples.is_empty() {
            true => Tensor::zeros([1], device),
            false => self.losses(self.classifier.network(), examples, device).mean(),
        }
    }

    /// Hypotheses that are written of premises for any label.
    fn of_writer(&self, given: &[Example], key: Key) -> Own {
        let plain = self.writer.plain_device();
        let label = |i: usize| key.stream("labels").step(i as u64).rng().below(self.labels.len()) as u32;
        let labels: Vec<u32> = (0..given.len()).map(label).collect();
        let begun: Vec<u8> = given
            .iter()
            .flat_map(|e| pair(e.premise, e.hypothesis)[..PREMISE].to_vec())
            .collect();
        let wish = Wish {
            begun: &begun,
            told: Some(self.one_hot(&labels, &plain)),
            ..Wish::of(given.len())
        };
        let network = self.writer.network().valid();
        let pairs = network.written(&self.plan, &wish, key.stream("written"), &plain);
        let read = |(p, label): (&[u8], &u32)| {
            let [premise, hypothesis] = sentences(p)?;
            let label = *label;
            Some(Example {
                premise,
                hypothesis,
                label,
            })
        };
        let read: Vec<Option<Example>> = pairs.chunks_exact(LENGTH).zip(&labels).map(read).collect();
        let made: Vec<Example> = read.iter().flatten().copied().collect();
        let mut losses = match made.is_empty() {
            true => vec![],
            false => numbers(self.losses(&self.classifier.network().valid(), &made, &plain)),
        }
        .into_iter();
        let losses: Vec<Option<f32>> = read.iter().map(|e| e.and_then(|_| losses.next())).collect();
        Own {
            advantages: harder(&losses),
            pairs,
            labels,
            made,
        }
    }

    /// An update of the writer: by the likelihood of the given hypotheses, and by how hard its own are for the classifier.
    fn learn_to_write(&mut self, given: &[Example], own: &Own) -> Result<f64> {
        let (device, n) = (self.writer.device().clone(), given.len().max(1) as f64);
        let pairs: Vec<u8> = given.iter().flat_map(|e| pair(e.premise, e.hypothesis)).collect();
        let labels: Vec<u32> = given.iter().map(|e| e.label).collect();
        let likely = |network: &Reader, pairs: &[u8], labels: &[u32]| {
            let text = self.plan.text(pairs, PREMISE, &device);
            network.likelihoods(&self.plan, &text, Some(&self.one_hot(labels, &device)))
        };
        let network = self.writer.network();
        let mut loss = likely(network, &pairs, &labels).sum() / -n;
        if self.generators.adversarial > 0.0 && !own.pairs.is_empty() {
            let each = likely(network, &own.pairs, &own.labels).sum_dim(1);
            let weights = TensorData::new(own.advantages.clone(), [own.labels.len(), 1, 1]);
            let weights = Tensor::<3>::from_data(weights, &device);
            loss = loss - (each * weights).sum() * (self.generators.adversarial / n);
        }
        Ok(self.writer.descend(loss, false)?.loss)
    }
}

/// What the writer has written.
#[derive(Default)]
struct Own {
    /// letters of pairs, one after the other
    pairs: Vec<u8>,
    /// what each was written for
    labels: Vec<u32>,
    /// how much harder each was than the mean
    advantages: Vec<f32>,
    /// those that are sentences
    made: Vec<Example>,
}

/// How much harder each example was than they were on the average; what is no sentence counts as not hard at all.
fn harder(losses: &[Option<f32>]) -> Vec<f32> {
    let of = |l: &Option<f32>| l.unwrap_or(0.0);
    let mean = losses.iter().map(of).sum::<f32>() / losses.len().max(1) as f32;
    losses.iter().map(|l| of(l) - mean).collect()
}

impl Model for Adventure {
    fn networks(&self) -> Vec<NetworkInfo> {
        let plain = self.classifier.plain_device();
        let letters = self.plan.letters;
        let blank = self.plan.tensor(vec![0.0; LENGTH * letters], letters, &plain);
        let told = Tensor::zeros([1, self.labels.len()], &plain);
        let x = Tensor::zeros([1, LENGTH * letters], &plain);
        vec![
            self.classifier.info(|c| c.forward(x)),
            self.writer.info(|w| w.before(&self.plan, blank, Some(&told))),
        ]
    }

    fn step(&mut self, batches: &[Batch], key: Key, watch: bool) -> Result<StepReport> {
        let (given, g) = (self.given(&batches[0])?, self.generators);
        let begun = self.classifier.updates() >= g.start;
        let device = self.classifier.device().clone();
        let network = self.classifier.network();
        let of_given = self.losses(network, &given, &device).mean();
        let mut scalars = vec![("loss/given", number(of_given.clone()))];
        let mut loss = of_given;
        if begun && g.rules > 0.0 {
            let made = self.of_rules(&given, key.stream("rules"));
            let of_rules = self.mean_loss(&made);
            scalars.push(("loss/rules", number(of_rules.clone())));
            loss = loss + of_rules * g.rules;
        }
        let mut own = Own::default();
        if begun && g.sequences > 0.0 {
            own = self.of_writer(&given, key.stream("writer"));
            let of_sequences = self.mean_loss(&own.made);
            scalars.push(("loss/sequences", number(of_sequences.clone())));
            loss = loss + of_sequences * g.sequences;
        }
        if g.sequences > 0.0 {
            scalars.push(("loss/writer", self.learn_to_write(&given, &own)?));
        }
        let descent = self.classifier.descend(loss, watch)?;
        scalars.push(("loss/classifier", descent.loss));
        scalars.extend(descent.gradient.map(|g| ("gradient/classifier", g)));
        Ok(StepReport {
            scalars,
            ..StepReport::default()
        })
    }

    fn save(&self) -> Vec<(String, Part<'_>)> {
        let mut parts = self.classifier.save();
        parts.extend(self.writer.save());
        parts
    }

    fn load(&mut self, read: &dyn Fn(&str) -> Result<Tensors>, purpose: Purpose) -> Result<()> {
        self.classifier.load(read, purpose)?;
        match purpose {
            Purpose::Train => self.writer.load(read, purpose),
            _ => Ok(()),
        }
    }

    fn functions(&self) -> Vec<Function<'_>> {
        let meaning = "a premise, a sign and a hypothesis: of every place a one for its letter among zeros";
        let item = Port::of("item", &[LENGTH, self.plan.letters], Holds::Numbers, meaning);
        let meaning = format!("logarithms of the probabilities of: {}", self.labels.join(", "));
        let out = Port::of("log_probabilities", &[self.labels.len()], Holds::Numbers, meaning);
        let about = "whether the first sentence entails the second";
        vec![Function::new(
            "classify",
            about,
            vec![item],
            vec![out],
            move |x| {
                let network = self.classifier.for_use_on(&x[0].device());
                vec![log_softmax(network.forward(x[0].clone()), 1)]
            },
        )]
    }

    fn as_classify(&self) -> Option<&dyn Classify> {
        Some(self)
    }
}

impl Classify for Adventure {
    fn log_probabilities(&self, batch: &Batch) -> Result<Vec<f32>> {
        of_shape(batch, &[LENGTH, self.plan.letters], "adventure")?;
        let x = self.seen(
            &likeliest(&batch.values, self.plan.letters),
            &self.classifier.plain_device(),
        );
        Ok(numbers(log_softmax(self.classifier.for_use().forward(x), 1)))
    }
    fn classes(&self) -> &[String] {
        &self.labels
    }
}

/// In the registry.
pub(crate) const ENTRY: Entry = Entry {
    name: "adventure",
    family: super::FAMILY,
    capabilities: &[Capability::Classify],
    paper: "Kang et al. 2018, AdvEntuRe: Adversarial Training for Textual Entailment with Knowledge-Guided Examples, arXiv:1805.04680",
    recipe: "adventure",
    data: &["entailment"],
    tiny: &[
        ("model.width", "8"),
        ("model.average", "0.9"),
        ("generators.start", "1"),
        ("data.limit", "60"),
    ],
    ..Entry::of::<Config>()
};
