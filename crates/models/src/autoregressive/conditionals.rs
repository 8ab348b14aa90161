//! What every autoregressive model of discrete images does with its network: train, score, draw, complete.
use super::discrete::Discrete;
use super::draw::{Drawing, Walker};
use crate::function::rows;
use crate::{
    Complete, Function, Holds, LogLikelihood, Model, NetworkInfo, Part, Port, Purpose, Sample, SampleRequest,
    Samples, StepReport, as_image_shape, of_shape, unconditional,
};
use burn::module::Module;
use burn::tensor::{Device, Tensor, TensorData};
use menagerie_data::error::{Error, Result};
use menagerie_data::random::Key;
use menagerie_data::{Batch, DataInfo, Kind};
use menagerie_nn::levels::Binarization;
use menagerie_nn::{Learner, OptimizerConfig, Tensors};

/// The images of a data set, as the networks see them.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Grid {
    /// rows
    pub height: usize,
    /// columns
    pub width: usize,
    /// numbers of a pixel; within it, a channel sees those before it (R, then G, then B)
    pub channels: usize,
    /// values of a number
    pub discrete: Discrete,
    /// classes that the network is told; 0 for none
    pub classes: usize,
}

impl Grid {
    /// # Errors
    /// [`Error::Data`] for data that are not images, and for a class-conditional model of data without classes.
    pub fn new(model: &str, info: &DataInfo, discrete: Discrete, conditional: bool) -> Result<Grid> {
        if info.kind != Kind::Image {
            let problem = format!("{model} draws images, but these are {}", info.kind.plural());
            return Err(Error::data(&info.source, problem, "choose a source of images"));
        }
        if conditional && info.labels.is_empty() {
            let problem = "`conditional` asks for classes, and these images have none";
            return Err(Error::data(
                &info.source,
                problem,
                "set conditional = false, or use sub-folders as classes",
            ));
        }
        if conditional {
            info.every_label(model)?;
        }
        let [height, width, channels] = as_image_shape(info);
        Ok(Grid {
            height,
            width,
            channels,
            discrete,
            classes: if conditional { info.labels.len() } else { 0 },
        })
    }

    /// Numbers of an image: row by row, the channels of a pixel together.
    pub fn numbers(&self) -> usize {
        self.height * self.width * self.channels
    }

    /// Refuses fewer features than channels: each channel has a group of its own.
    pub(super) fn groups(&self, model: &str, features: [usize; 2]) -> Result<()> {
        match features.iter().all(|f| *f >= self.channels) {
            true => Ok(()),
            false => {
                let problem = format!(
                    "{model} needs at least one feature per channel, and has {features:?} for {}",
                    self.channels
                );
                Err(Error::recipe(
                    "model.width",
                    problem,
                    "raise model.width and model.head",
                ))
            }
        }
    }

    /// Refuses a network that would not fit into memory.
    pub(super) fn affords(&self, model: &str, weights: u128) -> Result<()> {
        match weights {
            0..=400_000_000 => Ok(()),
            n => Err(Error::recipe(
                "model",
                format!(
                    "{model} would have {n} weights for {}x{}x{} numbers",
                    self.height, self.width, self.channels
                ),
                "make the images smaller with --size, lower model.levels or model.width, or train pixel_cnn",
            )),
        }
    }
}

/// Some items.
#[derive(Clone, Debug)]
pub struct Items {
    /// how many
    pub count: usize,
    /// `[count, numbers]`
    pub levels: Vec<u32>,
    /// classes, where the network is told
    pub labels: Vec<u32>,
}

impl Items {
    /// Levels as the networks take them, `[count, numbers]` in [0, 1].
    pub fn inputs(&self, discrete: Discrete) -> Vec<f32> {
        self.levels.iter().map(|&l| discrete.input(l)).collect()
    }
}

