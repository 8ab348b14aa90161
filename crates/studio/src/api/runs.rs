//! Runs: what they are, how they go, and whether they go on.
use super::recipes::changes;
use super::{Answer, Studio, settings, text, whole};
use crate::folder::{metrics as read_metrics, picture_name, pictures, tail};
use crate::http::{Refusal, Request, Response};
use menagerie::judge::{label, metric};
use menagerie::run::compare::Comparison;
use menagerie::run::{Remark, Run, history, step_of};
use serde_json::{Map, Value, json};

/// Bytes of `log.txt` that are looked through for advice.
const LOG: u64 = 256 << 10;
/// Runs in a table.
const MOST_COMPARED: usize = 8;

/// Every run in a line.
pub(super) fn list(studio: &Studio) -> Answer {
    Ok(Response::json(&lines(studio)))
}

/// Every run in a line, with what went wrong with trainings that were begun here.
pub(super) fn lines(studio: &Studio) -> Value {
    with_failures(studio, studio.folder.runs().to_vec())
}

/// The same as they were last seen.
pub(super) fn known(studio: &Studio) -> Value {
    with_failures(studio, studio.folder.last_seen().to_vec())
}

fn with_failures(studio: &Studio, mut all: Vec<Value>) -> Value {
    for line in &mut all {
        let failure = studio
            .trainings
            .failure(line["name"].as_str().unwrap_or_default());
        if !failure.is_null() && line["state"] != "training" {
            line["failure"] = failure;
        }
    }
    Value::Array(all)
}

/// The line of one run.
pub(super) fn line(studio: &Studio, name: &str) -> Value {
    let all = lines(studio);
    let found = all.as_array().into_iter().flatten().find(|l| l["name"] == name);
    found.cloned().unwrap_or(Value::Null)
}

/// All that does not flow.
pub(super) fn one(studio: &Studio, name: &str) -> Answer {
    let run = studio.run(name)?;
    let recipe = run.recipe()?;
    let history: Vec<Value> = recipe
        .history()
        .iter()
        .map(|n| json!({"step": n.step, "what": n.what}))
        .collect();
    Ok(Response::json(&json!({
        "line": line(studio, name), "recipe": recipe.to_toml(), "history": history, "state": state(studio, &run),
    })))
}

/// What grows beside the metrics: pictures, judgements, troubles.
pub(super) fn state(studio: &Studio, run: &Run) -> Value {
    json!({"pictures": pictures(run), "evaluations": evaluations(run), "said": said(studio, run)})
}

/// A row a judged checkpoint, and for each metric whether more is better.
fn evaluations(run: &Run) -> Value {
    let all = history::read(run).unwrap_or_default();
    let best = history::best(run).ok().flatten();
    let mut better = Map::new();
    let row = |e: &history::Evaluated| {
        let mut figures = Map::new();
        for (name, f) in &e.figures {
            let shown = label(name, &f.definition);
            let base = name.split('/').next().unwrap_or(name);
            let direction = metric(base).ok().and_then(|m| m.0.higher_is_better);
            better.insert(shown.clone(), direction.into());
            figures.insert(
                shown,
                json!({"value": f.value, "error": f.error, "warning": f.warning, "definition": f.definition}),
            );
        }
        json!({"step": e.step, "figures": figures})
    };
    let rows: Vec<Value> = history::by_checkpoint(&all).iter().map(row).collect();
    let best = best.map(|b| json!({"step": b.step, "metric": b.label, "value": b.value}));
    json!({"rows": rows, "better": better, "best": best})
}

/// What the training said that is worth reading: troubles with their advice, and warnings.
fn said(studio: &Studio, run: &Run) -> Value {
    let path = studio.folder.inside(&run.file("log.txt"));
    let log = path.and_then(|p| tail(&p, LOG)).unwrap_or_default();
    let mut out: Vec<Value> = Vec::new();
    for line in log.lines() {
        let one = match (line.strip_prefix("warning: "), line.strip_prefix("step ")) {
            (Some(text), _) => json!({"kind": "warning", "text": text}),
            (_, Some(rest)) => {
                let mut parts = rest.splitn(3, ": ");
                let step = parts.next().and_then(|s| s.parse::<u64>().ok());
                match (step, parts.next(), parts.next()) {
                    (Some(step), Some(name), Some(text)) => {
                        json!({"kind": "trouble", "step": step, "name": name, "text": text})
                    }
                    _ => continue,
                }
            }
            _ => match line.strip_prefix("stopped: ") {
                Some(text) => json!({"kind": "end", "text": text}),
                None => continue,
            },
        };
        if out.last() != Some(&one) {
            out.push(one);
        }
    }
    let from = out.len().saturating_sub(200);
    Value::Array(out.split_off(from))
}

/// Every line of metrics, as columns: steps, and each name's values with `null` where a line has none.
pub(super) fn metrics(studio: &Studio, name: &str) -> Answer {
    Ok(Response::json(&columns(&read_metrics(&studio.run(name)?)?)))
}

