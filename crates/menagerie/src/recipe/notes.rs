//! What was changed while a run went on, and what it was begun from: the tables `[[history]]` of its recipe.
use super::Recipe;
use crate::error::Result;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use toml::{Table, Value};

/// One entry of `[[history]]`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Note {
    /// updates done when it happened
    pub step: u64,
    /// what happened: `KEY = NEW, was OLD`, or where the first weights are from
    pub what: String,
}

/// A key that two recipes differ in.
#[derive(Clone, Debug, PartialEq)]
pub struct Change {
    /// dotted
    pub key: String,
    /// its value in the first recipe, as TOML; None where it has none
    pub was: Option<String>,
    /// its value in the second
    pub is: Option<String>,
}

impl std::fmt::Display for Change {
    fn fmt(&self, f: &mut std::fmt::Formatter) -> std::fmt::Result {
        let said = |v: &Option<String>| v.clone().unwrap_or("nothing".into());
        write!(f, "{} = {}, was {}", self.key, said(&self.is), said(&self.was))
    }
}

/// Keys that may change while a run goes on, since they do not decide what the model is: how long and how fast it learns,
/// what is written and judged meanwhile, and where the data lie.
pub fn may_change(key: &str) -> bool {
    let train = [
        "steps",
        "leaves_at_once",
        "log_every",
        "sample_every",
        "checkpoint_every",
        "keep",
        "samples",
    ];
    match key.split_once('.') {
        Some(("train", key)) => train.contains(&key),
        Some(("data", key)) => ["source", "max_bad"].contains(&key),
        Some(("evaluate", _)) => true,
        Some(("optimizer", key)) => key.rsplit('.').next() != Some("rule"),
        _ => false,
    }
}

impl Recipe {
    /// What differs in another recipe, the version of the program aside.
    pub fn changes(&self, other: &Recipe) -> Vec<Change> {
        let [mut old, mut new] = [BTreeMap::new(), BTreeMap::new()];
        leaves(&self.table, "", &mut old);
        leaves(&other.table, "", &mut new);
        let keys: std::collections::BTreeSet<&String> = old.keys().chain(new.keys()).collect();
        keys.into_iter()
            .filter(|k| *k != "version" && old.get(*k) != new.get(*k))
            .map(|k| Change {
                key: k.clone(),
                was: old.get(k).cloned(),
                is: new.get(k).cloned(),
            })
            .collect()
    }

    /// Its history, oldest first.
    pub fn history(&self) -> &[Note] {
        &self.history
    }

    /// The same recipe with another history.
    pub fn with_history(mut self, history: Vec<Note>) -> Recipe {
        self.history = history;
        self
    }

    /// The learning rates by their dotted keys.
    pub fn learning_rates(&self) -> Vec<(String, f64)> {
        let mut all = BTreeMap::new();
        leaves(&self.table, "", &mut all);
        all.into_iter()
            .filter(|(k, _)| k.starts_with("optimizer.") && k.ends_with(".learning_rate"))
            .filter_map(|(k, v)| Some((k, v.parse().ok()?)))
            .collect()
    }
}

/// Takes the history out of a recipe's tables.
pub(super) fn take(given: &mut Table) -> Result<Vec<Note>> {
    let mut alone = Table::new();
    alone.extend(given.remove("history").map(|v| ("history".to_string(), v)));
    #[derive(Default, Deserialize)]
    #[serde(default)]
    struct Notes {
        history: Vec<Note>,
    }
    menagerie_nn::settings::read::<Notes>(&alone, "").map(|n| n.history)
}

/// A history as the value of the key `history`.
pub(super) fn written(history: &[Note]) -> Value {
    let one = |n: &Note| {
        Value::Table(Table::from_iter([
            ("step".to_string(), Value::Integer(n.step as i64)),
            ("what".to_string(), Value::String(n.what.clone())),
        ]))
    };
    Value::Array(history.iter().map(one).collect())
}

fn leaves(table: &Table, prefix: &str, out: &mut BTreeMap<String, String>) {
    for (key, value) in table {
        let path = if prefix.is_empty() {
            key.clone()
        } else {
            format!("{prefix}.{key}")
        };
        match value {
            Value::Table(t) => leaves(t, &path, out),
            v => drop(out.insert(path, v.to_string())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_changed_is_told_by_its_key_and_kept_in_the_recipe() {
        let was = Recipe::named("vae").unwrap();
        let is = was.clone().with("optimizer.learning_rate", "0.5").unwrap();
        let changes = was.changes(&is);
        assert_eq!(changes.len(), 1);
        assert!(
            changes[0]
                .to_string()
                .starts_with("optimizer.learning_rate = 0.5, was 0.")
        );
        assert_eq!(
            is.learning_rates(),
            [("optimizer.learning_rate".to_string(), 0.5)]
        );
        let note = Note {
            step: 7,
            what: changes[0].to_string(),
        };
        let kept = is.clone().with_history(vec![note]);
        assert_eq!(Recipe::parse(&kept.to_toml(), "it").unwrap(), kept);
        assert_eq!(kept.changes(&is), []);
        let told = Recipe::parse(&(is.to_toml() + "[[history]]\nstep = \"x\"\nwhat = 2\n"), "it");
        assert!(told.unwrap_err().to_string().contains("history"));
    }

    #[test]
    fn only_what_does_not_decide_the_model_may_change() {
        for key in [
            "train.steps",
            "optimizer.generator.clip_norm",
            "data.source",
            "evaluate.n",
        ] {
            assert!(may_change(key), "{key}");
        }
        for key in [
            "train.batch",
            "train.seed",
            "optimizer.rule",
            "data.size",
            "model.width",
            "version",
        ] {
            assert!(!may_change(key), "{key}");
        }
    }
}
