//! The metric of maps that tell where they were measured: what is added by a model, and by repeating what there is.
use super::metric::{Judge, Metric, Tell, Verdict};
use super::subject::each_item;
use crate::data::{Batch, DataInfo, Dataset, Kind};
use crate::error::{Error, Result};
use crate::metrics::localisation::{mean_place, nearest_place, off};
use crate::metrics::logistic::Logistic;
use crate::metrics::{Features, Figure};
use crate::random::Draw;
use serde_json::json;

/// Maps that are added at each place.
const ADDED: usize = 20;
/// Standard deviation of the noise on a map that is repeated, of values that span 2.
const NOISE: f64 = 0.1;
/// Weight of the squares of the classifier's coefficients, an item.
const LAMBDA: f64 = 1e-3;

/// Maps and the classes that say where they were measured.
#[derive(Clone, Default)]
struct Maps {
    values: Vec<f32>,
    classes: Vec<u32>,
}

impl Maps {
    fn add(&mut self, batch: Batch) {
        self.values.extend(batch.values);
        self.classes.extend(batch.labels.unwrap_or_default());
    }

    fn with(&self, more: &Maps) -> Maps {
        Maps {
            values: [&self.values[..], &more.values].concat(),
            classes: [&self.classes[..], &more.classes].concat(),
        }
    }

    /// Maps of each class in turn, over and over, in noise.
    fn repeated(&self, places: usize, width: usize, rng: &mut Draw) -> Maps {
        let mut out = Maps::default();
        for place in 0..places as u32 {
            let of: Vec<usize> = (0..self.classes.len())
                .filter(|i| self.classes[*i] == place)
                .collect();
            for i in of.iter().cycle().take(if of.is_empty() { 0 } else { ADDED }) {
                let map = &self.values[i * width..(i + 1) * width];
                let noisy = map
                    .iter()
                    .map(|v| (f64::from(*v) + NOISE * rng.normal()).clamp(-1.0, 1.0) as f32);
                out.values.extend(noisy);
                out.classes.push(place);
            }
        }
        out
    }
}

/// Which attributes are coordinates, of data whose classes are places.
fn coordinates(info: &DataInfo) -> Option<[usize; 2]> {
    let at = |name: &str| info.attributes.iter().position(|a| a == name);
    let suits = info.kind == Kind::Image && info.labels.len() > 1;
    suits.then(|| Some([at("x")?, at("y")?])).flatten()
}

/// Whether items say where they were measured.
pub(super) fn has(info: &DataInfo) -> bool {
    coordinates(info).is_some()
}

/// The items of a set, and the mean coordinates of those of each class.
fn gathered(set: &dyn Dataset, count: usize, axes: [usize; 2]) -> Result<(Maps, Vec<[f64; 2]>)> {
    let info = set.info();
    let (mut maps, each) = (Maps::default(), info.attributes.len());
    let mut sums = vec![[0.0f64; 3]; info.labels.len()];
    each_item(set, count, &mut |batch| {
        let classes = batch.labels.iter().flatten();
        for (row, class) in batch.attributes.chunks_exact(each).zip(classes) {
            let sum = &mut sums[*class as usize];
            let [x, y] = axes.map(|a| f64::from(row[a]));
            *sum = [sum[0] + x, sum[1] + y, sum[2] + 1.0];
        }
        maps.add(batch);
        Ok(())
    })?;
    let mean = |[x, y, n]: [f64; 3]| [x / n.max(1.0), y / n.max(1.0)];
    Ok((maps, sums.into_iter().map(mean).collect()))
}

/// How far off the places of held-out maps are found with each set of known ones, by the nearest map and by a classifier.
///
/// # Errors
/// [`Error::Usage`] of data that have no places, or no maps beside those that are found, and of samples of other classes.
pub(super) fn work_out(judge: &Judge, metric: &Metric, tell: Tell) -> Result<Vec<Verdict>> {
    let (name, data) = (metric.name, judge.data(metric.name)?);
    let (info, of_samples) = (data.set.info(), judge.subject.info());
    let (Some(axes), Some(training)) = (coordinates(info), data.training) else {
        let problem =
            format!("`{name}` finds the places of maps that were held out, and these data have none");
        return Err(Error::usage(problem, "compare with wifi, --split test"));
    };
    judge.subject.classes(name)?;
    if (&of_samples.labels, &of_samples.shape) != (&info.labels, &info.shape) {
        let problem = format!("`{name}`: samples and data are of other places, or of another size");
        return Err(Error::usage(
            problem,
            "compare with the data that the run was trained on",
        ));
    }
    let (width, classes) = (info.numbers(), info.labels.len());
    let (test, _) = gathered(data.set, judge.count, axes)?;
    let (measured, places) = gathered(training, training.info().count, axes)?;
    let mut drawn = Maps::default();
    judge.subject.each_of_classes(
        name,
        ADDED * classes,
        0..classes,
        judge.key.stream(name),
        &mut |batch| {
            drawn.add(batch);
            tell("maps of samples", drawn.classes.len(), ADDED * classes);
            Ok(())
        },
    )?;
    let repeated = measured.repeated(classes, width, &mut judge.key.stream("repeated").rng());
    let at = |maps: &Maps| -> Vec<[f64; 2]> { maps.classes.iter().map(|c| places[*c as usize]).collect() };
    let truth = at(&test);
    let mut definition = judge.definition(name)?;
    definition.insert("samples".into(), drawn.classes.len().into());
    definition.insert("reference_samples".into(), test.classes.len().into());
    definition.insert("measured".into(), measured.classes.len().into());
    definition.insert("repeated_noise".into(), json!(NOISE));
    let mut out = vec![];
    let mut add = |member: &str, errors: &[f64]| {
        let figure = Figure::mean(errors);
        out.push(Verdict {
            metric: format!("{name}{member}"),
            value: figure.value,
            error: figure.error,
            warning: None,
            definition: definition.clone(),
        });
    };
    let tested = Features::new(&test.values, width, "the held-out maps")?;
    let sets = [
        ("", measured.with(&drawn)),
        ("/measured", measured.clone()),
        ("/repeated", measured.with(&repeated)),
    ];
    for (i, (member, known)) in sets.iter().enumerate() {
        tell("localisers", i, sets.len());
        let rows = Features::new(&known.values, width, "the known maps")?;
        let found = nearest_place(rows, &at(known), tested)?;
        add(member, &off(&found, &truth));
        let learned = Logistic::fit(&rows, &known.classes, classes, LAMBDA, None)?;
        let found = mean_place(&learned.probabilities(&tested)?, &places);
        add(&format!("/classifier{member}"), &off(&found, &truth));
    }
    let n = places.len() as f64;
    let middle = places
        .iter()
        .fold([0.0; 2], |s, p| [s[0] + p[0] / n, s[1] + p[1] / n]);
    add("/middle", &off(&vec![middle; truth.len()], &truth));
    Ok(out)
}
