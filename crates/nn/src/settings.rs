//! Settings: tables of a recipe, read as types and written out whole.
use menagerie_data::error::{Error, Result, nearest};
use serde::{Serialize, de::DeserializeOwned};
use toml::Table;

/// Reads a table as a type; `place` is its dotted key, empty for the whole recipe.
///
/// # Errors
/// [`Error::Recipe`] with the key at fault: one that is unknown (with the nearest known one), or a value that does not fit.
pub fn read<C: DeserializeOwned>(table: &Table, place: &str) -> Result<C> {
    // From text, because only then does the error know at which key it happened.
    let text = table.to_string();
    toml::from_str(&text).map_err(|e| told(&e, &text, place))
}

/// Writes settings out as a table, every default among them.
///
/// # Panics
/// If the type is no table of plain values, which is a mistake in its definition.
pub fn write<C: Serialize>(settings: &C) -> Table {
    Table::try_from(settings).expect("settings are a table of plain values")
}

fn told(e: &toml::de::Error, text: &str, place: &str) -> Error {
    let at = e.span().map(|s| key_at(text, s.start)).unwrap_or_default();
    let join = |parts: &[&str]| {
        parts
            .iter()
            .filter(|k| !k.is_empty())
            .copied()
            .collect::<Vec<_>>()
            .join(".")
    };
    let key = join(&[place, &at]);
    let message = e.message().split_whitespace().collect::<Vec<_>>().join(" ");
    let quoted = |text: &str| {
        text.split('`')
            .skip(1)
            .step_by(2)
            .map(str::to_string)
            .collect::<Vec<_>>()
    };
    let expected = message
        .split_once("expected ")
        .map(|(_, names)| quoted(names))
        .unwrap_or_default();
    let given = quoted(&message).into_iter().next().unwrap_or_default();
    if message.starts_with("unknown variant") {
        return Error::recipe(
            key,
            format!("there is no `{given}`"),
            nearest(&given, expected.iter().map(String::as_str)),
        );
    }
    if message.starts_with("unknown field") {
        // The place of an unknown key may be its own or that of the table around it.
        let table = at
            .strip_suffix(given.as_str())
            .map_or(at.as_str(), |t| t.trim_end_matches('.'));
        let whole = |name: &str| join(&[place, table, name]);
        let known: Vec<String> = expected.iter().map(|name| whole(name)).collect();
        let key = whole(&given);
        return Error::recipe(
            key.clone(),
            "there is no such key",
            nearest(&key, known.iter().map(String::as_str)),
        );
    }
    match message.split_once("; ") {
        // Types with rules of their own say themselves how to mend it.
        Some((problem, fix)) => Error::recipe(key, problem, fix),
        None => Error::recipe(
            key,
            message,
            "see `menagerie train NAME --dry-run` for the keys and their values",
        ),
    }
}

/// The dotted key whose value stands at byte `at` of a TOML text that `Table::to_string` wrote.
fn key_at(text: &str, at: usize) -> String {
    let (mut header, mut key) = (String::new(), String::new());
    let mut start = 0;
    for line in text.split_inclusive('\n') {
        if start > at {
            break;
        }
        let trimmed = line.trim();
        if trimmed.starts_with('[') && trimmed.ends_with(']') && !trimmed.contains('=') {
            header = trimmed.trim_matches(['[', ']']).to_string();
            key.clear();
        } else if let Some((k, _)) = line.split_once('=') {
            key = k.trim().to_string();
        }
        start += line.len();
    }
    [header, key]
        .into_iter()
        .filter(|k| !k.is_empty())
        .collect::<Vec<_>>()
        .join(".")
}
