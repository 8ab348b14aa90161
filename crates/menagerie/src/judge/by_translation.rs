//! Metrics of models that translate: against the true image of a pair, there and back, and by how the translated look. Beside
//! every figure stands that of the images as they were given: a translation that leaves its input alone shows.
use super::asked;
use super::beside;
use super::boxes;
use super::by_capability::mean_and_error;
use super::flips;
use super::gather::Gatherer;
use super::metric::{Judge, Metric, Tell, Verdict, forgotten};
use super::subject::each_item;
use crate::data::{Batch, DataInfo, Dataset, Kind, Side};
use crate::error::{Error, Result};
use crate::metrics::{fid, ssim};
use crate::models::{Capability, Direction, Translate, Wish};
use crate::random::Key;
use rayon::prelude::*;
use serde_json::{Map, Value, json};

/// Figures of a metric with `Needs::Truth`, `Needs::Back`, `Needs::Sides`, `Needs::Reader` or the capability to translate.
///
/// # Errors
/// [`Error::Usage`] when the model does not translate, or the data do not tell.
pub(super) fn work_out(judge: &mut Judge, metric: &Metric, tell: Tell) -> Result<Vec<Verdict>> {
    let (model, model_name) = judge.subject.model(metric.name)?;
    let translator = model
        .as_translate()
        .ok_or_else(|| Capability::Translate.missing(model_name))?;
    match metric.name {
        "l1" | "psnr" | "ssim" | "shrunk-l1" | "sad" | "alpha-mse" | "seam" | "penetration" | "contact" => {
            against_truth(judge, translator, metric.name, tell)
        }
        "cycle" => there_and_back(judge, translator, model_name, tell),
        "side-fid" => sides(judge, translator, tell),
        "answers" => answers(judge, translator, model_name, tell),
        "best-of" => best_of(judge, translator, tell),
        "attribute-flips" => flips::work_out(judge, translator, tell),
        "asked" => asked::work_out(judge, translator, tell),
        "box-overlap" => boxes::work_out(judge, translator, tell),
        "layout-agreement" => layouts(judge, translator, tell),
        name => Err(forgotten(name)),
    }
}

/// A metric's name for a direction: plain where there is one only.
pub(super) fn named(metric: &str, translator: &dyn Translate, direction: Direction) -> String {
    match translator.directions() {
        [_] => metric.to_string(),
        _ => format!("{metric}/{}", direction.name()),
    }
}

/// What every figure of a direction depends on.
pub(super) fn definition(
    judge: &Judge,
    metric: &str,
    direction: Direction,
    items: usize,
) -> Result<Map<String, Value>> {
    let mut out = Map::new();
    out.insert("data".into(), judge.data(metric)?.definition.clone().into());
    out.insert("items".into(), items.into());
    out.insert("direction".into(), direction.name().into());
    out.insert("pixels".into(), json!("[0, 1]"));
    Ok(out)
}

pub(super) fn key(judge: &Judge) -> Key {
    judge.key.stream("translation")
}

/// The images of a batch, translated; where a model is told what they are to show, as what their attributes state.
pub(super) fn translated(
    judge: &Judge,
    t: &dyn Translate,
    images: &Batch,
    d: Direction,
    key: Key,
) -> Result<Batch> {
    if !t.domains().is_empty() {
        let of = asked::amounts(judge.data("translations")?.set.info(), t.domains())?;
        return asked::as_stated(t, images, &of, &Wish::side(d), key);
    }
    Ok(Batch {
        values: t.translate(images, &Wish::side(d), key)?.values,
        ..images.clone()
    })
}

/// A figure of two images `[height, width, channel]` in [-1, 1], by the metric's name: of what was made, and of the truth.
fn likeness(metric: &str, a: &[f32], b: &[f32], shape: [usize; 3]) -> f64 {
    let mean = |f: &dyn Fn(f64) -> f64| {
        let sum: f64 = a.iter().zip(b).map(|(a, b)| f((a - b) as f64 / 2.0)).sum();
        sum / a.len().max(1) as f64
    };
    match metric {
        "psnr" => -10.0 * mean(&|d| d * d).max(1e-10).log10(),
        "ssim" => {
            let unit = |x: &[f32]| x.iter().map(|v| (v + 1.0) / 2.0).collect::<Vec<f32>>();
            ssim::ssim(&unit(a), &unit(b), shape)
        }
        "shrunk-l1" => beside::shrunk(a, b, shape),
        "sad" => beside::alpha(a, b, shape[2], f64::abs) * (shape[0] * shape[1]) as f64 / 1000.0,
        "alpha-mse" => beside::alpha(a, b, shape[2], |d| d * d),
        "seam" => beside::seam(a, b, shape),
        "penetration" => beside::penetration(a, shape[2]),
        "contact" => (beside::contact(a, shape[2]) - beside::contact(b, shape[2])).abs(),
        _ => mean(&f64::abs),
    }
}