/// A network that gives the conditionals p(x_i | earlier numbers) of an image.
pub trait Conditionals: Module + 'static {
    /// The images it is for.
    fn grid(&self) -> &Grid;
    /// Orders in which it can take the numbers; with several, the model is their mixture.
    fn orders(&self) -> usize {
        1
    }
    /// The numbers in one of its orders.
    fn order(&self, _which: usize) -> Vec<u32> {
        (0..self.grid().numbers() as u32).collect()
    }
    /// Logits of all numbers in one of the orders, `[count, numbers, outputs]`, of levels as networks take them, `[count, numbers]`
    /// in [0, 1], and of classes as rows with a one where the network is told them.
    fn pass(&self, x: Tensor<2>, class: Option<Tensor<2>>, order: usize) -> Tensor<3>;
    /// The device of its weights.
    fn device(&self) -> Device;
    /// The same of items.
    fn logits(&self, items: &Items, order: usize) -> Tensor<3> {
        let (g, device) = (self.grid(), self.device());
        let x = TensorData::new(items.inputs(g.discrete), [items.count, g.numbers()]);
        let class = (g.classes > 0).then(|| {
            let one_hot = items
                .labels
                .iter()
                .flat_map(|&l| (0..g.classes).map(move |c| f32::from(c == l as usize)));
            Tensor::from_data(
                TensorData::new(one_hot.collect::<Vec<f32>>(), [items.count, g.classes]),
                &device,
            )
        });
        self.pass(Tensor::from_data(x, &device), class, order)
    }
    /// The loss: sum of -ln p over the items, in nats, shape `[1]`.
    fn nats(&self, items: &Items, _key: Key) -> Tensor<1> {
        let d = self.grid().discrete;
        d.nats(
            self.logits(items, 0).reshape([items.levels.len(), d.outputs()]),
            &items.levels,
        )
    }
    /// Its weights, to draw with.
    fn walker(&self) -> Box<dyn Walker>;
    /// An order with the known numbers first, if the network can take any order.
    fn known_first(&self, _known: &[bool]) -> Option<Vec<u32>> {
        None
    }
}

/// The factors of a model's likelihood one by one: what exactness can be tested by.
pub trait Factors {
    /// The images it is for.
    fn grid(&self) -> &Grid;
    /// Orders that it mixes.
    fn orders(&self) -> usize;
    /// The numbers in one of its orders.
    fn order(&self, which: usize) -> Vec<u32>;
    /// Logits of all numbers in one of the orders, `[count, numbers, outputs]`, as the network's pass gives them.
    fn logits(&self, items: &Items, order: usize) -> Vec<f32>;
    /// What each number of the items costs given those before it in the first order, -ln p(x_i | x_<i) in nats, `[batch, numbers]`;
    /// draws as for [`LogLikelihood::log_likelihood`].
    ///
    /// # Errors
    /// [`Error::Usage`] when the batch does not have the shape the model was built for.
    fn costs(&self, batch: &Batch, key: Key) -> Result<Vec<f64>>;
    /// Its weights, to draw with.
    fn walker(&self) -> Box<dyn Walker>;
}

/// A model made of such a network.
pub struct Autoregressive<N: Conditionals> {
    name: &'static str,
    learner: Learner<N>,
    shape: Vec<usize>,
    grid: Grid,
    /// of the classes in the data
    shares: Vec<f64>,
}

/// Items that pass through a network together when there are many.
const CHUNK: usize = 64;

impl<N: Conditionals> Autoregressive<N> {
    /// Takes a fresh network. `average` is the decay of the moving average of its weights, 0 for none.
    ///
    /// # Errors
    /// [`Error::Recipe`] when `average` is no decay.
    pub fn new(
        name: &'static str,
        network: N,
        info: &DataInfo,
        optimizer: OptimizerConfig,
        average: f64,
        device: &Device,
    ) -> Result<Self> {
        let grid = *network.grid();
        Ok(Autoregressive {
            name,
            learner: Learner::new("network", network, optimizer, average, device)?,
            shape: info.shape.clone(),
            grid,
            shares: info.shares.clone(),
        })
    }

    /// The items of a batch.
    ///
    /// # Errors
    /// [`Error::Usage`] when the batch has another shape, or no classes where the network is told them.
    fn items(&self, batch: &Batch, discrete: Discrete, key: Key) -> Result<Items> {
        of_shape(batch, &self.shape, self.name)?;
        let labels = match (&batch.labels, self.grid.classes) {
            (_, 0) => Vec::new(),
            (Some(labels), _) => labels.clone(),
            (None, _) => {
                return Err(Error::usage(
                    format!("{} learns from classes, but these items have none", self.name),
                    "give data with classes",
                ));
            }
        };
        if let Some(l) = labels.iter().find(|l| **l as usize >= self.grid.classes) {
            return Err(self.unknown_class(*l));
        }
        Ok(Items {
            count: batch.shape[0],
            levels: discrete.of(batch, key),
            labels,
        })
    }

    fn unknown_class(&self, label: u32) -> Error {
        let problem = format!(
            "{} was trained with {} classes, so there is no class {label}",
            self.name, self.grid.classes
        );
        Error::usage(problem, "classes count from 0")
    }

    fn samples(&self, levels: &[u32]) -> Samples {
        let count = levels.len() / self.grid.numbers();
        let values = levels.iter().map(|&l| self.grid.discrete.value(l)).collect();
        Samples {
            kind: Kind::Image,
            shape: [&[count], &self.shape[..]].concat(),
            values,
        }
    }

