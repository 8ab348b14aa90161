//! Which shards a source names: a folder, one file, a glob, `{000..127}`; and which part of a split each belongs to.
use crate::error::{Error, Result};
use crate::walk::{self, Found, Side};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// A pattern names no more shards than this.
const MOST: usize = 1 << 20;

/// Endings of shards: the formats' names, too.
pub(crate) const ENDINGS: [&str; 2] = ["tar", "parquet"];

/// Whether a source is a pattern of shards rather than a path.
pub(crate) fn is_pattern(source: &str) -> bool {
    source.contains(['*', '?']) || source.contains('{') && source.contains('}')
}

/// The ending by which a name is a shard's.
pub(crate) fn ending(name: &str) -> Option<&'static str> {
    let end = name.rsplit_once('.')?.1;
    ENDINGS.into_iter().find(|e| e.eq_ignore_ascii_case(end))
}

/// The names that a text with `{000..127}` and `{a,b}` stands for, in order.
///
/// # Errors
/// [`Error::Usage`] for braces that are no range or list, and for more than 2^20 names.
pub(crate) fn expanded(text: &str) -> Result<Vec<String>> {
    let refused = |problem: String| {
        let fix = "write {000..127}, or {train,test}, the first number not above the last";
        Error::usage(format!("`{text}`: {problem}"), fix)
    };
    let mut names = vec![String::new()];
    let mut rest = text;
    while let Some(open) = rest.find('{') {
        let (before, after) = rest.split_at(open);
        let close = after
            .find('}')
            .ok_or_else(|| refused("a brace is not closed".into()))?;
        let inside = &after[1..close];
        let choices =
            choices(inside).ok_or_else(|| refused(format!("`{{{inside}}}` is no range of numbers")))?;
        if names.len().saturating_mul(choices.len()) > MOST {
            return Err(refused(format!("it stands for more than {MOST} shards")));
        }
        let with = |name: &String| {
            let start = format!("{name}{before}");
            choices.iter().map(|c| format!("{start}{c}")).collect::<Vec<_>>()
        };
        names = names.iter().flat_map(with).collect();
        rest = &after[close + 1..];
    }
    names.iter_mut().for_each(|n| n.push_str(rest));
    Ok(names)
}

/// What stands between braces: a range with the width of its longer end, or a list.
fn choices(inside: &str) -> Option<Vec<String>> {
    if let Some((first, last)) = inside.split_once("..") {
        let number = |t: &str| {
            t.bytes()
                .all(|b| b.is_ascii_digit())
                .then(|| t.parse::<u64>().ok())
        };
        let (a, b) = (number(first)??, number(last)??);
        let width = match first.starts_with('0') || last.starts_with('0') {
            true => first.len().max(last.len()),
            false => 0,
        };
        return (a <= b && b - a < MOST as u64).then(|| (a..=b).map(|n| format!("{n:0width$}")).collect());
    }
    inside
        .contains(',')
        .then(|| inside.split(',').map(String::from).collect())
}

/// Whether a name fits a pattern of `*` (any letters but `/`) and `?` (one).
pub(crate) fn fits(pattern: &[u8], name: &[u8]) -> bool {
    let (mut p, mut n, mut star) = (0, 0, None);
    while n < name.len() {
        match pattern.get(p) {
            Some(b'*') => {
                star = Some((p, n));
                p += 1;
            }
            Some(b'?') if name[n] != b'/' => (p, n) = (p + 1, n + 1),
            Some(&c) if c != b'?' && c == name[n] => (p, n) = (p + 1, n + 1),
            _ => match star {
                Some((at, from)) if name[from] != b'/' => {
                    star = Some((at, from + 1));
                    (p, n) = (at + 1, from + 1);
                }
                _ => return false,
            },
        }
    }
    pattern[p..].iter().all(|&c| c == b'*')
}

