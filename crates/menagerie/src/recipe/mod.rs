//! A recipe: everything that decides a result, as one TOML document with every default written out.
mod help;
mod layers;
mod notes;

use crate::data::{DataInfo, Kind, Source};
use crate::error::{Error, Result, nearest};
use crate::limits::LARGEST;
use crate::models::{self, Model};
use crate::nn::settings;
use crate::{Device, Key};
pub use help::Explained;
use layers::{carry_over, lay, set_since, upgraded};
pub use notes::{Change, Note, may_change};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use std::collections::BTreeSet;
use std::path::Path;
use toml::{Table, Value};

/// Levels of a key at most: recipes have four.
const DEEPEST: usize = 8;

/// The `[train]` table: how long, how often, from which seed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct TrainConfig {
    /// updates of the model (of the generator, for a GAN)
    pub steps: u64,
    /// items in a batch
    pub batch: usize,
    /// equal parts of a batch that are learned from beside each other, a power of two. What they find is summed over one
    /// tree, so that a run has the same bits on any number of processes that share its leaves; batch statistics are each
    /// leaf's own. 1 is the whole batch at once.
    pub leaves: usize,
    /// leaves of a process that compute at a time, 0 for as many as there are threads. With 1 they come one after the other and
    /// gradients are accumulated: only one leaf's activations are in memory. It decides nothing but that
    pub leaves_at_once: usize,
    /// whether batch norm takes its statistics from all leaves, so that a batch is normalized alike however it is cut; each
    /// layer then waits for all leaves, forward and backward
    pub sync_batch_norm: bool,
    /// root of every random key
    #[serde(with = "crate::random::seeds")]
    pub seed: u64,
    /// training items that keep their label, the same number of every class, drawn by the seed; all others come without
    /// one. 0 is all labels. For models that learn from few labels; judging uses all of them.
    pub labels: usize,
    /// steps between lines of metrics.jsonl
    pub log_every: u64,
    /// steps between sample pictures; one is also made before the first step and after the last
    pub sample_every: u64,
    /// steps between checkpoints; one is also made after the last step
    pub checkpoint_every: u64,
    /// newest checkpoints that are kept
    pub keep: usize,
    /// samples in a picture
    pub samples: usize,
}

/// How a step is watched.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Watch {
    /// not at all
    No,
    /// as the last of a run, which a longer one would not have looked at: it is told, and leaves nothing behind
    InPassing,
    /// as any run of these settings watches it
    Logged,
}

impl TrainConfig {
    /// How that step is watched: whether a line of metrics.jsonl is written after it.
    pub fn watches(&self, step: u64) -> Watch {
        if step == 1 || step.is_multiple_of(self.log_every) {
            Watch::Logged
        } else if step == self.steps {
            Watch::InPassing
        } else {
            Watch::No
        }
    }

    /// Whether a checkpoint is written after that step.
    pub fn checkpoints(&self, step: u64) -> bool {
        step.is_multiple_of(self.checkpoint_every) || step == self.steps
    }
}

impl Default for TrainConfig {
    fn default() -> Self {
        TrainConfig {
            steps: 1000,
            batch: 64,
            leaves: 1,
            leaves_at_once: 0,
            sync_batch_norm: false,
            seed: 0,
            labels: 0,
            log_every: 50,
            sample_every: 500,
            checkpoint_every: 500,
            keep: 3,
            samples: 64,
        }
    }
}

/// The `[evaluate]` table: judging while training. It takes no part in what the networks learn.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct EvaluateConfig {
    /// steps between evaluations; one is also made after the last step; 0 for none
    pub every: u64,
    /// metrics by name; none for those that suit the model
    pub metrics: Vec<String>,
    /// samples to draw, and held-out items to compare with
    pub n: usize,
    /// what gives features: "classifier:RUN", "features:RUN", "learned", "inception:FILE", "imagenet:FILE", "random:SEED" or
    /// "pixels"
    pub extractor: String,
    /// the metric whose best checkpoint is kept beside the newest; empty for the first one
    pub best: String,
}

