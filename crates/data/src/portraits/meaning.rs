//! What each number of a portrait's attributes is, and where it can be seen.
use super::{Attributes, Glasses, HairStyle, Headwear};

/// What a number stands for.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Meaning {
    /// an amount in a range
    Amount {
        /// smallest allowed
        low: f32,
        /// largest allowed
        high: f32,
    },
    /// an angle of colour in degrees, where 0 and 360 are one
    Hue,
    /// one of so many, counted from 0
    Choice(usize),
}

const CHOICES: [&str; 7] = [
    "hair_style",
    "beard",
    "glasses",
    "headwear",
    "earrings",
    "clothing",
    "background",
];

impl Meaning {
    /// Of number `i` of [`Attributes::NAMES`].
    pub fn of(i: usize) -> Meaning {
        let (name, (low, high)) = (Attributes::NAMES[i], Attributes::RANGES[i]);
        match name {
            _ if CHOICES.contains(&name) => Meaning::Choice(high as usize + 1),
            _ if name.ends_with("_hue") => Meaning::Hue,
            _ => Meaning::Amount { low, high },
        }
    }
}

impl Attributes {
    /// Whether number `i` of [`Attributes::NAMES`] leaves a trace in the picture: the colour of glasses that are not
    /// there does not.
    pub fn shows(&self, i: usize) -> bool {
        match Attributes::NAMES[i] {
            "glasses_hue" | "glasses_lightness" => !matches!(self.glasses, Glasses::None),
            "eye_colour" | "eyes_open" | "gaze" => self.glasses != Glasses::Sun,
            "headwear_hue" => self.headwear != Headwear::None,
            "hair_length" | "hair_volume" | "fringe" | "parting" => self.hair_style != HairStyle::Bald,
            "hair_hue" => self.hair_chroma > 0.05,
            "clothing_hue" => self.clothing_chroma > 0.05,
            "background_hue" => self.background_chroma > 0.05,
            _ => true,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_number_has_its_meaning() {
        let all: Vec<Meaning> = (0..Attributes::NAMES.len()).map(Meaning::of).collect();
        let at = |name: &str| all[Attributes::NAMES.iter().position(|n| *n == name).unwrap()];
        assert_eq!(
            at("yaw"),
            Meaning::Amount {
                low: -45.0,
                high: 45.0
            }
        );
        assert_eq!(at("glasses"), Meaning::Choice(5));
        assert_eq!(at("hair_style"), Meaning::Choice(HairStyle::ALL.len()));
        assert_eq!(all.iter().filter(|m| **m == Meaning::Hue).count(), 5);
        assert_eq!(
            all.iter().filter(|m| matches!(m, Meaning::Choice(_))).count(),
            CHOICES.len()
        );
    }

    #[test]
    fn what_is_not_there_does_not_show() {
        let place = |name: &str| Attributes::NAMES.iter().position(|n| *n == name).unwrap();
        let plain = Attributes::default();
        assert!(!plain.shows(place("glasses_hue")) && plain.shows(place("gaze")));
        let dark = Attributes {
            glasses: Glasses::Sun,
            ..plain
        };
        assert!(dark.shows(place("glasses_hue")) && !dark.shows(place("gaze")));
    }
}
