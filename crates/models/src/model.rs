//! What every model is to the rest of the house, and what it may be able to do.
use crate::adversarial::game::TwoPlayer;
use crate::capability::*;
use crate::function::Function;
use menagerie_data::error::{Error, Result};
use menagerie_data::random::Key;
use menagerie_data::{Batch, DataInfo, Kind};
use menagerie_nn::{NetworkInfo, Part, Purpose, Tensors};

/// What one training step has to say.
#[derive(Clone, Debug, Default)]
pub struct StepReport {
    /// named numbers for metrics.jsonl (`loss/generator`); complete only when they were asked for
    pub scalars: Vec<(&'static str, f64)>,
    /// troubles seen, each with a line of advice
    pub troubles: Vec<Trouble>,
}

impl StepReport {
    /// The scalar of that name.
    pub fn get(&self, name: &str) -> Option<f64> {
        self.scalars.iter().find(|(n, _)| *n == name).map(|(_, v)| *v)
    }
}

/// What a model may have told of any one item of its data: (epsilon, delta)-differential privacy, of data that differ in an item more or less.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Privacy {
    /// bound of the logarithm of the ratio of probabilities
    pub epsilon: f64,
    /// the probability with which it may not hold
    pub delta: f64,
    /// noisy updates that saw data
    pub uses: u64,
    /// standard deviation of their noise, in bounds of an item's gradient
    pub noise: f64,
    /// the probability with which an item was taken for one
    pub share: f64,
}

/// A known difficulty of training, recognized while it happens.
#[derive(Clone, Debug, PartialEq)]
pub struct Trouble {
    /// its name, such as `mode-collapse`
    pub name: &'static str,
    /// what was seen and what to try, in one line
    pub advice: String,
}