/// The files that a pattern stands for, in the order of their names.
///
/// # Errors
/// [`Error::Data`] with the first that is not there, or where none is.
pub(super) fn of_pattern(pattern: &str) -> Result<Vec<PathBuf>> {
    let names = expanded(pattern)?;
    let count = names.len();
    let (mut found, mut missing) = (Vec::new(), Vec::new());
    for name in names {
        if name.contains(['*', '?']) {
            let all = glob(&name)?;
            if all.is_empty() {
                missing.push(name);
            }
            found.extend(all);
        } else if Path::new(&name).is_file() {
            found.push(PathBuf::from(name));
        } else {
            missing.push(name);
        }
    }
    gaps(pattern, count, &missing)?;
    Ok(found)
}

/// Refuses a list of `count` names of which some are not there.
pub(super) fn gaps(pattern: &str, count: usize, missing: &[String]) -> Result<()> {
    let Some(first) = missing.first() else {
        return Ok(());
    };
    if count == 1 {
        return Err(Error::data(
            pattern,
            "no shard is there that fits",
            "check folder and pattern",
        ));
    }
    let more = match missing.len() {
        1 => String::new(),
        n => format!(" and {} more", n - 1),
    };
    let problem = format!("of its {count} shards {first}{more} cannot be found");
    Err(Error::data(
        pattern,
        problem,
        "bring what is missing, or name the shards that are there",
    ))
}

/// The files that fit a path with `*` and `?` in any of its parts.
fn glob(pattern: &str) -> Result<Vec<PathBuf>> {
    let wild = |part: &str| part.contains(['*', '?']);
    let parts: Vec<&str> = pattern.split('/').collect();
    let first = parts.iter().position(|p| wild(p)).unwrap_or(parts.len());
    let mut places = vec![match &parts[..first].join("/")[..] {
        "" if pattern.starts_with('/') => PathBuf::from("/"),
        "" => PathBuf::from("."),
        start => PathBuf::from(start),
    }];
    for (i, part) in parts.iter().enumerate().skip(first) {
        let mut next = Vec::new();
        for place in places.into_iter().filter(|p| p.is_dir()) {
            if !wild(part) {
                next.push(place.join(part));
                continue;
            }
            for entry in std::fs::read_dir(&place).map_err(Error::io("list", &place))? {
                let entry = entry.map_err(Error::io("list", &place))?;
                let name = entry.file_name();
                let hidden = name.as_encoded_bytes().starts_with(b".") && !part.starts_with('.');
                if !hidden && fits(part.as_bytes(), name.as_encoded_bytes()) {
                    next.push(entry.path());
                }
            }
        }
        places = next;
        let last = i + 1 == parts.len();
        places.retain(|p| {
            if last {
                p.is_file()
            } else {
                p.is_dir() || p.is_file()
            }
        });
        places.sort();
    }
    Ok(places)
}

/// The part of each shard of these names (below the source): by the sub-folder, or the word in its file's name, that says
/// `train`, `test`, `val`, ...; the path within a part is not told.
pub(super) fn sides(names: &[String]) -> Vec<Found> {
    let word = |name: &String| {
        let (folders, file) = name.rsplit_once('/').unwrap_or(("", name));
        let stem = file.split('.').next().unwrap_or_default();
        let words = folders
            .split('/')
            .chain(stem.split(|c: char| !c.is_alphanumeric()));
        words.into_iter().find(|w| walk::is_part(w)).map(String::from)
    };
    let sorted = |name: &String| match word(name) {
        Some(part) => Path::new(&part).join(name),
        None => PathBuf::from(name),
    };
    let mut all = walk::parts(&names.iter().map(sorted).collect::<Vec<_>>());
    for (found, name) in all.iter_mut().zip(names) {
        found.path = PathBuf::from(name);
    }
    // A shard beside those of the parts is told as left out; one alone is for training.
    if all.iter().all(|f| f.side == Side::Outside) {
        all.iter_mut().for_each(|f| f.side = Side::Train);
    }
    all
}

