//! Metrics of parameters that are inferred: against the exact posterior, against the truth, and how often this lies where it should; beside
//! rejection by as many runs of the simulator as the model has learned from.
use super::metric::{Judge, Metric, Tell, Verdict, forgotten};
use super::subject::each_item;
use crate::data::{Batch, simulator};
use crate::error::{Error, Result};
use crate::metrics::Figure;
use crate::metrics::inference::{covers, distance, moments, rejection};
use crate::models::Capability;
use serde_json::json;

/// Observations at most.
const ROWS: usize = 200;
/// Draws of each posterior.
const DRAWS: usize = 400;
/// Share of the runs that rejection accepts, and the fewest.
const ACCEPTED: (f64, usize) = (0.005, 50);
/// Share of the draws between which the truth should lie as often.
const CENTRAL: f64 = 0.9;

/// Runs with their parameters and what was seen, in deviations of columns.
struct Runs {
    parameters: Vec<f32>,
    seen: Vec<f32>,
}

/// Figures of `posterior-distance`, `parameter-error` and `interval-coverage`.
///
/// # Errors
/// [`Error::Usage`] of a model that infers nothing, of data that are not runs of a simulator, and where no posterior is known; those of the data.
pub(super) fn work_out(judge: &Judge, metric: &Metric, tell: Tell) -> Result<Vec<Verdict>> {
    let (model, name) = judge.subject.model(metric.name)?;
    let infer = model.as_infer().ok_or_else(|| Capability::Infer.missing(name))?;
    let data = judge.data(metric.name)?;
    let info = data.set.info();
    let columns = judge.subject.info().columns.clone();
    let parameters = infer.parameters().to_vec();
    let seen: Vec<usize> = (0..columns.len()).filter(|c| !parameters.contains(c)).collect();
    let exact = simulator(&info.source);
    if metric.name == "posterior-distance"
        && exact.is_none_or(|s| s.posterior(&vec![0.0; seen.len()]).is_none())
    {
        let problem = format!("the posterior of {} is not known exactly", info.source);
        return Err(Error::usage(
            problem,
            "take simulator:gaussian, or the metrics parameter-error and interval-coverage",
        ));
    }
    let standardized = |row: &[f32], of: &[usize]| -> Vec<f32> {
        let one = |c: &usize| ((f64::from(row[*c]) - columns[*c].mean) / columns[*c].deviation) as f32;
        of.iter().map(one).collect()
    };
    let width = columns.len().max(1);
    let mut runs = Runs {
        parameters: vec![],
        seen: vec![],
    };
    if let Some(training) = data.training {
        let count = training.info().count;
        each_item(training, count, &mut |batch| {
            for row in batch.values.chunks_exact(width) {
                runs.parameters.extend(standardized(row, &parameters));
                runs.seen.extend(standardized(row, &seen));
            }
            Ok(())
        })?;
    }
    let learned = runs.parameters.len() / parameters.len().max(1);
    let accepted = ((learned as f64 * ACCEPTED.0) as usize).max(ACCEPTED.1);
    let (total, key) = (judge.count.min(info.count).min(ROWS), judge.key.stream("infer"));
    let mut figures: [Vec<f64>; 2] = Default::default();
    let mut done = 0;
    each_item(data.set, total, &mut |batch: Batch| {
        let draws = infer.infer(&batch, DRAWS, key)?;
        let each = DRAWS * parameters.len();
        for (row, draws) in batch.values.chunks_exact(width).zip(draws.chunks_exact(each)) {
            let place = |(i, v): (usize, &f32)| {
                let c = &columns[parameters[i % parameters.len()]];
                ((f64::from(*v) - c.mean) / c.deviation) as f32
            };
            let own: Vec<f32> = draws.iter().enumerate().map(place).collect();
            let near = (learned > 0).then(|| {
                let widths = (seen.len(), parameters.len());
                rejection(
                    (&runs.seen, &runs.parameters),
                    widths,
                    &standardized(row, &seen),
                    accepted,
                )
            });
            let truth = standardized(row, &parameters);
            let outputs: Vec<f64> = seen.iter().map(|c| f64::from(row[*c])).collect();
            let known: Option<Vec<[f64; 2]>> = exact.and_then(|s| s.posterior(&outputs)).map(|all| {
                let scaled = |(p, [m, s]): (&usize, [f64; 2])| {
                    [
                        (m - columns[*p].mean) / columns[*p].deviation,
                        s / columns[*p].deviation,
                    ]
                };
                parameters.iter().zip(all).map(scaled).collect()
            });
            for (found, draws) in figures.iter_mut().zip([Some(own), near]) {
                let Some(draws) = draws else { continue };
                for (p, at) in moments(&draws, parameters.len()).into_iter().enumerate() {
                    let truth = f64::from(truth[p]);
                    found.push(match (metric.name, &known) {
                        ("posterior-distance", Some(known)) => distance(at, known[p]),
                        ("parameter-error", _) => (at[0] - truth).powi(2),
                        ("interval-coverage", _) => {
                            let column: Vec<f32> =
                                draws.iter().skip(p).step_by(parameters.len()).copied().collect();
                            f64::from(u8::from(covers(&column, truth, CENTRAL)))
                        }
                        _ => return Err(forgotten(metric.name)),
                    });
                }
            }
        }
        done += batch.shape[0];
        tell(metric.name, done, total);
        Ok(())
    })?;
    let definition = json!({"data": data.definition, "observations": total, "draws": DRAWS, "central": CENTRAL,
        "runs": learned, "accepted": accepted, "unit": "deviations of the parameters' prior"});
    let verdict = |(of, values): (&str, &Vec<f64>)| {
        let mut figure = Figure::mean(values);
        if metric.name == "parameter-error" {
            // The error of a root, to first order.
            figure.error = figure.error.map(|e| e / (2.0 * figure.value.sqrt().max(1e-12)));
            figure.value = figure.value.sqrt();
        }
        Verdict {
            metric: format!("{}{of}", metric.name),
            value: figure.value,
            error: figure.error,
            warning: None,
            definition: definition.as_object().cloned().unwrap_or_default(),
        }
    };
    let all = ["", "/abc"]
        .into_iter()
        .zip(&figures)
        .filter(|(_, v)| !v.is_empty());
    Ok(all.map(verdict).collect())
}
