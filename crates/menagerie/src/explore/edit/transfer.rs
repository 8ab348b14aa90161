//! What happens to a generator's images on the way of an edit, done to the photo (section 4.2): pixels move by the flow from each image to the next, and
//! their colours change by a map of their own, value -> gain value + shift, channel by channel.
use crate::models::Samples;

/// Rounds of the flow between two images.
const ROUNDS: usize = 120;
/// How smooth a flow is (alpha of Horn & Schunck 1981, of values that span 2).
const SMOOTH: f64 = 0.25;
/// Pixels to either side of one that its colour map is fitted to.
const RADIUS: usize = 2;
/// What holds gains at 1 where a neighbourhood has next to no contrast.
const HELD: f64 = 0.01;
/// The change of an image, of values that span 2, from which on it counts as edited.
const CHANGED: f64 = 0.06;

/// A photo after the edit.
#[derive(Clone, Debug)]
pub struct Transferred {
    /// the photo, `[height, width, channels]` as it was, in [-1, 1]
    pub photo: Vec<f32>,
    /// where it was changed and how much, 0 to 1, `[height, width]` of the model's images
    pub mask: Vec<f32>,
}

/// A grid of numbers with so many channels.
#[derive(Clone)]
struct Grid {
    height: usize,
    width: usize,
    channels: usize,
    values: Vec<f64>,
}

impl Grid {
    fn of(values: &[f32], [height, width, channels]: [usize; 3]) -> Grid {
        Grid {
            height,
            width,
            channels,
            values: values.iter().map(|v| f64::from(*v)).collect(),
        }
    }

    fn like(&self, channels: usize, of: impl Fn(usize, usize, usize) -> f64) -> Grid {
        let (height, width) = (self.height, self.width);
        let at = |i: usize| of(i / (width * channels), i / channels % width, i % channels);
        Grid {
            height,
            width,
            channels,
            values: (0..height * width * channels).map(at).collect(),
        }
    }

    fn get(&self, y: usize, x: usize, c: usize) -> f64 {
        self.values[(y * self.width + x) * self.channels + c]
    }

    /// Between its pixels; beyond its edge the edge goes on.
    fn between(&self, y: f64, x: f64, c: usize) -> f64 {
        let (y, x) = (
            y.clamp(0.0, self.height as f64 - 1.0),
            x.clamp(0.0, self.width as f64 - 1.0),
        );
        let (top, left) = (y as usize, x as usize);
        let (low, right) = ((top + 1).min(self.height - 1), (left + 1).min(self.width - 1));
        let (v, u) = (y - top as f64, x - left as f64);
        let along = |y| self.get(y, left, c) * (1.0 - u) + self.get(y, right, c) * u;
        along(top) * (1.0 - v) + along(low) * v
    }

    /// The mean over the neighbours of a pixel that there are.
    fn around(&self, y: usize, x: usize, c: usize, radius: usize) -> f64 {
        let span = |at: usize, n: usize| at.saturating_sub(radius)..(at + radius + 1).min(n);
        let (rows, columns) = (span(y, self.height), span(x, self.width));
        let count = (rows.len() * columns.len()) as f64;
        rows.flat_map(|v| columns.clone().map(move |u| (v, u)))
            .map(|(v, u)| self.get(v, u, c))
            .sum::<f64>()
            / count
    }

    fn smoothed(&self, radius: usize) -> Grid {
        self.like(self.channels, |y, x, c| self.around(y, x, c, radius))
    }

    fn grey(&self) -> Grid {
        self.like(1, |y, x, _| {
            (0..self.channels).map(|c| self.get(y, x, c)).sum::<f64>() / self.channels as f64
        })
    }
}

