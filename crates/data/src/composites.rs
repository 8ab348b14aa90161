//! Pictures put together of others, of which it is known exactly how: a person before another background with the matte, a
//! picture of which a part comes from another light.
use super::portraits::{Attributes, Background, backdrop, cutout, paint};
use crate::random::{Draw, Key};

/// A person before the background of another picture, and what is asked of it.
///
/// Left: the colours of the composite C = alpha F + (1 - alpha) B, and its trimap: 0 where nobody is, 255 where the person hides all,
/// 128 where it is to be found out. Right: the person's own colours F (where nobody is: those of the composite), and alpha.
/// Each `[height, width, 4]`.
pub(super) fn matte(a: &Attributes, behind: &Attributes, [h, w]: [usize; 2], key: Key) -> [Vec<u8>; 2] {
    let (person, background) = (cutout(a, w, h), backdrop(behind, w, h));
    // What is painted of several layers is rounded at each, and so hides not quite all where it should.
    let whole = |a: u8| if a > WHOLE { 255 } else { a };
    let alpha: Vec<u8> = person.iter().skip(3).step_by(4).map(|a| whole(*a)).collect();
    // As wide as somebody draws it: a pixel to a sixteenth of the picture.
    let reach = 1 + key.rng().below((h.min(w) / 16).max(1));
    let trimap = trimap(&alpha, [h, w], reach);
    let (mut left, mut right) = (Vec::with_capacity(4 * h * w), Vec::with_capacity(4 * h * w));
    let pixels = person
        .as_chunks::<4>()
        .0
        .iter()
        .zip(background.as_chunks::<3>().0);
    for ((front, back), (alpha, tri)) in pixels.zip(alpha.iter().zip(&trimap)) {
        let share = *alpha as f32 / 255.0;
        for c in 0..3 {
            let own = match front[3] {
                0 => back[c] as f32,
                a => (front[c] as f32 * 255.0 / a as f32).round().min(255.0),
            };
            left.push((share * own + (1.0 - share) * back[c] as f32).round() as u8);
            right.push(own as u8);
        }
        left.push(*tri);
        right.push(*alpha);
    }
    [left, right]
}

/// What hides more than this hides all.
const WHOLE: u8 = 250;

/// What is certain of an alpha: what all pixels up to `reach` away agree on.
fn trimap(alpha: &[u8], [h, w]: [usize; 2], reach: usize) -> Vec<u8> {
    // The extremes over a square: along rows, then along columns.
    let along = |v: &[(u8, u8)], line: usize, step: usize, i: usize| {
        let at = i / step % line;
        let near = at.saturating_sub(reach)..(at + reach + 1).min(line);
        near.map(|j| v[i + j * step - at * step])
            .fold((255, 0), |(low, high), (a, b)| (low.min(a), high.max(b)))
    };
    let own: Vec<(u8, u8)> = alpha.iter().map(|&a| (a, a)).collect();
    let rows: Vec<(u8, u8)> = (0..h * w).map(|i| along(&own, w, 1, i)).collect();
    (0..h * w)
        .map(|i| match along(&rows, h, w, i) {
            (255, _) => 255,
            (_, 0) => 0,
            _ => 128,
        })
        .collect()
}

/// A picture of which a part is seen in another light, cut out and pasted: its colours times a gain, and an offset more, of each
/// channel. Left: the pasted picture and where it was pasted (255); right: the picture as it was and the same mask. Each
/// `[height, width, 4]`.
pub(super) fn pasted(picture: &[u8], [h, w]: [usize; 2], key: Key) -> [Vec<u8>; 2] {
    let mut rng = key.rng();
    let light = [(); 3].map(|_| (rng.between(0.7, 1.25), rng.between(-40.0, 40.0)));
    let inside = region(&mut rng);
    let (mut left, mut right) = (Vec::with_capacity(4 * h * w), Vec::with_capacity(4 * h * w));
    for (i, pixel) in picture.as_chunks::<3>().0.iter().enumerate() {
        let at = |n: usize, side: usize| 2.0 * (n as f64 + 0.5) / side as f64 - 1.0;
        let mask = inside(at(i % w, w), at(i / w, h));
        for (&v, (gain, offset)) in pixel.iter().zip(light) {
            let other = (gain * v as f64 + offset).round().clamp(0.0, 255.0) as u8;
            left.push(if mask { other } else { v });
            right.push(v);
        }
        for side in [&mut left, &mut right] {
            side.push(if mask { 255 } else { 0 });
        }
    }
    [left, right]
}

/// An ellipse or a box about the middle of the picture, of a third to two thirds of its sides; places in [-1, 1].
fn region(rng: &mut Draw) -> impl Fn(f64, f64) -> bool + use<> {
    let (x, y) = (rng.between(-0.25, 0.25), rng.between(-0.25, 0.25));
    let (a, b) = (rng.between(0.33, 0.66), rng.between(0.33, 0.66));
    let round = rng.chance(0.5);
    move |u, v| {
        let (u, v) = ((u - x) / a, (v - y) / b);
        match round {
            true => u * u + v * v < 1.0,
            false => u.abs().max(v.abs()) < 1.0,
        }
    }
}

