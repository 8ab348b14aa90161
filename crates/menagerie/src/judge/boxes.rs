//! Whether what was drawn is where it was asked to be: boxes of what differs from the border of an image, beside those asked for.
use super::by_translation::{definition, key, named, needs_pairs, translated, verdict};
use super::metric::{Judge, Tell, Verdict};
use super::subject::each_item;
use crate::data::Batch;
use crate::error::Result;
use crate::models::Translate;

const NAME: &str = "box-overlap";
/// By how much of the range a channel must differ from that of the border.
const DIFFERS: f32 = 0.1;

/// Rows and columns from and to, the ends left out: top, bottom, left, right.
type Box4 = [usize; 4];

/// The smallest box around the pixels for which that holds.
fn around(holds: impl Fn(usize) -> bool, [h, w]: [usize; 2]) -> Option<Box4> {
    let mut out: Option<Box4> = None;
    for i in (0..h * w).filter(|i| holds(*i)) {
        let (y, x) = (i / w, i % w);
        let [top, bottom, left, right] = out.unwrap_or([y, y, x, x]);
        out = Some([top.min(y), bottom.max(y + 1), left.min(x), right.max(x + 1)]);
    }
    out
}

/// The box of what differs from the middle colour of an image's border; pixels `[height, width, channel]` in [-1, 1].
fn found(pixels: &[f32], [h, w, c]: [usize; 3]) -> Option<Box4> {
    let border = |i: &usize| *i < w || *i >= (h - 1) * w || i.is_multiple_of(w) || i % w == w - 1;
    let middle = |channel: usize| {
        let mut values: Vec<f32> = (0..h * w)
            .filter(border)
            .map(|i| pixels[i * c + channel])
            .collect();
        values.sort_by(f32::total_cmp);
        values[values.len() / 2]
    };
    let behind: Vec<f32> = (0..c).map(middle).collect();
    let differs = |i: usize| (0..c).any(|k| (pixels[i * c + k] - behind[k]).abs() / 2.0 > DIFFERS);
    around(differs, [h, w])
}

/// The box that a picture of a place shows: where its first channel is light.
fn asked(pixels: &[f32], [h, w, c]: [usize; 3]) -> Option<Box4> {
    around(|i| pixels[i * c] > 0.0, [h, w])
}

/// What two boxes share, of what either has (intersection over union); nothing of a box that is none.
fn overlap(a: Option<Box4>, b: Option<Box4>) -> f64 {
    let (Some(a), Some(b)) = (a, b) else {
        return 0.0;
    };
    let area = |b: Box4| (b[1] - b[0]) * (b[3] - b[2]);
    let side = |k: usize| a[k + 1].min(b[k + 1]).saturating_sub(a[k].max(b[k]));
    let both = side(0) * side(2);
    both as f64 / (area(a) + area(b) - both).max(1) as f64
}

/// The mean overlap of what is found in translations and what was asked for; beside it that of the true images, and of translations that
/// were asked for elsewhere.
///
/// # Errors
/// [`crate::error::Error::Usage`] for data that are no pairs.
pub(super) fn work_out(judge: &Judge, t: &dyn Translate, tell: Tell) -> Result<Vec<Verdict>> {
    let data = judge.data(NAME)?;
    needs_pairs(NAME, data.set.info())?;
    let count = judge.count.min(data.set.info().count);
    let mut verdicts = Vec::new();
    for &d in t.directions() {
        let mut all: [Vec<Option<Box4>>; 3] = Default::default();
        each_item(data.set, count, &mut |batch| {
            let (from, to) = (batch.side(d.from()), batch.side(d.to()));
            let made = translated(judge, t, &from, d, key(judge))?;
            all[0].extend(each(&from, asked));
            all[1].extend(each(&made, found));
            all[2].extend(each(&to, found));
            tell(NAME, all[0].len(), count);
            Ok(())
        })?;
        let [asked, made, truth] = all;
        let n = asked.len().max(1);
        let of = |boxes: &[Option<Box4>], other: usize| -> Vec<f64> {
            let pairs = boxes.iter().enumerate();
            pairs.map(|(i, b)| overlap(*b, asked[(i + other) % n])).collect()
        };
        let mut definition = definition(judge, NAME, d, count)?;
        definition.insert("differs".into(), DIFFERS.into());
        let name = named(NAME, t, d);
        for (member, values) in [
            ("", of(&made, 0)),
            ("/data", of(&truth, 0)),
            ("/others", of(&made, 1)),
        ] {
            verdicts.push(verdict(format!("{name}{member}"), &values, definition.clone()));
        }
    }
    Ok(verdicts)
}

fn each(images: &Batch, find: fn(&[f32], [usize; 3]) -> Option<Box4>) -> Vec<Option<Box4>> {
    let shape = [images.shape[1], images.shape[2], images.shape[3]];
    let n = shape.iter().product::<usize>().max(1);
    images
        .values
        .chunks_exact(n)
        .map(|image| find(image, shape))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn boxes_by_hand() {
        // Six by six, grey; rows 1 to 3 and columns 2 to 4 are lighter in one channel of two.
        let inside = |i: usize| (1..4).contains(&(i / 6)) && (2..5).contains(&(i % 6));
        let pixels: Vec<f32> = (0..36)
            .flat_map(|i| [0.1, if inside(i) { 0.9 } else { 0.0 }])
            .collect();
        assert_eq!(found(&pixels, [6, 6, 2]), Some([1, 4, 2, 5]));
        assert_eq!(found(&[0.3; 72], [6, 6, 2]), None);
        let light: Vec<f32> = (0..36).map(|i| if inside(i) { 1.0 } else { -1.0 }).collect();
        assert_eq!(asked(&light, [6, 6, 1]), Some([1, 4, 2, 5]));
        // Of nine pixels each, four are shared.
        assert!((overlap(Some([1, 4, 2, 5]), Some([2, 5, 3, 6])) - 4.0 / 14.0).abs() < 1e-12);
        assert_eq!(overlap(Some([0, 1, 0, 1]), Some([2, 3, 2, 3])), 0.0);
        assert_eq!(overlap(None, Some([0, 1, 0, 1])), 0.0);
    }
}
