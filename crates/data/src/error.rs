//! Errors are values: what went wrong, where, and how to mend it, in one line each.
use std::borrow::Cow;
use std::path::{Path, PathBuf};

/// The library's result.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Everything that can go wrong. `Display` gives one line: where, what, and how to mend it.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A data source or one of its files cannot be used.
    #[error("{place}: {problem}; {fix}")]
    Data {
        /// the path or name of the source, or of the file in it
        place: String,
        /// what is wrong with it
        problem: String,
        /// how to mend it
        fix: String,
    },
    /// A data source has no such part.
    #[error("{place}: has no {split} split; {fix}")]
    Split {
        /// the path or name of the source
        place: String,
        /// "test" or "training"
        split: &'static str,
        /// what can be asked for
        fix: String,
    },
    /// What lies elsewhere could not be fetched, however often it was tried.
    #[error("{place}: {problem}; {fix}")]
    Unreachable {
        /// its address
        place: String,
        /// what happened
        problem: String,
        /// what to look at
        fix: String,
    },
    /// A key or a value of a recipe cannot be used.
    #[error("recipe key `{key}`: {problem}; {fix}")]
    Recipe {
        /// dotted key, such as `model.width`
        key: String,
        /// what is wrong with it
        problem: String,
        /// how to mend it
        fix: String,
    },
    /// A run folder, or something in it, cannot be used.
    #[error("{}: {problem}; {fix}", shown(&path.display().to_string()))]
    Run {
        /// the run folder or a file in it
        path: PathBuf,
        /// what is wrong with it
        problem: String,
        /// how to mend it
        fix: String,
    },
    /// The file system refused.
    #[error("{}: cannot {action}: {source}{}", shown(&path.display().to_string()), hint(action, source))]
    Io {
        /// the file or folder
        path: PathBuf,
        /// "read", "write", "create", ...
        action: &'static str,
        /// the system's answer
        source: std::io::Error,
    },
    /// Training cannot go on.
    #[error("step {step}: {problem}; {fix}")]
    Training {
        /// the update at which it stopped
        step: u64,
        /// what happened
        problem: String,
        /// what to try
        fix: String,
    },
    /// A request that cannot be met: an unknown name, a capability the model lacks.
    #[error("{problem}; {fix}")]
    Usage {
        /// what was asked
        problem: String,
        /// what can be asked
        fix: String,
    },
    /// Whoever asked has gone, and the work ended on the way ([`crate::interrupt`]).
    #[error("given up, since nobody waits for it any more; ask again")]
    GivenUp,
}

/// A few words of advice where the system's own message has none.
fn hint(action: &str, e: &std::io::Error) -> &'static str {
    let reads = matches!(action, "read" | "list" | "open");
    match e.kind() {
        std::io::ErrorKind::PermissionDenied if reads => {
            "; change its permissions, or run as somebody who may read it"
        }
        std::io::ErrorKind::StorageFull | std::io::ErrorKind::QuotaExceeded => "; free some space",
        std::io::ErrorKind::PermissionDenied | std::io::ErrorKind::ReadOnlyFilesystem => {
            "; choose a place you may write to, or change its permissions"
        }
        std::io::ErrorKind::FileTooLarge => "; raise the limit on the size of files (`ulimit -f`)",
        std::io::ErrorKind::NotFound => "; check the path",
        _ => "",
    }
}

