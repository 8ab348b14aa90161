//! Metrics of models that make images of descriptions: whether they tell the right text from a wrong one, whether a text is found
//! again by the image that was made of it, whether the image shows what the text says.
use super::by_translation::verdict;
use super::metric::{Judge, Metric, Tell, Verdict, forgotten};
use super::subject::each_item;
use crate::data::portraits::{Attributes, Beard, Glasses, HairStyle, Headwear};
use crate::data::{Batch, Dataset};
use crate::error::{Error, Result};
use crate::explore::Reader;
use crate::models::{Capability, Illustrate, Samples};
use crate::random::Key;
use serde_json::{Map, Value};

/// Figures of a metric with `Needs::Described` or the capability to make images of texts.
///
/// # Errors
/// [`Error::Usage`] when the model does not, or the data are not described.
pub(super) fn work_out(judge: &mut Judge, metric: &Metric, tell: Tell) -> Result<Vec<Verdict>> {
    let (model, name) = judge.subject.model(metric.name)?;
    let model = model
        .as_illustrate()
        .ok_or_else(|| Capability::Illustrate.missing(name))?;
    let data = judge.data(metric.name)?;
    data.set.info().every_caption(&format!("`{}`", metric.name))?;
    let count = judge.count.min(data.set.info().count);
    let mut definition = Map::new();
    definition.insert("data".into(), data.definition.clone().into());
    definition.insert("items".into(), count.into());
    match metric.name {
        "text-match" => matches(model, data.set, count, &definition, tell),
        "retrieval" => retrieval(judge, model, data.set, definition, tell),
        "described" => described(judge, model, data.set, definition, tell),
        name => Err(forgotten(name)),
    }
}

fn captions(batch: &Batch) -> Result<&[String]> {
    batch
        .captions
        .as_deref()
        .ok_or_else(|| Error::usage("an item has no description", "give data that are all described"))
}

/// Items moved by one: the description of each is that of another.
fn others(texts: &[String]) -> Vec<String> {
    let mut out = texts.to_vec();
    out.rotate_left(1);
    out
}

fn share(fits: impl Iterator<Item = bool>) -> Vec<f64> {
    fits.map(|f| f64::from(u8::from(f))).collect()
}

/// Of each item, whether its own description fits it better than that of the next: by the critic, and by the encoders.
fn matches(
    model: &dyn Illustrate,
    set: &dyn Dataset,
    count: usize,
    definition: &Map<String, Value>,
    tell: Tell,
) -> Result<Vec<Verdict>> {
    let (mut by_critic, mut by_encoders) = (Vec::new(), Vec::new());
    each_item(set, count, &mut |batch| {
        let n = batch.shape[0];
        let right = captions(&batch)?;
        let wrong = others(right);
        let told = right.iter().zip(&wrong).map(|(a, b)| a != b);
        let told: Vec<bool> = told.collect();
        let (a, b) = (model.fits(&batch, right)?, model.fits(&batch, &wrong)?);
        let better = a
            .iter()
            .zip(&b)
            .zip(&told)
            .filter(|(_, t)| **t)
            .map(|((a, b), _)| a > b);
        by_critic.extend(share(better));
        let near = model.closeness(&batch, right)?;
        let of = |i: usize| near[i * n + i] > near[i * n + (i + 1) % n];
        by_encoders.extend(share((0..n).filter(|&i| told[i]).map(of)));
        tell("text-match", by_critic.len(), count);
        Ok(())
    })?;
    Ok(vec![
        verdict("text-match".into(), &by_critic, definition.clone()),
        verdict("text-match/encoders".into(), &by_encoders, definition.clone()),
    ])
}

/// Descriptions among which one is looked for.
const AMONG: usize = 100;

