//! Whether translated images show what they should, as a reader of attributes reads it, and whether all else stays.
use super::by_translation::{key, named, side, verdict};
use super::metric::{Judge, Tell, Verdict};
use super::subject::each_item;
use crate::data::{Batch, Dataset, Trait, trait_of_sides};
use crate::error::{Error, Result};
use crate::explore::Reader;
use crate::metrics::attributes::kept;
use crate::models::{Samples, Translate, Wish};
use serde_json::{Map, Value};

const NAME: &str = "attribute-flips";

/// Of each way: the share of images that show what they should after it, the same of the images as they were given, the mean
/// share of other attributes that stay, and that between one image and another (what chance keeps).
///
/// # Errors
/// [`Error::Usage`] without a reader, and where nothing says what should change.
pub(super) fn work_out(judge: &Judge, t: &dyn Translate, tell: Tell) -> Result<Vec<Verdict>> {
    let data = judge.data(NAME)?;
    let Some(reader) = judge.extractor.and_then(|e| e.reader()) else {
        return Err(Error::usage(
            format!("`{NAME}` asks what images show, and nothing reads it"),
            "give --reader RUN, of attribute-reader or of a classifier",
        ));
    };
    let mut verdicts = Vec::new();
    if t.domains().is_empty() {
        let name = match (judge.traits, trait_of_sides(&data.set.info().source)) {
            ([name], _) => name.as_str(),
            ([], Some(name)) => name,
            _ => {
                let problem = format!(
                    "nothing says what one side of {} has and the other has not",
                    data.set.info().source
                );
                return Err(Error::usage(
                    problem,
                    "give --trait NAME, of what the second side shows",
                ));
            }
        };
        let of = reader.named(name)?;
        for &d in t.directions() {
            let images = side(data.set, d.from(), NAME)?;
            let asked = Asked {
                of: &of,
                wanted: d.to() == 1,
                wish: Wish::side(d),
                name: named(NAME, t, d),
            };
            verdicts.extend(way(judge, t, &reader, &images, &asked, tell)?);
        }
        return Ok(verdicts);
    }
    let names = if judge.traits.is_empty() {
        t.domains()
    } else {
        judge.traits
    };
    for name in names {
        let of = reader.named(name)?;
        for (amount, no) in [(1.0, ""), (0.0, "no-")] {
            let to = [(name.clone(), amount)];
            let asked = Asked {
                of: &of,
                wanted: amount == 1.0,
                wish: Wish {
                    to: &to,
                    ..Wish::default()
                },
                name: format!("{NAME}/{no}{name}"),
            };
            verdicts.extend(way(judge, t, &reader, data.set, &asked, tell)?);
        }
    }
    Ok(verdicts)
}

/// What images are to show, and the wish for it.
struct Asked<'a> {
    of: &'a Trait,
    wanted: bool,
    wish: Wish<'a>,
    name: String,
}

/// All that the reader reads off the images of a batch.
pub(super) fn read(reader: &Reader, batch: &Batch) -> Result<Vec<f32>> {
    reader.read(&Samples {
        kind: batch.kind,
        shape: batch.shape.clone(),
        values: batch.values.clone(),
    })
}

fn way(
    judge: &Judge,
    t: &dyn Translate,
    reader: &Reader,
    images: &dyn Dataset,
    asked: &Asked,
    tell: Tell,
) -> Result<Vec<Verdict>> {
    let count = judge.count.min(images.info().count);
    let width = reader.names().len().max(1);
    let (mut before, mut after) = (Vec::new(), Vec::new());
    each_item(images, count, &mut |batch| {
        let made = Batch {
            values: t.translate(&batch, &asked.wish, key(judge))?.values,
            ..batch.clone()
        };
        before.extend(read(reader, &batch)?);
        after.extend(read(reader, &made)?);
        tell(NAME, after.len() / width, count);
        Ok(())
    })?;
    let shown = |rows: &[f32]| -> Vec<f64> {
        let right = |row: &[f32]| f64::from(asked.of.shows(row) == asked.wanted);
        rows.chunks_exact(width).map(right).collect()
    };
    let mut definition = Map::new();
    definition.insert("data".into(), judge.data(NAME)?.definition.clone().into());
    definition.insert("items".into(), count.into());
    definition.insert("trait".into(), Value::from(asked.of.name.as_str()));
    definition.extend(judge.features(NAME)?.definition());
    let mut verdicts = vec![
        verdict(asked.name.clone(), &shown(&after), definition.clone()),
        verdict(
            format!("{}/input", asked.name),
            &shown(&before),
            definition.clone(),
        ),
    ];
    if let Reader::Attributes(_) = reader {
        let rows: Vec<&[f32]> = before.chunks_exact(width).collect();
        let others = rows.iter().cycle().skip(1).copied();
        let column = asked.of.column();
        let stay = |other: &mut dyn Iterator<Item = &[f32]>| -> Vec<f64> {
            rows.iter()
                .zip(other)
                .filter_map(|(a, b)| kept(a, b, column))
                .collect()
        };
        let own = stay(&mut after.chunks_exact(width));
        let chance = stay(&mut others.into_iter());
        let name = asked.name.replacen(NAME, &format!("{NAME}/kept"), 1);
        verdicts.push(verdict(name.clone(), &own, definition.clone()));
        verdicts.push(verdict(format!("{name}/others"), &chance, definition));
    }
    Ok(verdicts)
}
