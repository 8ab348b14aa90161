//! The sets that are known by name: embedded ones, and those that are drawn.
use super::Source;
use crate::dsprites::Sprites;
use crate::error::Result;
use crate::memory::Cached;
use crate::portraits::{People, Portraits};
use crate::resize::Preparation;
use crate::{
    Dataset, audio, claims, corners, drawn_table, embedded, hiring, jaws, jets, notes, points, sequence,
    shapes, showers, wifi,
};
use std::sync::Arc;

impl Source {
    /// The set of that name, prepared.
    pub(super) fn known(&self, name: &str, mut preparation: Preparation) -> Result<Arc<dyn Dataset>> {
        // What is drawn is drawn at the size that is asked for.
        let size = preparation.size.unwrap_or([64, 64]);
        let (seed, split, limit) = (self.seed, &self.split[..], self.limit);
        let base: Arc<dyn Dataset> = match name {
            "portraits" => {
                let count = |usual: usize| if limit == 0 { usual } else { limit };
                let faces = match split {
                    "test" => Portraits::test(size, seed, count(Portraits::TEST))?,
                    _ => Portraits::new(size, seed, count(Portraits::TRAIN))?,
                };
                Cached::wrap(Arc::new(faces), true)
            }
            "portraits:people" => Cached::wrap(Arc::new(People::new(size, seed, split, limit)?), true),
            "dsprites" => Arc::new(Sprites::new(size, seed, split, limit)?),
            "tones" => Arc::new(audio::Tones::new(seed, split, limit, self.length, self.rate)?),
            "digits" | "fashion" => Arc::new(embedded::open(name, split)?),
            hiring::NAME => Arc::new(hiring::Hiring::new(self)?),
            claims::NAME => Arc::new(claims::Claims::new(self)?),
            drawn_table::NAME => Arc::new(drawn_table::DrawnTable::new(seed, split, limit)),
            shapes::NAME => {
                let size = std::mem::take(&mut preparation.size);
                Arc::new(shapes::Furniture::new(size, seed, split, limit)?)
            }
            shapes::Press::SOURCE => {
                let size = std::mem::take(&mut preparation.size);
                Cached::wrap(Arc::new(shapes::Pressed::new(size, seed, split, limit)?), true)
            }
            corners::NAME => Arc::new(corners::Corners::new(seed, split, limit)),
            jaws::NAME => {
                let size = std::mem::take(&mut preparation.size);
                Cached::wrap(Arc::new(jaws::Jaws::new(size, seed, split, limit)?), true)
            }
            jets::NAME => Arc::new(jets::Jets::new(seed, split, limit)),
            showers::NAME => Cached::wrap(Arc::new(showers::Showers::new(seed, split, limit)), true),
            wifi::NAME => Arc::new(wifi::Wifi::new(seed, split, limit)),
            sequence::FAMILY => Arc::new(sequence::Family::new(seed, split, limit)),
            sequence::DNA => Arc::new(sequence::Dna::new(seed, split, limit)),
            sequence::BRACKETS => Arc::new(sequence::Brackets::new(seed, split, limit)),
            sequence::entailment::NAME => Arc::new(sequence::Entailment::new(seed, split, limit)),
            notes::MELODIES => Arc::new(notes::Melodies::new(seed, split, limit, self.length)),
            sequence::MOLECULES => Arc::new(sequence::Molecules::new(seed, split, limit)),
            name => match sequence::sentences::pairs_of(name) {
                Some(pairs) => Arc::new(sequence::Sentences::new(name, pairs, seed, split, limit)),
                None => Arc::new(points::PointSet::new(name, seed, split, limit)?),
            },
        };
        self.finish(base, preparation)
    }
}
