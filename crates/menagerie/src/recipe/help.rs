//! What the keys of a recipe are, in the words of the fields that hold them.
use super::Recipe;
use std::collections::BTreeMap;
use toml::{Table, Value};

/// File, struct, and its fields with what is said of them.
type Fields = (
    &'static str,
    &'static str,
    &'static [(&'static str, &'static str)],
);

const ALL: &[Fields] = include!(concat!(env!("OUT_DIR"), "/fields.rs"));

/// Tables that every recipe has, and where they are.
const COMMON: [(&str, &str); 3] = [
    ("train", "TrainConfig"),
    ("evaluate", "EvaluateConfig"),
    ("data", "Source"),
];
/// Keys that say which of several is meant, rather than being a field.
const TAGS: [&str; 4] = ["name", "rule", "architecture", "kind"];

/// A key of a recipe.
#[derive(Clone, Debug, PartialEq)]
pub struct Explained {
    /// dotted
    pub key: String,
    /// its value as TOML
    pub value: String,
    /// what it is; empty for keys that say which member of several is meant
    pub what: String,
}

impl Recipe {
    /// Every key with its value and what it is, in the order of their names.
    pub fn keys(&self) -> Vec<Explained> {
        let help = self.help();
        let mut rest = vec![(String::new(), self.to_toml().parse::<Table>().unwrap_or_default())];
        let mut out = Vec::new();
        while let Some((path, table)) = rest.pop() {
            for (key, value) in table {
                let key = match path.is_empty() {
                    true => key,
                    false => format!("{path}.{key}"),
                };
                match value {
                    Value::Table(inner) => rest.push((key, inner)),
                    value => out.push(Explained {
                        value: value.to_string(),
                        what: help.get(&key).cloned().unwrap_or_default(),
                        key,
                    }),
                }
            }
        }
        out.sort_by(|a, b| a.key.cmp(&b.key));
        out
    }

    /// What each key is, by its dotted name; keys that say which member of several is meant are left out.
    pub fn help(&self) -> BTreeMap<String, String> {
        let mut out = BTreeMap::new();
        let tables = self.to_toml().parse::<Table>().unwrap_or_default();
        for (name, value) in &tables {
            if let Value::Table(table) = value {
                explain(self.model_name(), name, table, &mut out);
            }
        }
        out
    }
}

fn explain(model: &str, path: &str, table: &Table, out: &mut BTreeMap<String, String>) {
    let keys: Vec<&str> = table
        .keys()
        .map(String::as_str)
        .filter(|k| !TAGS.contains(k))
        .collect();
    for holder in holders(model, path, &keys) {
        for (field, said) in holder.2.iter().filter(|(f, _)| table.contains_key(*f)) {
            out.entry(format!("{path}.{field}"))
                .or_insert_with(|| plain(said));
        }
    }
    for (key, value) in table {
        if let Value::Table(inner) = value {
            explain(model, &format!("{path}.{key}"), inner, out);
        }
    }
}

/// The struct that a table is read into: one that has all its keys, of the model's own file before others, with as few
/// keys beside as can be. Where the keys of a member lie among those of all (`rule = "adam"`), the struct that has most, and those
/// of its file.
fn holders(model: &str, path: &str, keys: &[&str]) -> Vec<&'static Fields> {
    if keys.is_empty() {
        return vec![];
    }
    if let Some((_, name)) = COMMON.iter().find(|(table, _)| *table == path) {
        return ALL.iter().filter(|(_, of, _)| of == name).collect();
    }
    let had = |fields: &Fields| {
        keys.iter()
            .filter(|k| fields.2.iter().any(|(f, _)| f == *k))
            .count()
    };
    let own = |file: &str| {
        let stem = file.trim_end_matches(".rs").trim_end_matches("/mod");
        stem.ends_with(&format!("/{model}")) || file.contains(&format!("/{model}/"))
    };
    // `[model.codebook]` is rather read by a struct whose name or file speaks of it.
    let last = path.rsplit('.').next().unwrap_or(path);
    let speaks = |(file, of, _): &Fields| of.to_lowercase().contains(last) || file.contains(last);
    let all = ALL.iter().filter(|f| had(f) == keys.len());
    let whole = all.min_by_key(|f| (!own(f.0), f.2.len() - keys.len(), !speaks(f)));
    if let Some(whole) = whole {
        return vec![whole];
    }
    match ALL.iter().max_by_key(|f| (had(f), own(f.0), speaks(f))) {
        Some(most) => ALL.iter().filter(|f| f.0 == most.0).collect(),
        None => vec![],
    }
}

/// Without the marks of links: `` [`Rule`] `` as `` `Rule` ``.
fn plain(said: &str) -> String {
    said.replace("[`", "`").replace("`]", "`")
}

#[cfg(test)]
mod tests {
    use super::super::embedded;
    use super::*;

    /// A form explains every key of every recipe.
    #[test]
    fn every_key_says_what_it_is() {
        let mut silent = Vec::new();
        for (name, _) in embedded() {
            for key in Recipe::named(name).unwrap().keys() {
                let last = key.key.rsplit('.').next().unwrap();
                if key.what.len() < 4 && key.key.contains('.') && !TAGS.contains(&last) {
                    silent.push(format!("{name}: {}", key.key));
                }
            }
        }
        assert!(silent.is_empty(), "{} keys: {silent:#?}", silent.len());
    }

    #[test]
    fn a_key_is_explained_by_its_own_table() {
        let help = Recipe::named("dcgan").unwrap().help();
        assert!(help["train.batch"].contains("items"), "{}", help["train.batch"]);
        assert!(help["game.discriminator_steps"].contains("updates of the discriminator"));
        assert!(help["optimizer.generator.learning_rate"] == help["optimizer.discriminator.learning_rate"]);
        assert!(!help.values().any(|said| said.contains("[`")));
    }
}
