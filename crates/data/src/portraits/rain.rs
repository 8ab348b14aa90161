//! Rain in front of a person: streaks of light, as a camera sees drops that fall while its shutter is open.
use super::canvas::{Canvas, plain};
use super::colour::Lab;
use super::geometry::{Pen, Point};
use crate::random::Key;

/// A shower: its streaks fall the same way, more or less; how many they are, how long and how strong is the shower's own.
#[derive(Clone, Debug, PartialEq)]
pub struct Rain {
    streaks: Vec<Streak>,
}

/// A streak; places in [-1, 1] of the picture's width and height, lengths in units (half the picture's shorter side).
#[derive(Clone, Debug, PartialEq)]
struct Streak {
    middle: Point,
    /// half of it, from its middle to its end
    reach: Point,
    width: f32,
    /// how much of what is behind it hides, 0 to 1
    strength: f32,
}

impl Rain {
    /// The shower of a key: 30 to 90 streaks, up to 30 degrees from the vertical, each a few degrees from the shower's own way;
    /// 0.15 to 0.7 units long, 0.025 to 0.06 wide, hiding 0.25 to 0.8 of what is behind.
    pub fn draw(key: Key) -> Rain {
        let mut rng = key.rng();
        let (way, long) = (rng.between(-30.0, 30.0), rng.between(0.15, 0.5));
        let strong = rng.between(0.35, 0.7);
        let count = 30 + rng.below(61);
        let streaks = (0..count).map(|_| {
            let angle = (way + rng.between(-4.0, 4.0)).to_radians();
            let half = 0.5 * long * rng.between(0.7, 1.4);
            Streak {
                middle: [rng.between(-1.0, 1.0) as f32, rng.between(-1.0, 1.0) as f32],
                reach: [(half * angle.sin()) as f32, (half * angle.cos()) as f32],
                width: rng.between(0.025, 0.06) as f32,
                strength: (strong * rng.between(0.7, 1.14)) as f32,
            }
        });
        Rain {
            streaks: streaks.collect(),
        }
    }

    /// Falls in front of what is there.
    pub(super) fn fall(&self, c: &mut Canvas) {
        let [w, h] = c.half;
        for s in &self.streaks {
            let middle = [s.middle[0] * w, s.middle[1] * h];
            let mut pen = Pen::new();
            pen.to([middle[0] - s.reach[0], middle[1] - s.reach[1]]);
            pen.to([middle[0] + s.reach[0], middle[1] + s.reach[1]]);
            c.line(pen.open(), s.width, plain(Lab::hex(0xeef2f5), s.strength));
        }
    }
}