impl Default for EvaluateConfig {
    fn default() -> Self {
        EvaluateConfig {
            every: 0,
            metrics: vec![],
            n: 1000,
            extractor: "random:0".into(),
            best: String::new(),
        }
    }
}

/// A resolved recipe: no key unknown, none missing, every value of the right type.
///
/// ```
/// use menagerie::recipe::Recipe;
///
/// let recipe = Recipe::named("vae")?.with("model.latent", "2")?.with("train.steps", "500")?;
/// assert_eq!((recipe.model_name(), recipe.train()?.steps), ("vae", 500));
/// // A misspelled key is refused, with the nearest right one.
/// let e = recipe.with("model.latents", "2").unwrap_err().to_string();
/// assert!(e.contains("model.latent"), "{e}");
/// # Ok::<(), menagerie::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct Recipe {
    table: Table,
    history: Vec<Note>,
    /// dotted keys that were set, or all of them where they stand in a file of one's own
    by_hand: ByHand,
}

/// Which keys somebody chose.
#[derive(Clone, Debug)]
enum ByHand {
    All,
    These(BTreeSet<String>),
}

impl PartialEq for Recipe {
    fn eq(&self, other: &Recipe) -> bool {
        self.table == other.table && self.history == other.history
    }
}

/// Recipes that come with the program, by name: (name, text).
pub fn embedded() -> &'static [(&'static str, &'static str)] {
    include!(concat!(env!("OUT_DIR"), "/recipes.rs"))
}

impl Recipe {
    /// The recipe `name`: one that comes with the program, or a model's default one.
    ///
    /// # Errors
    /// [`Error::Usage`] with the nearest known name.
    pub fn named(name: &str) -> Result<Recipe> {
        let known = || {
            embedded()
                .iter()
                .map(|(n, _)| *n)
                .chain(models::registry().iter().map(|m| m.name))
        };
        match embedded().iter().find(|(n, _)| *n == name) {
            Some((_, text)) => Recipe::parse(text, name),
            None => match models::registry().iter().find(|m| m.name == name) {
                Some(m) => Recipe::parse(&format!("[model]\nname = \"{}\"\n", m.name), name),
                None => Err(Error::usage(
                    format!("there is no model or recipe `{name}`"),
                    nearest(name, known()),
                )),
            },
        }
    }

    /// A recipe from a file.
    ///
    /// # Errors
    /// [`Error::Io`] when the file cannot be read; those of [`Recipe::parse`].
    pub fn read(path: &Path) -> Result<Recipe> {
        let text = crate::files::read_text(path)?;
        Ok(Recipe {
            by_hand: ByHand::All,
            ..Recipe::parse(&text, &path.display().to_string())?
        })
    }

    /// A recipe from TOML text; `place` names it in errors. Keys left out get the model's defaults.
    ///
    /// # Errors
    /// [`Error::Data`] for what is not TOML or names no model; [`Error::Recipe`] for unknown keys, wrong types and what clashes.
    pub fn parse(text: &str, place: &str) -> Result<Recipe> {
        let mut given: Table = text.parse().map_err(|e: toml::de::Error| {
            Error::data(
                place,
                format!(
                    "not valid TOML: {}",
                    e.message().split_whitespace().collect::<Vec<_>>().join(" ")
                ),
                "see `menagerie train NAME --dry-run` for a whole recipe",
            )
        })?;
        let history = notes::take(&mut given)?;
        let name = given
            .get("model")
            .and_then(|m| m.get("name"))
            .and_then(Value::as_str);
        let name = name.ok_or_else(|| {
            Error::recipe(
                "model.name",
                format!("{place} does not say which model"),
                "add [model] name = \"dcgan\", say",
            )
        })?;
        let mut recipe = Recipe {
            table: defaults(models::entry(name)?),
            history,
            by_hand: ByHand::These(BTreeSet::new()),
        };
        recipe.lay([&upgraded(given)])?;
        Ok(recipe)
    }

