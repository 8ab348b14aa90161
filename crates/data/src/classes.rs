//! Labels are names: one mapping from names to numbers over all parts of a source.
use super::Dataset;
use crate::error::{Error, Result, nearest};
use std::collections::{BTreeSet, HashMap};

/// The items of a set that are left where some classes are taken out.
///
/// # Errors
/// [`Error::Recipe`] for a class that it does not have, and where nothing is left; those of items whose class is not known before they
/// are read.
pub(super) fn left(set: &dyn Dataset, without: &[String]) -> Result<Vec<u32>> {
    const KEY: &str = "data.without";
    let info = set.info();
    if info.labels.is_empty() {
        let problem = format!("{} has no classes that could be left out", info.source);
        return Err(Error::recipe(
            KEY,
            problem,
            "leave it out, or give data with labels",
        ));
    }
    let number = |name: &String| {
        info.labels.iter().position(|l| l == name).ok_or_else(|| {
            let problem = format!("{} has no class `{name}`", info.source);
            Error::recipe(
                KEY,
                problem,
                nearest(name, info.labels.iter().map(String::as_str)),
            )
        })
    };
    let out: Vec<usize> = without.iter().map(number).collect::<Result<_>>()?;
    let mut kept = Vec::new();
    for i in 0..info.count {
        let label = match set.label(i) {
            Some(label) => Some(label),
            None => set.get(i)?.label,
        };
        if label.is_none_or(|l| !out.contains(&(l as usize))) {
            kept.push(i as u32);
        }
    }
    match kept.is_empty() {
        true => Err(Error::recipe(KEY, "nothing is left", "name fewer classes")),
        false => Ok(kept),
    }
}

/// Whether a field of a table says that there is nothing: what pandas reads as missing.
pub(super) fn is_missing(text: &str) -> bool {
    const MISSING: [&str; 19] = [
        "", "#N/A", "#N/A N/A", "#NA", "-1.#IND", "-1.#QNAN", "-NaN", "-nan", "1.#IND", "1.#QNAN", "<NA>",
        "N/A", "NA", "NULL", "NaN", "None", "n/a", "nan", "null",
    ];
    MISSING.contains(&text)
}

/// Different real numbers of a column of classes, beyond which they are measurements.
const MOST_REAL: usize = 10;
/// Different whole numbers of which that may be so where there are few items of each.
const MANY: usize = 100;

/// Whether labels are measurements rather than names: real numbers, of which there are many.
pub(super) fn are_measured(labels: &[Option<String>]) -> bool {
    let (mut different, mut real) = (BTreeSet::new(), false);
    for label in labels.iter().flatten() {
        match label.parse::<f64>() {
            Ok(v) if v.is_finite() => real |= v.fract() != 0.0,
            _ => return false,
        }
        different.insert(label);
    }
    real && different.len() > MOST_REAL
}

/// Tells where whole numbers that are taken for classes may be measurements, too.
pub(super) fn say_many(place: &str, names: &[String], items: usize, warnings: &mut Vec<String>) {
    let few = names.len() > MANY && names.len() * 5 > items;
    if few && names.iter().all(|n| n.parse::<i64>().is_ok()) {
        let n = names.len();
        warnings.push(format!(
            "{place}: the labels of its {items} items are {n} different numbers, which are taken for classes; give the column another \
             name where it holds measurements"
        ));
    }
}

/// Class names in order (of numbers where all are), and each label's class; none for an item without a label.
///
/// Whole numbers written as real ones, as pandas does where a label is missing, are named as whole ones.
pub(super) fn by_name(labels: &[Option<String>]) -> (Vec<String>, Vec<Option<u32>>) {
    let whole = |l: &str| {
        l.parse::<f64>()
            .ok()
            .filter(|v| v.fract() == 0.0 && v.abs() < 1e15)
    };
    let numbers = labels.iter().flatten().all(|l| whole(l).is_some());
    let name = |l: &String| match whole(l) {
        Some(v) if numbers && l.parse::<i64>().is_err() => (v as i64).to_string(),
        _ => l.clone(),
    };
    let labels: Vec<Option<String>> = labels.iter().map(|l| l.as_ref().map(name)).collect();
    let mut names: Vec<&String> = labels
        .iter()
        .flatten()
        .collect::<BTreeSet<_>>()
        .into_iter()
        .collect();
    if names.iter().all(|n| n.parse::<i64>().is_ok()) {
        names.sort_by_key(|n| n.parse::<i64>().ok());
    }
    let index: HashMap<&String, u32> = names.iter().enumerate().map(|(i, n)| (*n, i as u32)).collect();
    let each = labels.iter().map(|l| Some(index[l.as_ref()?])).collect();
    (names.into_iter().cloned().collect(), each)
}

/// The same for numbers as files of arrays have them: `all` are those of every part, `of` those of the items at hand. A
/// number that no item has is no class.
pub(super) fn by_number(
    all: &[i64],
    of: &[i64],
    name: impl Fn(i64) -> String,
) -> (Vec<String>, Vec<Option<u32>>) {
    let known: BTreeSet<i64> = all.iter().chain(of).copied().collect();
    let index: HashMap<i64, u32> = known.iter().enumerate().map(|(i, n)| (*n, i as u32)).collect();
    let each = of.iter().map(|l| index.get(l).copied()).collect();
    (known.into_iter().map(name).collect(), each)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn given(labels: &[&str]) -> Vec<Option<String>> {
        let one = |l: &&str| (!is_missing(l)).then(|| l.to_string());
        labels.iter().map(one).collect()
    }

    #[test]
    fn names_are_sorted_and_missing_ones_are_no_class() {
        let (names, each) = by_name(&given(&["b", "", "a", "b", "NaN"]));
        assert_eq!(
            (&names[..], &each[..]),
            (
                &["a".into(), "b".into()][..],
                &[Some(1), None, Some(0), Some(1), None][..]
            )
        );
        assert_eq!(by_name(&given(&["10", "9", "-1"])).0, ["-1", "9", "10"]);
        assert_eq!(by_name(&given(&["10.0", "5.0", "", "0.0"])).0, ["0", "5", "10"]);
        // One name that is no whole number leaves all as they are.
        assert_eq!(by_name(&given(&["1.0", "1.5"])).0, ["1.0", "1.5"]);
        assert_eq!(by_name(&given(&["", ""])), (vec![], vec![None, None]));
    }

    #[test]
    fn numbers_without_an_item_are_no_class() {
        let (names, each) = by_number(&[1, 26, 3], &[3, 1], |n| n.to_string());
        assert_eq!(
            (&names[..], &each[..]),
            (
                &["1".into(), "3".into(), "26".into()][..],
                &[Some(1), Some(0)][..]
            )
        );
    }
}
