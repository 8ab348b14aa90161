use crate::data::Batch;
use crate::data::portraits::{Attributes, Meaning};
use crate::error::{Error, Result, nearest};
use crate::models::{Capability, Classify, Model, ReadAttributes, Samples};

/// A model that says what items show: their attributes, or their class.
#[derive(Clone, Copy)]
pub enum Reader<'a> {
    /// numbers for attributes
    Attributes(&'a dyn ReadAttributes),
    /// a probability for each class
    Classes(&'a dyn Classify),
}

/// Something that an item shows more or less of, or shows or not.
#[derive(Clone, Debug, PartialEq)]
pub struct Trait {
    /// as it was asked for
    pub name: String,
    column: usize,
    shown: Shown,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Shown {
    /// the number itself; it shows from this on
    Amount(f32),
    /// below this
    Under(f32),
    /// the choice, which is none where it is 0
    Any,
    /// none
    None,
    /// this member of a choice
    Member(f32),
    /// the logarithm of the class's probability
    Class,
}

impl<'a> Reader<'a> {
    /// What that model reads.
    ///
    /// # Errors
    /// [`Error::Usage`] where it reads neither attributes nor classes.
    pub fn of(model: &'a dyn Model, name: &str) -> Result<Self> {
        match (model.as_read_attributes(), model.as_classify()) {
            (Some(r), _) => Ok(Reader::Attributes(r)),
            (None, Some(c)) => Ok(Reader::Classes(c)),
            _ => Err(Capability::ReadAttributes.missing(name)),
        }
    }

    /// The names it knows.
    pub fn names(&self) -> &'a [String] {
        match self {
            Reader::Attributes(r) => r.names(),
            Reader::Classes(c) => c.classes(),
        }
    }

    /// A trait by its name: an attribute (an amount; of a choice, whether there is any), `no-NAME`, `NAME=NUMBER` for a member of
    /// a choice, a class; of portraits also `man`, `woman` and `smiling`.
    ///
    /// # Errors
    /// [`Error::Usage`] for a name that the reader does not know.
    pub fn named(&self, name: &str) -> Result<Trait> {
        let found = |column, shown| {
            Ok(Trait {
                name: name.to_string(),
                column,
                shown,
            })
        };
        let place = |n: &str| self.names().iter().position(|k| k == n);
        let unknown = || {
            let fix = nearest(name, self.names().iter().map(String::as_str));
            Error::usage(format!("the reader does not know `{name}`"), fix)
        };
        if let Reader::Classes(_) = self {
            let class = place(name.strip_prefix("label:").unwrap_or(name)).ok_or_else(unknown)?;
            return found(class, Shown::Class);
        }
        let words = [
            ("woman", "presentation", Shown::Amount(0.5)),
            ("man", "presentation", Shown::Under(0.5)),
            ("smiling", "smile", Shown::Amount(SMILING)),
        ];
        let (base, none) = match name.strip_prefix("no-") {
            Some(base) => (base, true),
            None => (name, false),
        };
        let (base, member) = match base.split_once('=') {
            Some((base, n)) => (base, Some(n.parse::<f32>().map_err(|_| unknown())?)),
            None => (base, None),
        };
        let Some(column) = place(base) else {
            let word = words.iter().find(|w| w.0 == base && !none && member.is_none());
            let (_, attribute, shown) = word.ok_or_else(unknown)?;
            return found(place(attribute).ok_or_else(unknown)?, *shown);
        };
        let meaning = Attributes::NAMES.iter().position(|n| *n == base).map(Meaning::of);
        let shown = match (meaning, member, none) {
            (_, Some(m), false) => Shown::Member(m),
            (Some(Meaning::Choice(_)), None, false) => Shown::Any,
            (Some(Meaning::Choice(_)), None, true) => Shown::None,
            (Some(Meaning::Amount { low, high }), None, false) => Shown::Amount((low + high) / 2.0),
            (Some(Meaning::Amount { low, high }), None, true) => Shown::Under((low + high) / 2.0),
            (Some(Meaning::Hue), None, _) => {
                let problem = format!("`{base}` is an angle, which no straight direction turns");
                return Err(Error::usage(problem, "choose an amount or a choice"));
            }
            (None, None, false) => Shown::Amount(0.0),
            _ => return Err(unknown()),
        };
        found(column, shown)
    }

    /// All numbers that it reads, `[count, names]`.
    ///
    /// # Errors
    /// Those of the reader, such as items of another size than its own.
    pub fn read(&self, items: &Samples) -> Result<Vec<f32>> {
        let batch = Batch {
            kind: items.kind,
            shape: items.shape.clone(),
            values: items.values.clone(),
            labels: None,
            captions: None,
            attributes: vec![],
            indices: (0..items.shape[0] as u32).collect(),
        };
        match self {
            Reader::Attributes(r) => r.attributes(&batch),
            Reader::Classes(c) => c.log_probabilities(&batch),
        }
    }

    /// How much of a trait each item shows, of all numbers read.
    pub fn amounts(&self, read: &[f32], of: &Trait) -> Vec<f64> {
        let each = read.chunks_exact(self.names().len().max(1));
        each.map(|row| {
            let v = row[of.column];
            match of.shown {
                Shown::Amount(_) | Shown::Class => v as f64,
                Shown::Under(_) => -v as f64,
                Shown::Any => f64::from(v != 0.0),
                Shown::None => f64::from(v == 0.0),
                Shown::Member(m) => f64::from(v == m),
            }
        })
        .collect()
    }

    /// Whether each item shows a trait, of all numbers read.
    pub fn shown(&self, read: &[f32], of: &Trait) -> Vec<bool> {
        let each = read.chunks_exact(self.names().len().max(1));
        each.map(|row| {
            let v = row[of.column];
            match of.shown {
                Shown::Amount(from) => v >= from,
                Shown::Under(to) => v < to,
                Shown::Any => v != 0.0,
                Shown::None => v == 0.0,
                Shown::Member(m) => v == m,
                Shown::Class => row.iter().all(|other| *other <= v),
            }
        })
        .collect()
    }
}

/// From here on a mouth smiles, as captions have it.
const SMILING: f32 = crate::data::portraits::SMILING;

#[cfg(test)]
mod tests {
    use super::*;

    struct Two(Vec<String>);
    impl ReadAttributes for Two {
        fn attributes(&self, batch: &Batch) -> Result<Vec<f32>> {
            Ok(batch.values.clone())
        }
        fn names(&self) -> &[String] {
            &self.0
        }
    }

    #[test]
    fn traits_by_their_names() {
        let two = Two(["presentation", "glasses", "hair_hue"].map(String::from).to_vec());
        let reader = Reader::Attributes(&two);
        // Three faces: a man without glasses, a woman with round ones, a man with sunglasses.
        let read = [0.1, 0.0, 5.0, 0.9, 2.0, 5.0, 0.3, 4.0, 5.0];
        let shown = |name: &str| reader.shown(&read, &reader.named(name).unwrap());
        assert_eq!(shown("man"), [true, false, true]);
        assert_eq!(shown("woman"), [false, true, false]);
        assert_eq!(shown("glasses"), [false, true, true]);
        assert_eq!(shown("no-glasses"), [true, false, false]);
        assert_eq!(shown("glasses=4"), [false, false, true]);
        let amounts = reader.amounts(&read, &reader.named("presentation").unwrap());
        assert!((amounts[1] - 0.9).abs() < 1e-6, "{amounts:?}");
        for (bad, says) in [
            ("glases", "glasses"),
            ("no-man", "does not know"),
            ("hair_hue", "angle"),
        ] {
            let e = reader.named(bad).unwrap_err().to_string();
            assert!(e.contains(says), "{e}");
        }
    }
}
