//! A model and the data it is tested on. It is trained once, when a test first asks, and all tests look at that training.
use menagerie::data::{Batch, DataInfo, Dataset};
use menagerie::models::{Entry, Model};
use menagerie::nn::Tensors;
use menagerie::recipe::Recipe;
use menagerie::{Device, Key};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

/// The device under test: the CPU, unless MENAGERIE_TEST_DEVICE names one that this build has.
pub(crate) fn device() -> Device {
    match std::env::var("MENAGERIE_TEST_DEVICE").as_deref() {
        #[cfg(feature = "wgpu")]
        Ok("wgpu") => Device::wgpu(Default::default()).autodiff(),
        _ => Device::flex().autodiff(),
    }
}

/// Networks, optimizers and averages by name.
pub(crate) type Parts = BTreeMap<String, Tensors>;

/// All that a checkpoint of the model would hold.
pub(crate) fn parts(model: &dyn Model) -> Parts {
    let saved = model.save().into_iter();
    saved.map(|(name, part)| (name, part())).collect()
}

/// Steps of training, and those after which its parts are kept.
pub(crate) const STEPS: [u64; 3] = [0, 2, 4];

/// A model at its last step, and its parts after each of [`STEPS`].
struct Trained {
    model: Mutex<Box<dyn Model>>,
    parts: [Parts; STEPS.len()],
}

/// See the module.
pub(crate) struct Subject {
    /// its line of the registry
    pub entry: &'static Entry,
    source: &'static str,
    settings: &'static [(&'static str, &'static str)],
    data: OnceLock<Arc<dyn Dataset>>,
    trained: OnceLock<Trained>,
}

impl Subject {
    /// A model by its default recipe.
    pub(crate) fn new(entry: &'static Entry, source: &'static str) -> Subject {
        Subject::with(entry, source, &[])
    }

    /// A model by a recipe with these settings.
    pub(crate) fn with(
        entry: &'static Entry,
        source: &'static str,
        settings: &'static [(&'static str, &'static str)],
    ) -> Subject {
        Subject {
            entry,
            source,
            settings,
            data: OnceLock::new(),
            trained: OnceLock::new(),
        }
    }

    /// The model's smallest recipe on this source.
    pub(crate) fn recipe(&self) -> Recipe {
        let name = self.entry.name;
        let mut recipe = Recipe::parse(&format!("[model]\nname = \"{name}\""), name).unwrap();
        let fixed = [
            ("data.source", self.source),
            ("train.batch", "8"),
            ("train.samples", "4"),
            ("train.seed", "3"),
        ];
        let all = fixed.iter().chain(self.entry.tiny).chain(self.settings);
        let all: Vec<(String, String)> = all.map(|(k, v)| (k.to_string(), v.to_string())).collect();
        recipe.set_all(&all).unwrap();
        recipe
    }

    fn dataset(&self) -> &dyn Dataset {
        &**self
            .data
            .get_or_init(|| self.recipe().data().unwrap().open().unwrap().dataset)
    }

    pub(crate) fn info(&self) -> &DataInfo {
        self.dataset().info()
    }

    /// An untrained model; another seed, other first weights.
    pub(crate) fn build(&self, seed: u64) -> Box<dyn Model> {
        self.recipe()
            .build(self.info(), &device(), Key::new(seed))
            .unwrap()
    }

    /// Items of the data.
    pub(crate) fn batch(&self, indices: &[u32]) -> Batch {
        Batch::of(self.dataset(), indices).unwrap()
    }

    /// Steps `from..to` of one and the same course of training; losses are finite.
    pub(crate) fn train(&self, model: &mut dyn Model, from: u64, to: u64) {
        for step in from..to {
            let n = model.batches_per_step() as u64;
            let count = self.info().count as u64;
            let batch = |b: u64| {
                let items = (0..8).map(|i| (((step * n + b) * 8 + i) * 7 % count) as u32);
                self.batch(&items.collect::<Vec<u32>>())
            };
            let batches: Vec<Batch> = (0..n).map(batch).collect();
            let report = model.step(&batches, Key::new(2).step(step), true).unwrap();
            let scalars = &report.scalars;
            assert!(
                scalars.iter().all(|(n, v)| v.is_finite() && !n.is_empty()),
                "{scalars:?}"
            );
            assert!(
                scalars.iter().any(|(n, _)| n.starts_with("loss/")),
                "a loss is reported"
            );
        }
    }

    fn trained(&self) -> &Trained {
        self.trained.get_or_init(|| {
            let mut model = self.build(0);
            let mut at = 0;
            let parts = STEPS.map(|step| {
                self.train(&mut *model, at, step);
                at = step;
                parts(&*model)
            });
            Trained {
                model: Mutex::new(model),
                parts,
            }
        })
    }

    /// The trained model, to ask.
    pub(crate) fn model(&self) -> MutexGuard<'_, Box<dyn Model>> {
        // A test that failed while it asked has changed nothing.
        let lock = self.trained().model.lock();
        lock.unwrap_or_else(PoisonError::into_inner)
    }

    /// The parts of the model that is being trained, after each of [`STEPS`].
    pub(crate) fn course(&self) -> &[Parts; STEPS.len()] {
        &self.trained().parts
    }
}
