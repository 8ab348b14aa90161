//! The registry: every model's entry, by family. An entry stands in its model's file, and in its family's list.
use crate::{Capability, Model};
use burn::tensor::Device;
use menagerie_data::error::{Error, Result, nearest};
use menagerie_data::random::Key;
use menagerie_data::{DataInfo, limits};
use menagerie_nn::settings;
use serde::{Serialize, de::DeserializeOwned};
use std::sync::LazyLock;
use toml::Table;

/// What a model registers: its settings, and how to build it of them.
pub(crate) trait Registered {
    /// all tables of a recipe that are the model's own business
    type Config: Serialize + DeserializeOwned;

    /// The settings of its paper.
    fn defaults() -> Self::Config;

    /// What clashes, beyond the types of single values.
    ///
    /// # Errors
    /// [`Error::Recipe`], which names the keys.
    fn check(_config: &Self::Config) -> Result<()> {
        Ok(())
    }

    /// A fresh model for data of that description; `key` decides the first weights.
    ///
    /// # Errors
    /// For settings that clash, or data that the model cannot learn.
    fn build(config: Self::Config, data: &DataInfo, device: &Device, key: Key) -> Result<Box<dyn Model>>;
}

/// A line of the registry.
///
/// ```
/// use menagerie_models::{Capability, build, entry, registry};
///
/// let able = registry().iter().filter(|e| e.capabilities.contains(&Capability::Encode));
/// assert!(able.map(|e| e.name).any(|name| name == "vae"));
///
/// // The settings of its paper, with one changed, for points of the plane.
/// let gan = entry("gan")?;
/// let mut settings = (gan.defaults)();
/// settings["model"].as_table_mut().unwrap().insert("width".into(), 16.into());
/// let data = menagerie_data::Source::parse("ring8").open()?.dataset;
/// let device = burn::tensor::Device::flex();
/// let model = build(gan, &settings, data.info(), &device, menagerie_data::Key::new(1))?;
/// assert!(model.as_latent_space().is_some() && model.as_encode().is_none());
/// # Ok::<(), menagerie_data::Error>(())
/// ```
pub struct Entry {
    /// what commands and recipes call it
    pub name: &'static str,
    /// its family in the taxonomy of generative models
    pub family: &'static str,
    /// what it can do
    pub capabilities: &'static [Capability],
    /// authors, year, title
    pub paper: &'static str,
    /// the recipe that `train NAME` takes
    pub recipe: &'static str,
    /// built-in sources that the harness of all models trains it on
    pub data: &'static [&'static str],
    /// settings that make it small enough for a test of a second
    pub tiny: &'static [(&'static str, &'static str)],
    /// the model's own tables with their defaults
    pub defaults: fn() -> Table,
    /// reads the model's own tables as `build` will, and writes them out whole
    pub check: fn(&Table) -> Result<Table>,
    /// builds it; see [`build`]
    pub(crate) build: fn(&Table, &DataInfo, &Device, Key) -> Result<Box<dyn Model>>,
}

impl Entry {
    /// The entry points of a model; the rest of its line is still empty.
    pub(crate) const fn of<R: Registered>() -> Entry {
        Entry {
            name: "",
            family: "",
            capabilities: &[],
            paper: "",
            recipe: "",
            data: &["digits"],
            tiny: &[],
            defaults: || settings::write(&R::defaults()),
            check: |table| {
                let config = settings::read(table, "")?;
                R::check(&config)?;
                Ok(settings::write(&config))
            },
            build: |table, data, device, key| {
                let config = settings::read(table, "")?;
                R::check(&config)?;
                R::build(config, data, device, key)
            },
        }
    }
}

/// Every model there is, family by family. `tests/every_model` runs over it.
pub fn registry() -> &'static [&'static Entry] {
    static ALL: LazyLock<Vec<&Entry>> = LazyLock::new(|| {
        [
            crate::adversarial::ENTRIES,
            crate::autoregressive::ENTRIES,
            crate::variational::ENTRIES,
            crate::flow::ENTRIES,
            crate::energy::ENTRIES,
            crate::discriminative::ENTRIES,
        ]
        .concat()
    });
    &ALL
}

/// The registry's line for a model.
///
/// # Errors
/// [`Error::Usage`] with the nearest known name.
pub fn entry(name: &str) -> Result<&'static Entry> {
    let found = registry().iter().copied().find(|e| e.name == name);
    found.ok_or_else(|| {
        Error::usage(
            format!("there is no model `{name}`"),
            nearest(name, registry().iter().map(|e| e.name)),
        )
    })
}

/// Builds a model of its own tables of a recipe; `key` decides the first weights.
///
/// # Errors
/// What its `build` says; [`Error::Recipe`] when its weights would not fit into memory.
pub fn build(
    entry: &Entry,
    settings: &Table,
    data: &DataInfo,
    device: &Device,
    key: Key,
) -> Result<Box<dyn Model>> {
    limits::while_building(|| (entry.build)(settings, data, device, key))
}

/// What a model's check says to its defaults with one value changed.
#[cfg(test)]
pub(crate) fn refusal(name: &str, table: &str, key: &str, value: toml::Value) -> String {
    let entry = entry(name).expect("a registered name");
    let mut settings = (entry.defaults)();
    settings[table]
        .as_table_mut()
        .expect("a table")
        .insert(key.into(), value);
    (entry.check)(&settings).expect_err("is refused").to_string()
}
