//! Metrics of what a model makes of items: whether its code tells the factors apart, and what a linear classifier can tell from
//! its layers.
use super::by_capability::mean_and_error;
use super::metric::{Judge, Metric, Tell, Verdict};
use super::subject::each_item;
use crate::data::{Batch, Dataset};
use crate::error::{Error, Result};
use crate::limits::affordable;
use crate::metrics::features::Features;
use crate::metrics::{boosting, dci, linear_probe, logistic, mig};
use crate::models::{Capability, Model, POOLED};
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;

/// Figures of `mig`, `dci` and `linear-probe`.
///
/// # Errors
/// [`Error::Usage`] when the model has not the capability, or the data have no attributes or classes.
pub fn work_out(judge: &mut Judge, metric: &Metric, tell: Tell) -> Result<Vec<Verdict>> {
    match metric.name {
        "linear-probe" => probes(judge, metric, tell),
        _ => factors(judge, metric, tell),
    }
}

fn verdict(metric: String, value: f64, error: Option<f64>, definition: &Map<String, Value>) -> Verdict {
    Verdict {
        metric,
        value,
        error,
        warning: None,
        definition: definition.clone(),
    }
}

/// Codes of items beside the factors that they were made of.
fn factors(judge: &Judge, metric: &Metric, tell: Tell) -> Result<Vec<Verdict>> {
    let (model, name) = judge.subject.model(metric.name)?;
    let encoder = model
        .as_encode()
        .ok_or_else(|| Capability::Encode.missing(name))?;
    let data = judge.data(metric.name)?;
    let info = data.set.info();
    if info.attributes.is_empty() {
        let problem = format!(
            "`{}` asks what items were made of, and {} has no attributes",
            metric.name, info.source
        );
        return Err(Error::usage(
            problem,
            "give --data with attributes, such as dsprites",
        ));
    }
    let count = judge.count.min(info.count);
    let (mut codes, mut truth) = (Vec::new(), Vec::new());
    each_item(data.set, count, &mut |batch| {
        let code = encoder.encode(&batch)?;
        codes.extend(code.into_data().iter::<f32>());
        truth.extend(batch.attributes);
        tell(metric.name, truth.len() / info.attributes.len(), count);
        Ok(())
    })?;
    let width = codes.len() / count.max(1);
    let mut definition = Map::new();
    definition.insert("data".into(), data.definition.clone().into());
    definition.insert("items".into(), count.into());
    definition.insert("factors".into(), json!(info.attributes));
    let factors = info.attributes.len();
    if metric.name == "mig" {
        let codes = Features::new(&codes, width, "the codes")?;
        let found = mig::mig(&codes, &Features::new(&truth, factors, "the attributes")?)?;
        definition.insert("bins".into(), mig::BINS.into());
        let mut out = vec![verdict("mig".into(), found.value, None, &definition)];
        for (name, gap) in info.attributes.iter().zip(found.gaps) {
            out.extend(gap.map(|gap| verdict(format!("mig/{name}"), gap, None, &definition)));
        }
        return Ok(out);
    }
    // One item to learn from, one to be tested on, in turn: whatever order they have.
    let half = |values: &[f32], width: usize, odd: usize| -> Vec<f32> {
        let rows = values.chunks_exact(width.max(1)).skip(odd).step_by(2);
        rows.flatten().copied().collect()
    };
    let codes = [half(&codes, width, 0), half(&codes, width, 1)];
    let truth = [half(&truth, factors, 0), half(&truth, factors, 1)];
    let codes_of = |part: usize| Features::new(&codes[part], width, "half of the codes");
    let truth_of = |part: usize| Features::new(&truth[part], factors, "half of the attributes");
    tell("trees of codes and factors", 0, 1);
    let found = dci::dci([&codes_of(0)?, &truth_of(0)?], [&codes_of(1)?, &truth_of(1)?])?;
    let predictor = format!(
        "gradient boosting of {} regression trees of depth {}, rate {}, on every second item",
        boosting::TREES,
        boosting::DEPTH,
        boosting::RATE
    );
    definition.insert("predictor".into(), predictor.into());
    definition.insert("importance".into(), json!("squared error taken away"));
    Ok(vec![
        verdict(
            "dci/disentanglement".into(),
            found.disentanglement,
            None,
            &definition,
        ),
        verdict("dci/completeness".into(), found.completeness, None, &definition),
        verdict(
            "dci/informativeness".into(),
            found.informativeness,
            None,
            &definition,
        ),
    ])
}

/// What gives features of layers.
type Layers<'a> = &'a dyn Fn(&Batch) -> Result<Vec<(String, Vec<f32>)>>;

/// Features by layer, and labels, of some items.
#[derive(Default)]
struct Gathered {
    layers: BTreeMap<usize, (String, Vec<f32>)>,
    labels: Vec<u32>,
}