/// The figure of each item of two batches of images.
fn each(metric: &str, a: &Batch, b: &Batch) -> Vec<f64> {
    let shape = [a.shape[1], a.shape[2], a.shape[3]];
    let n = shape.iter().product::<usize>().max(1);
    let pairs = a.values.par_chunks_exact(n).zip(b.values.par_chunks_exact(n));
    pairs.map(|(a, b)| likeness(metric, a, b, shape)).collect()
}

pub(super) fn verdict(metric: String, per_item: &[f64], definition: Map<String, Value>) -> Verdict {
    let (value, error) = mean_and_error(per_item);
    Verdict {
        metric,
        value,
        error,
        warning: None,
        definition,
    }
}

/// Translations of an image that are compared with each other, and those of which the best is taken.
const DRAWS: [usize; 2] = [2, 8];

/// Draws of every image of a batch.
fn drawn(judge: &Judge, t: &dyn Translate, images: &Batch, d: Direction, draws: usize) -> Result<Vec<Batch>> {
    let key = key(judge);
    let one = |k: usize| translated(judge, t, images, d, key.stream("draw").step(k as u64));
    (0..draws).map(one).collect()
}

/// How far two translations of an image are from each other by their features, and two images of the side asked for beside.
fn answers(judge: &Judge, t: &dyn Translate, model: &str, tell: Tell) -> Result<Vec<Verdict>> {
    const NAME: &str = "answers";
    if !t.draws() {
        let problem = format!("`{NAME}` compares translations of one image, and this {model} draws nothing");
        return Err(Error::usage(problem, "leave it out"));
    }
    let (data, extractor) = (judge.data(NAME)?, judge.features(NAME)?);
    let apart = |a: &[f32], b: &[f32], width: usize| -> Vec<f64> {
        let square = |(a, b): (&f32, &f32)| f64::from(a - b).powi(2);
        let pairs = a.chunks_exact(width).zip(b.chunks_exact(width));
        pairs
            .map(|(a, b)| a.iter().zip(b).map(square).sum::<f64>().sqrt())
            .collect()
    };
    let mut verdicts = Vec::new();
    for &d in t.directions() {
        let (from, to) = (side(data.set, d.from(), NAME)?, side(data.set, d.to(), NAME)?);
        let count = judge.count.min(from.info().count).min(to.info().count);
        let width = extractor.width(&from.info().shape)?;
        let (mut made, mut rows) = (Vec::new(), Vec::new());
        each_item(&from, count, &mut |batch| {
            let draws = drawn(judge, t, &batch, d, DRAWS[0])?;
            let [a, b] = [extractor.extract(&draws[0])?, extractor.extract(&draws[1])?];
            made.extend(apart(&a.features, &b.features, width));
            tell(NAME, made.len(), count);
            Ok(())
        })?;
        each_item(&to, count, &mut |batch| {
            rows.extend(extractor.extract(&batch)?.features);
            Ok(())
        })?;
        let mut next = rows.clone();
        next.rotate_left(width.min(rows.len()));
        let other = apart(&rows, &next, width);
        let mut definition = definition(judge, NAME, d, count)?;
        definition.remove("pixels");
        definition.extend(extractor.definition());
        let name = named(NAME, t, d);
        verdicts.push(verdict(name.clone(), &made, definition.clone()));
        verdicts.push(verdict(format!("{name}/data"), &other, definition));
    }
    Ok(verdicts)
}

/// The best of several translations against the truth.
fn best_of(judge: &Judge, t: &dyn Translate, tell: Tell) -> Result<Vec<Verdict>> {
    const NAME: &str = "best-of";
    let data = judge.data(NAME)?;
    let info = data.set.info();
    needs_pairs(NAME, info)?;
    let count = judge.count.min(info.count);
    let draws = if t.draws() { DRAWS[1] } else { 1 };
    let mut verdicts = Vec::new();
    for &d in t.directions() {
        let mut best = Vec::with_capacity(count);
        each_item(data.set, count, &mut |batch| {
            let (from, to) = (batch.side(d.from()), batch.side(d.to()));
            let all = drawn(judge, t, &from, d, draws)?;
            let all: Vec<Vec<f64>> = all.iter().map(|made| each("l1", made, &to)).collect();
            let least = |i: usize| all.iter().map(|e| e[i]).fold(f64::INFINITY, f64::min);
            best.extend((0..batch.shape[0]).map(least));
            tell(NAME, best.len(), count);
            Ok(())
        })?;
        let mut definition = definition(judge, NAME, d, count)?;
        definition.insert("draws".into(), draws.into());
        verdicts.push(verdict(named(NAME, t, d), &best, definition));
    }
    Ok(verdicts)
}

