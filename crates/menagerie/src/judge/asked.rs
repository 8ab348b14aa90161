//! Models that are told how much of what an image is to show: each image asked for with amounts of its own, and whether it shows them.
use super::by_translation::{key, named, verdict};
use super::flips::read;
use super::metric::{Judge, Tell, Verdict};
use super::subject::each_item;
use crate::data::{Amount, Batch, DataInfo};
use crate::error::{Error, Result};
use crate::explore::Reader;
use crate::models::{Direction, Translate, Wish};
use crate::random::Key;
use serde_json::{Map, Value};

const NAME: &str = "asked";

/// The amounts of attributes by their names, of data that state them.
///
/// # Errors
/// [`Error::Usage`] for what is no attribute of the data.
pub(crate) fn amounts(info: &DataInfo, names: &[String]) -> Result<Vec<Amount>> {
    amounts_of(&info.attributes, names)
}

/// Images, one by one, as such of what their rows of attributes state; rows of a batch whose images have them.
///
/// # Errors
/// Those of the model; [`Error::Usage`] where the items state no attributes.
pub(crate) fn as_stated(
    t: &dyn Translate,
    images: &Batch,
    of: &[Amount],
    wish: &Wish,
    key: Key,
) -> Result<Batch> {
    let n = images.shape[0];
    let width = images.attributes.len() / n.max(1);
    if width == 0 {
        return Err(Error::usage(
            "the items do not state their attributes, which this model is to be told",
            "give --data with attributes, such as portraits:layout",
        ));
    }
    let mut values = Vec::with_capacity(images.values.len());
    for i in 0..n {
        let row = &images.attributes[i * width..(i + 1) * width];
        let to: Vec<(String, f32)> = of.iter().map(|a| (a.name.clone(), a.of(row))).collect();
        let wish = Wish { to: &to, ..*wish };
        values.extend(t.translate(&images.rows(i..i + 1), &wish, key)?.values);
    }
    Ok(Batch {
        values,
        ..images.clone()
    })
}

/// Of each attribute, how far what is read off translated images is from what they were to show: of pairs what the true image states, of
/// other images what the next one does. Beside it what the reader misses on true images, and images that were to show what others do.
///
/// # Errors
/// [`Error::Usage`] without a reader of attributes, and where nothing says what is asked for.
pub(super) fn work_out(judge: &Judge, t: &dyn Translate, tell: Tell) -> Result<Vec<Verdict>> {
    let data = judge.data(NAME)?;
    let info = data.set.info();
    let reader = judge.extractor.and_then(|e| e.reader());
    let Some(reader @ Reader::Attributes(_)) = reader else {
        return Err(Error::usage(
            format!("`{NAME}` asks what images show, and nothing reads it"),
            "give --reader RUN, of attribute-reader",
        ));
    };
    let names = match judge.traits {
        [] => t.domains(),
        given => given,
    };
    if names.is_empty() {
        let problem = "nothing says which attributes are looked at";
        return Err(Error::usage(
            problem,
            "give --trait NAME, several times if need be",
        ));
    }
    let of = Looked {
        stated: amounts(info, names)?,
        seen: amounts_of(reader.names(), names)?,
        told: match t.domains() {
            [] => vec![],
            domains => amounts(info, domains)?,
        },
    };
    // Of domains alone there are no sides, and what is to be shown is what the next image does.
    let pairs = info.kind.has_sides();
    let ways = match t.directions() {
        [] => vec![Default::default()],
        sides => sides.to_vec(),
    };
    let mut definition = Map::new();
    definition.insert("data".into(), data.definition.clone().into());
    definition.insert("items".into(), judge.count.min(info.count).into());
    let whose = if pairs {
        "the other image of the pair"
    } else {
        "the next image"
    };
    definition.insert("asked".into(), Value::from(whose));
    definition.extend(judge.features(NAME)?.definition());
    let mut verdicts = Vec::new();
    for d in ways {
        let found = gather(judge, t, &reader, d, &of, tell)?;
        let way = match t.directions().len() {
            0 => NAME.to_string(),
            _ => named(NAME, t, d),
        };
        for (k, amount) in of.stated.iter().enumerate() {
            for (member, values) in found.figures(k, amount) {
                let name = format!("{way}/{}{member}", amount.name);
                verdicts.push(verdict(name, &values, definition.clone()));
            }
        }
    }
    Ok(verdicts)
}