/// Refuses a set whose names say `-00002-of-00005` and of which some are not there.
///
/// # Errors
/// [`Error::Data`] with the first that is missing.
pub(super) fn whole(place: &str, names: &[String]) -> Result<()> {
    let mut sets: BTreeMap<(&str, &str, &str), Vec<&str>> = BTreeMap::new();
    for name in names {
        let Some((before, after)) = name.rsplit_once("-of-") else {
            continue;
        };
        let digits = |t: &str| t.bytes().take_while(u8::is_ascii_digit).count();
        let (end, start) = (
            digits(after),
            before.len() - before.bytes().rev().take_while(u8::is_ascii_digit).count(),
        );
        if end > 0 && start < before.len() {
            sets.entry((&before[..start], &after[..end], &after[end..]))
                .or_default()
                .push(&before[start..]);
        }
    }
    for ((start, total, end), numbers) in sets {
        let count = total.parse::<usize>().unwrap_or(0).min(MOST);
        let there: Vec<usize> = numbers.iter().filter_map(|n| n.parse().ok()).collect();
        let base = usize::from(!there.contains(&0) && there.contains(&count));
        if let Some(gap) = (base..count + base).find(|n| !there.contains(n)) {
            let width = numbers[0].len();
            let problem = format!(
                "{} of {count} shards are there, {start}{gap:0width$}-of-{total}{end} is not",
                there.len()
            );
            let fix = "bring the missing ones, or name those that are there by a pattern";
            return Err(Error::data(place, problem, fix));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn braces_stand_for_ranges_and_lists() {
        let all = expanded("a-{000..002}.tar").unwrap();
        assert_eq!(all, ["a-000.tar", "a-001.tar", "a-002.tar"]);
        let all = expanded("{train,test}-{8..10}.tar").unwrap();
        assert_eq!(
            (all.len(), &all[0][..], &all[5][..]),
            (6, "train-8.tar", "test-10.tar")
        );
        for bad in ["{3..1}", "{a..b}", "{1..2", "{x}", "{0..9999999}", "{..}"] {
            let e = expanded(bad).unwrap_err().to_string();
            assert!(e.contains("{000..127}"), "{e}");
        }
    }

    #[test]
    fn stars_and_marks_fit_within_a_part_of_a_path() {
        for (pattern, name, same) in [
            ("*.tar", "a.tar", true),
            ("a*b*c", "aXbYbZc", true),
            ("a*b", "a/b", false),
            ("?-0??.tar", "x-012.tar", true),
            ("?.tar", "xx.tar", false),
            ("*", "", true),
            ("a*", "b", false),
        ] {
            assert_eq!(
                fits(pattern.as_bytes(), name.as_bytes()),
                same,
                "{pattern} {name}"
            );
        }
    }

    #[test]
    fn parts_are_told_by_folders_and_words() {
        let of = |names: &[&str]| -> Vec<Side> {
            let names: Vec<String> = names.iter().map(|n| n.to_string()).collect();
            sides(&names).into_iter().map(|f| f.side).collect()
        };
        let (train, test, spare) = (Side::Train, Side::Test, Side::Spare);
        assert_eq!(of(&["000.tar", "001.tar"]), [train, train]);
        assert_eq!(of(&["train/0.tar", "test/0.tar"]), [train, test]);
        let hub = [
            "data/test-00000-of-00001.parquet",
            "data/train-00000-of-00001.parquet",
            "data/validation-0.parquet",
        ];
        assert_eq!(of(&hub), [test, train, spare]);
        assert_eq!(of(&["x-val-0.tar", "x-train-0.tar"]), [test, train]);
        // A word within a word is none.
        assert_eq!(of(&["contest.tar", "latest.tar"]), [train, train]);
    }

    #[test]
    fn a_numbered_set_must_be_whole() {
        let named = |numbers: &[usize]| -> Vec<String> {
            numbers
                .iter()
                .map(|n| format!("train-{n:05}-of-00003.parquet"))
                .collect()
        };
        whole("d", &named(&[0, 1, 2])).unwrap();
        whole("d", &named(&[1, 2, 3])).unwrap();
        let e = whole("d", &named(&[0, 2])).unwrap_err().to_string();
        assert!(
            e.contains("2 of 3") && e.contains("train-00001-of-00003.parquet"),
            "{e}"
        );
    }
}