/// The flow by which `next` is had of `image`: next(y, x) = image(y + v, x + u); channels u, v (Horn & Schunck 1981, equations 20 and 21).
fn flow(image: &Grid, next: &Grid) -> Grid {
    let (a, b) = (image.grey(), next.grey());
    let edge = |g: &Grid, y: usize, x: usize, along: usize| {
        let (y1, x1) = ((y + along).min(g.height - 1), (x + 1 - along).min(g.width - 1));
        let (y0, x0) = (y.saturating_sub(along), x.saturating_sub(1 - along));
        (g.get(y1, x1, 0) - g.get(y0, x0, 0)) * 0.5
    };
    // Derivatives between the two, so that neither is preferred.
    let slope = a.like(2, |y, x, c| 0.5 * (edge(&a, y, x, c) + edge(&b, y, x, c)));
    let mut found = a.like(2, |_, _, _| 0.0);
    for _ in 0..ROUNDS {
        let mean = found.smoothed(1);
        found = a.like(2, |y, x, c| {
            let (sx, sy) = (slope.get(y, x, 0), slope.get(y, x, 1));
            let (u, v) = (mean.get(y, x, 0), mean.get(y, x, 1));
            let off = a.get(y, x, 0) - b.get(y, x, 0) + sx * u + sy * v;
            let s = if c == 0 { sx } else { sy };
            mean.get(y, x, c) - s * off / (SMOOTH * SMOOTH + sx * sx + sy * sy)
        });
    }
    found
}

/// A grid whose pixels come from where a flow of its size says.
fn moved(grid: &Grid, flow: &Grid) -> Grid {
    grid.like(grid.channels, |y, x, c| {
        grid.between(y as f64 + flow.get(y, x, 1), x as f64 + flow.get(y, x, 0), c)
    })
}

/// Gains and shifts, channel by channel, by which `to` is had of `from` around each pixel: least squares over its neighbours, in which a gain of 1
/// is held; the means of those of all neighbours (the guided filter of He, Sun & Tang 2013, towards 1 instead of 0).
fn colours(from: &Grid, to: &Grid) -> [Grid; 2] {
    let product = |a: &Grid, b: &Grid| a.like(a.channels, |y, x, c| a.get(y, x, c) * b.get(y, x, c));
    let (m, n) = (from.smoothed(RADIUS), to.smoothed(RADIUS));
    let (square, both) = (
        product(from, from).smoothed(RADIUS),
        product(from, to).smoothed(RADIUS),
    );
    let gain = from.like(from.channels, |y, x, c| {
        let (m, n) = (m.get(y, x, c), n.get(y, x, c));
        let variance = (square.get(y, x, c) - m * m).max(0.0);
        (both.get(y, x, c) - m * n + HELD) / (variance + HELD)
    });
    let shift = from.like(from.channels, |y, x, c| {
        n.get(y, x, c) - gain.get(y, x, c) * m.get(y, x, c)
    });
    [gain.smoothed(RADIUS), shift.smoothed(RADIUS)]
}

