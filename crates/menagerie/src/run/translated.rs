//! What a model that translates makes of the first items, or one that fills in, as a picture.
use crate::data::{Batch, Dataset, Kind};
use crate::error::Result;
use crate::judge::{amounts, around_the_middle, as_stated};

use crate::models::{Complete, Samples, Translate, Wish};
use crate::random::Key;

/// A row an item, and how many images a row has. Of one that goes one way: what it is given, what it makes of it, and what it
/// should make of it; of one that goes both ways: an image of the first side and its translation, one of the second and its own;
/// of one between domains: an image, and what it becomes in each; of one that is told what the other image of a pair states, both.
/// `count` images in all, about.
///
/// # Errors
/// Those of the data and the model.
pub(super) fn rows(
    model: &dyn Translate,
    dataset: &dyn Dataset,
    count: usize,
    key: Key,
) -> Result<(Samples, usize)> {
    let paired = dataset.info().kind == Kind::Pair;
    let one_way = model.directions().len() == 1;
    // Of a pair, and told what the true image states.
    let told = paired && one_way && !model.domains().is_empty();
    let width = match (model.domains().len(), one_way, paired) {
        (0, true, true) => 3,
        _ if told => 3,
        (0, true, false) => 2,
        (0, false, _) => 4,
        (domains, ..) => 1 + domains,
    };
    let items = (count / width).clamp(1, dataset.info().count);
    // Items side by side, so that a picture is about as wide as high.
    let across = (items / width).isqrt().max(1);
    let items = (items / across * across) as u32;
    let batch = Batch::of(dataset, &(0..items).collect::<Vec<_>>())?;
    let mut columns = Vec::new();
    if let (true, Some(&d)) = (told, model.directions().first()) {
        let given = batch.side(d.from());
        let of = amounts(dataset.info(), model.domains())?;
        let made = as_stated(model, &given, &of, &Wish::side(d), key)?;
        columns = vec![given.values, made.values, batch.side(d.to()).values];
    }
    for (i, name) in model.domains().iter().enumerate().filter(|_| !told) {
        let to = [(name.clone(), 1.0)];
        let wish = Wish {
            to: &to,
            ..Wish::default()
        };
        columns.extend((i == 0).then(|| batch.values.clone()));
        columns.push(model.translate(&batch, &wish, key)?.values);
    }
    for &d in model.directions().iter().filter(|_| !told) {
        let given = batch.side(d.from());
        let made = model.translate(&given, &Wish::side(d), key)?;
        columns.extend([given.values, made.values]);
        if one_way && paired {
            columns.push(batch.side(d.to()).values);
        }
    }
    let side = batch.side(0);
    let n: usize = side.shape[1..].iter().product();
    let row = |i: usize| {
        columns
            .iter()
            .flat_map(move |c| c[i * n..(i + 1) * n].iter().copied())
    };
    let samples = Samples {
        kind: Kind::Image,
        shape: [&[items as usize * columns.len()], &side.shape[1..]].concat(),
        values: (0..items as usize).flat_map(row).collect(),
    };
    Ok((samples, across * columns.len()))
}

/// A row an item: an image whose middle is hidden, what the model fills in, the image itself. `count` images in all, about.
///
/// # Errors
/// Those of the data and the model.
pub(super) fn filled(
    model: &dyn Complete,
    dataset: &dyn Dataset,
    count: usize,
    key: Key,
) -> Result<(Samples, usize)> {
    const COLUMNS: usize = 3;
    let items = (count / COLUMNS).clamp(1, dataset.info().count);
    let across = (items / COLUMNS).isqrt().max(1);
    let items = items / across * across;
    let batch = Batch::of(dataset, &(0..items as u32).collect::<Vec<_>>())?;
    let (known, channels) = (
        around_the_middle(&batch.shape[1..]),
        batch.shape[batch.shape.len() - 1],
    );
    let nothing = batch.kind.hidden();

    let made = model.complete(&batch, &known, key)?.values;
    let n = known.len() * channels;

    let shown = |(i, v): (usize, &f32)| if known[i % n / channels] { *v } else { nothing };
    let hidden: Vec<f32> = batch.values.iter().enumerate().map(shown).collect();

    let columns = [&hidden, &made, &batch.values];
    let rows = (0..items).flat_map(|i| columns.map(|c| c[i * n..(i + 1) * n].to_vec()));
    let samples = Samples {
        kind: batch.kind,
        shape: [&[items * COLUMNS], &batch.shape[1..]].concat(),
        values: rows.flatten().collect(),
    };
    Ok((samples, across * COLUMNS))
}
