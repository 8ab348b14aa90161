//! What a critic keeps in a checkpoint.
use super::super::augment::AdaptiveState;
use super::super::penalty::LeCamState;
use super::{Critic, DISCRIMINATOR};
use crate::{Part, Purpose};
use menagerie_data::error::Result;
use menagerie_nn::Tensors;

impl Critic {
    /// Files of a checkpoint.
    pub fn save(&self) -> Vec<(String, Part<'_>)> {
        let mut parts = self.learner.save();
        if let Some(h) = &self.historical {
            parts.push((self.mean_name(), Box::new(|| h.save())));
        }
        let state = self.objective.state();
        let p = &self.penalties;
        if state.is_some() || p.lecam.is_some() || self.is_adaptive() {
            let states = [
                self.lecam.data,
                self.lecam.samples,
                self.adaptive.probability,
                state.unwrap_or(0.0),
                self.pseudo,
            ];
            let states = states.map(|v| format!("{v:?}")).join(" ");
            parts.push((
                self.state_name(),
                Box::new(move || Tensors::of_note("states", states)),
            ));
        }
        parts
    }

    /// Files beside the network's own.
    fn mean_name(&self) -> String {
        format!("{}_mean", self.name)
    }

    fn state_name(&self) -> String {
        match self.name {
            DISCRIMINATOR => "critic".into(),
            name => format!("{name}_critic"),
        }
    }

    fn is_adaptive(&self) -> bool {
        self.augment.adaptive.is_some() || self.augment.pseudo.is_some()
    }

    /// Takes up what `save` gave.
    ///
    /// # Errors
    /// Those of reading, and arrays of another network.
    pub fn load(&mut self, read: &dyn Fn(&str) -> Result<Tensors>, purpose: Purpose) -> Result<()> {
        if purpose == Purpose::Sample {
            return Ok(());
        }
        self.learner.load(&|name| read(name).map(renamed), purpose)?;
        if purpose == Purpose::Use {
            return Ok(());
        }
        let mean = self.mean_name();
        if let Some(h) = &mut self.historical {
            h.load(read(&mean)?)?;
        }
        let stateful = self.objective.state().is_some() || self.penalties.lecam.is_some();
        if stateful || self.is_adaptive() {
            let t = read(&self.state_name())?;
            let states = t.notes.get("states").map(String::as_str).unwrap_or_default();
            let mut states = states.split(' ').map(|s| s.parse::<f64>().unwrap_or(0.0));
            let mut next = || states.next().unwrap_or(0.0);
            self.lecam = LeCamState {
                data: next(),
                samples: next(),
            };
            self.adaptive = AdaptiveState { probability: next() };
            self.objective.restore(next());
            self.pseudo = next();
        }
        Ok(())
    }
}

/// Version 0.1 had no heads: a discriminator's layers stood at the top, its last one as `logit` or `out`.
fn renamed(t: Tensors) -> Tensors {
    let is_old = |name: &str| {
        !["trunk.", "score.", "first.trunk.", "first.score."]
            .iter()
            .any(|p| name.starts_with(p))
    };
    if !t.arrays.keys().any(|k| {
        ["hidden.", "downs.", "first.hidden.", "first.downs."]
            .iter()
            .any(|p| k.starts_with(p))
            && is_old(k)
    }) {
        return t;
    }
    t.renamed(|name| {
        let (moment, path) = match name.split_once('.') {
            Some((m @ ("first" | "second"), rest)) => (format!("{m}."), rest),
            _ => (String::new(), name),
        };
        match path.strip_prefix("logit.").or_else(|| path.strip_prefix("out.")) {
            Some(rest) => format!("{moment}score.{rest}"),
            None => format!("{moment}trunk.{path}"),
        }
    })
}
