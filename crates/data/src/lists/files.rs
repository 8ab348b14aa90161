//! Which file is meant by a name in a list.
use super::{Part, part_of};
use std::path::{Component, Path, PathBuf};

/// Files by the names that lists may give them.
pub(super) struct Files {
    /// the files' paths, each behind a `/`, and how long they are without their endings
    paths: Vec<(String, usize)>,
    /// the files in the order of their paths read backwards: with endings, and without
    backwards: [Vec<u32>; 2],
    /// where the list lies that is read, and whose it is
    pub folder: String,
    pub part: Part,
}

impl Files {
    pub(super) fn of(paths: &[PathBuf]) -> Files {
        let text = |p: &PathBuf| {
            let path = slashed(p);
            let bare = path.len() - p.extension().map_or(0, |e| e.to_string_lossy().len() + 1);
            (path, bare)
        };
        let mut files = Files {
            paths: paths.iter().map(text).collect(),
            backwards: [vec![], vec![]],
            folder: String::new(),
            part: Part::Train,
        };
        for bare in [false, true] {
            let mut order: Vec<u32> = (0..paths.len() as u32).collect();
            order.sort_by(|a, b| backwards(files.path(*a, bare), files.path(*b, bare)));
            files.backwards[usize::from(bare)] = order;
        }
        files
    }

    /// How many there are.
    pub(super) fn len(&self) -> usize {
        self.paths.len()
    }

    fn path(&self, at: u32, bare: bool) -> &str {
        let (path, length) = &self.paths[at as usize];
        if bare { &path[..*length] } else { path }
    }

    /// The file that a list calls so: the only one whose path ends in the name, with its ending or without. Of several it is
    /// that below the list's folder or the set's, or the one in a folder of the list's part.
    pub(super) fn named(&self, name: &str) -> Option<usize> {
        let name = name.replace('\\', "/");
        let given = Path::new(name.trim_start_matches('/'));
        if given.file_name().is_none() || given.components().any(|c| c == Component::ParentDir) {
            return None;
        }
        let given = slashed(given);
        [false, true]
            .into_iter()
            .find_map(|bare| self.ending(&given, bare))?
    }

    /// The file whose path ends in this; within, none where several do.
    fn ending(&self, given: &str, bare: bool) -> Option<Option<usize>> {
        let order = &self.backwards[usize::from(bare)];
        let from = order.partition_point(|i| backwards(self.path(*i, bare), given).is_lt());
        let ends = |i: &&u32| self.path(**i, bare).ends_with(given);
        let all: Vec<u32> = order[from..].iter().take_while(ends).copied().collect();
        if let [] | [_] = all[..] {
            return all.first().map(|i| Some(*i as usize));
        }
        let only = |test: &dyn Fn(&str) -> bool| {
            let mut fit = all.iter().filter(|i| test(self.path(**i, bare)));
            fit.next().filter(|_| fit.next().is_none()).map(|i| *i as usize)
        };
        let below = format!("{}{given}", self.folder);
        let of_part = |p: &str| p.split('/').any(|folder| part_of(folder) == Some(self.part));
        Some(only(&|p| p == below).or(only(&|p| p == given)).or(only(&of_part)))
    }
}

/// A path below the folder as text, with a `/` before each of its parts.
pub(super) fn slashed(path: &Path) -> String {
    let names = path.components().filter(|c| matches!(c, Component::Normal(_)));
    names
        .flat_map(|c| ["/".into(), c.as_os_str().to_string_lossy()])
        .collect()
}

/// The order of two texts read backwards.
fn backwards(a: &str, b: &str) -> std::cmp::Ordering {
    a.bytes().rev().cmp(b.bytes().rev())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_lead_to_one_file_or_to_none() {
        let paths = [
            "images/a/1.png",
            "images/a/2.png",
            "images/b/2.png",
            "x/train/3.png",
            "x/test/3.png",
            "y.v1.png",
        ];
        let paths: Vec<PathBuf> = paths.iter().map(PathBuf::from).collect();
        let mut files = Files::of(&paths);
        files.folder = "/meta".into();
        for (name, at) in [
            ("a/1.png", Some(0)),
            ("/images/a/1.png", Some(0)),
            ("./a/1", Some(0)),
            ("a\\2.png", Some(1)),
            ("b/2", Some(2)),
            ("2.png", None),
            ("3", Some(3)),
            ("y.v1", Some(5)),
            ("y", None),
            ("../images/a/1.png", None),
            ("images", None),
            ("", None),
        ] {
            assert_eq!(files.named(name), at, "{name}");
        }
        files.part = Part::Test;
        assert_eq!(files.named("3.png"), Some(4));
    }
}
