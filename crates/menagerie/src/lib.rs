//! Menagerie: train, judge, explore and ship generative models.
//!
//! A datum's way: [`data::Source`] -> [`data::Dataset`] -> [`data::Loader`] -> [`data::Batch`] -> [`models::Model::step`]
//! -> numbers -> [`run::Run`]. A run's way back: [`run::Run`] -> [`models::Model`] -> what it can do -> file or picture.
//!
//! The rooms of the house are crates, so that dependencies point one way; this one gives them all under one name, and Burn,
//! the tensor library, with them: `use menagerie::burn;` is all that a network of one's own needs.
//!
//! A recipe is trained into a run folder, which is then judged:
//!
//! ```
//! use menagerie::judge::subject::Subject;
//! use menagerie::recipe::Recipe;
//! use menagerie::run::evaluator::{Compared, Evaluator, Settings};
//! use menagerie::run::{At, Run, Trainer};
//! use menagerie::{Device, Result};
//!
//! # let scratch = tempfile::tempdir().unwrap();
//! # let folder = scratch.path().join("ring");
//! let recipe = Recipe::named("gan")?.with("data.source", "ring8")?.with("train.steps", "2")?;
//! Trainer::create(recipe, &folder, &Device::flex().autodiff())?.train(&Default::default(), &mut |_| {})?;
//!
//! let device = Device::flex();
//! let run = Run::open(&folder)?;
//! let (model, checkpoint, _) = run.model(At::Newest, &device)?;
//! let (name, info) = ("gan", &checkpoint.state.data);
//! let subject = Subject::Model { model: &*model, name, info };
//! let (data, _) = Compared::open(&run.recipe()?.data()?, None, info)?;
//! let settings = Settings { metrics: vec!["modes".into()], count: 100, ..Settings::default() };
//! let found = Evaluator::new(settings, subject, Some(data), &device, &mut |_, _, _| {})?
//!     .judge(subject, &mut |_, _, _| {})?;
//! assert_eq!(found[0].metric, "modes");
//! # Ok::<(), menagerie::Error>(())
//! ```
pub mod explore;
pub mod export;
pub mod hiding;
pub mod import;

pub mod judge;
pub mod processes;

pub mod recipe;
pub mod run;

pub use burn;
pub use burn::tensor::{Device, Tensor};
pub use menagerie_data as data;
pub use menagerie_data::{Error, Key, Result, error, files, interrupt, limits, picture, random};
pub use menagerie_kernels as kernels;
pub use menagerie_metrics as metrics;
pub use menagerie_models as models;
pub use menagerie_nn as nn;