impl Gathered {
    fn of(layers: Layers, set: &dyn Dataset, count: usize, what: &str, tell: Tell) -> Result<Gathered> {
        let mut out = Gathered::default();
        each_item(set, count, &mut |batch| {
            let labels = batch.labels.as_ref().ok_or_else(|| {
                Error::data(
                    &set.info().source,
                    "has items without a class",
                    "give data with labels",
                )
            })?;
            out.labels.extend(labels);
            let found = layers(&batch)?;
            if out.layers.is_empty() {
                let width = found.iter().map(|l| l.1.len()).sum::<usize>() / batch.shape[0].max(1);
                // Standardized copies are made of one layer at a time, and of all together.
                affordable(
                    &format!("-n {count}, with {width} features an item"),
                    &[count, 4 * width],
                    "give fewer with -n",
                )?;
            }
            for (i, (name, values)) in found.into_iter().enumerate() {
                let layer = out.layers.entry(i).or_insert_with(|| (name, Vec::new()));
                layer.1.extend(values);
            }
            tell(what, out.labels.len(), count);
            Ok(())
        })?;
        Ok(out)
    }

    /// All layers side by side, where there is more than one.
    fn together(&mut self) {
        let n = self.labels.len().max(1);
        if self.layers.len() < 2 {
            return;
        }
        let row = |i: usize| {
            self.layers.values().flat_map(move |(_, values)| {
                let width = values.len() / n;
                values[i * width..(i + 1) * width].iter().copied()
            })
        };
        let all = (0..n).flat_map(row).collect();
        self.layers.insert(usize::MAX, ("all".into(), all));
    }
}

/// Accuracy by layer: of the model, of the same networks before they learned, of the pixels, of a supervised extractor.
fn probes(judge: &Judge, metric: &Metric, tell: Tell) -> Result<Vec<Verdict>> {
    let (model, name) = judge.subject.model(metric.name)?;
    able(model, name)?;
    let data = judge.data(metric.name)?;
    let training = data.training.ok_or_else(|| {
        let problem = "`linear-probe` learns from training items and is tested on held-out ones";
        Error::usage(problem, "give --data with a test part")
    })?;
    let (theirs, own) = (training.info(), data.set.info());
    if own.labels.len() < 2 || theirs.labels != own.labels {
        let problem = format!(
            "`linear-probe` asks for classes, the same of the training and test items of {}",
            own.source
        );
        return Err(Error::usage(problem, "give --data with labels"));
    }
    let counts = [judge.count.min(theirs.count), judge.count.min(own.count)];
    let mut definition = Map::new();
    definition.insert("data".into(), data.definition.clone().into());
    definition.insert("training_items".into(), counts[0].into());
    definition.insert("items".into(), counts[1].into());
    definition.insert(
        "pooling".into(),
        format!("maxima of {POOLED}x{POOLED} boxes").into(),
    );
    let classifier = format!(
        "multinomial logistic, L-BFGS to {:e} or {} iterations, standardized features, penalty of {:?} by every fifth training item",
        logistic::TOLERANCE,
        logistic::ITERATIONS,
        linear_probe::PENALTIES
    );
    definition.insert("classifier".into(), classifier.into());
    let mut out = Vec::new();
    let mut add = |prefix: &str, layers: Layers, definition: &Map<String, Value>, tell: Tell| -> Result<()> {
        let what = |part: &str| format!("features of {part}{prefix}");
        let mut train = Gathered::of(layers, training, counts[0], &what("training items"), tell)?;
        let mut test = Gathered::of(layers, data.set, counts[1], &what("held-out items"), tell)?;
        train.together();
        test.together();
        let all = train.layers.len();
        for (k, (layer, values)) in train.layers.values().enumerate() {
            tell(&format!("a linear classifier{prefix}"), k, all);
            let asked = test.layers.values().nth(k).map_or(&[][..], |l| &l.1);
            let labelled = |values, labels, what| -> Result<linear_probe::Labelled> {
                let count = <[u32]>::len(labels);
                let width = <[f32]>::len(values) / count.max(1);
                let rows = Features::new(values, width, what)?;
                Ok(linear_probe::Labelled { rows, labels })
            };
            let found = linear_probe::probe(
                labelled(&values[..], &train.labels[..], "the training items")?,
                labelled(asked, &test.labels[..], "the held-out items")?,
                own.labels.len(),
            )?;
            let right: Vec<f64> = found.right.iter().map(|r| f64::from(u8::from(*r))).collect();
            let (value, error) = mean_and_error(&right);
            let warning = (!found.converged).then(|| {
                format!(
                    "the classifier had not reached its optimum after {} iterations",
                    logistic::ITERATIONS
                )
            });
            out.push(Verdict {
                warning,
                ..verdict(
                    format!("{}{prefix}/{layer}", metric.name),
                    value,
                    error,
                    definition,
                )
            });
        }
        Ok(())
    };
    let of = |model: &dyn Model, batch: &Batch| match model.as_features() {
        Some(f) => f.layers(batch),
        None => Err(Capability::Features.missing(name)),
    };
    add("", &|b| of(model, b), &definition, tell)?;
    if let Some(untrained) = judge.untrained {
        add("/untrained", &|b| of(untrained, b), &definition, tell)?;
    }
    add(
        "",
        &|b| Ok(vec![("pixels".into(), b.values.clone())]),
        &definition,
        tell,
    )?;
    if let Some(extractor) = judge.extractor.filter(|e| !e.classes().is_empty()) {
        definition.extend(extractor.definition());
        add("/supervised", &|b| extractor.layers(b), &definition, tell)?;
    }
    Ok(out)
}

fn able(model: &dyn Model, name: &str) -> Result<()> {
    match model.as_features() {
        Some(_) => Ok(()),
        None => Err(Capability::Features.missing(name)),
    }
}
