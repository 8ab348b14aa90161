//! Likelihood-free inference: a generator that draws the parameters under which a simulator may have given what was seen.
//!
//! The idea: Jethava, Dubhashi (2018), GANs for LIFE: Generative Adversarial Networks for Likelihood Free Inference, and (2017) ABC-GAN,
//! arXiv:1711.11139. The game: Ramesh, Lueckmann, Boelts, Tejero-Cantero, Greenberg, Goncalves, Macke (2022), GATSBI, arXiv:2203.06481.
//!
//! min_G max_D  E_{p(theta) p(x | theta)} log D(theta, x) + E_{p(z) p(x)} log(1 - D(G(z, x), x))       (GATSBI, equation 5)
//!
//! It is least where G(z, x) is distributed as p(theta | x), for every x alike: what is learned once answers for any observation. (ABC-GAN
//! learns an approximator of the simulator beside, and one posterior; here the simulator's runs are the data, and nothing has to be
//! differentiated through it.) Both networks see columns less their means, over their deviations.
use super::Optimizers;
use super::game::check_weights;
use super::rows::{Layers, Rows, needs_columns};
use crate::{
    Capability, Entry, Function, Holds, Infer, Model, NetworkInfo, Part, Port, Purpose, Registered,
    StepReport, of_shape,
};
use burn::module::Module;
use burn::tensor::activation::log_sigmoid;
use burn::tensor::{Device, Tensor, TensorData};
use menagerie_data::error::{Error, Result};
use menagerie_data::random::Key;
use menagerie_data::{Batch, Column, DataInfo, Role};
use menagerie_kernels::noise;
use menagerie_nn::{Init, Learner, OptimizerConfig, Tensors, number, numbers};
use serde::{Deserialize, Serialize};

/// Everything of a recipe that is this model's own.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// `[model]`
    pub model: Sizes,
    /// `[inference]`
    pub inference: Settings,
    /// `[optimizer]`
    pub optimizer: Optimizers,
}

/// `[model]`: the networks' sizes.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Sizes {
    /// dimensions of a latent
    pub latent: usize,
    /// units of each of the three hidden layers of either network
    pub width: usize,
    /// decay of the generator's moving average; 0 for none
    pub average: f64,
}

/// `[inference]`: how the game is played.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// updates of the discriminator for each of the generator
    pub discriminator_steps: usize,
    /// standard deviation of the noise on parameters that the discriminator sees, in the columns' own; falls to 0 over `noise_steps` (Sønderby
    /// et al. 2017, arXiv:1610.04490): a posterior that is narrower than the generator's first draws is otherwise told from them at once
    pub noise: f64,
    /// steps over which it falls
    pub noise_steps: u64,
}

impl Default for Sizes {
    fn default() -> Self {
        Sizes {
            latent: 8,
            width: 128,
            average: 0.999,
        }
    }
}

impl Default for Settings {
    fn default() -> Self {
        Settings {
            discriminator_steps: 2,
            noise: 0.5,
            noise_steps: 5000,
        }
    }
}

impl Default for Config {
    fn default() -> Self {
        Config {
            model: Sizes::default(),
            inference: Settings::default(),
            optimizer: Optimizers::both(OptimizerConfig {
                learning_rate_decay: 0.9998,
                ..OptimizerConfig::adam(1e-3).betas(0.5, 0.999)
            }),
        }
    }
}

/// A generator of parameters, and a discriminator of pairs.
pub struct LifeGan {
    settings: Settings,
    latent: usize,
    columns: Vec<Column>,
    /// which columns are parameters
    parameters: Vec<usize>,
    /// which are what was seen
    seen: Vec<usize>,
    rows: Rows,
    generator: Learner<Layers>,
    discriminator: Learner<Layers>,
}

impl Config {
    /// Fresh networks for runs of a simulator of that description.
    ///
    /// # Errors
    /// For what are no runs of a simulator.
    pub fn build(&self, info: &DataInfo, device: &Device, key: Key) -> Result<LifeGan> {
        needs_columns("life_gan", info)?;
        let is_parameter = |c: &usize| info.columns[*c].role == Role::Parameter;
        let (parameters, seen): (Vec<usize>, Vec<usize>) = (0..info.columns.len()).partition(is_parameter);
        let of_classes = info.columns.iter().any(|c| !c.classes.is_empty());
        if parameters.is_empty() || seen.is_empty() || of_classes {
            let problem = "life_gan learns from runs of a simulator, and no column of these is a parameter";
            return Err(Error::data(
                &info.source,
                problem,
                "give `simulator:gaussian`, `simulator:queue` or `simulator:predators`",
            ));
        }
        let Sizes {
            latent,
            width,
            average,
        } = self.model;
        let (p, x) = (parameters.len(), seen.len());
        let init = |name: &str| Init::new(key.stream(name), device);
        let generator = Layers::new(&[latent + x, width, width, width, p], &init("generator"));
        let discriminator = Layers::new(&[p + x, width, width, width, 1], &init("discriminator"));
        let o = self.optimizer;
        Ok(LifeGan {
            settings: self.inference,
            latent,
            rows: Rows::new(&info.columns, None),
            columns: info.columns.clone(),
            parameters,
            seen,
            generator: Learner::new("generator", generator, o.generator, average, device)?,
            discriminator: Learner::new("discriminator", discriminator, o.discriminator, 0.0, device)?,
        })
    }
}