    /// Items with these keys and classes, each drawn in an order of its own where there are several.
    fn draw(&self, keys: &[Key], labels: &[u32], temperature: f64) -> Vec<u32> {
        let network = self.learner.for_use();
        let walker = network.walker();
        let n = self.grid.numbers();
        let orders = network.orders();
        let chosen: Vec<usize> = keys
            .iter()
            .map(|k| k.stream("order").rng().below(orders))
            .collect();
        let mut out = vec![0; keys.len() * n];
        for order in 0..orders {
            let of: Vec<usize> = (0..keys.len()).filter(|&i| chosen[i] == order).collect();
            let keys: Vec<Key> = of.iter().map(|&i| keys[i]).collect();
            let labels: Vec<u32> = of.iter().filter_map(|&i| labels.get(i).copied()).collect();
            let sequence = network.order(order);
            let drawing = Drawing {
                discrete: self.grid.discrete,
                order,
                sequence: &sequence,
                keys: &keys,
                labels: &labels,
                temperature,
                known: None,
            };
            for (levels, i) in drawing.draw(&*walker).chunks_exact(n).zip(of) {
                out[i * n..(i + 1) * n].copy_from_slice(levels);
            }
        }
        out
    }
}

impl<N: Conditionals> Model for Autoregressive<N> {
    fn networks(&self) -> Vec<NetworkInfo> {
        let blank = Items {
            count: 1,
            levels: vec![0; self.grid.numbers()],
            labels: vec![0; usize::from(self.grid.classes > 0)],
        };
        vec![self.learner.info(|network| network.logits(&blank, 0))]
    }

    fn step(&mut self, batches: &[Batch], key: Key, watch: bool) -> Result<StepReport> {
        let Some(batch) = batches.first() else {
            return Err(Error::Training {
                step: self.learner.updates() + 1,
                problem: "no batch was given".into(),
                fix: "report this".into(),
            });
        };
        let items = self.items(batch, self.grid.discrete, key.stream("binarization"))?;
        let loss = self.learner.network().nats(&items, key) / items.count as f64;
        let seen = self.learner.descend(loss, watch)?;
        let bits = seen.loss / std::f64::consts::LN_2 / self.grid.numbers() as f64;
        let mut scalars = vec![("loss/nats", seen.loss), ("bits-per-dim", bits)];
        scalars.extend(seen.gradient.map(|g| ("gradient", g)));
        Ok(StepReport {
            scalars,
            troubles: vec![],
        })
    }

    fn save(&self) -> Vec<(String, Part<'_>)> {
        self.learner.save()
    }

    fn load(&mut self, read: &dyn Fn(&str) -> Result<Tensors>, purpose: Purpose) -> Result<()> {
        self.learner.load(read, purpose)
    }

    fn functions(&self) -> Vec<Function<'_>> {
        let (g, levels) = (&self.grid, self.grid.discrete.levels);
        let meaning = format!("an image, channels last: levels 0 to {} over -1 to 1", levels - 1);
        let mut inputs = vec![Port::of("item", &self.shape, Holds::Steps(levels), meaning)];
        if g.classes > 0 {
            let meaning = "the class as a one among zeros";
            inputs.push(Port::of("class", &[g.classes], Holds::OneHot, meaning));
        }
        let meaning = match levels {
            2 => "of each number in its turn, the logit of white given the numbers before it",
            _ => "of each number in its turn, a logit a level given the numbers before it",
        };
        let shape = [g.numbers(), g.discrete.outputs()];
        let outputs = vec![Port::of("logits", &shape, Holds::Numbers, meaning)];
        let about =
            "one step of drawing: the conditionals of all numbers, of which the next one's is drawn from";
        vec![Function::new("conditionals", about, inputs, outputs, move |x| {
            let network = self.learner.for_use_on(&x[0].device());
            vec![rows(network.pass(
                (x[0].clone() + 1.0) * 0.5,
                x.get(1).cloned(),
                0,
            ))]
        })]
    }

    fn as_sample(&self) -> Option<&dyn Sample> {
        Some(self)
    }
    fn as_log_likelihood(&self) -> Option<&dyn LogLikelihood> {
        Some(self)
    }
    fn as_complete(&self) -> Option<&dyn Complete> {
        Some(self)
    }
    fn as_factors(&self) -> Option<&dyn Factors> {
        Some(self)
    }
}

