//! A network that writes second sentences, as it learns.
use super::{Both, Choice, Course, Pairs, Play, Writer};
use crate::{Function, Holds, NetworkInfo, Port, Samples};
use burn::module::Module;
use burn::tensor::{Device, Tensor};
use menagerie_data::error::Result;
use menagerie_data::random::Key;
use menagerie_data::{Batch, Kind};
use menagerie_nn::{Init, Learner, OptimizerConfig, number};

/// See the module.
pub(crate) struct Author {
    pub(crate) pairs: Pairs,
    pub(crate) writer: Learner<Writer>,
    /// the model's, for what it refuses
    model: &'static str,
}

impl Author {
    /// A fresh one.
    ///
    /// # Errors
    /// Those of the optimizer's settings.
    pub(crate) fn new(
        (model, name): (&'static str, &'static str),
        pairs: Pairs,
        width: usize,
        (optimizer, average): (OptimizerConfig, f64),
        init: &Init,
    ) -> Result<Author> {
        let network = Writer::new([pairs.sides[1].letters, width], init);
        Ok(Author {
            writer: Learner::new(name, network, optimizer, average, init.device())?,
            pairs,
            model,
        })
    }

    /// The pairs of a batch.
    ///
    /// # Errors
    /// Those of [`Pairs::read`].
    pub(crate) fn read(&self, batch: &Batch) -> Result<Both> {
        self.pairs.read(batch, self.model)
    }

    /// ln p(y_t | y_<t, x) of every word: `[batch, place, 1]`.
    pub(crate) fn likelihoods(&self, network: &Writer, both: &Both, device: &Device) -> Tensor<3> {
        let [first, second] = &self.pairs.sides;
        let (x, y) = (
            first.text(&both.first, 0, device),
            second.text(&both.second, 0, device),
        );
        network.likelihoods(second, &x, &y)
    }

    /// -E log p(y | x), a sentence.
    pub(crate) fn teacher(&self, both: &Both) -> Tensor<1> {
        let count = self.count(both);
        self.likelihoods(self.writer.network(), both, self.writer.device())
            .sum()
            / -count
    }

    /// -E sum_t A_t log p(y_t | y_<t, x).
    pub(crate) fn policy(&self, course: &Course) -> Tensor<1> {
        let (device, count) = (self.writer.device(), self.count(&course.both));
        let weights = self.pairs.sides[1].tensor(course.advantages.clone(), 1, device);
        let own = self.likelihoods(self.writer.network(), &course.both, device);
        (own * weights).sum() / -count
    }

    /// An update by likelihood and, where something was played, by rewards, each with its weight.
    ///
    /// # Errors
    /// [`menagerie_data::Error::Training`] when the loss is not finite.
    pub(crate) fn learn(
        &mut self,
        given: &Both,
        course: Option<&Course>,
        [of_teacher, of_policy]: [f64; 2],
        watch: bool,
    ) -> Result<Vec<(&'static str, f64)>> {
        let teacher = self.teacher(given);
        let mut scalars = vec![("loss/teacher", number(teacher.clone()))];
        let mut loss = teacher * of_teacher;
        if let Some(course) = course {
            let policy = self.policy(course);
            scalars.push(("loss/policy", number(policy.clone())));
            loss = loss + policy * of_policy;
        }
        let descent = self.writer.descend(loss, watch)?;
        scalars.extend(descent.gradient.map(|g| ("gradient/generator", g)));
        Ok(scalars)
    }

    fn count(&self, both: &Both) -> f64 {
        (both.second.len() / self.pairs.sides[1].length).max(1) as f64
    }

    /// What is drawn and rewarded of first sentences.
    pub(crate) fn course(
        &self,
        first: &[u8],
        rollouts: usize,
        key: Key,
        reward: &dyn Fn(&[usize], &[u8]) -> Vec<f32>,
    ) -> Course {
        let play = Play {
            pairs: &self.pairs,
            writer: &self.writer.network().valid(),
            device: &self.writer.plain_device(),
            rollouts,
        };
        play.course(first, key, reward)
    }

    /// What is written of the first sentences of a batch: drawn with a key for each item, or the likeliest.
    ///
    /// # Errors
    /// Those of [`Pairs::read`].
    pub(crate) fn answers(&self, batch: &Batch, key: Option<Key>) -> Result<Samples> {
        let first = self.read(batch)?.first;
        let keys = key.map(|k| -> Vec<Key> { batch.indices.iter().map(|i| k.step(u64::from(*i))).collect() });
        let choice = keys.as_deref().map_or(Choice::Likeliest, Choice::Drawn);
        let begun: Vec<(usize, &[u8])> = (0..batch.shape[0]).map(|i| (i, &[][..])).collect();
        let device = self.writer.plain_device();
        let second = self
            .writer
            .for_use()
            .written(&self.pairs, &first, &begun, choice, &device);
        Ok(Samples {
            kind: Kind::Sequence,
            shape: batch.shape.clone(),
            values: self.pairs.items(&Both { first, second }),
        })
    }

    /// Its line for `Model::networks`.
    pub(crate) fn info(&self) -> NetworkInfo {
        let device = self.writer.plain_device();
        let [first, second] = &self.pairs.sides;
        let [x, y] = [first, second].map(|p| p.text(&vec![0; p.length], 0, &device));
        self.writer.info(|w| w.likelihoods(second, &x, &y))
    }

    /// How likely each word of a second sentence is, as tensor operations.
    pub(crate) fn function(&self) -> Function<'_> {
        let [first, second] = self.pairs.sides;
        let port = |name: &'static str, plan: &super::Plan, meaning: &str| {
            Port::of(name, &[plan.length, plan.letters], Holds::Numbers, meaning)
        };
        let meaning =
            "a first sentence: of every place a one for its word among zeros, from its end on for the end";
        let x = port("first", &first, meaning);
        let there = Port::of(
            "there",
            &[first.length],
            Holds::Numbers,
            "1 for its words and the first end, 0 behind it",
        );
        let y = port("second", &second, "a second sentence in the same way");
        let meaning = "logarithms of the probabilities of the words at every place, given those before it";
        let out = port("log_probabilities", &second, meaning);
        let about = "how likely each word of the second sentence is";
        Function::new("conditionals", about, vec![x, there, y], vec![out], move |x| {
            let [batch, _] = x[0].dims();
            let network = self.writer.for_use_on(&x[0].device());
            let shaped = |x: &Tensor<2>, p: &super::Plan| x.clone().reshape([batch, p.length, p.letters]);
            let text = super::super::letters::Text {
                letters: shaped(&x[0], &first),
                chosen: x[1].clone().reshape([batch, first.length, 1]),
                count: 0.0,
            };
            let said = network.log_probabilities(&second, &network.read(&text), shaped(&x[2], &second));
            vec![said.reshape([batch, second.length * second.letters])]
        })
    }
}