/// These columns of rows, in order.
fn picked(rows: &Tensor<2>, columns: &[usize]) -> Tensor<2> {
    let one = |c: &usize| rows.clone().narrow(1, *c, 1);
    Tensor::cat(columns.iter().map(one).collect(), 1)
}

impl LifeGan {
    fn latents(&self, keys: impl Iterator<Item = Key>, device: &Device) -> Tensor<2> {
        let one = |key: Key| noise::normal::<2>(key.stream("latent").words(), [1, self.latent], device);
        Tensor::cat(keys.map(one).collect(), 0)
    }

    /// Standardized parameters as the simulator has them, a row after the other.
    fn in_units(&self, standardized: &[f32]) -> Vec<f32> {
        let one = |(i, v): (usize, &f32)| {
            let c = &self.columns[self.parameters[i % self.parameters.len()]];
            (f64::from(*v) * c.deviation + c.mean) as f32
        };
        standardized.iter().enumerate().map(one).collect()
    }

    /// Parameters with the noise that the discriminator sees them through.
    fn blurred(&self, parameters: Tensor<2>, key: Key) -> Tensor<2> {
        let done = self.generator.updates() as f64 / self.settings.noise_steps.max(1) as f64;
        let deviation = self.settings.noise * (1.0 - done).max(0.0);
        match deviation > 0.0 {
            true => {
                let noise: Tensor<2> = noise::normal(key.words(), parameters.dims(), &parameters.device());
                parameters + noise * deviation
            }
            false => parameters,
        }
    }
}

impl Model for LifeGan {
    fn networks(&self) -> Vec<NetworkInfo> {
        let zeros = |n: usize| Tensor::zeros([1, n], &self.generator.plain_device());
        let (p, x) = (self.parameters.len(), self.seen.len());
        vec![
            self.generator.info(|g| g.forward(zeros(self.latent + x))),
            self.discriminator.info(|d| d.forward(zeros(p + x))),
        ]
    }

    fn batches_per_step(&self) -> usize {
        self.settings.discriminator_steps
    }

    fn step(&mut self, batches: &[Batch], key: Key, watch: bool) -> Result<StepReport> {
        let device = self.generator.device().clone();
        let pair = |theta: Tensor<2>, x: &Tensor<2>| Tensor::cat(vec![theta, x.clone()], 1);
        let (mut of_discriminator, mut last) = (0.0, None);
        for (i, batch) in batches.iter().enumerate() {
            of_shape(batch, &[self.columns.len()], "life_gan")?;
            let key = key.step(i as u64).stream("discriminator");
            let rows = self.rows.encoded(&batch.values, &device);
            let (theta, x) = (picked(&rows, &self.parameters), picked(&rows, &self.seen));
            let z = self.latents((0..batch.shape[0] as u64).map(|i| key.step(i)), &device);
            let made = self
                .generator
                .network()
                .clone()
                .no_grad()
                .forward(pair(z, &x))
                .detach();
            let d = self.discriminator.network();
            let right = d.forward(pair(self.blurred(theta, key.stream("data")), &x));
            let wrong = d.forward(pair(self.blurred(made, key.stream("samples")), &x));
            // Logits: log D = log sigmoid(l), log(1 - D) = log sigmoid(-l).
            let loss = -(log_sigmoid(right).mean() + log_sigmoid(-wrong).mean());
            of_discriminator = self.discriminator.descend(loss, false)?.loss;
            last = Some(x);
        }
        let Some(x) = last else {
            return Err(Error::Training {
                step: self.generator.updates() + 1,
                problem: "no batch was given".into(),
                fix: "report this as a bug".into(),
            });
        };
        let z = self.latents((0..x.dims()[0] as u64).map(|i| key.step(i)), &device);
        let made = self.blurred(self.generator.network().forward(pair(z, &x)), key.stream("blur"));
        let said = self
            .discriminator
            .network()
            .clone()
            .no_grad()
            .forward(pair(made, &x));
        let loss = -log_sigmoid(said).mean();
        let value = number(loss.clone());
        let descent = self.generator.descend(loss, watch)?;
        let mut scalars = vec![
            ("loss/discriminator", of_discriminator),
            ("loss/generator", value),
        ];
        scalars.extend(descent.gradient.map(|g| ("gradient/generator", g)));
        Ok(StepReport {
            scalars,
            ..StepReport::default()
        })
    }

