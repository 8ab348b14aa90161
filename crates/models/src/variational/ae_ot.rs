//! AE-OT: an autoencoder, and optimal transport from noise to its codes.
//!
//! Liu, Gu, Samaras (2018), A Two-Step Computation of the Exact GAN Wasserstein Distance / Latent Space Optimal Transport for
//! Generative Models; An, Guo, Lei, Luo, Yau, Gu (2020), AE-OT: A New Generative Model Based on Extended Semi-discrete Optimal
//! Transport, ICLR.
//!
//! First the autoencoder learns alone. Then codes of `transport.codes` items are kept, and the heights of Brenier's potential are
//! found that give each of them the same share of the noise (`semi_discrete.rs`). A sample is what the decoder makes of the code
//! that its noise is carried to. Modes of the data stay modes of the codes, and none is missed: no network has to tear noise apart.
use super::autoencoder::{Autoencoder, Loss, Sizes};
use super::semi_discrete::SemiDiscrete;
use crate::{
    Capability, Entry, Features, Function, Holds, LatentSpace, Model, NetworkInfo, Part, Port, Purpose,
    Reconstruct, Registered, Sample, SampleRequest, Samples, StepReport, unconditional, untempered,
};
use burn::tensor::{Device, Tensor};
use menagerie_data::error::{Error, Result};
use menagerie_data::random::Key;
use menagerie_data::{Batch, DataInfo, interrupt};
use menagerie_kernels::noise;
use menagerie_nn::{OptimizerConfig, Tensors, collective, named, numbers};
use serde::{Deserialize, Serialize};

/// Everything of a recipe that is this model's own.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// `[model]`: the autoencoder's networks
    pub model: Sizes,
    /// `[loss]`: the autoencoder's
    pub loss: Loss,
    /// `[transport]`
    pub transport: TransportSettings,
    /// `[optimizer]`: the autoencoder's
    pub optimizer: OptimizerConfig,
}

/// `[transport]`: from noise to codes.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct TransportSettings {
    /// steps of the autoencoder before codes are kept
    pub from: u64,
    /// codes to which noise is carried; all items where there are fewer
    pub codes: usize,
    /// draws of noise by which a step counts the masses of cells
    pub draws: usize,
    /// step size of the heights at first, where codes have deviation 1
    pub rate: f64,
    /// how far a code's neighbours are mixed into it, in the mean distance of the best score from the next; 0 for codes alone
    pub smoothing: f64,
    /// codes further than this from the nearest one, in mean distances of codes, are never mixed into it
    pub cut: f64,
}

impl Default for TransportSettings {
    fn default() -> Self {
        TransportSettings {
            from: 3000,
            codes: 2000,
            draws: 4000,
            rate: 0.05,
            smoothing: 1.0,
            cut: 0.25,
        }
    }
}

impl Default for Config {
    fn default() -> Self {
        Config {
            model: Sizes::default(),
            loss: Loss::default(),
            transport: TransportSettings::default(),
            optimizer: OptimizerConfig::adam(1e-3),
        }
    }
}

impl TransportSettings {
    fn check(&self) -> Result<()> {
        let counts = [
            ("transport.codes", self.codes < 2, "2 or more"),
            ("transport.draws", self.draws == 0, "1 or more"),
        ];
        if let Some((key, _, fix)) = counts.into_iter().find(|c| c.1) {
            return Err(Error::recipe(key, "there are too few", format!("give {fix}")));
        }
        let fits = |v: f64, least: f64| v.is_finite() && v >= least;
        let numbers = [
            (
                "transport.rate",
                self.rate,
                fits(self.rate, 0.0) && self.rate > 0.0,
            ),
            ("transport.smoothing", self.smoothing, fits(self.smoothing, 0.0)),
            ("transport.cut", self.cut, fits(self.cut, 0.0)),
        ];
        match numbers.into_iter().find(|n| !n.2) {
            Some((key, v, _)) => Err(Error::recipe(
                key,
                format!("{v} is out of range"),
                "give a positive number",
            )),
            None => Ok(()),
        }
    }
}

/// The name of its part in checkpoints.
const TRANSPORT: &str = "transport";

/// See the module.
pub struct AeOt {
    autoencoder: Autoencoder,
    settings: TransportSettings,
    /// codes that are kept, as long as there are not enough of them
    kept: Vec<f32>,
    transport: Option<SemiDiscrete>,
}

impl AeOt {
    fn latent(&self) -> usize {
        self.autoencoder.learner.network().decoder.inputs()
    }

    /// Noise `[batch, latent]` -> codes; as it is while there is no transport.
    fn carried(&self, draws: Tensor<2>) -> Tensor<2> {
        let Some(t) = &self.transport else {
            return draws;
        };
        let (s, device) = (&self.settings, self.autoencoder.learner.plain_device());
        let map = t.map(s.smoothing, s.cut, &device);
        named::on_device(map, TRANSPORT, &draws.device()).forward(draws)
    }

    /// Keeps the codes of a batch; with the last of them the way to them begins.
    fn keep(&mut self, batch: &Batch) -> Result<StepReport> {
        let error = self.autoencoder.error(batch)?;
        let codes = numbers(self.autoencoder.code(batch)?);
        self.kept.extend(collective::gather(codes));
        let all = self.settings.codes * self.latent();
        if self.kept.len() >= all {
            self.kept.truncate(all);
            let codes = std::mem::take(&mut self.kept);
            self.transport = Some(SemiDiscrete::new(codes, self.latent()));
        }
        Ok(StepReport {
            scalars: vec![("loss/squared-error", collective::mean_of(error))],
            troubles: vec![],
        })
    }
}

/// Rows of noise that pass at a time: each meets every code.
const CHUNK: usize = 64;

