//! Games whose networks change images before a classifier: `Attack` and `Defend`.
use super::{CHUNK, Game, Play};
use crate::attack::Method;
use crate::{Attack, Defend, Samples};
use menagerie_data::Batch;
use menagerie_data::error::{Error, Result};
use menagerie_data::random::Key;
use menagerie_nn::numbers;

impl<P: Play> Attack for Game<P> {
    fn epsilon(&self) -> f64 {
        self.play.attacks().map_or(0.0, |a| a.epsilon())
    }
    fn methods(&self) -> &[Method] {
        self.play.attacks().map_or(&[], |a| a.methods())
    }

    fn attack(&self, batch: &Batch, method: Method, key: Key) -> Result<Samples> {
        let items = self.items(batch)?;
        let Some(attacks) = self.play.attacks().filter(|a| a.methods().contains(&method)) else {
            let model = self.play.stage().model;
            let problem = format!("{model} does not attack by the method `{}`", method.name());
            let able: Vec<&str> = self.methods().iter().map(|m| m.name()).collect();
            return Err(Error::usage(problem, format!("it does by: {}", able.join(", "))));
        };
        let keys: Vec<Key> = batch.indices.iter().map(|i| key.step(*i as u64)).collect();
        let mut values = Vec::with_capacity(batch.values.len());
        for from in (0..keys.len()).step_by(CHUNK) {
            let count = CHUNK.min(keys.len() - from);
            let labels = batch.labels.as_ref().map(|l| &l[from..from + count]);
            let some = items.clone().narrow(0, from, count);
            values.extend(numbers(attacks.attacked(
                some,
                labels,
                method,
                &keys[from..from + count],
            )));
        }
        Ok(self.play.stage().samples(keys.len(), values))
    }
}

impl<P: Play> Defend for Game<P> {
    fn defend(&self, batch: &Batch) -> Result<Samples> {
        let items = self.items(batch)?;
        let Some(defends) = self.play.defends() else {
            return Err(Error::usage(
                "this model takes no attack away",
                "see `menagerie list --can defend`",
            ));
        };
        let count = batch.shape[0];
        let some =
            |from: usize| numbers(defends.defended(items.clone().narrow(0, from, CHUNK.min(count - from))));
        let values = (0..count).step_by(CHUNK).flat_map(some).collect();
        Ok(self.play.stage().samples(count, values))
    }
}
