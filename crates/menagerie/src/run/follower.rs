//! A training's part in a process that others lead: it learns from its leaves of every batch, and writes nothing.
use super::begin::{Prepared, prepare, prepare_new, with_weights_of};
use super::feed::Feed;
use super::judging::Judging;
use super::leaves::Leaves;
use super::target;
use super::trainer::held_out;

use super::{At, Run};
use crate::data::{Batch, DataInfo};
use crate::error::Result;

use crate::models::{Model, Purpose};
use crate::random::Key;
use crate::recipe::{Recipe, Watch};
use burn::tensor::Device;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

/// What a process does in whose place [`Trainer`](super::Trainer) is the first one's: the same steps, without a folder.
pub struct Follower {
    recipe: Recipe,
    model: Box<dyn Model>,
    leaves: Leaves,
    feed: Feed,
    info: DataInfo,
    device: Device,
    step: u64,
    /// items of the test split, once they have been looked for
    held_out: Option<Option<Batch>>,
}

impl Follower {
    /// Beside [`Trainer::create`](super::Trainer::create).
    ///
    /// # Errors
    /// Those of the recipe, the data and the model.
    pub fn create(recipe: Recipe, device: &Device) -> Result<Follower> {
        let (recipe, _) = target::sized(recipe)?.fitted()?;
        let prepared = prepare_new(&recipe, device)?;
        Follower::assemble(recipe, prepared, 0, 0, device)
    }

    /// Beside [`Trainer::create_from`](super::Trainer::create_from).
    ///
    /// # Errors
    /// As [`Follower::create`]; when the other run has no such checkpoint, or its weights do not fit the recipe.
    pub fn create_from(recipe: Recipe, from: &Run, at: At, device: &Device) -> Result<Follower> {
        let (recipe, _) = recipe.fitted()?;
        let (prepared, _) = with_weights_of(&recipe, from, at, device)?;
        Follower::assemble(recipe, prepared, 0, 0, device)
    }

    /// Beside [`Trainer::resume_with`](super::Trainer::resume_with).
    ///
    /// # Errors
    /// Those of the recipe, the data and the checkpoint.
    pub fn resume_with(path: &Path, settings: &[(String, String)], device: &Device) -> Result<Follower> {
        let run = Run::open(path)?;
        let mut recipe = run.recipe()?;
        recipe.set_all(settings)?;
        let (newest, _) = run.checkpoint(At::Newest)?;
        let state = newest.as_ref().map(|c| &c.state);
        let known = state.map_or(&[][..], |s| &s.data.labels);
        let mut prepared = prepare(&recipe, recipe.data()?.open()?, known, device)?;
        if let Some(c) = &newest {
            prepared.model.load(&|name| c.part(name), Purpose::Train)?;
        }
        let (cursor, step) = state.map_or((0, 0), |s| (s.cursor, s.step));
        Follower::assemble(recipe, prepared, cursor, step, device)
    }

    fn assemble(
        recipe: Recipe,
        prepared: Prepared,
        cursor: u64,
        step: u64,
        device: &Device,
    ) -> Result<Follower> {
        let Prepared { dataset, model, .. } = prepared;
        let mut leaves = Leaves::new(&recipe)?;
        let feed = Feed::new(&recipe.train()?, &dataset, &*model, leaves.rows(), cursor, step)?;
        leaves.start(&recipe, dataset.info(), &*model, device)?;
        Ok(Follower {
            recipe,
            model,
            leaves,
            feed,
            info: dataset.info().clone(),
            device: device.clone(),
            step,
            held_out: None,
        })
    }

    /// Takes part until the last step, or until any process is to stop.
    ///
    /// # Errors
    /// When the data or the losses fail, or the processes do not train the same.
    pub fn train(&mut self, stop: &AtomicBool) -> Result<()> {
        let train = self.recipe.train()?;
        let key = Key::new(train.seed).stream("train");
        self.leaves.agree(&self.recipe, self.step)?;
        // By now the first process has made what is kept for judges, which is not made again here.
        let (judging, _) = Judging::of(&self.recipe, &*self.model, &self.info, &self.device)?;
        if self.leaves.any(false)? {
            self.judge(judging.as_ref());
        }
        while self.step < train.steps
            && self.model.finished().is_none()
            && !self.leaves.any(stop.load(Ordering::Relaxed))?
        {
            let next = self.step + 1;
            let watch = train.watches(next);
            if watch != Watch::No && self.model.watches_held_out() {
                let (recipe, batch) = (&self.recipe, train.batch);
                if let Some(items) = self.held_out.get_or_insert_with(|| held_out(recipe, batch)) {
                    self.leaves.watch_held_out(&mut *self.model, items)?;
                }
            }

            let batches = self.feed.next()?;
            self.leaves
                .step(&mut *self.model, &batches, key.step(next), watch)?;
            self.step = next;
            if train.checkpoints(next) {
                self.leaves.same(&*self.model)?;
            }
            let last = next == train.steps || self.model.finished().is_some();
            if judging.as_ref().is_some_and(|j| j.is_due(next, last)) {
                self.judge(judging.as_ref());
            }
        }
        Ok(())
    }

    /// Takes part in judging. The first process says what comes of it, and why where it cannot be done.
    fn judge(&self, judging: Option<&Judging>) {
        if let Some(judging) = judging {
            judging
                .verdicts(&*self.model, self.recipe.model_name(), &self.info)
                .ok();
        }
    }
}