    fn save(&self) -> Vec<(String, Part<'_>)> {
        let mut parts = self.generator.save();
        parts.extend(self.discriminator.save());
        // The noise falls with the updates, of which a run for use has no need.
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
        let names = |of: &[usize]| {
            of.iter()
                .map(|c| self.columns[*c].name.clone())
                .collect::<Vec<_>>()
                .join(", ")
        };
        let seen = format!("what was seen, in the simulator's units: {}", names(&self.seen));
        let inputs = vec![
            Port::of("latent", &[self.latent], Holds::Normal, "standard normal"),
            Port::of("seen", &[self.seen.len()], Holds::Numbers, seen),
        ];
        let meaning = format!("a draw from the posterior: {}", names(&self.parameters));
        let outputs = vec![Port::of(
            "parameters",
            &[self.parameters.len()],
            Holds::Numbers,
            meaning,
        )];
        vec![Function::new(
            "infer",
            "parameters, given what was seen",
            inputs,
            outputs,
            |x| {
                let device = x[0].device();
                let row = |of: &[usize], f: fn(&Column) -> f64| {
                    let values: Vec<f32> = of.iter().map(|c| f(&self.columns[*c]) as f32).collect();
                    Tensor::<2>::from_data(TensorData::new(values, [1, of.len()]), &device)
                };
                let seen = (x[1].clone() - row(&self.seen, |c| c.mean)) / row(&self.seen, |c| c.deviation);
                let made = self
                    .generator
                    .for_use_on(&device)
                    .forward(Tensor::cat(vec![x[0].clone(), seen], 1));
                vec![made * row(&self.parameters, |c| c.deviation) + row(&self.parameters, |c| c.mean)]
            },
        )]
    }

    fn as_infer(&self) -> Option<&dyn Infer> {
        Some(self)
    }
}

impl Infer for LifeGan {
    fn parameters(&self) -> &[usize] {
        &self.parameters
    }

    fn infer(&self, batch: &Batch, draws: usize, key: Key) -> Result<Vec<f32>> {
        of_shape(batch, &[self.columns.len()], "life_gan")?;
        let device = self.generator.plain_device();
        let network = self.generator.for_use();
        let x = picked(&self.rows.encoded(&batch.values, &device), &self.seen);
        let mut out = Vec::with_capacity(batch.shape[0] * draws * self.parameters.len());
        for (i, index) in batch.indices.iter().enumerate() {
            let own = key.step(u64::from(*index));
            let z = noise::normal::<2>(own.stream("latent").words(), [draws, self.latent], &device);
            let x = x.clone().narrow(0, i, 1).expand([draws, self.seen.len()]);
            out.extend(self.in_units(&numbers(network.forward(Tensor::cat(vec![z, x], 1)))));
        }
        Ok(out)
    }
}

impl Registered for Config {
    type Config = Config;
    fn defaults() -> Config {
        Config::default()
    }
    fn check(config: &Config) -> Result<()> {
        check_weights([("inference.noise", config.inference.noise)])?;
        let (m, s) = (config.model, config.inference);
        let counts = [
            ("model.latent", m.latent),
            ("model.width", m.width),
            ("inference.discriminator_steps", s.discriminator_steps),
        ];
        match counts.into_iter().find(|(_, n)| !(1..=65536).contains(n)) {
            None => Ok(()),
            Some((key, n)) => Err(Error::recipe(
                key,
                format!("{n} is out of range"),
                "give 1 to 65536",
            )),
        }
    }
    fn build(config: Config, info: &DataInfo, device: &Device, key: Key) -> Result<Box<dyn Model>> {
        Ok(Box::new(config.build(info, device, key)?))
    }
}

/// In the registry.
pub(crate) const ENTRY: Entry = Entry {
    name: "life_gan",
    family: super::FAMILY,
    capabilities: &[Capability::Infer],
    paper: "Jethava & Dubhashi 2018, GANs for LIFE; Ramesh et al. 2022, GATSBI, arXiv:2203.06481",
    recipe: "life_gan",
    data: &["simulator:gaussian"],
    tiny: &[
        ("model.width", "8"),
        ("model.latent", "3"),
        ("model.average", "0.9"),
        ("data.limit", "64"),
    ],
    ..Entry::of::<Config>()
};

#[cfg(test)]
mod tests;