/// A person of any size, anywhere before one colour. Left: where, the smallest box that holds all of them, light on dark; right: the
/// picture. Each `[height, width, 3]`.
pub(super) fn placed(a: &Attributes, [h, w]: [usize; 2], key: Key) -> [Vec<u8>; 2] {
    /// What differs by less from what is behind cannot be seen.
    const SEEN: u8 = 8;
    let a = Attributes {
        background: Background::Plain,
        ..*a
    };
    let mut rng = key.rng();
    let short = h.min(w);
    let side = ((rng.between(0.4, 0.75) * short as f64).round() as usize).clamp(1, short);
    let (top, left) = (rng.below(h - side + 1), rng.below(w - side + 1));
    let (person, mut picture) = (paint(&a, side, side), backdrop(&a, w, h));
    let behind = picture.clone();
    for (y, row) in person.chunks_exact(3 * side).enumerate() {
        let from = 3 * ((top + y) * w + left);
        picture[from..from + row.len()].copy_from_slice(row);
    }
    let pixels = picture.as_chunks::<3>().0.iter().zip(behind.as_chunks::<3>().0);
    let seen = pixels
        .enumerate()
        .filter(|(_, (p, b))| p.iter().zip(*b).any(|(p, b)| p.abs_diff(*b) > SEEN));
    let (mut rows, mut columns) = ((h, 0), (w, 0));
    for (i, _) in seen {
        let (y, x) = (i / w, i % w);
        rows = (rows.0.min(y), rows.1.max(y + 1));
        columns = (columns.0.min(x), columns.1.max(x + 1));
    }
    let inside = |i: usize| (rows.0..rows.1).contains(&(i / w)) && (columns.0..columns.1).contains(&(i % w));
    let places = (0..h * w).flat_map(|i| [if inside(i) { 255 } else { 0 }; 3]);
    [places.collect(), picture]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::portraits::paint;

    fn people() -> [Attributes; 2] {
        [1, 2].map(|i| Attributes::draw(Key::new(i)))
    }

    /// The composite is what front, alpha and background say; the trimap is sure of nothing that is not so; before its own
    /// background a person is the picture itself.
    #[test]
    fn a_composite_is_made_of_its_parts() {
        let [a, behind] = people();
        let (h, w) = (48, 40);
        let [left, right] = matte(&a, &behind, [h, w], Key::new(3));
        let background = backdrop(&behind, w, h);
        let pixels = left.as_chunks::<4>().0.iter().zip(right.as_chunks::<4>().0);
        let mut seen = [0; 3];
        for ((l, r), b) in pixels.zip(background.as_chunks::<3>().0) {
            let alpha = r[3] as f32 / 255.0;
            for c in 0..3 {
                let composite = alpha * r[c] as f32 + (1.0 - alpha) * b[c] as f32;
                assert!((composite - l[c] as f32).abs() <= 1.5, "{composite} {}", l[c]);
            }
            match l[3] {
                0 => assert_eq!(r[3], 0),
                255 => assert_eq!(r[3], 255),
                other => assert_eq!(other, 128),
            }
            seen[usize::from(l[3]).div_ceil(128)] += 1;
        }
        assert!(seen.iter().all(|n| *n > h * w / 50), "{seen:?}");
        let [own, _] = matte(&a, &a, [h, w], Key::new(3));
        let face = paint(&a, w, h);
        for (l, f) in own.as_chunks::<4>().0.iter().zip(face.as_chunks::<3>().0) {
            assert!((0..3).all(|c| l[c].abs_diff(f[c]) <= 4), "{l:?} {f:?}");
        }
    }

    /// A wider brush leaves more open, and never says what a narrower one does not.
    #[test]
    fn a_trimap_is_as_wide_as_its_brush() {
        let alpha: Vec<u8> = (0..144).map(|i| if i % 12 < 6 { 0 } else { 255 }).collect();
        for reach in 1..4 {
            let tri = trimap(&alpha, [12, 12], reach);
            for (i, t) in tri.iter().enumerate() {
                let want = match i % 12 {
                    x if x + reach < 6 => 0,
                    x if x >= 6 + reach => 255,
                    _ => 128,
                };
                assert_eq!(*t, want, "{reach} {i}");
            }
        }
    }

    #[test]
    fn only_what_was_pasted_is_changed() {
        let [a, _] = people();
        let face = paint(&a, 32, 32);
        let mut shares = vec![];
        for i in 0..8 {
            let [left, right] = pasted(&face, [32, 32], Key::new(i));
            let (mut inside, mut changed) = (0, 0);
            for ((l, r), f) in left
                .as_chunks::<4>()
                .0
                .iter()
                .zip(right.as_chunks::<4>().0)
                .zip(face.as_chunks::<3>().0)
            {
                assert_eq!((&r[..3], l[3]), (&f[..], r[3]));
                assert!(l[3] == 255 || l == r);
                inside += usize::from(l[3] == 255);
                changed += usize::from(l != r);
            }
            assert!(changed * 2 > inside, "{changed} of {inside}");
            shares.push(inside);
        }
        assert!(shares.iter().all(|n| (60..600).contains(n)), "{shares:?}");
    }
}