impl<N: Conditionals> Sample for Autoregressive<N> {
    /// Without a class, a conditional model draws one for each sample, as often as the data have it.
    fn sample(&self, request: &SampleRequest) -> Result<Samples> {
        let keys: Vec<Key> = (0..request.count).map(|i| request.key.step(i as u64)).collect();
        let labels = match (self.grid.classes, request.label) {
            (0, _) => {
                unconditional(request, self.name)?;
                Vec::new()
            }
            (n, Some(l)) if l as usize >= n => return Err(self.unknown_class(l)),
            (_, Some(l)) => vec![l; request.count],
            (n, None) => keys
                .iter()
                .map(|k| k.stream("class").rng().class(n, &self.shares) as u32)
                .collect(),
        };
        Ok(self.samples(&self.draw(&keys, &labels, request.temperature)))
    }
}

impl<N: Conditionals> LogLikelihood for Autoregressive<N> {
    fn log_likelihood(&self, batch: &Batch, key: Key) -> Result<Vec<f64>> {
        let items = self.items(batch, self.grid.discrete, key)?;
        let network = self.learner.for_use();
        let (n, d) = (self.grid.numbers(), self.grid.discrete);
        let k = d.outputs();
        let mut out = Vec::with_capacity(items.count);
        for from in (0..items.count).step_by(CHUNK) {
            let to = (from + CHUNK).min(items.count);
            let labels = items.labels.get(from..to).unwrap_or_default().to_vec();
            let chunk = Items {
                count: to - from,
                levels: items.levels[from * n..to * n].to_vec(),
                labels,
            };
            // p(x) = (1/M) sum_m p(x | order m)
            let mut by_order = vec![Vec::new(); chunk.count];
            for order in 0..network.orders() {
                let logits = menagerie_nn::numbers(network.logits(&chunk, order));
                for (i, (l, levels)) in logits
                    .chunks_exact(n * k)
                    .zip(chunk.levels.chunks_exact(n))
                    .enumerate()
                {
                    by_order[i].push(
                        l.chunks_exact(k)
                            .zip(levels)
                            .map(|(l, &v)| d.log_probability(l, v))
                            .sum::<f64>(),
                    );
                }
            }
            out.extend(by_order.iter().map(|v| {
                let largest = v.iter().copied().fold(f64::NEG_INFINITY, f64::max);
                largest + (v.iter().map(|x| (x - largest).exp()).sum::<f64>() / v.len() as f64).ln()
            }));
        }
        Ok(out)
    }

    fn dimensions(&self) -> usize {
        self.grid.numbers()
    }
}

impl<N: Conditionals> Complete for Autoregressive<N> {
    /// Numbers are drawn in the model's order, so a known one conditions only what comes after it; a model of every order
    /// takes the known ones first. Of several orders the first is taken. Grey is cut at the half, whatever the binarization
    /// in training, so that completions of one image agree on what is known.
    fn complete(&self, batch: &Batch, known: &[bool], key: Key) -> Result<Samples> {
        let threshold = Discrete {
            binarization: Binarization::Threshold,
            ..self.grid.discrete
        };
        let items = self.items(batch, threshold, key)?;
        let g = &self.grid;
        if known.len() != g.height * g.width {
            let problem = format!(
                "the mask has {} positions, an image {}x{}",
                known.len(),
                g.height,
                g.width
            );
            return Err(Error::usage(problem, "give one entry a pixel, row by row"));
        }
        let known: Vec<bool> = known
            .iter()
            .flat_map(|&k| std::iter::repeat_n(k, g.channels))
            .collect();
        let keys: Vec<Key> = batch.indices.iter().map(|&i| key.step(i as u64)).collect();
        let network = self.learner.for_use();
        let sequence = network.known_first(&known).unwrap_or_else(|| network.order(0));
        let drawing = Drawing {
            discrete: g.discrete,
            order: 0,
            sequence: &sequence,
            keys: &keys,
            labels: &items.labels,
            temperature: 1.0,
            known: Some((&items.levels, &known)),
        };
        Ok(self.samples(&drawing.draw(&*network.walker())))
    }
}

impl<N: Conditionals> Factors for Autoregressive<N> {
    fn grid(&self) -> &Grid {
        &self.grid
    }
    fn orders(&self) -> usize {
        self.learner.network().orders()
    }
    fn order(&self, which: usize) -> Vec<u32> {
        self.learner.network().order(which)
    }
    fn logits(&self, items: &Items, order: usize) -> Vec<f32> {
        menagerie_nn::numbers(self.learner.for_use().logits(items, order))
    }
    fn costs(&self, batch: &Batch, key: Key) -> Result<Vec<f64>> {
        let items = self.items(batch, self.grid.discrete, key)?;
        let (logits, d) = (self.logits(&items, 0), self.grid.discrete);
        let each = logits.chunks_exact(d.outputs()).zip(&items.levels);
        Ok(each.map(|(l, &v)| -d.log_probability(l, v)).collect())
    }
    fn walker(&self) -> Box<dyn Walker> {
        self.learner.for_use().walker()
    }
}

#[cfg(test)]
mod tests;