/// The attributes that are looked at, as the data state them and as the reader has them, and those that the model is told.
struct Looked {
    stated: Vec<Amount>,
    seen: Vec<Amount>,
    told: Vec<Amount>,
}

/// Amounts, a row an item.
#[derive(Default)]
struct Found {
    asked: Vec<Vec<f32>>,
    shown: Vec<Vec<f32>>,
    /// of true images: what they state, and what is read off them
    truth: [Vec<Vec<f32>>; 2],
}

impl Found {
    /// How far they are from each other, of attribute `k`: as asked for, what the reader misses, by chance.
    fn figures(&self, k: usize, of: &Amount) -> [(&'static str, Vec<f64>); 3] {
        let far = |a: &[Vec<f32>], b: &[Vec<f32>], other: usize| -> Vec<f64> {
            let n = a.len().max(1);
            (0..a.len())
                .map(|i| of.apart(a[i][k], b[(i + other) % n][k]))
                .collect()
        };
        let [stated, read] = &self.truth;
        [
            ("", far(&self.asked, &self.shown, 0)),
            ("/data", far(stated, read, 0)),
            ("/others", far(&self.asked, &self.shown, 1)),
        ]
    }
}

fn gather(
    judge: &Judge,
    t: &dyn Translate,
    reader: &Reader,
    d: Direction,
    of: &Looked,
    tell: Tell,
) -> Result<Found> {
    let set = judge.data(NAME)?.set;
    let (info, count) = (set.info(), judge.count.min(set.info().count));
    let pairs = info.kind.has_sides();
    let (width, read_width) = (info.attributes.len(), reader.names().len());
    let mut out = Found::default();
    each_item(set, count, &mut |batch| {
        let mut given = batch.side(d.from());
        let truth = batch.side(if pairs { d.to() } else { 0 });
        if !pairs {
            let one = width.min(given.attributes.len());
            given.attributes.rotate_left(one);
        }
        let wish = Wish::side(d);
        let made = match &of.told[..] {
            [] => Batch {
                values: t.translate(&given, &wish, key(judge))?.values,
                ..given.clone()
            },
            told => as_stated(t, &given, told, &wish, key(judge))?,
        };
        out.asked.extend(rows_of(&of.stated, &given.attributes, width));
        out.shown
            .extend(rows_of(&of.seen, &read(reader, &made)?, read_width));
        out.truth[0].extend(rows_of(&of.stated, &truth.attributes, width));
        out.truth[1].extend(rows_of(&of.seen, &read(reader, &truth)?, read_width));
        tell(NAME, out.asked.len(), count);
        Ok(())
    })?;
    Ok(out)
}

fn amounts_of(known: &[String], names: &[String]) -> Result<Vec<Amount>> {
    let one = |name: &String| Amount::of_attributes(known, name);
    names.iter().map(one).collect()
}

fn rows_of(of: &[Amount], rows: &[f32], width: usize) -> Vec<Vec<f32>> {
    let one = |row: &[f32]| of.iter().map(|a| a.of(row)).collect();
    rows.chunks_exact(width.max(1)).map(one).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// By hand: two items of a hue and an amount.
    #[test]
    fn differences_by_hand() {
        let names: Vec<String> = ["hair_hue", "yaw"].map(String::from).to_vec();
        let of = amounts_of(&names, &names).unwrap();
        let found = Found {
            asked: vec![vec![0.0, 0.5], vec![0.5, 1.0]],
            shown: vec![vec![0.9, 0.6], vec![0.5, 0.5]],
            truth: [vec![vec![0.1, 0.0]], vec![vec![0.1, 0.5]]],
        };
        let want = [
            [vec![36.0, 0.0], vec![0.0], vec![180.0, 144.0]],
            [vec![9.0, 45.0], vec![45.0], vec![0.0, 36.0]],
        ];
        for (k, want) in want.into_iter().enumerate() {
            for ((member, got), want) in found.figures(k, &of[k]).into_iter().zip(want) {
                let near = got.iter().zip(&want).all(|(a, b)| (a - b).abs() < 1e-3);
                assert!(near && got.len() == want.len(), "{member}: {got:?} {want:?}");
            }
        }
    }
}
