//! Metrics that compare samples with data by the features of an extractor.
use super::gather::Gathered;
use super::metric::{Judge, Metric, Tell, Verdict, forgotten};
use crate::error::Result;
use crate::metrics::features::Figure;
use crate::metrics::{fid, kid, prdc, swd};
use crate::random::Key;
use serde_json::{Map, Value, json};

/// Sizes that FID-infinity draws its line through, the least a tenth of all samples, as in its paper.
const LINE: usize = 15;

/// Figures of a metric with `Needs::Features`.
///
/// # Errors
/// [`crate::Error::Usage`] when there is no extractor or no data, or too few items.
pub(super) fn work_out(judge: &mut Judge, metric: &Metric, tell: Tell) -> Result<Vec<Verdict>> {
    let (name, key) = (metric.name, judge.key.stream(metric.name));
    if let ("precision" | "recall" | "density" | "coverage", Some(known)) = (name, &judge.prdc) {
        let figure = one_of_four(name, known);
        return verdict(judge, name, figure, neighbours_of(name));
    }
    let (samples, data) = judge.both_features(name, tell)?;
    let (figure, extra) = match name {
        "fid" => (fid::fid(&samples.statistics()?, &data.statistics()?)?, json!({})),
        "fid-infinity" => {
            let rows = samples.rows(name, "the samples")?;
            let least = (rows.count() / 10).max(2);
            let figure = fid::extrapolated(&rows, &data.statistics()?, LINE, least, key)?;
            (
                figure,
                json!({"samples": rows.count(), "sizes": LINE, "least_size": least}),
            )
        }
        "kid" => {
            let (x, y) = (samples.rows(name, "the samples")?, data.rows(name, "the data")?);
            // The estimate is unbiased at any size; four blocks a side at least let its error be told.
            let size = kid::SUBSET_SIZE.min(x.count().min(y.count()) / 4).max(2);
            let k = kid::kid(&x, &y, kid::SUBSETS, size, key)?;
            (
                k.figure,
                json!({"kernel": "(x.y / width + 1)^3", "subsets": k.subsets, "subset_size": k.subset_size}),
            )
        }
        "swd" => {
            let (x, y) = (samples.rows(name, "the samples")?, data.rows(name, "the data")?);
            let figure = swd::swd(&x, &y, swd::PROJECTIONS, Key::new(swd::SEED).stream("directions"))?;
            (
                figure,
                json!({"of": "features", "projections": swd::PROJECTIONS, "projections_seed": swd::SEED}),
            )
        }
        "precision" | "recall" | "density" | "coverage" => {
            let (x, y) = (samples.rows(name, "the samples")?, data.rows(name, "the data")?);
            let all = prdc::prdc(x, y, prdc::PRECISION_RECALL_K, prdc::DENSITY_COVERAGE_K)?;
            let figure = one_of_four(name, &all);
            judge.prdc = Some(all);
            (figure, neighbours_of(name))
        }
        _ => return Err(forgotten(name)),
    };
    verdict(judge, name, figure, extra)
}

fn one_of_four(name: &str, all: &prdc::Prdc) -> Figure {
    match name {
        "precision" => &all.precision,
        "recall" => &all.recall,
        "density" => &all.density,
        _ => &all.coverage,
    }
    .clone()
}

fn neighbours_of(name: &str) -> Value {
    let k = if matches!(name, "precision" | "recall") {
        prdc::PRECISION_RECALL_K
    } else {
        prdc::DENSITY_COVERAGE_K
    };
    json!({"neighbours": k})
}

/// Counts of the items that are looked at one by one, where those are not all.
fn looked_at(name: &str, g: Option<&Gathered>) -> Option<usize> {
    g.filter(|g| !matches!(name, "fid" | "fid-infinity") && g.width > 0)
        .map(|g| g.features.len() / g.width)
        .filter(|&n| n > 0)
}

fn verdict(judge: &Judge, name: &str, figure: Figure, extra: Value) -> Result<Vec<Verdict>> {
    let mut definition = features_definition(judge, name)?;
    let (samples, data) = judge.gathered();
    for (key, count) in [
        ("samples", looked_at(name, samples)),
        ("reference_samples", looked_at(name, data)),
    ] {
        definition.extend(count.map(|n| (key.to_string(), Value::from(n))));
    }
    // Statistics from a file are of whatever they were made of, not of the data at hand.
    if let Some(g) = data
        && let Some(made_of) = &g.made_of
    {
        definition.insert("reference".into(), made_of.clone().into());
        if g.count == 0 {
            definition.remove("reference_samples");
        }
    }
    definition.extend(extra.as_object().cloned().unwrap_or_default());
    Ok(vec![Verdict {
        metric: name.into(),
        value: figure.value,
        error: figure.error,
        warning: figure.warning,
        definition,
    }])
}

/// What every figure that compares features of samples and data depends on.
pub(super) fn features_definition(judge: &Judge, name: &str) -> Result<Map<String, Value>> {
    let mut definition = judge.definition(name)?;
    definition.extend(judge.features(name)?.definition());
    Ok(definition)
}
