//! A conditional sequence GAN: a network that translates, whose words are rewarded for what a discriminator thinks of the whole sentence.
//!
//! Yang, Chen, Wang, Xu (2018), Improving Neural Machine Translation with Conditional Sequence Generative Adversarial Nets, arXiv:1703.04887
//! (BR-CSGAN); the like of Wu et al. (2017), Adversarial Neural Machine Translation, arXiv:1704.06933.
//!
//! The generator G is a recurrent encoder and decoder with attention. The discriminator D reads both sentences by convolutions and tells the
//! given translation from G's own. No gradient goes through words that are drawn, so D's opinion is their reward, and with it BLEU, which
//! is known of a sentence with a reference (equations 5 to 9):
//!
//! L_D = -E_data log D(x, y) - E_G log(1 - D(x, y'))
//! R(x, y') = lambda (D(x, y') - b) + (1 - lambda) BLEU(y', y)
//! L_G = -w E_G sum_t A_t log p(y'_t | y'_<t, x) - E_data log p(y | x)
//!
//! What a word is worth, A_t, is what the mean reward of continuations of the sentence gains by it, so that the paper's constant b
//! drops out. G learns by teacher forcing alone first, then D, then both; teacher forcing goes on beside the game, as the paper found it must.
mod config;
#[cfg(test)]
mod tests;

pub use config::{Config, Optimizers, Settings, Sizes};

use super::sentences::{Author, Both, Pairs, SentenceReader};
use crate::{Capability, Entry, Function, Model, NetworkInfo, Part, Predict, Purpose, Samples, StepReport};
use burn::module::Module;
use burn::tensor::activation::{log_sigmoid, sigmoid};
use burn::tensor::{Device, Tensor};
use menagerie_data::error::Result;
use menagerie_data::random::Key;
use menagerie_data::{Batch, DataInfo};
use menagerie_metrics::sentences::sentence_bleu;
use menagerie_nn::{Activation, Init, Learner, Linear, Tensors, numbers};

/// Reads both sentences and says whether the second is the given translation of the first.
#[derive(Module, Debug)]
pub struct Discriminator {
    first: SentenceReader,
    second: SentenceReader,
    hidden: Linear,
    out: Linear,
}

impl Discriminator {
    fn new(symbols: usize, width: usize, init: &Init) -> Self {
        let reader = |name: &str| SentenceReader::new([symbols, width, width], &init.at(name));
        Discriminator {
            first: reader("first"),
            second: reader("second"),
            hidden: Linear::of([3 * width, width]).init(&init.at("hidden")),
            out: Linear::of([width, 1]).init(&init.at("out")),
        }
    }

    /// Logits, `[pairs, 1]`: of what is found in each sentence, and of the products of both, which say whether it belongs together.
    fn forward(&self, pairs: &Pairs, both: &Both, device: &Device) -> Tensor<2> {
        let x = self.first.forward(&pairs.sides[0], &both.first, device);
        let y = self.second.forward(&pairs.sides[1], &both.second, device);
        let seen = Tensor::cat(vec![x.clone(), y.clone(), x * y], 1);
        let hidden = self.hidden.forward(seen, Activation::LeakyRelu(0.2));
        self.out.forward(hidden, Activation::Identity)
    }
}

/// The cast.
pub struct CsGan {
    settings: Settings,
    author: Author,
    discriminator: Learner<Discriminator>,
}

impl Config {
    /// Fresh networks for data of that description.
    ///
    /// # Errors
    /// [`menagerie_data::Error::Data`] for what are no pairs of sentences.
    pub fn build(&self, info: &DataInfo, device: &Device, key: Key) -> Result<CsGan> {
        let pairs = Pairs::new(info, "cs_gan")?;
        let symbols = pairs.sides[0].letters;
        let init = |name: &str| Init::new(key.stream(name), device);
        let network = Discriminator::new(symbols, self.model.discriminator, &init("discriminator"));
        let o = self.optimizer;
        Ok(CsGan {
            settings: self.game,
            author: Author::new(
                ("cs_gan", "generator"),
                pairs,
                self.model.width,
                (o.generator, self.model.average),
                &init("generator"),
            )?,
            discriminator: Learner::new("discriminator", network, o.discriminator, 0.0, device)?,
        })
    }
}