/// Refuses data without the other image of a pair.
pub(super) fn needs_pairs(metric: &str, info: &DataInfo) -> Result<()> {
    if info.kind == Kind::Pair {
        return Ok(());
    }
    let problem = format!(
        "`{metric}` compares with the other image of a pair, and {} holds {}",
        info.source,
        info.kind.plural()
    );
    Err(Error::usage(
        problem,
        "give --data of pairs (of portraits:sides: portraits:twins), or --metrics cycle",
    ))
}

fn against_truth(judge: &Judge, t: &dyn Translate, metric: &'static str, tell: Tell) -> Result<Vec<Verdict>> {
    let data = judge.data(metric)?;
    let info = data.set.info();
    needs_pairs(metric, info)?;
    if beside::MASKED.contains(&metric) && !matches!(t.channels(), 2 | 4) {
        let problem = format!(
            "`{metric}` looks at a mask as a fourth channel, and images of {} have {}",
            info.source,
            t.channels()
        );
        return Err(Error::usage(
            problem,
            "leave it out, or judge a run of portraits:matte or portraits:pasted",
        ));
    }
    if beside::FITTED.contains(&metric) && t.channels() != 3 {
        let problem = format!(
            "`{metric}` looks at heights, at what stands against them and at a mask as three channels, and images of {} have {}",
            info.source,
            t.channels()
        );
        return Err(Error::usage(problem, "leave it out, or judge a run of jaws"));
    }
    let count = judge.count.min(info.count);
    let mut verdicts = Vec::new();
    for &d in t.directions() {
        let (mut made, mut given) = (Vec::with_capacity(count), Vec::with_capacity(count));
        each_item(data.set, count, &mut |batch| {
            let (from, to) = (batch.side(d.from()), batch.side(d.to()));
            made.extend(each(metric, &translated(judge, t, &from, d, key(judge))?, &to));
            given.extend(each(metric, &from, &to));
            tell(metric, made.len(), count);
            Ok(())
        })?;
        let mut definition = definition(judge, metric, d, count)?;
        if metric == "ssim" {
            let window = ssim::window([info.shape[0], info.shape[1], t.channels()]);
            definition.insert("window".into(), window.into());
        }
        if metric == "shrunk-l1" {
            definition.insert("square".into(), beside::SQUARE.into());
        }
        let name = named(metric, t, d);
        verdicts.push(verdict(name.clone(), &made, definition.clone()));
        verdicts.push(verdict(format!("{name}/input"), &given, definition));
    }
    Ok(verdicts)
}

/// The share of pixels whose part another model sees, in what was made of a layout and in the true image, where the layout has it.
fn layouts(judge: &Judge, t: &dyn Translate, tell: Tell) -> Result<Vec<Verdict>> {
    const NAME: &str = "layout-agreement";
    let data = judge.data(NAME)?;
    needs_pairs(NAME, data.set.info())?;
    let segmenter = judge
        .segmenter
        .and_then(|(m, name)| Some((m.as_translate()?, name)));
    let Some((sees, by)) = segmenter else {
        let problem = format!("`{NAME}` compares layouts, and nothing sees them in images");
        let fix = "give --segmenter RUN, of pix2pix trained with translation.direction=b2a";
        return Err(Error::usage(problem, fix));
    };
    let count = judge.count.min(data.set.info().count);
    let mut verdicts = Vec::new();
    for &d in t.directions() {
        let Some(&back) = sees.directions().iter().find(|s| **s == d.back()) else {
            let problem = format!(
                "--segmenter {by} does not go {}, from images to their layouts",
                d.back().name()
            );
            return Err(Error::usage(
                problem,
                "train it with translation.direction set so",
            ));
        };
        let (mut made, mut truth) = (Vec::new(), Vec::new());
        each_item(data.set, count, &mut |batch| {
            let (from, to) = (batch.side(d.from()), batch.side(d.to()));
            let drawn = translated(judge, t, &from, d, key(judge))?;
            let n = from.values.len() / from.shape[0].max(1);
            for (images, out) in [(&drawn, &mut made), (&to, &mut truth)] {
                let seen = sees.translate(images, &Wish::side(back), key(judge))?.values;
                let pairs = seen.chunks_exact(n).zip(from.values.chunks_exact(n));
                out.extend(pairs.map(|(seen, layout)| beside::parts(seen, layout, from.shape[3])));
            }
            tell(NAME, made.len(), count);
            Ok(())
        })?;
        let mut definition = definition(judge, NAME, d, count)?;
        definition.remove("pixels");
        definition.insert("segmenter".into(), by.into());
        let name = named(NAME, t, d);
        verdicts.push(verdict(name.clone(), &made, definition.clone()));
        verdicts.push(verdict(format!("{name}/data"), &truth, definition));
    }
    Ok(verdicts)
}

