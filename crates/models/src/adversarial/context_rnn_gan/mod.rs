//! Context-RNN-GAN: the next diagram of a sequence, by a recurrent generator, before a discriminator that has seen what came before, too.
//!
//! Ghosh, Kulharia, Mukerjee, Namboodiri, Bansal (2016), Contextual RNN-GANs for Abstract Reasoning Diagram Generation, arXiv:1609.09444.
//!
//! G reads diagrams up to one and draws the next; D is given the same context and a diagram, and says whether it is the next. Both learn
//! at every place of a sequence (section 3):
//!
//! L_D = -E log D(x_{t+1} | x_<=t) - E log(1 - D(G(x_<=t, z) | x_<=t))
//! L_G = -w E log D(G(x_<=t, z) | x_<=t) + E |G(x_<=t, z) - x_{t+1}|^p
//!
//! Of some answers that is taken which is nearest to what G draws after the last diagram. There is no game where w is 0. Networks are fully
//! connected before and behind the recurrence, where the paper has its diagrams embedded by a network of their own.
mod config;
#[cfg(test)]
mod tests;

pub use config::{Config, Settings, Sizes};

use crate::{
    Capability, Classify, Entry, Function, Holds, Model, NetworkInfo, Part, Port, Purpose, StepReport,
    of_shape,
};
use burn::module::Module;
use burn::tensor::activation::{log_sigmoid, log_softmax};
use burn::tensor::{Device, Tensor, TensorData};
use menagerie_data::error::{Error, Result};
use menagerie_data::random::Key;
use menagerie_data::{Batch, DataInfo, Kind};
use menagerie_kernels::noise;
use menagerie_nn::{Activation, Init, Learner, Linear, Lstm, Tensors, number, numbers};

const LEAKY: Activation = Activation::LeakyRelu(0.2);

/// Diagrams, and a latent for each -> the next of each.
#[derive(Module, Debug)]
pub struct Generator {
    look: Linear,
    cells: Lstm,
    think: Linear,
    draw: Linear,
}

/// A context and a diagram -> whether the diagram is the next.
#[derive(Module, Debug)]
pub struct Discriminator {
    look: Linear,
    cells: Lstm,
    compare: Linear,
    score: Linear,
}

/// A layer over every place: `[batch, time, inputs]` -> `[batch, time, outputs]`.
fn each(layer: &Linear, x: Tensor<3>, activation: Activation) -> Tensor<3> {
    let [batch, time, inputs] = x.dims();
    let y = layer.forward(x.reshape([batch * time, inputs]), activation);
    let [_, outputs] = y.dims();
    y.reshape([batch, time, outputs])
}

impl Generator {
    fn new(s: &Sizes, pixels: usize, init: &Init) -> Self {
        let of = |units: [usize; 2], name: &str| Linear::of(units).init(&init.at(name));
        Generator {
            look: of([pixels, s.width], "look"),
            cells: Lstm::new([s.width + s.latent, s.width], &init.at("cells")),
            think: of([s.width, s.width], "think"),
            draw: of([s.width, pixels], "draw"),
        }
    }

    /// Diagrams `[batch, time, pixels]` and latents `[batch, time, latent]` -> what follows each, `[batch, time, pixels]`.
    pub fn forward(&self, shown: Tensor<3>, z: Tensor<3>) -> Tensor<3> {
        let seen = each(&self.look, shown, LEAKY);
        let known = self.cells.forward(Tensor::cat(vec![seen, z], 2), false);
        each(&self.draw, each(&self.think, known, LEAKY), Activation::Tanh)
    }
}

impl Discriminator {
    fn new(s: &Sizes, pixels: usize, init: &Init) -> Self {
        let of = |units: [usize; 2], name: &str| Linear::of(units).init(&init.at(name));
        Discriminator {
            look: of([pixels, s.width], "look"),
            cells: Lstm::new([s.width, s.width], &init.at("cells")),
            compare: of([2 * s.width, s.width], "compare"),
            score: of([s.width, 1], "score"),
        }
    }

    /// Logits of candidates for what follows each of the diagrams shown, `[batch, time, 1]`.
    pub fn forward(&self, shown: Tensor<3>, next: Tensor<3>) -> Tensor<3> {
        let known = self.cells.forward(each(&self.look, shown, LEAKY), false);
        let seen = each(&self.look, next, LEAKY);
        let both = each(&self.compare, Tensor::cat(vec![known, seen], 2), LEAKY);
        each(&self.score, both, Activation::Identity)
    }
}

