//! Laying one table over another: what is given over what is there.
use crate::error::{Error, Result, nearest};
use toml::{Table, Value};

/// Keys by which a table says what kind it is of: its other keys are that kind's own.
const TAGS: [&str; 2] = ["rule", "architecture"];

/// A table that has become another kind's: where it stands, and what it held before.
pub(super) struct Changed {
    path: String,
    before: Table,
}

/// Lays `given` over `base`. A value takes the type of the one it replaces. A table of another kind begins anew, and is noted
/// in `changed`; a table that was not there comes to be there, and `false` in its place takes it away again. Whether keys
/// that are new may exist is for the type to say that reads them, but for values at the top, where all is tables.
pub(super) fn lay(base: &mut Table, given: &Table, prefix: &str, changed: &mut Vec<Changed>) -> Result<()> {
    for (key, value) in given {
        let path = if prefix.is_empty() {
            key.clone()
        } else {
            format!("{prefix}.{key}")
        };
        match (base.get_mut(key), value) {
            (None, _) if prefix.is_empty() && !matches!(value, Value::Table(_)) => {
                return Err(Error::recipe(
                    path,
                    "there is no such key",
                    nearest(key, base.keys().map(String::as_str)),
                ));
            }
            (None, _) => drop(base.insert(key.clone(), value.clone())),
            (Some(Value::Table(old)), Value::Table(new)) => {
                let differs = |tag: &&str| {
                    new.get(*tag)
                        .is_some_and(|k| old.get(*tag).is_some_and(|b| b != k))
                };
                if TAGS.iter().any(differs) {
                    let before = old.clone();
                    // The model's name is no setting of a kind.
                    old.retain(|key, _| key == "name");
                    changed.push(Changed {
                        path: path.clone(),
                        before,
                    });
                }
                lay(old, new, &path, changed)?;
            }
            (Some(Value::Table(_)), Value::Boolean(false)) => drop(base.remove(key)),
            (Some(old), new) => *old = convert(old, new, &path)?,
        }
    }
    Ok(())
}

/// Leaves out what is so already: `false` for a table of the defaults that is not there.
pub(super) fn without_what_is_off(given: &Table, base: &Table, defaults: &Table) -> Table {
    let one = |(key, value): (&String, &Value)| {
        let value = match (value, base.get(key), defaults.get(key)) {
            (Value::Boolean(false), None, Some(Value::Table(_))) => return None,
            (Value::Table(g), Some(Value::Table(b)), Some(Value::Table(d))) => {
                Value::Table(without_what_is_off(g, b, d))
            }
            (other, ..) => other.clone(),
        };
        Some((key.clone(), value))
    };
    given.iter().filter_map(one).collect()
}

/// Writes `false` for every table of the defaults that is not there, so that reading it again does not bring it back.
pub(super) fn say_what_is_off(table: &mut Table, defaults: &Table) {
    let kind = |t: &Table| TAGS.iter().find_map(|tag| t.get(*tag).cloned());
    for (key, value) in defaults {
        let Value::Table(default) = value else { continue };
        match table.get_mut(key) {
            None => drop(table.insert(key.clone(), Value::Boolean(false))),
            // The defaults of another kind say nothing of this one.
            Some(Value::Table(own)) if kind(own) == kind(default) => say_what_is_off(own, default),
            Some(_) => {}
        }
    }
}

fn at<'a>(table: &'a mut Table, path: &str) -> Option<&'a mut Table> {
    path.split('.')
        .try_fold(table, |table, key| table.get_mut(key)?.as_table_mut())
}

/// What both kinds have stays as it was: gives back, for each table that changed its kind, the keys that were set in it since.
pub(super) fn set_since(table: &mut Table, changed: &[Changed]) -> Vec<Vec<String>> {
    let keys = |c: &Changed| {
        at(table, &c.path)
            .map(|t| t.keys().cloned().collect())
            .unwrap_or_default()
    };
    changed.iter().map(keys).collect()
}

/// See [`set_since`]; `table` has the new kind's defaults by now.
pub(super) fn carry_over(table: &mut Table, changed: Vec<Changed>, set: &[Vec<String>]) {
    for (c, set) in changed.into_iter().zip(set) {
        let Some(new) = at(table, &c.path) else { continue };
        for (key, value) in c.before {
            let same_type = new.get(&key).is_some_and(|v| v.same_type(&value));
            if same_type && !set.contains(&key) {
                new.insert(key, value);
            }
        }
    }
}