impl CsGan {
    /// Whether the discriminator learns yet, and whether the generator hears of it.
    fn stage(&self) -> [bool; 2] {
        let (s, done) = (&self.settings, self.author.writer.updates());
        let plays = s.adversarial > 0.0 && done >= s.pretrain;
        [plays, plays && done >= s.pretrain + s.warm]
    }

    /// -E_data log D - E_G log(1 - D).
    fn tell_apart(&mut self, data: &Both, own: &Both) -> Result<f64> {
        let (d, pairs) = (&self.discriminator, &self.author.pairs);
        let of = |both: &Both, sign: f64| {
            let logits = d.network().forward(pairs, both, d.device());
            -log_sigmoid(logits * sign).mean()
        };
        let loss = of(data, 1.0) + of(own, -1.0);
        Ok(self.discriminator.descend(loss, false)?.loss)
    }

    /// What second sentences are worth, of the given pairs whose numbers stand beside them: R without its constant.
    fn rewards(&self, given: &Both, rows: &[usize], second: &[u8]) -> Vec<f32> {
        let pairs = &self.author.pairs;
        let length = pairs.sides[1].length;
        let share = self.settings.share as f32;
        let both = pairs.beside(&given.first, rows, second);
        let network = self.discriminator.network().valid();
        let said = network.forward(pairs, &both, &self.discriminator.plain_device());
        let sentences = second.chunks_exact(length).zip(rows);
        let bleu = sentences.map(|(own, i)| {
            let [own, right] = [own, &given.second[i * length..][..length]].map(|s| &s[..pairs.words(s)]);
            sentence_bleu(own, right) as f32
        });
        let said = numbers(sigmoid(said));
        bleu.zip(said)
            .map(|(b, d)| share * d + (1.0 - share) * b)
            .collect()
    }
}

impl Model for CsGan {
    fn networks(&self) -> Vec<NetworkInfo> {
        let pairs = &self.author.pairs;
        let [first, second] = [0, 1].map(|k| vec![0; pairs.sides[k].length]);
        let both = Both { first, second };
        let device = self.discriminator.plain_device();
        vec![
            self.author.info(),
            self.discriminator.info(|d| d.forward(pairs, &both, &device)),
        ]
    }

    fn step(&mut self, batches: &[Batch], key: Key, watch: bool) -> Result<StepReport> {
        let (given, s) = (self.author.read(&batches[0])?, self.settings);
        let [plays, heard] = self.stage();
        let mut course = None;
        let mut scalars = vec![];
        if plays {
            // Until the discriminator is heard it is sentences alone that it needs.
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
        parts.extend(self.discriminator.save());
        parts
    }

    fn load(&mut self, read: &dyn Fn(&str) -> Result<Tensors>, purpose: Purpose) -> Result<()> {
        self.author.writer.load(read, purpose)?;
        match purpose {
            Purpose::Train => self.discriminator.load(read, purpose),
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

impl Predict for CsGan {
    fn predict(&self, batch: &Batch, _: usize, key: Key) -> Result<Samples> {
        self.author.answers(batch, Some(key))
    }
    fn likeliest(&self, batch: &Batch) -> Result<Option<Samples>> {
        self.author.answers(batch, None).map(Some)
    }
}

/// In the registry.
pub(crate) const ENTRY: Entry = Entry {
    name: "cs_gan",
    family: super::FAMILY,
    capabilities: &[Capability::Predict],
    paper: "Yang et al. 2018, Improving Neural Machine Translation with Conditional Sequence Generative Adversarial Nets, arXiv:1703.04887",
    recipe: "cs_gan",
    data: &["translation"],
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
