//! What a model reads off an item, in numbers.
use super::given::Given;
use crate::api::Answer;
use crate::http::{Refusal, Response};
use menagerie::Key;
use menagerie::models::Model;
use serde_json::{Map, Value, json};

/// Classes that are named, the likeliest first.
const CLASSES: usize = 10;
/// Importance samples of a bound.
const SAMPLES: usize = 16;

/// Class, attributes, likelihood, unusualness: whatever the model can tell.
pub(super) fn answer(model: &dyn Model, given: &Given, key: Key) -> Answer {
    let batch = &given.batch;
    let mut told = Map::new();
    if let Some(m) = model.as_classify() {
        told.insert(
            "classes".into(),
            likeliest(&m.log_probabilities(batch)?, m.classes()),
        );
    }
    if let Some(m) = model.as_cluster() {
        let names: Vec<String> = (0..m.groups()).map(|g| g.to_string()).collect();
        told.insert(
            "groups".into(),
            likeliest(&m.group_log_probabilities(batch)?, &names),
        );
    }
    if let Some(m) = model.as_read_attributes() {
        let values = m.attributes(batch)?;
        let all = m.names().iter().zip(values);
        told.insert("attributes".into(), all.map(|(n, v)| json!([n, v])).collect());
    }
    let bits = |nats: f64, numbers: usize| -nats / numbers.max(1) as f64 / std::f64::consts::LN_2;
    if let Some(m) = model.as_log_likelihood() {
        let nats = m.log_likelihood(batch, key)?;
        let bits = nats.first().map(|n| bits(*n, m.dimensions()));
        told.insert(
            "likelihood".into(),
            json!({"nats": nats.first(), "bits": bits, "exact": true}),
        );
    } else if let Some(m) = model.as_evidence_bound() {
        let nats = m.evidence_bound(batch, SAMPLES, key)?;
        let bits = nats.first().map(|n| bits(*n, m.dimensions()));
        told.insert(
            "likelihood".into(),
            json!({"nats": nats.first(), "bits": bits, "exact": false}),
        );
    }
    if let (Some(m), &[_, h, w, c]) = (model.as_factors(), &batch.shape[..]) {
        let costs = m.costs(batch, key)?;
        let pixels = costs
            .chunks(c.max(1))
            .map(|p| p.iter().sum::<f64>() / std::f64::consts::LN_2);
        let pixels: Vec<f64> = pixels.map(|b| (b * 1e3).round() / 1e3).collect();
        told.insert("costs".into(), json!({"height": h, "width": w, "bits": pixels}));
    }
    if let Some(m) = model.as_anomaly() {
        told.insert("anomaly".into(), json!(m.anomaly(batch, key)?.first()));
    }
    match told.is_empty() {
        true => Err(Refusal::new(400, "this model reads nothing off an item")),
        false => Ok(Response::json(&Value::Object(told))),
    }
}

/// Names with their probabilities, the likeliest first.
fn likeliest(logs: &[f32], names: &[String]) -> Value {
    let mut all: Vec<(&String, f32)> = names.iter().zip(logs.iter().map(|l| l.exp())).collect();
    all.sort_by(|a, b| b.1.total_cmp(&a.1));
    all.iter().take(CLASSES).map(|(n, p)| json!([n, p])).collect()
}