/// A recipe of an earlier version in today's words.
pub(super) fn upgraded(mut given: Table) -> Table {
    let is_old = |v: &str| v.starts_with("0.1.");
    if !given.get("version").and_then(Value::as_str).is_some_and(is_old) {
        return given;
    }
    // `[optimizer]` held the numbers of all rules, used or not.
    if let Some(Value::Table(optimizer)) = given.get_mut("optimizer") {
        drop_unused(optimizer);
        optimizer
            .iter_mut()
            .filter_map(|(_, v)| v.as_table_mut())
            .for_each(drop_unused);
    }
    // `[game]` held the objective's name and the instance noise.
    let Some(Value::Table(game)) = given.get_mut("game") else {
        return given;
    };
    let (rule, std, steps) = (
        game.remove("objective"),
        game.remove("noise"),
        game.remove("noise_steps"),
    );
    if let Some(rule) = rule {
        let objective = Table::from_iter([("rule".to_string(), rule)]);
        given.insert("objective".into(), Value::Table(objective));
    }
    if let (Some(std), Some(steps)) = (std, steps)
        && std.as_float() != Some(0.0)
    {
        let noise = Table::from_iter([("std".to_string(), std), ("steps".to_string(), steps)]);
        let augment = Table::from_iter([("noise".to_string(), Value::Table(noise))]);
        given.insert("augment".into(), Value::Table(augment));
    }
    given
}

fn drop_unused(optimizer: &mut Table) {
    let unused: &[&str] = match optimizer.get("rule").and_then(Value::as_str) {
        Some("adam") => &["decay", "momentum"],
        Some("rms-prop") => &["beta1", "beta2", "weight_decay", "momentum"],
        Some("sgd") => &["beta1", "beta2", "epsilon", "weight_decay", "decay"],
        _ => &[],
    };
    unused.iter().for_each(|key| drop(optimizer.remove(*key)));
}

/// `new` in the type of `old`.
fn convert(old: &Value, new: &Value, key: &str) -> Result<Value> {
    Ok(match (old, new) {
        (Value::Float(_), Value::Integer(n)) => Value::Float(*n as f64),
        (Value::Array(_), Value::Integer(_)) => Value::Array(vec![new.clone()]),
        (Value::Integer(_), Value::Float(f)) if f.fract() == 0.0 && f.abs() < 9e15 => {
            Value::Integer(*f as i64)
        }
        (Value::String(_), Value::Integer(_) | Value::Boolean(_) | Value::Float(_)) => {
            Value::String(new.to_string())
        }
        // Names are separated by commas, as on the command line.
        (Value::Array(_), Value::String(s)) if key == "evaluate.metrics" => Value::Array(
            s.split(',')
                .map(|name| Value::String(name.trim().into()))
                .collect(),
        ),
        (Value::Array(_), Value::String(s)) if s.contains('x') => {
            match s
                .split('x')
                .map(|p| p.trim().parse().map(Value::Integer))
                .collect()
            {
                Ok(numbers) => Value::Array(numbers),
                Err(_) => return Err(mismatch(old, new, key)),
            }
        }
        // TOML has no whole numbers that large.
        (Value::Integer(_), Value::String(s)) if is_seed(key) && is_digits(s) => match s.parse::<u64>() {
            Ok(_) => new.clone(),
            Err(_) => {
                let problem = format!("{s} is beyond 2^64 - 1, the largest seed");
                return Err(Error::recipe(key, problem, "give a smaller number"));
            }
        },
        (Value::Table(_), _) => {
            return Err(Error::recipe(
                key,
                "this is a table of keys",
                format!("set one of its keys, such as {key}.NAME"),
            ));
        }
        _ if std::mem::discriminant(old) == std::mem::discriminant(new) => {
            if let Value::Integer(n) = new
                && *n < 0
            {
                return Err(Error::recipe(key, format!("{n} is negative"), "give 0 or more"));
            }
            new.clone()
        }
        _ => return Err(mismatch(old, new, key)),
    })
}

fn is_seed(key: &str) -> bool {
    key.rsplit('.').next() == Some("seed")
}

fn is_digits(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit())
}

fn mismatch(old: &Value, new: &Value, key: &str) -> Error {
    let expected = match old {
        Value::Integer(_) => "a whole number",
        Value::Float(_) => "a number",
        Value::Boolean(_) => "true or false",
        Value::Array(_) => "a list such as [64, 64]",
        _ => "a text",
    };
    Error::recipe(
        key,
        format!("{new} is not {expected}"),
        format!("give {expected}, such as {old}"),
    )
}