    /// The same recipe with `key` (dotted) set to `value` (written as in TOML; bare words are strings).
    ///
    /// # Errors
    /// [`Error::Recipe`] for an unknown key (with the nearest known one) or a value of another type.
    pub fn with(mut self, key: &str, value: &str) -> Result<Recipe> {
        self.set_all(&[(key.to_string(), value.to_string())])?;
        Ok(self)
    }

    /// Sets several keys at once and checks the result, so that values which only go together may be set together.
    ///
    /// # Errors
    /// [`Error::Recipe`], as [`Recipe::with`].
    pub fn set_all(&mut self, pairs: &[(String, String)]) -> Result<()> {
        let mut all = Vec::with_capacity(pairs.len());
        for (key, value) in pairs {
            let (key, value) = (key.trim(), value.trim());
            // Tables are walked through in depth.
            if key.matches('.').count() > DEEPEST {
                let begin: String = key.chars().take(40).collect();
                return Err(Error::recipe(
                    format!("{begin}..."),
                    format!("a key of over {DEEPEST} levels, and no recipe has such"),
                    "see `menagerie train NAME --dry-run` for a whole recipe",
                ));
            }
            if key == "model.name" && Some(value) != self.model_name_value().as_str() {
                return Err(Error::recipe(
                    key,
                    "the model is named by the command",
                    "use `menagerie train NAME`",
                ));
            }
            // Two sides are no number, though 0x8 looks like one of base 16.
            let sides = key == "data.size" && value.contains('x');
            let parsed = (!sides)
                .then(|| format!("v = {value}").parse::<Table>().ok())
                .flatten()
                .and_then(|mut t| t.remove("v"));
            let value = parsed.unwrap_or_else(|| Value::String(value.to_string()));
            let wrapped = key.rsplit('.').fold(value, |v, part| {
                Value::Table(Table::from_iter([(part.to_string(), v)]))
            });
            let Value::Table(given) = wrapped else {
                unreachable!("a key has at least one part")
            };
            all.push(given);
            if let ByHand::These(keys) = &mut self.by_hand {
                keys.insert(key.to_string());
            }
        }
        self.lay(&all)
    }