fn retrieval(
    judge: &Judge,
    model: &dyn Illustrate,
    set: &dyn Dataset,
    mut definition: Map<String, Value>,
    tell: Tell,
) -> Result<Vec<Verdict>> {
    let count = judge.count.min(set.info().count) / AMONG * AMONG;
    if count == 0 {
        return Err(Error::usage(
            format!("`retrieval` looks for a description among {AMONG}, and there are fewer items"),
            format!("give -n {AMONG} or more, and data with as many items"),
        ));
    }
    definition.insert("items".into(), count.into());
    definition.insert("among".into(), AMONG.into());
    let (mut made, mut data) = (Vec::new(), Vec::new());
    for from in (0..count).step_by(AMONG) {
        let indices: Vec<u32> = (from..from + AMONG).map(|i| i as u32).collect();
        let batch = Batch::of(set, &indices)?;
        let texts = captions(&batch)?;
        let drawn = illustrated(
            model,
            &batch,
            texts,
            judge.key.stream("retrieval").step(from as u64),
        )?;
        for (found, images) in [(&mut made, &drawn), (&mut data, &batch)] {
            let near = model.closeness(images, texts)?;
            // Of descriptions that are word for word the same, each is right.
            let nearest = |(i, row): (usize, &[f32])| {
                let best = (0..AMONG).max_by(|&a, &b| row[a].total_cmp(&row[b])).unwrap_or(0);
                texts[best] == texts[i]
            };
            found.extend(share(near.chunks_exact(AMONG).enumerate().map(nearest)));
        }
        tell("retrieval", made.len(), count);
    }
    Ok(vec![
        verdict("retrieval".into(), &made, definition.clone()),
        verdict("retrieval/data".into(), &data, definition),
    ])
}

/// Images of texts, as a batch like that of the items.
fn illustrated(model: &dyn Illustrate, like: &Batch, texts: &[String], key: Key) -> Result<Batch> {
    Ok(Batch {
        values: model.illustrate(texts, key)?.values,
        ..like.clone()
    })
}

/// What descriptions of portraits say, and whether two faces agree in it; None where it does not show in the first.
type Said = (&'static str, fn(&Attributes, &Attributes) -> Option<bool>);
const SAID: [Said; 4] = [
    ("hair", |a, b| {
        (a.hair_style != HairStyle::Bald).then(|| a.hair_colour_name() == b.hair_colour_name())
    }),
    ("glasses", |a, b| {
        Some((a.glasses == Glasses::None) == (b.glasses == Glasses::None))
    }),
    ("beard", |a, b| {
        Some((a.beard == Beard::None) == (b.beard == Beard::None))
    }),
    ("headwear", |a, b| {
        Some((a.headwear == Headwear::None) == (b.headwear == Headwear::None))
    }),
];

/// Of what each description says, the share of images made of it that show it; beside it the same of the items themselves, which
/// the reader misreads now and then, and of images made of other descriptions.
fn described(
    judge: &Judge,
    model: &dyn Illustrate,
    set: &dyn Dataset,
    mut definition: Map<String, Value>,
    tell: Tell,
) -> Result<Vec<Verdict>> {
    let reader = judge.extractor.and_then(|e| e.reader());
    let Some(reader @ Reader::Attributes(_)) = reader else {
        return Err(Error::usage(
            "`described` asks what images show, and nothing reads it",
            "give --reader RUN, of attribute-reader",
        ));
    };
    if set.info().attributes != Attributes::NAMES {
        let problem = format!(
            "{} does not have the attributes of painted portraits",
            set.info().source
        );
        return Err(Error::usage(problem, "give --data portraits"));
    }
    definition.extend(judge.features("described")?.definition());
    let count = judge.count.min(set.info().count);
    let width = Attributes::NAMES.len();
    let faces =
        |rows: &[f32]| -> Vec<Attributes> { rows.chunks_exact(width).map(Attributes::from_slice).collect() };
    let read = |b: &Batch| -> Result<Vec<Attributes>> {
        let items = Samples {
            kind: b.kind,
            shape: b.shape.clone(),
            values: b.values.clone(),
        };
        Ok(faces(&reader.read(&items)?))
    };
    // Of what is said: of images, of the items, of images of others.
    let mut found: [[Vec<f64>; 3]; SAID.len()] = Default::default();
    let mut done = 0;
    each_item(set, count, &mut |batch| {
        let truth = faces(&batch.attributes);
        let key = judge.key.stream("described").step(done as u64);
        let made = read(&illustrated(model, &batch, captions(&batch)?, key)?)?;
        let seen = read(&batch)?;
        for (i, face) in truth.iter().enumerate() {
            let of_another = &made[(i + 1) % made.len()];
            for ((_, agree), out) in SAID.iter().zip(&mut found) {
                for (out, other) in out.iter_mut().zip([&made[i], &seen[i], of_another]) {
                    out.extend(agree(face, other).map(|a| f64::from(u8::from(a))));
                }
            }
        }
        done += truth.len();
        tell("described", done, count);
        Ok(())
    })?;
    let mut verdicts = Vec::new();
    for ((name, _), figures) in SAID.iter().zip(&found) {
        for (of, values) in ["", "/data", "/others"].iter().zip(figures) {
            verdicts.push(verdict(
                format!("described/{name}{of}"),
                values,
                definition.clone(),
            ));
        }
    }
    Ok(verdicts)
}