impl Model for AeOt {
    fn networks(&self) -> Vec<NetworkInfo> {
        self.autoencoder.networks()
    }

    fn step(&mut self, batches: &[Batch], key: Key, watch: bool) -> Result<StepReport> {
        if self.autoencoder.learner.updates() < self.settings.from {
            return self.autoencoder.step(batches, key, watch);
        }
        let (draws, latent) = (self.settings.draws, self.latent());
        let Some(transport) = &mut self.transport else {
            return self.keep(&batches[0]);
        };
        // All leaves of a batch see the same noise, and so find the same heights.
        let key = collective::common_key(key).stream("noise");
        let device = self.autoencoder.learner.plain_device();
        let noise = noise::normal(key.words(), [draws, latent], &device);
        let off = transport.step(&noise, self.settings.rate);
        Ok(StepReport {
            scalars: vec![("loss/mass", off)],
            troubles: vec![],
        })
    }

    fn save(&self) -> Vec<(String, Part<'_>)> {
        let mut parts = self.autoencoder.save();
        parts.push((
            TRANSPORT.into(),
            Box::new(|| match &self.transport {
                Some(t) => t.save(),
                None => {
                    let mut t = Tensors::default();
                    t.arrays
                        .insert("kept".into(), (vec![self.kept.len()], self.kept.clone()));
                    t
                }
            }),
        ));
        parts
    }

    fn load(&mut self, read: &dyn Fn(&str) -> Result<Tensors>, purpose: Purpose) -> Result<()> {
        self.autoencoder.load(read, purpose)?;
        let t = read(TRANSPORT)?;
        match t.arrays.get("kept") {
            Some((_, kept)) => (self.kept, self.transport) = (kept.clone(), None),
            None => self.transport = Some(SemiDiscrete::load(&t, self.latent())?),
        }
        Ok(())
    }

    fn functions(&self) -> Vec<Function<'_>> {
        let mut of_codes = self.autoencoder.functions();
        let Some(at) = of_codes.iter().position(|f| f.name == "decode") else {
            return vec![];
        };
        let decode = of_codes.swap_remove(at);
        let port = Port::of("latent", &[self.latent()], Holds::Normal, "standard normal");
        let item = decode.outputs[0].clone();
        let run = move |x: &[Tensor<2>]| decode.run(&[self.carried(x[0].clone())]);
        vec![Function::new("sample", "a new item", vec![port], vec![item], run)]
    }

    fn as_sample(&self) -> Option<&dyn Sample> {
        Some(self)
    }
    fn as_latent_space(&self) -> Option<&dyn LatentSpace> {
        Some(self)
    }
    fn as_reconstruct(&self) -> Option<&dyn Reconstruct> {
        Some(&self.autoencoder)
    }
    fn as_features(&self) -> Option<&dyn Features> {
        Some(&self.autoencoder)
    }
}

impl Sample for AeOt {
    fn sample(&self, request: &SampleRequest) -> Result<Samples> {
        unconditional(request, "ae_ot")?;
        untempered(request, "ae_ot")?;
        self.decode(self.prior(request.count, request.key) * request.truncation)
    }
}

/// Latents are noise; what the encoder gives are codes, to which noise is carried.
impl LatentSpace for AeOt {
    fn latent(&self) -> usize {
        self.latent()
    }

    fn prior(&self, count: usize, key: Key) -> Tensor<2> {
        let device = self.autoencoder.learner.plain_device();
        noise::normal(key.stream("latents").words(), [count, self.latent()], &device)
    }

    fn decode(&self, latents: Tensor<2>) -> Result<Samples> {
        let [count, given] = latents.dims();
        if given != self.latent() {
            let problem = format!("a latent of ae_ot has {} numbers, not {given}", self.latent());
            return Err(Error::usage(problem, "check the file of latents"));
        }
        let function = self.functions().swap_remove(0);
        let mut values = Vec::new();
        for from in (0..count).step_by(CHUNK) {
            interrupt::check()?;
            let some = latents.clone().narrow(0, from, CHUNK.min(count - from));
            values.extend(numbers(function.run(&[some]).swap_remove(0)));
        }
        let info = &self.autoencoder.info;
        Ok(Samples {
            kind: info.kind,
            shape: [&[count], &info.shape[..]].concat(),
            values,
        })
    }
}

impl Registered for Config {
    type Config = Config;
    fn defaults() -> Config {
        Config::default()
    }
    fn check(config: &Config) -> Result<()> {
        config.transport.check()
    }
    fn build(config: Config, info: &DataInfo, device: &Device, key: Key) -> Result<Box<dyn Model>> {
        let autoencoder = super::autoencoder::Config {
            model: config.model,
            loss: config.loss,
            optimizer: config.optimizer,
        };
        let autoencoder = autoencoder.build("ae_ot", None, info, device, key)?;
        let codes = config.transport.codes.min(info.count);
        Ok(Box::new(AeOt {
            autoencoder,
            settings: TransportSettings {
                codes,
                ..config.transport
            },
            kept: vec![],
            transport: None,
        }))
    }
}

/// In the registry.
pub(crate) const ENTRY: Entry = Entry {
    name: "ae_ot",
    family: super::FAMILY,
    capabilities: &[
        Capability::Sample,
        Capability::LatentSpace,
        Capability::Reconstruct,
        Capability::Features,
    ],
    paper: "An et al. 2020, AE-OT: A New Generative Model Based on Extended Semi-discrete Optimal Transport, ICLR",
    recipe: "ae_ot",
    data: &["digits", "ring8"],
    tiny: &[
        ("model.hidden", "[16]"),
        ("model.latent", "2"),
        ("model.average", "0.9"),
        ("transport.from", "2"),
        ("transport.codes", "8"),
        ("transport.draws", "50"),
    ],
    ..Entry::of::<Config>()
};
