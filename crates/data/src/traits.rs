//! What items show, by a word: of their attributes, which are named numbers, or of their classes.
use super::portraits::{Attributes, Meaning, SMILING};
use crate::error::{Error, Result, nearest};

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

impl Trait {
    /// By its name, of attributes of those names: an attribute (an amount; of a choice, whether there is any), `no-NAME`,
    /// `NAME=NUMBER` for a member of a choice; of portraits also `man`, `woman` and `smiling`.
    ///
    /// # Errors
    /// [`Error::Usage`] for what is no attribute.
    pub fn of_attributes(names: &[String], name: &str) -> Result<Trait> {
        let found = |column, shown| {
            Ok(Trait {
                name: name.to_string(),
                column,
                shown,
            })
        };
        let place = |n: &str| names.iter().position(|k| k == n);
        let unknown = || {
            let fix = nearest(name, names.iter().map(String::as_str));
            Error::usage(format!("there is no attribute `{name}`"), fix)
        };
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
                let problem = format!("`{base}` is an angle, which is not more or less of something");
                return Err(Error::usage(problem, "choose an amount or a choice"));
            }
            (None, None, false) => Shown::Amount(0.0),
            _ => return Err(unknown()),
        };
        found(column, shown)
    }

    /// A class by its name, which may begin with `label:`.
    ///
    /// # Errors
    /// [`Error::Usage`] for what is no class.
    pub fn of_classes(names: &[String], name: &str) -> Result<Trait> {
        let wanted = name.strip_prefix("label:").unwrap_or(name);
        let column = names.iter().position(|k| k == wanted).ok_or_else(|| {
            let fix = nearest(wanted, names.iter().map(String::as_str));
            Error::usage(format!("there is no class `{wanted}`"), fix)
        })?;
        Ok(Trait {
            name: name.to_string(),
            column,
            shown: Shown::Class,
        })
    }

    /// Which of the numbers of an item it is of.
    pub fn column(&self) -> usize {
        self.column
    }

    /// How much of it an item with these numbers shows.
    pub fn amount(&self, row: &[f32]) -> f64 {
        let v = row[self.column];
        match self.shown {
            Shown::Amount(_) | Shown::Class => v as f64,
            Shown::Under(_) => -v as f64,
            Shown::Any => f64::from(v != 0.0),
            Shown::None => f64::from(v == 0.0),
            Shown::Member(m) => f64::from(v == m),
        }
    }

    /// Whether an item with these numbers shows it; of classes, whether no other is more probable.
    pub fn shows(&self, row: &[f32]) -> bool {
        let v = row[self.column];
        match self.shown {
            Shown::Amount(from) => v >= from,
            Shown::Under(to) => v < to,
            Shown::Any => v != 0.0,
            Shown::None => v == 0.0,
            Shown::Member(m) => v == m,
            Shown::Class => row.iter().all(|other| *other <= v),
        }
    }
}