/// The cast.
pub struct ContextRnnGan {
    settings: Settings,
    latent: usize,
    item: Vec<usize>,
    labels: Vec<String>,
    generator: Learner<Generator>,
    discriminator: Learner<Discriminator>,
}

impl Config {
    /// Fresh networks for data of that description.
    ///
    /// # Errors
    /// [`Error::Data`] for what are no diagrams with answers behind them.
    pub fn build(&self, info: &DataInfo, device: &Device, key: Key) -> Result<ContextRnnGan> {
        let pixels = info.shape.iter().skip(1).product();
        let fits = info.kind == Kind::Video && info.labels.len() > 1 && info.shape[0] > info.labels.len() + 1;
        if !fits {
            let problem = format!(
                "context_rnn_gan chooses among answers that stand behind diagrams, one for each label, and these {} have none",
                info.kind.plural()
            );
            return Err(Error::data(&info.source, problem, "take the source `diagrams`"));
        }
        let init = |name: &str| Init::new(key.stream(name), device);
        let generator = Generator::new(&self.model, pixels, &init("generator"));
        let discriminator = Discriminator::new(&self.model, pixels, &init("discriminator"));
        let o = self.optimizer;
        Ok(ContextRnnGan {
            generator: Learner::new("generator", generator, o.generator, self.model.average, device)?,
            discriminator: Learner::new("discriminator", discriminator, o.discriminator, 0.0, device)?,
            settings: self.game,
            latent: self.model.latent,
            item: info.shape.clone(),
            labels: info.labels.clone(),
        })
    }
}

impl ContextRnnGan {
    /// Diagrams before the answers.
    fn shown(&self) -> usize {
        self.item[0] - self.labels.len()
    }

    fn pixels(&self) -> usize {
        self.item[1..].iter().product()
    }

    /// All pictures of items in rows of numbers, `[items, pictures, pixels]`.
    fn pictures(&self, rows: Tensor<2>) -> Tensor<3> {
        let [items, _] = rows.dims();
        rows.reshape([items, self.item[0], self.pixels()])
    }

    fn rows(&self, batch: &Batch, device: &Device) -> Result<Tensor<2>> {
        of_shape(batch, &self.item, "context_rnn_gan")?;
        let shape = [batch.shape[0], self.item.iter().product()];
        Ok(Tensor::from_data(
            TensorData::new(batch.values.clone(), shape),
            device,
        ))
    }

    /// The diagrams of a batch with the right answer behind them, `[items, shown + 1, pixels]`.
    fn sequences(&self, batch: &Batch) -> Result<Tensor<3>> {
        let device = self.generator.device();
        let pictures = self.pictures(self.rows(batch, device)?);
        let labels = batch.labels.as_deref().unwrap_or_default();
        if labels.len() != batch.shape[0] {
            let problem = "an item does not say which answer is right";
            return Err(Error::data(
                "the training data",
                problem,
                "take the source `diagrams`",
            ));
        }
        let right = super::game::stage::one_hot(labels, self.labels.len(), device);
        let right = right.reshape([labels.len(), self.labels.len(), 1]);
        let answers = pictures.clone().narrow(1, self.shown(), self.labels.len());
        let answer = (answers * right).sum_dim(1);
        Ok(Tensor::cat(vec![pictures.narrow(1, 0, self.shown()), answer], 1))
    }

    /// Logarithms of how likely each answer is, of items in rows: the nearer to what is drawn next, the likelier, as of a normal
    /// distribution of spread one around it.
    fn answered(&self, network: &Generator, rows: Tensor<2>) -> Tensor<2> {
        let (pictures, shown) = (self.pictures(rows), self.shown());
        let [items, _, pixels] = pictures.dims();
        let z = Tensor::zeros([items, shown, self.latent], &pictures.device());
        let next = network.forward(pictures.clone().narrow(1, 0, shown), z);
        let next = next
            .narrow(1, shown - 1, 1)
            .expand([items, self.labels.len(), pixels]);
        let off = pictures.narrow(1, shown, self.labels.len()) - next;
        let square = (off.clone() * off).sum_dim(2).reshape([items, self.labels.len()]);
        log_softmax(square * -0.5, 1)
    }
}

