//! Portraits in words.
use super::super::words_of;
use super::attributes::*;
use super::colour::Lab;
use std::collections::BTreeSet;
use std::sync::LazyLock;

/// The everyday name of a colour given as lightness and chroma in [0, 1] and hue in degrees of Oklch.
fn colour_name(lightness: f32, chroma: f32, hue: f32) -> &'static str {
    if chroma < 0.15 {
        return match lightness {
            l if l < 0.2 => "black",
            l if l < 0.8 => "grey",
            _ => "white",
        };
    }
    match hue {
        h if h < 15.0 => "pink",
        h if h < 45.0 => "red",
        h if h < 75.0 => "orange",
        h if h < 115.0 => "yellow",
        h if h < 165.0 => "green",
        h if h < 220.0 => "turquoise",
        h if h < 285.0 => "blue",
        h if h < 330.0 => "purple",
        _ => "pink",
    }
}

impl Attributes {
    /// The hair's colour in words.
    pub fn hair_colour_name(&self) -> &'static str {
        let (l, c, h) = (self.hair_lightness, self.hair_chroma, self.hair_hue);
        let natural = (30.0..105.0).contains(&h);
        match () {
            _ if l < 0.14 && (natural || c < 0.3) => "black",
            _ if c < 0.12 => {
                if l < 0.85 {
                    "grey"
                } else {
                    "white"
                }
            }
            _ if !natural => colour_name(l, c, h),
            _ if h < 51.0 && c > 0.5 => "red",
            _ if l > 0.6 => "blond",
            _ => "brown",
        }
    }

    /// The skin's tone in words: fair, light, tan, brown or dark.
    pub fn skin_name(&self) -> &'static str {
        ["fair", "light", "tan", "brown", "dark"][((self.skin * 5.0) as usize).min(4)]
    }

    fn hair_words(&self) -> String {
        let colour = self.hair_colour_name();
        let long = if self.hair_length < 0.4 {
            "shoulder-length"
        } else {
            "long"
        };
        match self.hair_style {
            HairStyle::Bald => "a bald head".into(),
            HairStyle::Buzz => format!("{colour} buzz-cut hair"),
            HairStyle::Crop => format!("short {colour} hair"),
            HairStyle::Quiff => format!("short swept-up {colour} hair"),
            HairStyle::Curly => format!("short curly {colour} hair"),
            HairStyle::Afro => format!("a round {colour} afro"),
            HairStyle::Bob => format!("bobbed {colour} hair"),
            HairStyle::Straight => format!("{long} straight {colour} hair"),
            HairStyle::Wavy => format!("{long} wavy {colour} hair"),
            HairStyle::Ponytail => format!("{colour} hair in a ponytail"),
            HairStyle::Bun => format!("{colour} hair in a bun"),
            HairStyle::Braids => format!("{colour} hair in two braids"),
        }
    }

    /// A description in words, such as "a smiling woman-like face with fair skin, long wavy red hair and round
    /// glasses, in a green turtleneck, turned left, lit from the right, before a plain blue background".
    /// Left and right are the picture's.
    pub fn caption(&self) -> String {
        let a = self.clamped();
        let mood = match a.smile {
            s if s < -0.35 => "frowning",
            s if s < SMILING => "serious",
            s if s < 0.7 => "smiling",
            _ => "broadly smiling",
        };
        let old = if a.age_lines > 0.5 { " older" } else { "" };
        let kind = if a.is_woman_like() {
            "woman-like"
        } else {
            "man-like"
        };
        let mut parts = vec![format!("{} skin", a.skin_name()), a.hair_words()];
        if a.freckles > 0.35 {
            parts.push("freckles".into());
        }
        let worn = [
            (a.beard != Beard::None, a.beard.name()),
            (a.glasses != Glasses::None, a.glasses.name()),
            (a.headwear != Headwear::None, a.headwear.name()),
            (a.earrings != Earrings::None, a.earrings.name()),
        ];
        parts.extend(worn.iter().filter(|w| w.0).map(|w| w.1.to_string()));
        let last = parts.pop().unwrap_or_default();
        let mut text = format!("a {mood}{old} {kind} face with {} and {last}", parts.join(", "));
        if a.eyes_open < 0.25 {
            text += ", eyes shut";
        }
        let cloth = colour_name(a.clothing_lightness, a.clothing_chroma, a.clothing_hue);
        text += &format!(
            ", in {} {cloth} {}",
            if cloth == "orange" { "an" } else { "a" },
            a.clothing.name()
        );
        text += match a.yaw {
            y if y < -12.0 => ", turned left",
            y if y > 12.0 => ", turned right",
            _ => ", seen from the front",
        };
        text += match a.light {
            l if l < -25.0 => ", lit from the left",
            l if l > 25.0 => ", lit from the right",
            _ => ", lit from above",
        };
        let behind = colour_name(a.background_lightness, a.background_chroma, a.background_hue);
        text + &format!(", before a {} {behind} background", a.background.name())
    }

    /// Whether the mouth smiles.
    pub fn is_smiling(&self) -> bool {
        self.smile >= SMILING
    }

    /// Whether the face is woman-like rather than man-like.
    pub fn is_woman_like(&self) -> bool {
        self.presentation >= 0.5
    }
}

/// All words that captions are made of, in order.
pub(super) fn words() -> Vec<String> {
    static WORDS: LazyLock<Vec<String>> = LazyLock::new(|| {
        let of_sentences = "a an face with and eyes shut in turned left right seen from the front lit above before \
             background skin fair light tan brown dark hair head bald buzz-cut short swept-up curly round afro bobbed long \
             shoulder-length straight wavy ponytail bun two braids frowning serious smiling broadly older woman-like man-like \
             freckles black grey white red blond pink orange yellow green turquoise blue purple";
        let mut all: BTreeSet<String> = words_of(of_sentences).collect();
        let names = (Beard::ALL.iter().map(|b| b.name()))
            .chain(Glasses::ALL.iter().map(|g| g.name()))
            .chain(Headwear::ALL.iter().map(|h| h.name()))
            .chain(Earrings::ALL.iter().map(|e| e.name()))
            .chain(Clothing::ALL.iter().map(|c| c.name()))
            .chain(Background::ALL.iter().map(|b| b.name()));
        all.extend(names.flat_map(words_of));
        all.into_iter().collect()
    });
    WORDS.clone()
}

/// From here on a mouth smiles.
pub const SMILING: f32 = 0.2;

/// The hair's colour.
pub(super) fn hair_lab(a: &Attributes) -> Lab {
    Lab::polar(
        0.20 + 0.74 * a.hair_lightness,
        0.20 * a.hair_chroma * (0.45 + 0.55 * (a.hair_lightness * 2.0).min(1.0)),
        a.hair_hue,
    )
}
