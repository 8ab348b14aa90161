//! What strokes are drawn on.
use super::policy::{Action, CHOICES};

/// Straight pieces that a curve is drawn as.
const PIECES: usize = 12;
/// Half the widths of the brushes, in eighths of a canvas.
const RADII: [f32; CHOICES] = [0.3, 0.6, 0.9];

/// How large a canvas is, and how finely a place on it can be named.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Easel {
    pub height: usize,
    pub width: usize,
    /// places beside each other, and below each other
    pub grid: usize,
}

impl Easel {
    /// Pixels of a canvas.
    pub(super) fn pixels(&self) -> usize {
        self.height * self.width
    }

    /// Places that can be named.
    pub(super) fn places(&self) -> usize {
        self.grid * self.grid
    }

    /// The middle of a place, in pixels from the upper left corner: across, and down.
    pub(super) fn at(&self, place: usize) -> [f32; 2] {
        let along = |i: usize, size: usize| (i as f32 + 0.5) / self.grid as f32 * size as f32;
        [
            along(place % self.grid, self.width),
            along(place / self.grid, self.height),
        ]
    }

    /// Draws the stroke of an action from where the pen is, unless the pen is lifted, on ink of 0 to 1.
    pub(super) fn draw(&self, ink: &mut [f32], pen: usize, action: &Action) {
        if action.lifted() {
            return;
        }
        let radius = RADII[action.brush()] * self.height.min(self.width) as f32 / 8.0;
        let ends = [pen, action.control(), action.end()].map(|p| self.at(p));
        self.stroke(ink, ends, radius);
    }

    /// A quadratic Bezier curve from the first point to the last, drawn to the second: a pixel whose middle is d from it is covered by
    /// min(1, max(0, radius + 1/2 - d)), and covers what it had before.
    pub(super) fn stroke(&self, ink: &mut [f32], [from, over, to]: [[f32; 2]; 3], radius: f32) {
        let curve = |t: f32, k: usize| {
            let s = 1.0 - t;
            s * s * from[k] + 2.0 * s * t * over[k] + t * t * to[k]
        };
        let points: Vec<[f32; 2]> = (0..=PIECES)
            .map(|i| i as f32 / PIECES as f32)
            .map(|t| [curve(t, 0), curve(t, 1)])
            .collect();
        for (i, ink) in ink.iter_mut().enumerate() {
            let middle = [(i % self.width) as f32 + 0.5, (i / self.width) as f32 + 0.5];
            let pieces = points.windows(2).map(|p| distance(middle, p[0], p[1]));
            let d = pieces.fold(f32::INFINITY, f32::min).sqrt();
            let covered = (radius + 0.5 - d).clamp(0.0, 1.0);
            *ink += (1.0 - *ink) * covered;
        }
    }
}

/// The square of how far a point is from a straight piece.
fn distance(p: [f32; 2], a: [f32; 2], b: [f32; 2]) -> f32 {
    let (along, off) = ([b[0] - a[0], b[1] - a[1]], [p[0] - a[0], p[1] - a[1]]);
    let square = along[0] * along[0] + along[1] * along[1];
    let t = match square > 0.0 {
        true => ((off[0] * along[0] + off[1] * along[1]) / square).clamp(0.0, 1.0),
        false => 0.0,
    };
    let rest = [off[0] - t * along[0], off[1] - t * along[1]];
    rest[0] * rest[0] + rest[1] * rest[1]
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Along a curve that is looked at in a thousand points, in f64.
    #[test]
    fn a_stroke_covers_what_is_near_it() {
        let easel = Easel {
            height: 10,
            width: 12,
            grid: 4,
        };
        assert_eq!(easel.at(0), [1.5, 1.25]);
        assert_eq!(easel.at(7), [10.5, 3.75]);
        let ends = [[1.0f32, 1.0], [10.0, 2.0], [8.0, 9.0]];
        let mut ink = vec![0.0; 120];
        ink[0] = 0.5;
        easel.stroke(&mut ink, ends, 0.7);
        for (i, ink) in ink.iter().enumerate() {
            let middle = [(i % 12) as f64 + 0.5, (i / 12) as f64 + 0.5];
            let far = |n: usize| {
                let t = n as f64 / 1000.0;
                let at = |k: usize| {
                    let [a, b, c] = ends.map(|p| f64::from(p[k]));
                    (1.0 - t) * (1.0 - t) * a + 2.0 * t * (1.0 - t) * b + t * t * c
                };
                (at(0) - middle[0]).hypot(at(1) - middle[1])
            };
            let d = (0..=1000).map(far).fold(f64::INFINITY, f64::min);
            let covered = (1.2 - d).clamp(0.0, 1.0);
            let want = if i == 0 { 0.5 + 0.5 * covered } else { covered };
            assert!((f64::from(*ink) - want).abs() < 0.03, "{i}: {ink} {want}");
        }
    }
}
