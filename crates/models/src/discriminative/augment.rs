//! Small changes to training images that leave their class as it is.
use menagerie_data::Batch;
use menagerie_data::random::Key;
use serde::{Deserialize, Serialize};

/// `[augment]`: what is drawn anew each time an image is seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Augmentation {
    /// pixels that an image moves at most, each way along both axes; its border is repeated
    pub shift: usize,
    /// whether half of the images are mirrored, left to right
    pub flip: bool,
}

impl Default for Augmentation {
    fn default() -> Self {
        Augmentation {
            shift: 2,
            flip: false,
        }
    }
}

impl Augmentation {
    /// The values of a batch of images `[batch, height, width, channel]`, changed; item `i` by `key.step(i)`.
    pub fn apply(self, batch: &Batch, key: Key) -> Vec<f32> {
        let &[_, h, w, c] = &batch.shape[..] else {
            return batch.values.clone();
        };
        if self
            == (Augmentation {
                shift: 0,
                flip: false,
            })
        {
            return batch.values.clone();
        }
        let mut out = vec![0.0; batch.values.len()];
        let n = (h * w * c).max(1);
        for (i, (to, from)) in out
            .chunks_exact_mut(n)
            .zip(batch.values.chunks_exact(n))
            .enumerate()
        {
            let mut draw = key.step(i as u64).rng();
            let mut offset = || draw.below(2 * self.shift + 1) as isize - self.shift as isize;
            let (dy, dx) = (offset(), offset());
            let flip = self.flip && draw.chance(0.5);
            move_image(from, to, [h, w, c], [dy, dx], flip);
        }
        out
    }
}

/// Pixel (y, x) of `to` is pixel (y + dy, x + dx) of `from`, or the nearest there is, after mirroring.
fn move_image(from: &[f32], to: &mut [f32], [h, w, c]: [usize; 3], [dy, dx]: [isize; 2], flip: bool) {
    let place = |i: usize, d: isize, n: usize| (i as isize + d).clamp(0, n as isize - 1) as usize;
    for y in 0..h {
        let row = &from[place(y, dy, h) * w * c..][..w * c];
        for x in 0..w {
            let at = place(x, dx, w);
            let at = if flip { w - 1 - at } else { at };
            to[(y * w + x) * c..][..c].copy_from_slice(&row[at * c..][..c]);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use menagerie_data::Kind;

    #[test]
    fn pixels_move_mirror_and_repeat_at_the_border() {
        let from = [1.0, 2.0, 3.0, 4.0, 5.0, 6.0];
        let mut to = [0.0; 6];
        move_image(&from, &mut to, [2, 3, 1], [1, -1], false);
        assert_eq!(to, [4.0, 4.0, 5.0, 4.0, 4.0, 5.0]);
        move_image(&from, &mut to, [2, 3, 1], [0, 0], true);
        assert_eq!(to, [3.0, 2.0, 1.0, 6.0, 5.0, 4.0]);
    }

    #[test]
    fn every_offset_is_drawn_about_equally_often() {
        // One bright pixel in the middle of 7 x 7: where it lands tells the offset.
        let count = 5000;
        let mut values = vec![0.0; count * 49];
        (0..count).for_each(|i| values[i * 49 + 24] = 1.0);
        let indices = (0..count as u32).collect();
        let batch = Batch {
            kind: Kind::Image,
            shape: vec![count, 7, 7, 1],
            values,
            labels: None,
            attributes: vec![],
            captions: None,
            indices,
        };
        let out = Augmentation {
            shift: 2,
            flip: false,
        }
        .apply(&batch, Key::new(1));
        let mut found = [0usize; 49];
        out.chunks(49)
            .for_each(|image| found[image.iter().position(|v| *v == 1.0).unwrap()] += 1);
        for y in 0..7 {
            for x in 0..7 {
                let inside = (2..5).contains(&y) || y == 1 || y == 5;
                let inside = inside && (1..6).contains(&x);
                let expected = if inside { count as f64 / 25.0 } else { 0.0 };
                assert!(
                    (found[y * 7 + x] as f64 - expected).abs() <= 5.0 * expected.sqrt(),
                    "{y} {x}: {}",
                    found[y * 7 + x]
                );
            }
        }
        assert_eq!(
            Augmentation {
                shift: 0,
                flip: false
            }
            .apply(&batch, Key::new(1)),
            batch.values
        );
    }
}
