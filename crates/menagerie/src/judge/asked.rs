//! Models that are told how much of what an image is to show: each image asked for with amounts of its own, and whether it shows them.
use super::by_translation::{key, named, verdict};
use super::metric::{Judge, Tell, Verdict};
use super::subject::each_item;
use crate::data::{Amount, Batch, DataInfo};
use crate::error::{Error, Result};
use crate::explore::Reader;
use crate::models::{Samples, Translate, Wish};
use crate::random::Key;
use serde_json::{Map, Value};

const NAME: &str = "asked";

/// The amounts of attributes by their names, of data that state them.
///
/// # Errors
/// [`Error::Usage`] for what is no attribute of the data.
pub(crate) fn amounts(info: &DataInfo, names: &[String]) -> Result<Vec<Amount>> {
    names
        .iter()
        .map(|name| Amount::of_attributes(&info.attributes, name))
        .collect()
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
    let (stated, seen) = (amounts(info, names)?, named_of(&reader, names)?);
    let mut verdicts = Vec::new();
    // Of domains alone there are no sides, and what is to be shown is what the next image does.
    let ways = match t.directions() {
        [] => vec![Default::default()],
        sides => sides.to_vec(),
    };
    for d in ways {
        let pairs = info.kind.has_sides();
        let count = judge.count.min(info.count);
        let mut rows: [Vec<Vec<f32>>; 3] = Default::default();
        each_item(data.set, count, &mut |batch| {
            let mut given = batch.side(d.from());
            let truth = batch.side(if pairs { d.to() } else { 0 });
            if !pairs {
                let width = given.attributes.len() / given.shape[0].max(1);
                given.attributes.rotate_left(width);
            }
            let wish = Wish::side(d);
            let made = match t.domains().is_empty() {
                true => Batch {
                    values: t.translate(&given, &wish, key(judge))?.values,
                    ..given.clone()
                },
                false => as_stated(t, &given, &amounts(info, t.domains())?, &wish, key(judge))?,
            };
            rows[0].extend(of_rows(&stated, &given.attributes, info.attributes.len()));
            rows[1].extend(of_rows(&seen, &read(&reader, &made)?, reader.names().len()));
            let mut missed = of_rows(&seen, &read(&reader, &truth)?, reader.names().len());
            let true_rows = of_rows(&stated, &truth.attributes, info.attributes.len());
            // Of true images the difference itself is kept.
            for (row, truth) in missed.iter_mut().zip(true_rows) {
                let pairs = row.iter_mut().zip(truth).zip(&stated);
                pairs.for_each(|((seen, truth), of)| *seen = of.apart(*seen, truth) as f32);
            }
            rows[2].extend(missed);
            tell(NAME, rows[0].len(), count);
            Ok(())
        })?;
        let mut definition = Map::new();
        definition.insert("data".into(), data.definition.clone().into());
        definition.insert("items".into(), count.into());
        let of = if pairs {
            "the other image of the pair"
        } else {
            "the next image"
        };
        definition.insert("asked".into(), Value::from(of));
        definition.extend(judge.features(NAME)?.definition());
        let [asked, shown, missed] = rows;
        for (k, of) in stated.iter().enumerate() {
            let far = |other: usize| -> Vec<f64> {
                let n = asked.len();
                let one = |i: usize| of.apart(asked[i][k], shown[(i + other) % n][k]);
                (0..n).map(one).collect()
            };
            let name = format!("{}/{}", named(NAME, t, d), of.name);
            let by_reader: Vec<f64> = missed.iter().map(|row| f64::from(row[k])).collect();
            for (member, values) in [("", far(0)), ("/data", by_reader), ("/others", far(1))] {
                verdicts.push(verdict(format!("{name}{member}"), &values, definition.clone()));
            }
        }
    }
    Ok(verdicts)
}

/// The same amounts as a reader has them.
fn named_of(reader: &Reader, names: &[String]) -> Result<Vec<Amount>> {
    let one = |name: &String| Amount::of_attributes(reader.names(), name);
    names.iter().map(one).collect()
}

fn of_rows(of: &[Amount], rows: &[f32], width: usize) -> Vec<Vec<f32>> {
    let one = |row: &[f32]| of.iter().map(|a| a.of(row)).collect();
    rows.chunks_exact(width.max(1)).map(one).collect()
}

fn read(reader: &Reader, batch: &Batch) -> Result<Vec<f32>> {
    reader.read(&Samples {
        kind: batch.kind,
        shape: batch.shape.clone(),
        values: batch.values.clone(),
    })
}
