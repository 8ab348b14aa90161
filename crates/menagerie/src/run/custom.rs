//! A run of a model that a program made, not the recipe alone: an objective of one's own.
use super::{At, Trainer};
use crate::data::DataInfo;
use crate::error::{Error, Result};
use crate::files::write_atomically;
use crate::models::{Model, Purpose};
use crate::random::Key;
use crate::recipe::Recipe;
use burn::tensor::Device;

/// Where a run says what a program put in the place of its recipe's model.
const MARK: &str = "custom.txt";

impl Trainer {
    /// Puts a model of one's own in the place of the recipe's, right after [`Trainer::create`] or [`Trainer::resume`]: `build`
    /// gets the recipe, the data and the key of first weights, and `what` says in a line what is different. The run notes it,
    /// and goes on only with `with_model`. Whoever reads the run (`sample`, `export`, ...) builds the recipe's model and loads the
    /// weights, so networks have the recipe's names and shapes; what only training needs is free.
    ///
    /// # Errors
    /// Those of `build`; [`Error::Data`] when the checkpoint does not fit the model.
    pub fn with_model(
        mut self,
        what: &str,
        device: &Device,
        build: impl FnOnce(&Recipe, &DataInfo, &Device, Key) -> Result<Box<dyn Model>>,
    ) -> Result<Trainer> {
        let key = Key::new(self.train.seed).stream("init");
        let mut model = build(&self.recipe, &self.state.data, device, key)?;
        if self.state.step > 0 {
            let (checkpoint, _) = self.run.checkpoint(At::Step(self.state.step))?;
            if let Some(c) = checkpoint {
                model.load(&|name| c.part(name), Purpose::Train)?;
            }
        }
        write_atomically(&self.run.file(MARK), format!("{what}\n").as_bytes())?;
        (self.model, self.custom) = (model, true);
        Ok(self)
    }

    /// Refuses to go on with the recipe's model where a program had put another in its place.
    pub(super) fn knows_its_model(&self) -> Result<()> {
        match std::fs::read_to_string(self.run.file(MARK)) {
            Ok(what) if !self.custom => Err(Error::run(
                self.run.path(),
                format!("was trained with {}, which is not in its recipe", what.trim()),
                "go on with it from the program that began it (`Trainer::with_model`)",
            )),
            _ => Ok(()),
        }
    }
}
