//! What is done to every set whose items all have one shape, and what of a source does not go with it.
use super::Source;
use crate::error::{Error, Result};
use crate::known;
use crate::memory::{Part, Prepared};
use crate::resize::Preparation;
use crate::{DataInfo, Dataset, Kind};
use std::path::Path;
use std::sync::Arc;

impl Source {
    /// Limits, prepares and caches a set whose items all have one shape.
    pub(super) fn finish(
        &self,
        base: Arc<dyn Dataset>,
        preparation: Preparation,
    ) -> Result<Arc<dyn Dataset>> {
        if base.info().kind != Kind::Image && (preparation.size.is_some() || preparation.channels != 0) {
            let key = if preparation.size.is_some() {
                "data.size"
            } else {
                "data.channels"
            };
            return Err(Error::recipe(
                key,
                format!(
                    "`{}` holds {}, not images",
                    self.source,
                    base.info().kind.plural()
                ),
                "leave it out",
            ));
        }
        self.finish_sequences(base.info())?;
        if !self.array.is_empty() && self.format_of(Path::new(&self.source)).ok() != Some("npz") {
            let problem = format!("`{}` is not an .npz archive of arrays", self.source);
            return Err(Error::recipe("data.array", problem, "leave it out"));
        }
        if self.frames != 0 {
            let problem = format!(
                "`{}` holds {}, not videos",
                self.source,
                base.info().kind.plural()
            );
            return Err(Error::recipe("data.frames", problem, "leave it out"));
        }
        let base = Part::of(base, None, self.limit);
        let prepared = Prepared::wrap(base, preparation)?;
        Ok(prepared)
    }

    /// Refuses settings of sounds and of sequences where there are others.
    fn finish_sequences(&self, info: &DataInfo) -> Result<()> {
        let (sound, letters) = (
            matches!(info.kind, Kind::Audio | Kind::Notes),
            info.kind == Kind::Sequence,
        );
        // Those of a run are given with whatever it is asked about.
        let own = letters && self.length == info.shape[0];
        let drawn = letters && known::is_drawn(&self.source);
        let asked = [
            (
                "data.length",
                self.length != 0 && !sound && (!letters || drawn && !own),
                "sounds, notes or sequences of a file",
            ),
            ("data.rate", self.rate != 0 && info.kind != Kind::Audio, "sounds"),
            ("data.aligned", self.aligned != "auto" && !letters, "sequences"),
            (
                "data.alphabet",
                self.alphabet != "auto" && (!letters || drawn && self.alphabet != info.alphabet),
                "sequences of a file",
            ),
        ];
        match asked.into_iter().find(|(_, off, _)| *off) {
            Some((key, _, of)) => {
                let held = if drawn {
                    "sequences that are drawn"
                } else {
                    info.kind.plural()
                };
                let problem = format!("`{}` holds {held}, not {of}", self.source);
                Err(Error::recipe(key, problem, "leave it out"))
            }
            None => Ok(()),
        }
    }
}