impl Error {
    /// A problem with a data source.
    pub fn data(place: impl AsRef<Path>, problem: impl Into<String>, fix: impl Into<String>) -> Self {
        let text = |t: String| shown(&t).into_owned();
        Error::Data {
            place: text(place.as_ref().display().to_string()),
            problem: text(problem.into()),
            fix: text(fix.into()),
        }
    }
    /// A problem with a recipe's key.
    pub fn recipe(key: impl Into<String>, problem: impl Into<String>, fix: impl Into<String>) -> Self {
        Error::Recipe {
            key: key.into(),
            problem: problem.into(),
            fix: fix.into(),
        }
    }
    /// A problem with a run folder.
    pub fn run(path: impl Into<PathBuf>, problem: impl Into<String>, fix: impl Into<String>) -> Self {
        Error::Run {
            path: path.into(),
            problem: problem.into(),
            fix: fix.into(),
        }
    }
    /// A request that cannot be met.
    pub fn usage(problem: impl Into<String>, fix: impl Into<String>) -> Self {
        let text = |t: String| shown(&t).into_owned();
        Error::Usage {
            problem: text(problem.into()),
            fix: text(fix.into()),
        }
    }
    /// For `map_err` on a file operation: `.map_err(Error::io("read", path))`.
    pub fn io(action: &'static str, path: impl Into<PathBuf>) -> impl FnOnce(std::io::Error) -> Error {
        let path = path.into();
        move |source| Error::Io { path, action, source }
    }
    /// Wrong usage (exit status 2) rather than a failure (1).
    pub fn is_usage(&self) -> bool {
        matches!(self, Error::Usage { .. } | Error::Recipe { .. })
    }
}

/// Text with names from files in it, as a line to be read: control characters, which could end the line or command a
/// terminal, and marks that turn the direction of writing are written as escapes.
pub fn shown(text: &str) -> Cow<'_, str> {
    let unsafe_in_a_line = |c: char| {
        c.is_control()
            || matches!(c, '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
    };
    if !text.contains(unsafe_in_a_line) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len() + 8);
    for c in text.chars() {
        match unsafe_in_a_line(c) {
            true => out.extend(c.escape_default()),
            false => out.push(c),
        }
    }
    Cow::Owned(out)
}

/// A list of names in one line: the first of many, and how many there are.
fn shortened(names: &[&str]) -> String {
    const SHOWN: usize = 24;
    match names.len() > SHOWN + 1 {
        true => format!("{}, ... ({} in all)", names[..SHOWN].join(", "), names.len()),
        false => names.join(", "),
    }
}

/// The known name nearest to `given`, as advice: "did you mean `x`?", or the list of what there is.
pub fn nearest<'a>(given: &str, known: impl IntoIterator<Item = &'a str>) -> String {
    let known: Vec<&str> = known.into_iter().collect();
    let best = known
        .iter()
        .map(|k| (strsim::damerau_levenshtein(given, k), *k))
        .min();
    match best {
        Some((d, k)) if d <= 1 + given.len() / 3 => format!("did you mean `{k}`?"),
        _ => format!("known: {}", shortened(&known)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nearest_name_or_the_list() {
        assert_eq!(nearest("dcgna", ["gan", "dcgan"]), "did you mean `dcgan`?");
        assert_eq!(nearest("completely-else", ["gan", "dcgan"]), "known: gan, dcgan");
        let many: Vec<String> = (0..120).map(|i| format!("m{i}")).collect();
        let said = nearest("completely-else", many.iter().map(String::as_str));
        assert!(
            said.ends_with("m23, ... (120 in all)") && said.len() < 200,
            "{said}"
        );
    }
    #[test]
    fn names_from_files_command_no_terminal() {
        let e = Error::data("a\n\u{1b}[2Jb.png", "holds `x\ry`", "mend it").to_string();
        assert_eq!(e, "a\\n\\u{1b}[2Jb.png: holds `x\\ry`; mend it");
        assert_eq!(
            Error::usage("no class `\u{202e}gnp`", "\u{e9}t\u{e9}").to_string(),
            "no class `\\u{202e}gnp`; \u{e9}t\u{e9}"
        );
        let e = Error::io("read", "a\tb")(std::io::Error::from(std::io::ErrorKind::NotFound)).to_string();
        assert!(e.starts_with("a\\tb: cannot read"), "{e}");
    }
    #[test]
    fn a_full_disk_comes_with_advice() {
        let e = Error::io("write", "x.bin")(std::io::Error::from(std::io::ErrorKind::StorageFull));
        assert!(e.to_string().contains("free some space"), "{e}");
    }
}
