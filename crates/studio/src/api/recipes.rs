//! Recipes, and forms made of them.
use super::{Answer, settings};
use crate::http::{Refusal, Response};
use menagerie::models::registry;
use menagerie::recipe::{Recipe, embedded};
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;

/// Every name that can be trained.
pub(super) fn list() -> Answer {
    let mut names: BTreeMap<&str, Value> = BTreeMap::new();
    for entry in registry() {
        let about =
            json!({"name": entry.name, "model": entry.name, "family": entry.family, "about": entry.paper});
        names.insert(entry.name, about);
    }
    for (name, text) in embedded() {
        // The first comment says what it is.
        let about: Vec<&str> = text
            .lines()
            .map_while(|l| l.strip_prefix('#'))
            .map(str::trim)
            .collect();
        let model = Recipe::named(name)?.model_name().to_string();
        let family = registry().iter().find(|e| e.name == model).map(|e| e.family);
        names.insert(
            name,
            json!({"name": name, "model": model, "family": family, "about": about.join(" ")}),
        );
    }
    Ok(Response::json(&names.into_values().collect()))
}

/// A recipe whole: as text, and as tables to make a form of.
pub(super) fn one(name: &str) -> Answer {
    Ok(Response::json(&whole(&Recipe::named(name)?)?))
}

fn whole(recipe: &Recipe) -> Result<Value, Refusal> {
    let toml = recipe.to_toml();
    Ok(json!({"model": recipe.model_name(), "tables": tables(&toml)?, "toml": toml, "help": recipe.help()}))
}

/// A recipe's tables as `[[dotted name, [[key, value], ..]], ..]`, in their order: objects of JSON have none.
fn tables(toml: &str) -> Result<Value, Refusal> {
    let table: toml::Table = toml.parse().map_err(|e| Refusal::new(500, format!("{e}")))?;
    let mut out = Vec::new();
    add(&table, "", &mut out);
    Ok(Value::Array(out))
}

fn add(table: &toml::Table, name: &str, out: &mut Vec<Value>) {
    let leaf = |v: &toml::Value| !v.is_table() && !is_history(v);
    let keys: Vec<Value> = table
        .iter()
        .filter(|(_, v)| leaf(v))
        .map(|(k, v)| json!([k, plain(v), v.to_string()]))
        .collect();
    if !keys.is_empty() {
        out.push(json!([name, keys]));
    }
    for (k, v) in table {
        if let Some(inner) = v.as_table() {
            let dot = if name.is_empty() { "" } else { "." };
            add(inner, &format!("{name}{dot}{k}"), out);
        }
    }
}

/// Tables in a list: the history, which is nobody's to set.
fn is_history(v: &toml::Value) -> bool {
    v.as_array()
        .is_some_and(|a| a.first().is_some_and(toml::Value::is_table))
}

/// The kind of a value, for the form: whole numbers beyond 2^53 stay texts.
fn plain(v: &toml::Value) -> &'static str {
    match v {
        toml::Value::Integer(_) => "integer",
        toml::Value::Float(_) => "float",
        toml::Value::Boolean(_) => "boolean",
        toml::Value::String(_) => "string",
        _ => "list",
    }
}

/// A recipe with some keys set, or what is wrong with them; and in what it differs from the plain one.
pub(super) fn check(name: &str, given: &Map<String, Value>) -> Answer {
    let plain = Recipe::named(name)?;
    let mut recipe = plain.clone();
    recipe.set_all(&settings(given)?)?;
    let mut out = whole(&recipe)?;
    out["changes"] = changes(&plain, &recipe);
    Ok(Response::json(&out))
}

/// In what the second differs from the first.
pub(super) fn changes(first: &Recipe, second: &Recipe) -> Value {
    let changes = first.changes(second);
    let one = |c: &menagerie::recipe::Change| json!({"key": c.key, "was": c.was, "is": c.is});
    changes.iter().map(one).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_recipe_is_a_form() {
        for (name, _) in embedded() {
            let recipe = Recipe::named(name).unwrap();
            let form = whole(&recipe).unwrap();
            // Set to what they are, all keys change nothing: the form says nothing wrong.
            let mut again = recipe.clone();
            let mut pairs = Vec::new();
            for table in form["tables"].as_array().unwrap() {
                for key in table[1].as_array().unwrap() {
                    let path = match table[0].as_str().unwrap() {
                        "" => key[0].as_str().unwrap().to_string(),
                        t => format!("{t}.{}", key[0].as_str().unwrap()),
                    };
                    if !["version", "model.name"].contains(&path.as_str()) {
                        pairs.push((path, key[2].as_str().unwrap().to_string()));
                    }
                }
            }
            assert!(pairs.iter().any(|(k, _)| k == "train.steps"), "{name}");
            again.set_all(&pairs).unwrap();
            assert!(recipe.changes(&again).is_empty(), "{name}");
        }
    }
}