/// Does to `photo`, which is a whole number of times as large as the images, what happens on the `way` to the first of these. Where images do not
/// change, the photo stays as it is, bit by bit.
pub fn transfer(way: &Samples, photo: &[f32], [height, width]: [usize; 2]) -> Transferred {
    let &[count, h, w, c] = &way.shape[..] else {
        return Transferred {
            photo: photo.to_vec(),
            mask: vec![],
        };
    };
    let frames: Vec<Grid> = way
        .values
        .chunks_exact(h * w * c)
        .map(|v| Grid::of(v, [h, w, c]))
        .collect();
    let (first, last) = (&frames[0], &frames[count - 1]);
    // Flows follow each other: a pixel of the next image comes from where the flow before says that its source came from.
    let mut whole = first.like(2, |_, _, _| 0.0);
    for pair in frames.windows(2) {
        let step = flow(&pair[0], &pair[1]);
        let before = moved(&whole, &step);
        whole = step.like(2, |y, x, k| step.get(y, x, k) + before.get(y, x, k));
    }
    let [gain, shift] = colours(&moved(first, &whole), last);
    let changed = first.like(1, |y, x, _| {
        (0..c)
            .map(|k| (last.get(y, x, k) - first.get(y, x, k)).abs())
            .fold(0.0, f64::max)
    });
    let mask = changed
        .like(1, |y, x, _| {
            (changed.around(y, x, 0, 1) / CHANGED - 0.5).clamp(0.0, 1.0)
        })
        .smoothed(1);
    let source = Grid::of(photo, [height, width, c]);
    let times = [height as f64 / h as f64, width as f64 / w as f64];
    let out = source.like(c, |y, x, k| {
        let at = [
            (y as f64 + 0.5) / times[0] - 0.5,
            (x as f64 + 0.5) / times[1] - 0.5,
        ];
        let of = |g: &Grid, k| g.between(at[0], at[1], k);
        let kept = source.get(y, x, k);
        let m = of(&mask, 0);
        if m <= 0.0 {
            return kept;
        }
        let from = source.between(
            y as f64 + times[0] * of(&whole, 1),
            x as f64 + times[1] * of(&whole, 0),
            k,
        );
        let new = (of(&gain, k) * from + of(&shift, k)).clamp(-1.0, 1.0);
        kept + m * (new - kept)
    });
    Transferred {
        photo: out.values.iter().map(|v| *v as f32).collect(),
        mask: mask.values.iter().map(|v| *v as f32).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::Kind;

    const SIDE: usize = 24;

    /// A bright hill around a place.
    fn hill(x: f64, y: f64) -> Grid {
        let nothing = Grid::of(&[0.0; SIDE * SIDE], [SIDE, SIDE, 1]);
        nothing.like(1, |v, u, _| {
            let far = (u as f64 - x).powi(2) + (v as f64 - y).powi(2);
            1.6 * (-far / 40.0).exp() - 0.8
        })
    }

    fn way(frames: &[Grid]) -> Samples {
        Samples {
            kind: Kind::Image,
            shape: vec![frames.len(), SIDE, SIDE, 1],
            values: frames
                .iter()
                .flat_map(|f| f.values.iter().map(|v| *v as f32))
                .collect(),
        }
    }

    #[test]
    fn a_flow_follows_what_moves() {
        let found = flow(&hill(12.0, 12.0), &hill(12.6, 11.7));
        // The next image shows what was further to the left, and further down.
        let (u, v) = (found.around(12, 12, 0, 4), found.around(12, 12, 1, 4));
        assert!((u + 0.6).abs() < 0.15 && (v - 0.3).abs() < 0.1, "{u} {v}");
        let after = moved(&hill(12.0, 12.0), &found);
        let off = |a: &Grid| {
            let b = hill(12.6, 11.7);
            a.values
                .iter()
                .zip(&b.values)
                .map(|(a, b)| (a - b).powi(2))
                .sum::<f64>()
        };
        assert!(off(&after) < 0.2 * off(&hill(12.0, 12.0)), "{}", off(&after));
    }

    #[test]
    fn colours_change_by_their_map() {
        let from = hill(12.0, 12.0);
        let to = from.like(1, |y, x, _| 0.5 * from.get(y, x, 0) + 0.2);
        let [gain, shift] = colours(&from, &to);
        let mapped = from.like(1, |y, x, _| {
            gain.get(y, x, 0) * from.get(y, x, 0) + shift.get(y, x, 0)
        });
        let worst = mapped
            .values
            .iter()
            .zip(&to.values)
            .map(|(a, b)| (a - b).abs())
            .fold(0.0, f64::max);
        assert!(worst < 0.05, "{worst}");
        assert!((gain.get(12, 8, 0) - 0.5).abs() < 0.25, "{}", gain.get(12, 8, 0));
    }

    /// A photo twice as large, with a pattern that the images do not have: the hill moves in it, its pattern stays, and what does not change stays as it was.
    #[test]
    fn a_photo_keeps_what_the_images_do_not_show() {
        let frames: Vec<Grid> = (0..5).map(|i| hill(8.0 + 0.5 * i as f64, 12.0)).collect();
        let big = |x: f64| -> Vec<f32> {
            let nothing = Grid::of(&[0.0; 4 * SIDE * SIDE], [2 * SIDE, 2 * SIDE, 1]);
            let hill = nothing.like(1, |v, u, _| {
                let far = (u as f64 - 2.0 * x).powi(2) + (v as f64 - 24.0).powi(2);
                1.6 * (-far / 160.0).exp() - 0.8 + if (u + v) % 2 == 0 { 0.05 } else { -0.05 }
            });
            hill.values.iter().map(|v| *v as f32).collect()
        };
        let (photo, wanted) = (big(8.0), big(10.0));
        let found = transfer(&way(&frames), &photo, [2 * SIDE, 2 * SIDE]);
        let off = |a: &[f32]| {
            a.iter()
                .zip(&wanted)
                .map(|(a, b)| f64::from(a - b).powi(2))
                .sum::<f64>()
        };
        assert!(
            off(&found.photo) < 0.35 * off(&photo),
            "{} {}",
            off(&found.photo),
            off(&photo)
        );
        let far = 4 * 2 * SIDE + 2 * SIDE - 4;
        assert_eq!((found.photo[far], found.mask[2 * SIDE - 2]), (photo[far], 0.0));
    }
}
