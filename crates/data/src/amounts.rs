//! Attributes of items as amounts from 0 to 1, as networks are told them and as they are asked for.
use super::portraits::{Attributes, Meaning};
use super::traits::Trait;
use crate::error::{Error, Result, nearest};

/// An attribute as an amount.
#[derive(Clone, Debug, PartialEq)]
pub struct Amount {
    /// as it was asked for
    pub name: String,
    column: usize,
    scale: Scale,
}

#[derive(Clone, Debug, PartialEq)]
enum Scale {
    /// 0 is the smallest number and 1 the largest
    Range(f32, f32),
    /// an angle in degrees: 0 and 1 are the same
    Circle,
    /// 1 where it shows, else 0
    Shown(Trait),
}

impl Amount {
    /// By its name, of attributes of those names: an amount or an angle of portraits as it is; of a choice whether there is any, or with
    /// `NAME=NUMBER` this member; `no-NAME`, `man`, `woman` and `smiling` as [`Trait::of_attributes`] has them; any other number as one
    /// in [0, 1].
    ///
    /// # Errors
    /// [`Error::Usage`] for what is no attribute.
    pub fn of_attributes(names: &[String], name: &str) -> Result<Amount> {
        let known = Attributes::NAMES.iter().position(|n| *n == name).map(Meaning::of);
        let place = names.iter().position(|n| n == name);
        let scale = match (known, place) {
            (Some(Meaning::Amount { low, high }), _) => Scale::Range(low, high),
            (Some(Meaning::Hue), _) => Scale::Circle,
            (None, Some(_)) => Scale::Range(0.0, 1.0),
            (Some(Meaning::Choice(_)), _) | (None, None) => Scale::Shown(Trait::of_attributes(names, name)?),
        };
        let column = match (&scale, place) {
            (Scale::Shown(shown), _) => shown.column(),
            (_, Some(place)) => place,
            (_, None) => {
                let fix = nearest(name, names.iter().map(String::as_str));
                return Err(Error::usage(format!("there is no attribute `{name}`"), fix));
            }
        };
        Ok(Amount {
            name: name.to_string(),
            column,
            scale,
        })
    }

    /// Of an item with these numbers, in [0, 1].
    pub fn of(&self, row: &[f32]) -> f32 {
        let v = row[self.column];
        match &self.scale {
            Scale::Range(low, high) => ((v - low) / (high - low)).clamp(0.0, 1.0),
            Scale::Circle => (v / 360.0).rem_euclid(1.0),
            Scale::Shown(shown) => f32::from(u8::from(shown.shows(row))),
        }
    }

    /// Whether 0 and 1 are the same.
    pub fn is_angle(&self) -> bool {
        self.scale == Scale::Circle
    }

    /// How far two amounts are from each other, in the attribute's own unit: of an angle degrees, of what shows or does not 0 or 1.
    pub fn apart(&self, a: f32, b: f32) -> f64 {
        let off = f64::from((a - b).abs());
        match &self.scale {
            Scale::Range(low, high) => off * f64::from(high - low),
            Scale::Circle => 360.0 * off.min(1.0 - off),
            Scale::Shown(_) => f64::from(u8::from((a >= 0.5) != (b >= 0.5))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::portraits::Glasses;

    fn names() -> Vec<String> {
        Attributes::NAMES.iter().map(|n| n.to_string()).collect()
    }

    #[test]
    fn amounts_by_hand() {
        let face = Attributes {
            yaw: -22.5,
            hair_hue: 350.0,
            glasses: Glasses::Sun,
            ..Attributes::default()
        };
        let of = |name: &str| Amount::of_attributes(&names(), name).unwrap();
        let row = face.to_vec();
        assert_eq!((of("yaw").of(&row), of("yaw").apart(0.25, 0.5)), (0.25, 22.5));
        let hue = of("hair_hue");
        assert!((hue.of(&row) - 350.0 / 360.0).abs() < 1e-6 && hue.is_angle());
        assert!(
            (hue.apart(hue.of(&row), 10.0 / 360.0) - 20.0).abs() < 1e-3,
            "the shorter way round"
        );
        assert_eq!([of("glasses").of(&row), of("glasses=1").of(&row)], [1.0, 0.0]);
        assert_eq!((of("glasses").apart(0.9, 0.2), of("woman").of(&row)), (1.0, 1.0));
        let e = Amount::of_attributes(&names(), "yav").unwrap_err().to_string();
        assert!(e.contains("`yav`") && e.contains("yaw"), "{e}");
    }

    /// Numbers of data on disk are amounts as they are.
    #[test]
    fn other_numbers_are_amounts_as_they_are() {
        let snow = Amount::of_attributes(&["fog".into(), "snow".into()], "snow").unwrap();
        assert_eq!((snow.of(&[0.0, 0.75]), snow.of(&[0.0, 7.0])), (0.75, 1.0));
    }
}
