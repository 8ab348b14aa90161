//! Whether features tell who is seen: by the nearest of a gallery of one picture a person, from whatever side.
use super::by_capability::mean_and_error;
use super::metric::{Judge, Metric, Tell, Verdict, members};
use super::subject::each_item;
use crate::data::{Batch, DataInfo, Dataset};
use crate::error::{Error, Result};
use crate::metrics::features::Features;
use crate::metrics::identification::nearest;
use crate::models::{Capability, Model};
use serde_json::Map;
use std::collections::BTreeMap;

/// The attribute that says from which side an item is seen.
const SIDE: &str = "yaw";
/// Degrees by which items are put together.
const APART: f32 = 15.0;

/// Rows of features of items, and what is known of these.
#[derive(Default)]
struct Seen {
    rows: Vec<f32>,
    /// by their pixels
    pixels: Vec<f32>,
    labels: Vec<u32>,
    /// degrees from the front, as a multiple of [`APART`]; 0 where nothing says it
    aside: Vec<u32>,
}

/// The share of items whose nearest in the gallery is of their class: by the model's features, by those of the same networks before they
/// learned, by pixels; and by how far from the front they are seen.
///
/// # Errors
/// [`Error::Usage`] without features; [`Error::Data`] without classes, and where no class has two items.
pub(super) fn work_out(judge: &Judge, metric: &Metric, tell: Tell) -> Result<Vec<Verdict>> {
    let (model, name) = judge.subject.model(metric.name)?;
    let data = judge.data(metric.name)?;
    let count = judge.count.min(data.set.info().count);
    let seen = seen(model, name, data.set, count, metric.name, tell)?;
    let (gallery, probes) = apart(&seen);
    if probes.is_empty() || gallery.len() < 2 {
        let problem = format!("`{}` looks for two classes with two items each", metric.name);
        return Err(Error::data(
            &data.set.info().source,
            problem,
            "give more items with -n",
        ));
    }
    let mut definition = Map::new();
    definition.insert("data".into(), data.definition.clone().into());
    definition.insert("items".into(), count.into());
    definition.insert("gallery".into(), gallery.len().into());
    definition.insert("nearest".into(), "by cosine, of features less their mean".into());
    let right = |rows: &[f32]| found(&seen, rows, [&gallery, &probes]);
    let own = right(&seen.rows)?;
    let mut figures = vec![(String::new(), own.clone())];
    let mut by_side: BTreeMap<u32, Vec<f64>> = BTreeMap::new();
    for (&i, &right) in probes.iter().zip(&own) {
        by_side.entry(seen.aside[i]).or_default().push(right);
    }
    if by_side.len() > 1 {
        let degrees = |k: u32| format!("/{}", k as f32 * APART);
        figures.extend(by_side.into_iter().map(|(k, right)| (degrees(k), right)));
    }
    if let Some(untrained) = judge.untrained {
        let before = self::seen(
            untrained,
            name,
            data.set,
            count,
            "identification, untrained",
            tell,
        )?;
        figures.push(("/untrained".into(), right(&before.rows)?));
    }
    figures.push(("/pixels".into(), right(&seen.pixels)?));
    let told: Vec<_> = figures.iter().map(|(n, v)| (&n[..], mean_and_error(v))).collect();
    members(metric.name, &definition, told)
}

/// The features of a batch: the code of a model that encodes, else its last layer.
fn features(model: &dyn Model, name: &str, batch: &Batch) -> Result<Vec<f32>> {
    if let Some(encoder) = model.as_encode() {
        return Ok(crate::nn::numbers(encoder.encode(batch)?));
    }
    let able = model
        .as_features()
        .ok_or_else(|| Capability::Features.missing(name))?;
    let last = able.layers(batch)?.pop();
    Ok(last.map(|(_, values)| values).unwrap_or_default())
}

fn seen(
    model: &dyn Model,
    name: &str,
    set: &dyn Dataset,
    count: usize,
    what: &str,
    tell: Tell,
) -> Result<Seen> {
    let info: &DataInfo = set.info();
    let column = info.attributes.iter().position(|n| n == SIDE);
    let mut out = Seen::default();
    each_item(set, count, &mut |batch| {
        let labels = batch
            .labels
            .as_ref()
            .ok_or_else(|| Error::data(&info.source, "has items without a class", "give data with labels"))?;
        out.labels.extend(labels);
        out.rows.extend(features(model, name, &batch)?);
        out.pixels.extend(&batch.values);
        let rows = batch.attributes.chunks_exact(info.attributes.len().max(1));
        match column {
            Some(c) => out
                .aside
                .extend(rows.map(|row| (row[c].abs() / APART).round() as u32)),
            None => out.aside.resize(out.labels.len(), 0),
        }
        tell(what, out.labels.len(), count);
        Ok(())
    })?;
    Ok(out)
}

/// The gallery, of each class the item that is seen most from the front, and all others.
fn apart(seen: &Seen) -> (Vec<usize>, Vec<usize>) {
    let mut first: BTreeMap<u32, usize> = BTreeMap::new();
    for (i, label) in seen.labels.iter().enumerate() {
        let kept = first.entry(*label).or_insert(i);
        if seen.aside[i] < seen.aside[*kept] {
            *kept = i;
        }
    }
    let gallery: Vec<usize> = first.into_values().collect();
    let probes = (0..seen.labels.len()).filter(|i| !gallery.contains(i)).collect();
    (gallery, probes)
}

/// Of each probe 1 where it is found by these rows, else 0.
fn found(seen: &Seen, rows: &[f32], [gallery, probes]: [&[usize]; 2]) -> Result<Vec<f64>> {
    let width = rows.len() / seen.labels.len().max(1);
    let of = |items: &[usize]| -> Vec<f32> {
        let rows = items.iter().flat_map(|i| &rows[i * width..(i + 1) * width]);
        rows.copied().collect()
    };
    let (known, asked) = (of(gallery), of(probes));
    let nearest = nearest(
        &Features::new(&known, width, "the gallery")?,
        &Features::new(&asked, width, "the probes")?,
    )?;
    let right = |(probe, found): (&usize, usize)| seen.labels[*probe] == seen.labels[gallery[found]];
    Ok(probes
        .iter()
        .zip(nearest)
        .map(|p| f64::from(u8::from(right(p))))
        .collect())
}
