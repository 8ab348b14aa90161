//! Adversarial information maximization: a network that answers, rewarded for answers that look given and that tell what was asked.
//!
//! Zhang, Galley, Gao, Gan, Li, Brockett, Dolan (2018), Generating Informative and Diverse Conversational Responses via Adversarial Information
//! Maximization, arXiv:1809.05972.
//!
//! Learned by likelihood alone, the likeliest answer to anything is one that says nothing. AIM adds two rewards: of a discriminator D, the cosine of
//! the embeddings of question S and answer T, which is to be larger of a given answer than of one that was made (equation 4), and a lower bound of the mutual
//! information of question and answer by a backward model q (equation 6), I(S, T') >= H(S) + E log q(S | T'):
//!
//! L_D = -E log sigmoid(k (D(T, S) - D(T', S)))
//! L_q = -E_data log q(S | T)
//! L_G = -w E_G sum_t A_t log p(t'_t | t'_<t, S) - E_data log p(T | S),   of the reward D(T', S) + lambda log q(S | T')
//!
//! The paper's D is smoothed by an inverse tanh where this one is by a sigmoid; and what it feeds D softened so that gradients come back is rewarded
//! here word by word. q, the reverse network of DAIM, answers by likelihood alone and has no discriminator of its own.
mod config;
#[cfg(test)]
mod tests;

pub use config::{Config, Optimizers, Settings, Sizes};

use super::sentences::{Author, Both, Pairs, SentenceReader};
use crate::{Capability, Entry, Function, Model, NetworkInfo, Part, Predict, Purpose, Samples, StepReport};
use burn::module::Module;
use burn::tensor::activation::log_sigmoid;
use burn::tensor::{Device, Tensor};
use menagerie_data::error::Result;
use menagerie_data::random::Key;
use menagerie_data::{Batch, DataInfo};
use menagerie_nn::{Init, Learner, Tensors, numbers};

/// k: how sharply the discriminator's loss tells two cosines apart.
const SHARPNESS: f64 = 5.0;

/// Embeds questions and answers.
#[derive(Module, Debug)]
pub struct Discriminator {
    first: SentenceReader,
    second: SentenceReader,
}

impl Discriminator {
    fn new(symbols: usize, width: usize, init: &Init) -> Self {
        let reader = |name: &str| SentenceReader::new([symbols, width, width], &init.at(name));
        Discriminator {
            first: reader("first"),
            second: reader("second"),
        }
    }

    /// The cosine of the embeddings of both sentences, `[pairs, 1]`.
    fn forward(&self, pairs: &Pairs, both: &Both, device: &Device) -> Tensor<2> {
        const LEAST: f64 = 1e-6;
        let x = self.first.forward(&pairs.sides[0], &both.first, device);
        let y = self.second.forward(&pairs.sides[1], &both.second, device);
        let square = |x: &Tensor<2>| (x.clone() * x.clone()).sum_dim(1) + LEAST;
        let length = (square(&x) * square(&y)).sqrt();
        (x * y).sum_dim(1) / length
    }
}

/// The cast.
pub struct Aim {
    settings: Settings,
    author: Author,
    backward: Author,
    discriminator: Learner<Discriminator>,
}

impl Config {
    /// Fresh networks for data of that description.
    ///
    /// # Errors
    /// [`menagerie_data::Error::Data`] for what are no pairs of sentences.
    pub fn build(&self, info: &DataInfo, device: &Device, key: Key) -> Result<Aim> {
        let pairs = Pairs::new(info, "aim")?;
        let init = |name: &str| Init::new(key.stream(name), device);
        let symbols = pairs.sides[0].letters;
        let network = Discriminator::new(symbols, self.model.discriminator, &init("discriminator"));
        let (o, width) = (self.optimizer, self.model.width);
        let author = |name: &'static str, pairs: Pairs, optimizer, average: f64| {
            Author::new(("aim", name), pairs, width, (optimizer, average), &init(name))
        };
        Ok(Aim {
            settings: self.game,
            backward: author("backward", pairs.reversed(), o.backward, 0.0)?,
            author: author("generator", pairs, o.generator, self.model.average)?,
            discriminator: Learner::new("discriminator", network, o.discriminator, 0.0, device)?,
        })
    }
}

impl Aim {
    /// Whether the discriminator learns yet, and whether the generator hears of it.
    fn stage(&self) -> [bool; 2] {
        let (s, done) = (&self.settings, self.author.writer.updates());
        let plays = s.adversarial > 0.0 && done >= s.pretrain;
        [plays, plays && done >= s.pretrain + s.warm]
    }