/// The images of one side of data that have two.
pub(super) fn side<'a>(set: &'a dyn Dataset, side: usize, metric: &str) -> Result<Side<'a>> {
    Side::of(set, side).ok_or_else(|| {
        let info = set.info();
        let problem = format!(
            "`{metric}` is of images of two sides, and {} holds {}",
            info.source,
            info.kind.plural()
        );
        Error::usage(problem, "give --data of pairs or of two sides, such as A::B")
    })
}

fn there_and_back(judge: &Judge, t: &dyn Translate, model: &str, tell: Tell) -> Result<Vec<Verdict>> {
    if t.directions().len() < 2 {
        return Err(Error::usage(
            format!("`cycle` goes there and back, and this {model} goes one way"),
            "leave it out",
        ));
    }
    let data = judge.data("cycle")?;
    let mut verdicts = Vec::new();
    for d in Direction::ALL {
        let images = side(data.set, d.from(), "cycle")?;
        let count = judge.count.min(images.info().count);
        let (mut error, mut moved) = (Vec::with_capacity(count), Vec::with_capacity(count));
        each_item(&images, count, &mut |batch| {
            let there = translated(judge, t, &batch, d, key(judge))?;
            let back = translated(judge, t, &there, d.back(), key(judge).stream("back"))?;
            error.extend(each("l1", &back, &batch));
            moved.extend(each("l1", &there, &batch));
            tell("cycle", error.len(), count);
            Ok(())
        })?;
        let definition = definition(judge, "cycle", d, count)?;
        let name = ["a", "b"][d.from()];
        verdicts.push(verdict(format!("cycle/{name}"), &error, definition.clone()));
        verdicts.push(verdict(format!("cycle/moved-{}", d.name()), &moved, definition));
    }
    Ok(verdicts)
}

fn sides(judge: &Judge, t: &dyn Translate, tell: Tell) -> Result<Vec<Verdict>> {
    const NAME: &str = "side-fid";
    let (data, extractor) = (judge.data(NAME)?, judge.features(NAME)?);
    let mut verdicts = Vec::new();
    for &d in t.directions() {
        let (from, to) = (side(data.set, d.from(), NAME)?, side(data.set, d.to(), NAME)?);
        let mut gathered = |images: &Side, turn: bool| {
            let total = judge.count.min(images.info().count);
            let mut g = Gatherer::new(extractor, images.info())?;
            let mut done = 0;
            each_item(images, total, &mut |batch| {
                done += batch.shape[0];
                match turn {
                    true => g.add(&translated(judge, t, &batch, d, key(judge))?)?,
                    false => g.add(&batch)?,
                }
                tell(NAME, done, total);
                Ok(())
            })?;
            g.finish("the images of a side")
        };
        let (made, given, truth) = (
            gathered(&from, true)?,
            gathered(&from, false)?,
            gathered(&to, false)?,
        );
        let mut definition = definition(judge, NAME, d, made.count)?;
        definition.remove("pixels");
        definition.insert("reference_samples".into(), truth.count.into());
        definition.extend(extractor.definition());
        let name = named(NAME, t, d);
        for (metric, of) in [(name.clone(), &made), (format!("{name}/input"), &given)] {
            let figure = fid::fid(&of.statistics()?, &truth.statistics()?)?;
            verdicts.push(Verdict {
                metric,
                value: figure.value,
                error: figure.error,
                warning: figure.warning,
                definition: definition.clone(),
            });
        }
    }
    Ok(verdicts)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// By hand: pixels that are off by 0.5 of [0, 1] everywhere.
    #[test]
    fn figures_of_two_images() {
        let (a, b) = ([-0.5f32; 48], [0.5f32; 48]);
        assert!((likeness("l1", &a, &b, [4, 4, 3]) - 0.5).abs() < 1e-9);
        assert!((likeness("psnr", &a, &b, [4, 4, 3]) - 6.0206).abs() < 1e-4);
        assert!((likeness("ssim", &a, &a, [4, 4, 3]) - 1.0).abs() < 1e-9);
        assert!(likeness("ssim", &a, &b, [4, 4, 3]) < 0.7);
    }
}