/// The one table of capabilities: of it come the enumeration, the names and the `as_...` methods of [`Model`].
macro_rules! capabilities {
    ({ $($(#[doc = $doc:literal])* $capability:ident, $method:ident, $name:literal;)* }
     $(#[$meta:meta])* pub trait Model: Send { $($body:tt)* }) => {
        /// What a model can do; commands ask for one.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum Capability {
            $($(#[doc = $doc])* $capability,)*
        }

        impl Capability {
            /// Every capability.
            pub const ALL: &[Capability] = &[$(Capability::$capability),*];

            /// Its name on the command line.
            pub fn name(self) -> &'static str {
                match self {
                    $(Capability::$capability => $name,)*
                }
            }

            /// Whether the model has it.
            pub fn of(self, model: &dyn Model) -> bool {
                match self {
                    $(Capability::$capability => model.$method().is_some(),)*
                }
            }
        }

        $(#[$meta])*
        pub trait Model: Send {
            $($body)*
            $(
                $(#[doc = $doc])*
                fn $method(&self) -> Option<&dyn $capability> {
                    None
                }
            )*
        }
    };
}

capabilities! {
    {
        /// draw new items
        Sample, as_sample, "sample";
        /// a prior over latents and a decoder
        LatentSpace, as_latent_space, "latent-space";
        /// the likelihood of an item, exactly
        LogLikelihood, as_log_likelihood, "log-likelihood";
        /// a lower bound of the likelihood
        EvidenceBound, as_evidence_bound, "evidence-bound";
        /// the conditionals whose product the likelihood of discrete numbers is, one by one
        Factors, as_factors, "factors";
        /// the latent of an item
        Encode, as_encode, "encode";
        /// an item, given back through what the model keeps of it
        Reconstruct, as_reconstruct, "reconstruct";
        /// the missing part of an item
        Complete, as_complete, "complete";
        /// what follows, or what belongs to a condition
        Predict, as_predict, "predict";
        /// an image of one domain as one of another
        Translate, as_translate, "translate";
        /// an image of a description
        Illustrate, as_illustrate, "text-to-image";
        /// the class of an item
        Classify, as_classify, "classify";
        /// the parameters of a simulator, given what it gave
        Infer, as_infer, "infer";
                /// actions in an environment
        Act, as_act, "act";
        /// images changed so that a classifier is misled

        Attack, as_attack, "attack";
        /// such changes taken out of images again
        Defend, as_defend, "defend";
        /// how unusual an item is
        Anomaly, as_anomaly, "anomaly";
        /// the group of an item, of groups that nobody has named
        Cluster, as_cluster, "cluster";
        /// the attributes an item was made from
        ReadAttributes, as_read_attributes, "read-attributes";
        /// items whose numbers, as it predicts them, are high
        Maximize, as_maximize, "maximize";
        /// features of an item
        Features, as_features, "features";
    }
    /// A generative model that can be trained. It reads no files, prints nothing and knows no command line.
    pub trait Model: Send {
        /// Its networks.
        fn networks(&self) -> Vec<NetworkInfo>;

        /// Batches that one step takes (a GAN with k discriminator updates takes k).
        fn batches_per_step(&self) -> usize {
            1
        }

        /// How many of these batches, the last ones, hold items with labels alone. A model that says so may be trained
        /// with few labels (`train.labels`): these batches are then drawn from the items that keep theirs, the others
        /// from all items, with or without a label.
        fn labelled_batches(&self) -> usize {
            0
        }

        /// Whether each batch is to be drawn of all items anew, independent of the others, rather than epoch by epoch.
        fn draws_independently(&self) -> bool {
            false
        }

        /// Why it must not learn any further, where that is so: in a line, with the key that says it.
        fn finished(&self) -> Option<String> {
            None
        }

        /// What it may have told of an item of its data, where that is bounded.
        fn privacy(&self) -> Option<Privacy> {
            None
        }

        /// Whether items that it does not learn from tell something about how it learns: what a discriminator says of
        /// them, say.
        fn watches_held_out(&self) -> bool {
            false
        }

        /// Takes in such items before a step that is watched; what they tell comes with that step's report. Nothing
        /// is learned from them.
        fn watch_held_out(&mut self, _: &Batch) {}

                /// Says of the next step that it is watched because the run ends there: what it shows is told, and not kept, for a
        /// longer run is to be the same as one that went on.
        fn watch_in_passing(&mut self) {}

        /// One training step. `key` is the step's own; `watch` asks for the scalars and diagnoses of a log step.
        ///
        /// # Errors
        /// [`Error::Training`] when a loss is no longer finite.
        fn step(&mut self, batches: &[Batch], key: Key, watch: bool) -> Result<StepReport>;

        /// Everything that the next step or a sample depends on, as named files; each is copied out when it is asked for.
        fn save(&self) -> Vec<(String, Part<'_>)>;

        /// Takes up what `save` gave. With `Purpose::Use`, only what samples and answers need is read.
        fn load(&mut self, read: &dyn Fn(&str) -> Result<Tensors>, purpose: Purpose) -> Result<()>;

        /// Takes the network that it is to play against from a checkpoint of another run.
        ///
        /// # Errors
        /// [`Error::Usage`] of a model that plays against none; those of reading.
        fn take_target(&mut self, _: &dyn Fn(&str) -> Result<Tensors>) -> Result<()> {
            Err(no_target("this model"))
        }

        /// The game of two that it plays, to be watched and played turn by turn.
        fn as_two_player(&mut self) -> Option<&mut dyn TwoPlayer> {
            None
        }

        /// Its latents under mixtures of the classes that it draws by.
        fn as_class_mixtures(&self) -> Option<&dyn ClassMixtures> {
            None
        }

        /// What it does as functions of tensors alone, the one that draws first: what other programs can have of it as a
        /// graph.
        fn functions(&self) -> Vec<Function<'_>> {
            Vec::new()
        }
    }
}

/// What is said of a target given to a model that has none.
pub(crate) fn no_target(model: &str) -> Error {
    Error::usage(
        format!("{model} does not play against the network of another run"),
        "leave the target out, or train adv_gan, adaptive_gan, ae_gan or dna_gan",
    )
}

impl Capability {
    /// Says which models can, for a command that needs it of a model that cannot.
    pub fn missing(self, model: &str) -> Error {
        const SHOWN: usize = 6;
        let able: Vec<&str> = crate::registry()
            .iter()
            .filter(|e| e.capabilities.contains(&self))
            .map(|e| e.name)
            .collect();
        let more = match able.len().saturating_sub(SHOWN) {
            0 => String::new(),
            n => format!(" and {n} more: `menagerie list --can {}`", self.name()),
        };
        let fix = format!(
            "models that can: {}{more}",
            able[..able.len().min(SHOWN)].join(", ")
        );
        Error::usage(
            format!("`{model}` does not have the capability `{}`", self.name()),
            fix,
        )
    }
}

/// Refuses a batch of another shape than the model was built for.
///
/// # Errors
/// [`Error::Usage`] with both shapes.
pub(crate) fn of_shape(batch: &Batch, shape: &[usize], model: &str) -> Result<()> {
    if batch.shape.get(1..) == Some(shape) {
        return Ok(());
    }
    let text = |s: &[usize]| s.iter().map(usize::to_string).collect::<Vec<_>>().join("x");
    let problem = format!(
        "{model} was trained on items of {}, but these are {}",
        text(shape),
        text(batch.shape.get(1..).unwrap_or_default())
    );
    Err(Error::usage(
        problem,
        "take a model trained on items of this shape, or bring files to that one with --size and --channels",
    ))
}

/// Refuses the parts of a request that an unconditional model cannot serve.
///
/// # Errors
/// [`Error::Usage`] that names the part.
pub(crate) fn unconditional(request: &SampleRequest, model: &str) -> Result<()> {
    match request.label {
        Some(_) => Err(Error::usage(
            format!("{model} was trained without classes, so it cannot draw from one"),
            "leave out --label",
        )),
        None => Ok(()),
    }
}

/// Refuses a temperature for a model that has none.
///
/// # Errors
/// [`Error::Usage`] for any temperature but 1.
pub(crate) fn untempered(request: &SampleRequest, model: &str) -> Result<()> {
    match request.temperature {
        1.0 => Ok(()),
        t => Err(Error::usage(
            format!("{model} has no temperature, so {t} cannot be used"),
            "leave out --temperature",
        )),
    }
}

/// The data of one side alone, of data of two sides; others as they are.
pub fn one_side(info: &DataInfo) -> DataInfo {
    match info.shape[..] {
        [h, w, c] if info.kind.has_sides() => DataInfo {
            kind: Kind::Image,
            shape: vec![h, w, c / 2],
            ..info.clone()
        },
        _ => info.clone(),
    }
}

/// The axes of an image, with sequences and notes as one row and points as one pixel: `[height, width, channel]`.
pub(crate) fn as_image_shape(info: &DataInfo) -> [usize; 3] {
    match info.shape[..] {
        [h, w, c] => [h, w, c],
        [length, numbers] if matches!(info.kind, Kind::Sequence | Kind::Notes) => [1, length, numbers],
        _ => [1, 1, info.shape.iter().product()],
    }
}
