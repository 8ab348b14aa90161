//! Metrics of what a model makes of items: whether its code tells the factors apart, and what a linear classifier can tell from
//! its layers.
use super::by_capability::{argmax, mean_and_error};
use super::by_identity;
use super::metric::{Judge, Metric, Tell, Verdict, forgotten};
use super::subject::each_item;
use crate::data::{Batch, Dataset};
use crate::error::{Error, Result};
use crate::limits::affordable;
use crate::metrics::features::Features;
use crate::metrics::{boosting, clusters, dci, linear_probe, logistic, mig};
use crate::models::{Capability, Model, POOLED};
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;

/// Figures of `mig`, `dci`, `linear-probe` and `cluster-accuracy`.
///
/// # Errors
/// [`Error::Usage`] when the model lacks the capability, or the data have no attributes or classes.
pub(super) fn work_out(judge: &mut Judge, metric: &Metric, tell: Tell) -> Result<Vec<Verdict>> {
    match metric.name {
        "linear-probe" => probes(judge, metric, tell),
        "cluster-accuracy" => clusters(judge, metric, tell),
        "mig" | "dci" => factors(judge, metric, tell),
        "identification" => by_identity::work_out(judge, metric, tell),
        name => Err(forgotten(name)),
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

/// Groups of items beside the classes that they have.
fn clusters(judge: &Judge, metric: &Metric, tell: Tell) -> Result<Vec<Verdict>> {
    let (model, name) = judge.subject.model(metric.name)?;
    let able = model
        .as_cluster()
        .ok_or_else(|| Capability::Cluster.missing(name))?;
    let data = judge.data(metric.name)?;
    let (info, groups) = (data.set.info(), able.groups());
    let classes = info.labels.len();
    let without = || {
        let problem = format!("`{}` needs items with classes", metric.name);
        Error::data(&info.source, problem, "give data with labels")
    };
    let count = judge.count.min(info.count);
    let (mut counts, mut seen) = (vec![0; groups * classes], 0);
    each_item(data.set, count, &mut |batch| {
        let labels = batch.labels.as_ref().ok_or_else(without)?;
        let found = able.group_log_probabilities(&batch)?;
        for (row, &label) in found.chunks_exact(groups.max(1)).zip(labels) {
            counts[argmax(row) * classes + label as usize] += 1;
        }
        seen += labels.len();
        tell(metric.name, seen, count);
        Ok(())
    })?;
    if seen == 0 || classes == 0 {
        return Err(without());
    }
    let mut definition = Map::new();
    definition.insert("data".into(), data.definition.clone().into());
    definition.insert("items".into(), seen.into());
    definition.insert("groups".into(), groups.into());
    let share = clusters::matched(&counts, classes) as f64 / seen as f64;
    let error = (share * (1.0 - share) / seen as f64).sqrt();
    Ok(vec![verdict(metric.name.into(), share, Some(error), &definition)])
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::Source;
    use crate::judge::subject::Subject;
    use crate::judge::{Reference, metric::Judge};
    use crate::models::{Encode, Features as GivesFeatures, Part, Purpose, StepReport};
    use crate::nn::{NetworkInfo, Tensors};
    use crate::random::Key;
    use burn::tensor::{Device, Tensor, TensorData};

    /// Reads the truth off a batch: its code are the attributes, turned by an angle in the first two that are scaled to
    /// the same spread; its layers are the class, and nothing.
    struct Knowing(f64);

    impl Model for Knowing {
        fn networks(&self) -> Vec<NetworkInfo> {
            vec![]
        }
        fn step(&mut self, _: &[Batch], _: Key, _: bool) -> Result<StepReport> {
            Ok(StepReport::default())
        }
        fn save(&self) -> Vec<(String, Part<'_>)> {
            vec![]
        }
        fn load(&mut self, _: &dyn Fn(&str) -> Result<Tensors>, _: Purpose) -> Result<()> {
            Ok(())
        }
        fn as_encode(&self) -> Option<&dyn Encode> {
            Some(self)
        }
        fn as_features(&self) -> Option<&dyn GivesFeatures> {
            Some(self)
        }
    }

    impl Encode for Knowing {
        fn encode(&self, batch: &Batch) -> Result<Tensor<2>> {
            let (sin, cos) = self.0.sin_cos();
            let code = batch.attributes.chunks_exact(5).flat_map(|a| {
                let (x, y) = (f64::from(a[3]), f64::from(a[4]));
                let turned = [cos * x - sin * y, sin * x + cos * y];
                [a[0], a[1], a[2], turned[0] as f32, turned[1] as f32]
            });
            let data = TensorData::new(code.collect::<Vec<f32>>(), [batch.shape[0], 5]);
            Ok(Tensor::from_data(data, &Device::flex()))
        }
    }

    impl GivesFeatures for Knowing {
        fn features(&self, batch: &Batch) -> Result<Vec<f32>> {
            Ok(vec![0.0; batch.shape[0]])
        }
        fn width(&self) -> usize {
            1
        }
        fn layers(&self, batch: &Batch) -> Result<Vec<(String, Vec<f32>)>> {
            let class = batch.labels.iter().flatten().map(|&l| l as f32 * self.0 as f32);
            Ok(vec![
                ("class".into(), class.collect()),
                ("nothing".into(), self.features(batch)?),
            ])
        }
    }

    fn judged(
        source: &str,
        model: &Knowing,
        untrained: Option<&Knowing>,
        name: &str,
    ) -> Result<Vec<Verdict>> {
        let part = |split: &str| {
            let source = Source {
                split: split.into(),
                size: if source == "dsprites" { vec![8] } else { vec![] },
                ..Source::parse(source)
            };
            source.open().unwrap().dataset
        };
        let (training, test) = (part("train"), part("test"));
        let definition = Map::new();
        let reference = Reference {
            set: &*test,
            definition: &definition,
            training: Some(&*training),
            gathered: None,
        };
        let subject = Subject::Model {
            model,
            name: "knowing",
            info: test.info(),
        };
        let mut judge = Judge::new(subject, Some(reference), None, 4000, Key::new(0));
        judge.untrained = untrained.map(|m| m as &dyn Model);
        judge.work_out(name, &mut |_, _, _| {})
    }

    fn value(all: &[Verdict], name: &str) -> f64 {
        all.iter()
            .find(|v| v.metric == name)
            .unwrap_or_else(|| panic!("{name}: {all:?}"))
            .value
    }

    #[test]
    fn the_factors_themselves_are_a_perfect_code_and_turned_ones_are_not() {
        let (straight, turned) = (Knowing(0.0), Knowing(0.7));
        let m = judged("dsprites", &straight, None, "mig").unwrap();
        // Codes come in 20 bins, of which a place of 32 values is not told wholly.
        assert!(
            value(&m, "mig/shape") > 0.98 && value(&m, "mig/scale") > 0.98,
            "{m:?}"
        );
        assert!(value(&m, "mig") > 0.85, "{m:?}");
        let t = judged("dsprites", &turned, None, "mig").unwrap();
        // What is told of the shape is the same; what the others seem to tell of it by chance is not.
        assert!((value(&t, "mig/shape") - value(&m, "mig/shape")).abs() < 0.01);
        assert!(value(&t, "mig/x") < 0.3 && value(&t, "mig/y") < 0.3, "{t:?}");
        let d = judged("dsprites", &straight, None, "dci").unwrap();
        for member in ["disentanglement", "completeness", "informativeness"] {
            assert!(value(&d, &format!("dci/{member}")) > 0.99, "{d:?}");
        }
        let t = judged("dsprites", &turned, None, "dci").unwrap();
        assert!(
            value(&t, "dci/disentanglement") < value(&d, "dci/disentanglement") - 0.1,
            "{t:?}"
        );
        let e = judged("digits", &straight, None, "mig").unwrap_err().to_string();
        assert!(e.contains("has no attributes") && e.contains("dsprites"), "{e}");
    }

    #[test]
    fn probes_tell_what_layers_hold_beside_the_untrained_and_the_pixels() {
        let all = judged("digits", &Knowing(1.0), Some(&Knowing(0.0)), "linear-probe").unwrap();
        let names: Vec<&str> = all.iter().map(|v| v.metric.as_str()).collect();
        let parts = [
            "class",
            "nothing",
            "all",
            "untrained/class",
            "untrained/nothing",
            "untrained/all",
            "pixels",
        ];
        assert_eq!(names, parts.map(|p| format!("linear-probe/{p}")));
        // One number of ten classes: a line through it cannot tell all of them, but far more than nothing can.
        let of = |name: &str| value(&all, &format!("linear-probe/{name}"));
        assert!(of("class") > 0.5 && of("all") > 0.5, "{all:?}");
        assert!(of("nothing") < 0.15 && of("untrained/class") < 0.15, "{all:?}");
        // scikit-learn's has 89 to 90 % on this split, by any of the penalties.
        assert!(of("pixels") > 0.88 && of("pixels") < 0.915, "{all:?}");
        assert_eq!(all[0].definition["training_items"], 1437);
        assert_eq!(all[0].definition["items"], 360);
        let e = judged("ring8", &Knowing(1.0), None, "linear-probe")
            .unwrap_err()
            .to_string();
        assert!(e.contains("asks for classes"), "{e}");
    }
}