    /// -E log sigmoid(k (D(T, S) - D(T', S))).
    fn tell_apart(&mut self, data: &Both, own: &Both) -> Result<f64> {
        let (d, pairs) = (&self.discriminator, &self.author.pairs);
        let of = |both: &Both| d.network().forward(pairs, both, d.device());
        let loss = -log_sigmoid((of(data) - of(own)) * SHARPNESS).mean();
        Ok(self.discriminator.descend(loss, false)?.loss)
    }

    /// log q(S | T') of every pair.
    fn information(&self, both: &Both) -> Vec<f32> {
        let device = self.backward.writer.plain_device();
        let network = self.backward.writer.network().valid();
        let each = self.backward.likelihoods(&network, &both.reversed(), &device);
        numbers(each.sum_dim(1))
    }

    /// What answers are worth, of the questions whose numbers stand beside them.
    fn rewards(&self, given: &Both, rows: &[usize], second: &[u8]) -> Vec<f32> {
        let pairs = &self.author.pairs;
        let both = pairs.beside(&given.first, rows, second);
        let network = self.discriminator.network().valid();
        let said = numbers(network.forward(pairs, &both, &self.discriminator.plain_device()));
        let lambda = self.settings.information as f32;
        let tells = self.information(&both).into_iter();
        tells.zip(said).map(|(i, d)| d + lambda * i).collect()
    }
}

impl Model for Aim {
    fn networks(&self) -> Vec<NetworkInfo> {
        let pairs = &self.author.pairs;
        let [first, second] = [0, 1].map(|k| vec![0; pairs.sides[k].length]);
        let both = Both { first, second };
        let device = self.discriminator.plain_device();
        vec![
            self.author.info(),
            self.backward.info(),
            self.discriminator.info(|d| d.forward(pairs, &both, &device)),
        ]
    }

    fn step(&mut self, batches: &[Batch], key: Key, watch: bool) -> Result<StepReport> {
        let (given, s) = (self.author.read(&batches[0])?, self.settings);
        let [plays, heard] = self.stage();
        let mut course = None;
        let backward = self.backward.teacher(&given.reversed());
        let mut scalars = vec![(
            "loss/backward",
            self.backward.writer.descend(backward, false)?.loss,
        )];
        if plays {
            // Until the discriminator is heard it is answers alone that it needs.
            let rollouts = if heard { s.rollouts } else { 0 };
            let reward = |rows: &[usize], second: &[u8]| self.rewards(&given, rows, second);
            let told = self.author.course(&given.first, rollouts, key, &reward);
            let mut loss = f64::NAN;
            for _ in 0..s.discriminator_steps {
                loss = self.tell_apart(&given, &told.both)?;
            }
            scalars.extend([("loss/discriminator", loss), ("reward", told.reward)]);
            course = heard.then_some(told);
        }
        scalars.extend(
            self.author
                .learn(&given, course.as_ref(), [s.teacher, s.adversarial], watch)?,
        );
        Ok(StepReport {
            scalars,
            ..StepReport::default()
        })
    }

    fn save(&self) -> Vec<(String, Part<'_>)> {
        let mut parts = self.author.writer.save();
        parts.extend(self.backward.writer.save());
        parts.extend(self.discriminator.save());
        parts
    }

    fn load(&mut self, read: &dyn Fn(&str) -> Result<Tensors>, purpose: Purpose) -> Result<()> {
        self.author.writer.load(read, purpose)?;
        match purpose {
            Purpose::Train => {
                self.backward.writer.load(read, purpose)?;
                self.discriminator.load(read, purpose)
            }
            _ => Ok(()),
        }
    }

    fn functions(&self) -> Vec<Function<'_>> {
        vec![self.author.function()]
    }

    fn as_predict(&self) -> Option<&dyn Predict> {
        Some(self)
    }
}

impl Predict for Aim {
    fn predict(&self, batch: &Batch, _: usize, key: Key) -> Result<Samples> {
        self.author.answers(batch, Some(key))
    }
    fn likeliest(&self, batch: &Batch) -> Result<Option<Samples>> {
        self.author.answers(batch, None).map(Some)
    }
}

/// In the registry.
pub(crate) const ENTRY: Entry = Entry {
    name: "aim",
    family: super::FAMILY,
    capabilities: &[Capability::Predict],
    paper: "Zhang et al. 2018, Generating Informative and Diverse Conversational Responses via Adversarial Information Maximization, arXiv:1809.05972",
    recipe: "aim",
    data: &["dialogue"],
    tiny: &[
        ("model.width", "6"),
        ("model.discriminator", "4"),
        ("model.average", "0.9"),
        ("game.pretrain", "1"),
        ("game.warm", "1"),
        ("game.rollouts", "1"),
        ("data.limit", "60"),
    ],
    ..Entry::of::<Config>()
};
