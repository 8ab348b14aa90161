//! Laying one table over another: what is given over what is there.
use crate::error::{Error, Result, nearest};
use toml::{Table, Value};

/// The key by which a table says what kind it is of: its other keys are that kind's own.
const TAG: &str = "rule";

/// Lays `given` over `base`. A value takes the type of the one it replaces. A table of another kind replaces the old one
/// whole; a table that was not there comes to be there, and `false` in its place takes it away again. Whether keys that
/// are new may exist is for the type to say that reads them, but for the names of tables at the top.
pub(super) fn lay(base: &mut Table, given: &Table, prefix: &str) -> Result<()> {
    for (key, value) in given {
        let path = if prefix.is_empty() {
            key.clone()
        } else {
            format!("{prefix}.{key}")
        };
        match (base.get_mut(key), value) {
            (None, _) if prefix.is_empty() => {
                return Err(Error::recipe(
                    path,
                    "there is no such key",
                    nearest(key, base.keys().map(String::as_str)),
                ));
            }
            (None, Value::Boolean(false)) => {}
            (None, _) => drop(base.insert(key.clone(), value.clone())),
            (Some(Value::Table(old)), Value::Table(new)) => {
                if new
                    .get(TAG)
                    .is_some_and(|kind| old.get(TAG).is_some_and(|before| before != kind))
                {
                    old.clear();
                }
                lay(old, new, &path)?;
            }
            (Some(Value::Table(_)), Value::Boolean(false)) => drop(base.remove(key)),
            (Some(old), new) => *old = convert(old, new, &path)?,
        }
    }
    Ok(())
}

/// A recipe of an earlier version in today's words.
pub(super) fn upgraded(mut given: Table) -> Table {
    // Before 0.2, `[optimizer]` held the numbers of all rules, used or not.
    if given
        .get("version")
        .and_then(Value::as_str)
        .is_some_and(|v| v.starts_with("0.1."))
        && let Some(Value::Table(optimizer)) = given.get_mut("optimizer")
    {
        drop_unused(optimizer);
        optimizer
            .iter_mut()
            .filter_map(|(_, v)| v.as_table_mut())
            .for_each(drop_unused);
    }
    given
}

fn drop_unused(optimizer: &mut Table) {
    let unused: &[&str] = match optimizer.get(TAG).and_then(Value::as_str) {
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