    /// Lays tables over what there is, one after the other, and checks the result.
    fn lay<'a>(&mut self, given: impl IntoIterator<Item = &'a Table>) -> Result<()> {
        let mut changed = Vec::new();
        let defaults = models::entry(self.model_name()).map(defaults).unwrap_or_default();
        for table in given {
            let table = layers::without_what_is_off(table, &self.table, &defaults);
            lay(&mut self.table, &table, "", &mut changed)?;
        }

        let set = set_since(&mut self.table, &changed);
        self.check()?;
        if changed.is_empty() {
            return Ok(());
        }
        carry_over(&mut self.table, changed, &set);
        self.check()
    }

    /// The recipe as it fits its data, and what is to be said of that: defaults that ask for classes or for the levels of
    /// images give way where the data have none, unless they were set by hand.
    ///
    /// # Errors
    /// Those of the data.
    pub fn fitted(mut self) -> Result<(Recipe, Vec<String>)> {
        let source = self.data()?;
        // What lies in a folder has pixels, samples or voxels.
        let may_be_points = !Path::new(&source.source).is_dir();
        let told = self.unset("conditional") == Some(&Value::Boolean(true));
        let levels = self
            .unset("observation")
            .is_some_and(|o| o.as_str() != Some("gaussian"));
        if !(told || levels && may_be_points) {
            return Ok((self, vec![]));
        }
        let info = source.open()?.dataset.info().clone();
        let mut said = Vec::new();
        for (key, gives_way, value, why) in [
            (
                "conditional",
                told && info.labels.is_empty(),
                Value::Boolean(false),
                "have no classes, so that it learns without them",
            ),
            (
                "observation",
                levels && info.kind == Kind::Points,
                Value::String("gaussian".into()),
                "have no levels, so that it observes real numbers",
            ),
        ] {
            if let (true, Some(Value::Table(model))) = (gives_way, self.table.get_mut("model")) {
                said.push(format!(
                    "{}: these {} {why} (model.{key} = {value})",
                    info.source,
                    info.kind.plural()
                ));
                model.insert(key.into(), value);
            }
        }
        self.check()?;
        Ok((self, said))
    }

    /// A key of `[model]` as it stands, where nobody has set it by hand.
    fn unset(&self, key: &str) -> Option<&Value> {
        match &self.by_hand {
            ByHand::These(keys) if !keys.contains(&format!("model.{key}")) => {
                self.table.get("model")?.as_table()?.get(key)
            }
            _ => None,
        }
    }

    fn model_name_value(&self) -> Value {
        self.table["model"]["name"].clone()
    }

    /// The model's registered name.
    pub fn model_name(&self) -> &str {
        self.table["model"]["name"].as_str().unwrap_or_default()
    }

    /// The `[data]` table.
    ///
    /// # Errors
    /// [`Error::Recipe`], which only a bug can bring about.
    pub fn data(&self) -> Result<Source> {
        section(&self.table, "data")
    }

    /// The `[train]` table.
    ///
    /// # Errors
    /// [`Error::Recipe`], which only a bug can bring about.
    pub fn train(&self) -> Result<TrainConfig> {
        section(&self.table, "train")
    }

    /// The `[evaluate]` table.
    ///
    /// # Errors
    /// [`Error::Recipe`], which only a bug can bring about.
    pub fn evaluate(&self) -> Result<EvaluateConfig> {
        section(&self.table, "evaluate")
    }

    /// A fresh model of this recipe for data of that description; `key` decides the first weights.
    ///
    /// # Errors
    /// What the model's own check says; [`Error::Recipe`] when its weights would not fit into memory.
    pub fn build(&self, data: &DataInfo, device: &Device, key: Key) -> Result<Box<dyn Model>> {
        models::build(models::entry(self.model_name())?, &self.own(), data, device, key)
    }

    /// The model's own tables as its `Config`, for a program that builds the model itself.
    ///
    /// # Errors
    /// [`Error::Recipe`] when it is another model's.
    pub fn config<C: DeserializeOwned>(&self) -> Result<C> {
        settings::read(&self.own(), "")
    }

    /// Whether the model plays against the network of another run, or may.
    pub fn has_target(&self) -> bool {
        self.table.contains_key("target")
    }

    /// The run whose network the model plays against (`target.run`), where one is named.
    pub fn target(&self) -> Option<&str> {
        let run = self.table.get("target")?.get("run")?.as_str();
        run.filter(|r| !r.is_empty())
    }

    /// Takes the sizes of another recipe's network for `[target.model]`.
    ///
    /// # Errors
    /// Those of the check.
    pub fn take_target_model(&mut self, of: &Recipe) -> Result<()> {
        let mut model = of.own().remove("model").unwrap_or(Value::Table(Table::new()));
        for part in ["model", "target"] {
            model = Value::Table(Table::from_iter([(part.to_string(), model)]));
        }
        match model {
            Value::Table(table) => self.lay(&[table]),
            _ => Ok(()),
        }
    }

    /// Everything that is the model's own business: all tables but those that every recipe has, without `model.name`.
    fn own(&self) -> Table {
        let mut own = self.table.clone();
        for key in SHARED {
            own.remove(key);
        }
        if let Some(Value::Table(m)) = own.get_mut("model") {
            m.remove("name");
        }
        own
    }

    /// Checks every value by reading it the way training will, and writes out the defaults of what is new.
    fn check(&mut self) -> Result<()> {
        self.data()?;
        let t = self.train()?;
        for (key, value) in [
            ("batch", t.batch as u64),
            ("log_every", t.log_every),
            ("sample_every", t.sample_every),
            ("checkpoint_every", t.checkpoint_every),
            ("keep", t.keep as u64),
            ("samples", t.samples as u64),
        ] {
            if value == 0 {
                return Err(Error::recipe(
                    format!("train.{key}"),
                    "0 is too small",
                    "give 1 or more",
                ));
            }
        }
        let e = self.evaluate()?;
        if e.n < 2 {
            return Err(Error::recipe(
                "evaluate.n",
                format!("{} is too small", e.n),
                "give 2 or more, thousands if you can",
            ));
        }
        let chooser = Some(e.best.as_str())
            .filter(|b| !b.is_empty())
            .map(|b| b.split('/').next().unwrap_or(b));
        for (key, name) in e
            .metrics
            .iter()
            .map(|m| ("evaluate.metrics", m.as_str()))
            .chain(chooser.map(|b| ("evaluate.best", b)))
        {
            if let Err(Error::Usage { problem, fix }) = crate::judge::metric(name) {
                return Err(Error::recipe(key, problem, fix));
            }
        }
        within(self.table.get("model"), "model")?;
        let entry = models::entry(self.model_name())?;
        let own = (entry.check)(&self.own()).map_err(misspelled)?;
        self.table = whole(entry.name, &self.data()?, &t, &e, own);
        Ok(())
    }

    /// The whole recipe as TOML.
    pub fn to_toml(&self) -> String {
        let mut table = self.table.clone();
        if let Ok(entry) = models::entry(self.model_name()) {
            layers::say_what_is_off(&mut table, &defaults(entry));
        }
        if !self.history.is_empty() {
            table.insert("history".into(), notes::written(&self.history));
        }
        table.to_string()
    }
}