impl Model for ContextRnnGan {
    fn networks(&self) -> Vec<NetworkInfo> {
        let plain = self.generator.plain_device();
        let blank = || Tensor::zeros([1, self.shown(), self.pixels()], &plain);
        let z = Tensor::zeros([1, self.shown(), self.latent], &plain);
        vec![
            self.generator.info(|g| g.forward(blank(), z)),
            self.discriminator.info(|d| d.forward(blank(), blank())),
        ]
    }

    fn step(&mut self, batches: &[Batch], key: Key, watch: bool) -> Result<StepReport> {
        let all = self.sequences(&batches[0])?;
        let (s, [items, _, _], shown) = (self.settings, all.dims(), self.shown());
        let (context, next) = (all.clone().narrow(1, 0, shown), all.narrow(1, 1, shown));
        let words = key.stream("latents").words();
        let z = noise::normal::<3>(words, [items, shown, self.latent], self.generator.device());
        let made = self.generator.network().forward(context.clone(), z);
        let mut scalars = vec![];
        let off = made.clone() - next.clone();
        let off = match s.power {
            1 => off.abs().mean(),
            _ => (off.clone() * off).mean(),
        };
        scalars.push(("loss/picture", number(off.clone())));
        let mut loss = off;
        if s.adversarial > 0.0 {
            let d = self.discriminator.network();
            let of_data = log_sigmoid(d.forward(context.clone(), next)).mean();
            let of_made = log_sigmoid(-d.forward(context.clone(), made.clone().detach())).mean();
            let told = self.discriminator.descend(-(of_data + of_made), false)?.loss;
            scalars.push(("loss/discriminator", told));
            let d = self.discriminator.network().clone().no_grad();
            let persuades = -log_sigmoid(d.forward(context, made)).mean();
            scalars.push(("loss/generator", number(persuades.clone())));
            loss = loss + persuades * s.adversarial;
        }
        let descent = self.generator.descend(loss, watch)?;
        scalars.extend(descent.gradient.map(|g| ("gradient/generator", g)));
        Ok(StepReport {
            scalars,
            ..StepReport::default()
        })
    }

    fn save(&self) -> Vec<(String, Part<'_>)> {
        let mut parts = self.generator.save();
        parts.extend(self.discriminator.save());
        parts
    }

    fn load(&mut self, read: &dyn Fn(&str) -> Result<Tensors>, purpose: Purpose) -> Result<()> {
        self.generator.load(read, purpose)?;
        match purpose {
            Purpose::Train => self.discriminator.load(read, purpose),
            _ => Ok(()),
        }
    }

    fn functions(&self) -> Vec<Function<'_>> {
        let meaning = "diagrams, and the answers behind them, in [-1, 1]";
        let item = Port::of("item", &self.item, Holds::Numbers, meaning);
        let meaning = format!(
            "logarithms of the probabilities of the answers: {}",
            self.labels.join(", ")
        );
        let out = Port::of("log_probabilities", &[self.labels.len()], Holds::Numbers, meaning);
        let about = "which answer is right";
        vec![Function::new(
            "classify",
            about,
            vec![item],
            vec![out],
            move |x| {
                let network = self.generator.for_use_on(&x[0].device());
                vec![self.answered(&network, x[0].clone())]
            },
        )]
    }

    fn as_classify(&self) -> Option<&dyn Classify> {
        Some(self)
    }
}

impl Classify for ContextRnnGan {
    fn log_probabilities(&self, batch: &Batch) -> Result<Vec<f32>> {
        let rows = self.rows(batch, &self.generator.plain_device())?;
        Ok(numbers(self.answered(&self.generator.for_use(), rows)))
    }
    fn classes(&self) -> &[String] {
        &self.labels
    }
}

/// In the registry.
pub(crate) const ENTRY: Entry = Entry {
    name: "context_rnn_gan",
    family: super::FAMILY,
    capabilities: &[Capability::Classify],
    paper: "Ghosh et al. 2016, Contextual RNN-GANs for Abstract Reasoning Diagram Generation, arXiv:1609.09444",
    recipe: "context_rnn_gan",
    data: &["diagrams"],
    tiny: &[
        ("model.width", "6"),
        ("model.latent", "2"),
        ("model.average", "0.9"),
        ("data.size", "8"),
        ("data.limit", "60"),
    ],
    ..Entry::of::<Config>()
};
