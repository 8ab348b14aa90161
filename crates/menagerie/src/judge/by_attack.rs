//! Metrics of attacks on a classifier, and of what takes them away.
use super::by_capability::{argmax, mean_and_error};
use super::metric::{Judge, Metric, Tell, Verdict, forgotten};
use super::subject::each_item;
use crate::data::Batch;
use crate::error::{Error, Result};
use crate::models::attack::{Method, STEPS};
use crate::models::{Attack, Capability, Classify, Defend, Samples};
use serde_json::{Map, json};
use std::collections::BTreeMap;

/// One figure an item, by the name of what it is of.
type PerItem = BTreeMap<String, Vec<f64>>;

/// Figures of `attack-success` and `defended-accuracy`.
///
/// # Errors
/// [`Error::Usage`] when the model neither attacks nor defends; those of the data.
pub(super) fn work_out(judge: &Judge, metric: &Metric, tell: Tell) -> Result<Vec<Verdict>> {
    let (model, name) = judge.subject.model(metric.name)?;
    let data = judge.data(metric.name)?;
    let attack = model
        .as_attack()
        .ok_or_else(|| Capability::Attack.missing(name))?;
    let classify = model
        .as_classify()
        .ok_or_else(|| Capability::Classify.missing(name))?;
    let count = judge.count.min(data.set.info().count);
    let key = judge.key.stream("attack");
    let mut found = PerItem::new();
    let mut done = 0;
    each_item(data.set, count, &mut |batch| {
        match metric.name {
            "attack-success" => successes(&mut found, attack, classify, &batch, key)?,
            "defended-accuracy" => {
                let defend = model
                    .as_defend()
                    .ok_or_else(|| Capability::Defend.missing(name))?;
                let outside = judge
                    .attacker
                    .map(|(m, n)| m.as_attack().ok_or_else(|| Capability::Attack.missing(n)));
                accuracies(
                    &mut found,
                    (attack, outside.transpose()?),
                    (defend, classify),
                    &batch,
                    key,
                )?;
            }
            other => return Err(forgotten(other)),
        }
        done += batch.shape[0];
        tell(metric.name, done, count);
        Ok(())
    })?;
    if found.values().any(Vec::is_empty) {
        let problem = format!("the target of `{name}` tells none of these {count} items right");
        return Err(Error::usage(
            problem,
            "train it longer, or give a run that has learned with --target",
        ));
    }
    let mut definition = Map::new();
    definition.insert("data".into(), data.definition.clone().into());
    definition.insert("items".into(), count.into());
    definition.insert("epsilon".into(), attack.epsilon().into());
    definition.insert("norm".into(), json!("largest change of a pixel in [0, 1]"));
    definition.insert("pgd_steps".into(), STEPS.into());
    let verdict = |(of, values): (&String, &Vec<f64>)| {
        let (value, error) = mean_and_error(values);
        Verdict {
            metric: format!("{}/{of}", metric.name),
            value,
            error,
            warning: None,
            definition: definition.clone(),
        }
    };
    Ok(found.iter().map(verdict).collect())
}

/// Whether the class of each item is found.
fn right(classify: &dyn Classify, batch: &Batch) -> Result<Vec<bool>> {
    let labels = batch
        .labels
        .as_ref()
        .ok_or_else(|| Error::data("the data", "have items without a class", "give data with labels"))?;
    let logs = classify.log_probabilities(batch)?;
    let rows = logs.chunks_exact(classify.classes().len()).zip(labels);
    Ok(rows.map(|(row, label)| argmax(row) == *label as usize).collect())
}

fn changed(batch: &Batch, made: Samples) -> Batch {
    Batch {
        values: made.values,
        ..batch.clone()
    }
}

/// Of the items that the classifier told right: which it does not when they were changed, by each method.
fn successes(
    found: &mut PerItem,
    attack: &dyn Attack,
    classify: &dyn Classify,
    batch: &Batch,
    key: crate::random::Key,
) -> Result<()> {
    let before = right(classify, batch)?;
    for &method in attack.methods() {
        let made = changed(batch, attack.attack(batch, method, key)?);
        let after = right(classify, &made)?;
        let misled = before
            .iter()
            .zip(after)
            .filter(|(b, _)| **b)
            .map(|(_, a)| f64::from(!a));
        found.entry(method.name().into()).or_default().extend(misled);
    }
    Ok(())
}

/// Whether each item is told right as it is, as it is after an attack, and as the defender gives either back.
fn accuracies(
    found: &mut PerItem,
    (own, outside): (&dyn Attack, Option<&dyn Attack>),
    (defend, classify): (&dyn Defend, &dyn Classify),
    batch: &Batch,
    key: crate::random::Key,
) -> Result<()> {
    let mut all = vec![("none".to_string(), batch.clone())];
    for &method in own.methods() {
        all.push((
            method.name().into(),
            changed(batch, own.attack(batch, method, key)?),
        ));
    }
    if let Some(outside) = outside {
        let made = outside.attack(batch, Method::Learned, key)?;
        all.push(("attacker".into(), changed(batch, made)));
    }
    for (name, given) in all {
        let cleaned = changed(&given, defend.defend(&given)?);
        for (when, items) in [("/before", &given), ("", &cleaned)] {
            let told = right(classify, items)?;
            let told = told.into_iter().map(f64::from);
            found.entry(format!("{name}{when}")).or_default().extend(told);
        }
    }
    Ok(())
}