/// An unknown table at the top may be one that every recipe has, of which the model's own type knows nothing.
fn misspelled(e: Error) -> Error {
    match &e {
        Error::Recipe { key, problem, .. } if problem == "there is no such key" => {
            let near = nearest(key, SHARED);
            match near.starts_with("did you mean") {
                true => Error::recipe(key.clone(), problem.clone(), near),
                false => e,
            }
        }
        _ => e,
    }
}

/// Refuses whole numbers that no model of this world can have as a size.
fn within(value: Option<&Value>, key: &str) -> Result<()> {
    match value {
        Some(Value::Integer(n)) if *n > LARGEST => Err(Error::recipe(
            key,
            format!("{n} is too large"),
            format!("give {LARGEST} at most"),
        )),
        Some(Value::Array(values)) => values.iter().try_for_each(|v| within(Some(v), key)),
        Some(Value::Table(table)) => table
            .iter()
            .try_for_each(|(k, v)| within(Some(v), &format!("{key}.{k}"))),
        _ => Ok(()),
    }
}

/// Deserializes one table, naming the key in an error.
fn section<C: DeserializeOwned>(table: &Table, name: &str) -> Result<C> {
    let empty = Table::new();
    settings::read(table.get(name).and_then(Value::as_table).unwrap_or(&empty), name)
}

/// Keys at the top that every recipe has.
const SHARED: [&str; 4] = ["version", "data", "train", "evaluate"];

/// The defaults of a model's recipe: version, `[model]`, `[data]`, `[train]`, `[evaluate]` and the model's own tables.
fn defaults(entry: &models::Entry) -> Table {
    whole(
        entry.name,
        &Source::default(),
        &TrainConfig::default(),
        &EvaluateConfig::default(),
        (entry.defaults)(),
    )
}

/// A recipe's tables in the order in which they are written.
fn whole(name: &str, data: &Source, train: &TrainConfig, evaluate: &EvaluateConfig, mut own: Table) -> Table {
    let mut model = Table::from_iter([("name".to_string(), Value::String(name.into()))]);
    if let Some(Value::Table(m)) = own.remove("model") {
        model.extend(m);
    }
    let mut table = Table::new();
    table.insert("version".into(), Value::String(env!("CARGO_PKG_VERSION").into()));
    table.insert("model".into(), Value::Table(model));
    table.insert("data".into(), Value::Table(settings::write(data)));
    table.insert("train".into(), Value::Table(settings::write(train)));
    table.insert("evaluate".into(), Value::Table(settings::write(evaluate)));
    table.extend(own);
    table
}

#[cfg(test)]
mod tests;