/// See [`metrics`].
pub(super) fn columns(lines: &[Map<String, Value>]) -> Value {
    let steps: Vec<u64> = lines.iter().map(step_of).collect();
    let mut series: Map<String, Value> = Map::new();
    for (i, line) in lines.iter().enumerate() {
        for (name, value) in line
            .iter()
            .filter(|(n, v)| *n != "step" && (v.is_number() || v.is_null()))
        {
            let column = series
                .entry(name.clone())
                .or_insert_with(|| Value::Array(vec![Value::Null; lines.len()]));
            column[i] = value.clone();
        }
    }
    json!({"steps": steps, "series": series})
}

/// The sample picture of a step.
pub(super) fn picture(studio: &Studio, name: &str, file: &str) -> Answer {
    let step = file.strip_suffix(".png").and_then(|s| s.parse().ok());
    let step = step.ok_or_else(|| Refusal::missing("such picture"))?;
    let bytes = studio.folder.read(&studio.run(name)?, &picture_name(step))?;
    Ok(Response::new("image/png", bytes))
}

/// In what the recipe of another run differs.
pub(super) fn difference(studio: &Studio, name: &str, other: &str) -> Answer {
    let [first, second] = [studio.run(name)?.recipe()?, studio.run(other)?.recipe()?];
    Ok(Response::json(&changes(&first, &second)))
}

/// Runs side by side, as `menagerie compare` has them: figures are ranked only where their definitions are the same.
pub(super) fn comparison(studio: &'static Studio, request: &Request) -> Answer {
    let names: Vec<String> = request
        .query
        .iter()
        .filter(|(k, _)| k == "run")
        .map(|(_, v)| v.clone())
        .collect();
    if !(2..=MOST_COMPARED).contains(&names.len()) {
        return Err(Refusal::new(
            400,
            format!("2 to {MOST_COMPARED} runs are compared"),
        ));
    }
    let runs = names
        .iter()
        .map(|n| studio.run(n))
        .collect::<Result<Vec<Run>, _>>()?;
    let made = studio.workers.run(request, move || {
        let paths: Vec<&std::path::Path> = runs.iter().map(Run::path).collect();
        Ok(Comparison::of(&paths, &[])?)
    })?;
    let rows = made.rows.iter().zip(&names).map(|(row, name)| {
        json!({"run": name, "model": row.model, "parameters": row.parameters(), "step": row.latest.as_ref().map(|e| e.step),
            "seconds": row.latest.as_ref().map(|e| e.seconds)})
    });
    let columns = made.columns.iter().map(|c| {
        let figure = |i: usize| c.figures.get(&i).map(|f| json!({"value": f.value, "error": f.error, "warning": f.warning}));
        let figures: Vec<_> = (0..names.len()).map(figure).collect();
        let differences: Vec<&String> = c.differences.iter().map(|d| &d.0).collect();
        json!({"metric": c.label(), "more_is_better": c.higher_is_better, "figures": figures, "best": c.best, "differences": differences})
    });
    Ok(Response::json(
        &json!({"rows": rows.collect::<Vec<_>>(), "columns": columns.collect::<Vec<_>>()}),
    ))
}

/// Begins a training.
pub(super) fn train(studio: &Studio, given: &Map<String, Value>) -> Answer {
    let recipe = text(given, "recipe")?.ok_or_else(|| Refusal::new(400, "recipe is missing"))?;
    let name = text(given, "name")?.map(str::trim).filter(|n| !n.is_empty());
    let name = studio
        .trainings
        .begin(&studio.folder, recipe, name, &settings(given)?)?;
    studio.folder.changed();
    Ok(Response::json(&json!({"run": name})))
}

/// Lets a training write a checkpoint and end.
pub(super) fn stop(studio: &Studio, name: &str) -> Answer {
    studio.trainings.stop(name, &studio.run(name)?)?;
    Ok(Response::json(&json!({"run": name})))
}

/// Keeps what somebody thinks of a run; what is not given stays.
pub(super) fn remark(studio: &Studio, name: &str, given: &Map<String, Value>) -> Answer {
    let run = studio.run(name)?;
    let mut remark = Remark::of(&run);
    if let Some(star) = given.get("star") {
        let wrong = || Refusal::new(400, "star is true or false");
        remark.star = star.as_bool().ok_or_else(wrong)?;
    }
    if let Some(note) = text(given, "note")? {
        remark.note = note.into();
    }
    remark.keep(&run)?;
    studio.folder.changed();
    Ok(Response::json(&json!(remark)))
}

/// Goes on with a run.
pub(super) fn resume(studio: &Studio, name: &str, given: &Map<String, Value>) -> Answer {
    let steps = whole(given, "steps")?;
    studio
        .trainings
        .resume(&studio.folder, name, &studio.run(name)?, steps)?;
    studio.folder.changed();
    Ok(Response::json(&json!({"run": name})))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_become_columns_with_gaps() {
        let lines: Vec<Map<String, Value>> = [
            json!({"step": 1, "a": 0.5, "troubles": ["x"]}),
            json!({"step": 4, "a": null, "b": 2}),
        ]
        .into_iter()
        .map(|v| v.as_object().unwrap().clone())
        .collect();
        assert_eq!(
            columns(&lines),
            json!({"steps": [1, 4], "series": {"a": [0.5, null], "b": [null, 2]}})
        );
    }
}
