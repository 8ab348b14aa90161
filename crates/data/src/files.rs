//! Reading what is a file, and writing so that nothing is ever half there.
use crate::error::{Error, Result};
use std::fs::File;
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};

/// The whole content of a regular file. A pipe or device in a file's place is refused: reading it might never end.
///
/// # Errors
/// [`Error::Io`] when it cannot be read or is something else than a file.
pub fn read(path: &Path) -> Result<Vec<u8>> {
    let read = || {
        if !std::fs::metadata(path)?.is_file() {
            return Err(std::io::Error::new(ErrorKind::InvalidInput, "it is not a file"));
        }
        std::fs::read(path)
    };
    read().map_err(Error::io("read", path))
}

/// As [`read`], of a text.
///
/// # Errors
/// The same, and when it is not UTF-8.
pub fn read_text(path: &Path) -> Result<String> {
    String::from_utf8(read(path)?)
        .map_err(|_| std::io::Error::new(ErrorKind::InvalidData, "it is not UTF-8 text"))
        .map_err(Error::io("read", path))
}

/// Whether an open file is still the one of that path. Where the system does not tell files apart, whether there is one.
///
/// # Errors
/// When the path cannot be asked.
pub fn is_at(file: &File, path: &Path) -> std::io::Result<bool> {
    let there = match std::fs::metadata(path) {
        Ok(there) => there,
        Err(e) if [ErrorKind::NotFound, ErrorKind::NotADirectory].contains(&e.kind()) => return Ok(false),
        Err(e) => return Err(e),
    };
    #[cfg(unix)]
    {
        use std::os::unix::fs::MetadataExt;
        let here = file.metadata()?;
        Ok((here.dev(), here.ino()) == (there.dev(), there.ino()))
    }
    #[cfg(not(unix))]
    {
        let _ = (file, there);
        Ok(true)
    }
}

/// Writes a file so that it is either the old or the new one, whatever happens meanwhile. What is no regular file, such
/// as `/dev/stdout`, is written to; the target of a link is replaced, not the link.
///
/// # Errors
/// [`Error::Io`] when it cannot be written; an older file is then as it was.
pub fn write_atomically(path: &Path, bytes: &[u8]) -> Result<()> {
    write_beside(path, bytes, true)
}

/// The same without waiting for the disk: for what can be made again, and whose reader sees where it is torn.
///
/// # Errors
/// As [`write_atomically`].
pub(crate) fn write_unsynced(path: &Path, bytes: &[u8]) -> Result<()> {
    write_beside(path, bytes, false)
}

fn write_beside(path: &Path, bytes: &[u8], sync: bool) -> Result<()> {
    let target = std::fs::canonicalize(path).unwrap_or_else(|_| path.into());
    let write = || {
        if std::fs::metadata(&target).is_ok_and(|m| !m.is_file() && !m.is_dir()) {
            return File::options().write(true).open(&target)?.write_all(bytes);
        }
        let beside = hidden(&target, "part");
        let made = match sync {
            true => write_synced(&beside, bytes),
            false => std::fs::write(&beside, bytes),
        };
        let written = made.and_then(|()| std::fs::rename(&beside, &target));
        if written.is_err() {
            std::fs::remove_file(&beside).ok();
        }
        written
    };
    write().map_err(Error::io("write", path))
}

/// The list of a folder's files that were written by [`write_folder`].
pub(crate) const LIST: &str = ".written";

/// Writes files into a folder, all of them or, if one cannot be written, none: they are made beside the older ones and
/// then take their places. What an earlier call wrote there and this one does not is removed; other files stay.
///
/// # Errors
/// [`Error::Io`] when it cannot be written; [`Error::Run`] when the folder holds files of the same kind of name that no
/// earlier call has listed as its own.
pub fn write_folder(
    folder: &Path,
    count: usize,
    mut file: impl FnMut(usize) -> Result<(String, Vec<u8>)>,
) -> Result<Vec<PathBuf>> {
    let fresh = !folder.try_exists().map_err(Error::io("read", folder))?;
    std::fs::create_dir_all(folder).map_err(Error::io("create", folder))?;
    let list = folder.join(LIST);
    let older: Vec<String> = match list.exists() {
        true => read_text(&list)?
            .lines()
            .map(String::from)
            .filter(|n| is_plain(n))
            .collect(),
        false => vec![],
    };
    let beside = folder.join(".part");
    let staged = (|| {
        remove_folder(&beside)?;
        std::fs::create_dir(&beside).map_err(Error::io("create", &beside))?;
        let mut names = Vec::with_capacity(count);
        for i in 0..count {
            let (name, bytes) = file(i)?;
            let path = beside.join(&name);
            write_synced(&path, &bytes).map_err(Error::io("write", folder.join(&name)))?;
            names.push(name);
        }
        foreign(folder, &older, &names)?;
        // What a kill among the renames below leaves is then on the list, too.
        let both: Vec<&str> = names.iter().chain(&older).map(String::as_str).collect();
        write_atomically(&list, (both.join("\n") + "\n").as_bytes())?;
        Ok(names)
    })();
    let names = staged.inspect_err(|_| {
        remove_folder(&beside).ok();
        if fresh {
            std::fs::remove_dir(folder).ok();
        }
    })?;
    for name in &names {
        let path = folder.join(name);
        std::fs::rename(beside.join(name), &path).map_err(Error::io("write", &path))?;
    }
    for name in older.iter().filter(|n| !names.contains(n)) {
        match std::fs::remove_file(folder.join(name)) {
            Err(e) if e.kind() != ErrorKind::NotFound => {
                return Err(Error::io("remove", folder.join(name))(e));
            }
            _ => {}
        }
    }
    remove_folder(&beside)?;
    write_atomically(&list, (names.join("\n") + "\n").as_bytes())?;
    Ok(names.iter().map(|n| folder.join(n)).collect())
}

/// Refuses a folder with numbered files that nobody listed and that would stand among the new ones.
fn foreign(folder: &Path, older: &[String], names: &[String]) -> Result<()> {
    let numbered = |n: &str| {
        n.split_once('.')
            .is_some_and(|(s, _)| !s.is_empty() && s.bytes().all(|b| b.is_ascii_digit()))
    };
    if !names.iter().any(|n| numbered(n)) {
        return Ok(());
    }
    for entry in std::fs::read_dir(folder).map_err(Error::io("read", folder))? {
        let name = entry
            .map_err(Error::io("read", folder))?
            .file_name()
            .to_string_lossy()
            .into_owned();
        if numbered(&name) && !older.contains(&name) {
            let problem = format!("holds {name}, which no earlier command has listed as its own");
            return Err(Error::run(
                folder,
                problem,
                "give an empty folder, or remove the numbered files in it",
            ));
        }
    }
    Ok(())
}

/// Whether a name of a list is that of a file in the folder itself.
fn is_plain(name: &str) -> bool {
    !name.is_empty() && Path::new(name).file_name().is_some_and(|n| n == name)
}

pub(crate) fn remove_folder(path: &Path) -> Result<()> {
    match std::fs::remove_dir_all(path) {
        Err(e) if e.kind() != ErrorKind::NotFound => Err(Error::io("remove", path)(e)),
        _ => Ok(()),
    }
}

/// `.NAME.END` beside a file or folder.
pub(crate) fn hidden(path: &Path, end: &str) -> PathBuf {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    path.with_file_name(format!(".{name}.{end}"))
}

fn write_synced(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    let mut f = File::create(path)?;
    f.write_all(bytes)?;
    f.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn files(folder: &Path) -> Vec<String> {
        let mut all: Vec<String> = std::fs::read_dir(folder)
            .unwrap()
            .map(|e| e.unwrap().file_name().into_string().unwrap())
            .filter(|n| n != LIST)
            .collect();
        all.sort();
        all
    }

    fn numbered(i: usize) -> Result<(String, Vec<u8>)> {
        Ok((format!("{i:05}.txt"), vec![i as u8]))
    }

    #[test]
    fn a_folder_holds_the_last_draw_alone_and_all_of_it() {
        let dir = tempfile::tempdir().unwrap();
        let folder = dir.path().join("out");
        write_folder(&folder, 3, numbered).unwrap();
        std::fs::write(folder.join("notes.md"), "mine").unwrap();
        write_folder(&folder, 2, numbered).unwrap();
        assert_eq!(files(&folder), ["00000.txt", "00001.txt", "notes.md"]);
        // One that fails half way changes nothing, and makes no folder.
        let failing = |i: usize| {
            if i < 1 {
                Ok((format!("{i:05}.txt"), vec![9]))
            } else {
                Err(Error::usage("no", "more"))
            }
        };
        write_folder(&folder, 2, failing).unwrap_err();
        assert_eq!(files(&folder), ["00000.txt", "00001.txt", "notes.md"]);
        assert_eq!(std::fs::read(folder.join("00000.txt")).unwrap(), [0]);
        write_folder(&dir.path().join("none"), 2, failing).unwrap_err();
        assert!(!dir.path().join("none").exists());
        // A list names files of its folder only.
        std::fs::write(dir.path().join("precious"), "x").unwrap();
        std::fs::write(folder.join(LIST), "../precious\n00000.txt\n00001.txt\n").unwrap();
        write_folder(&folder, 1, numbered).unwrap();
        assert!(dir.path().join("precious").exists());
        // Pictures of somebody else are not mixed with.
        std::fs::write(folder.join("00007.txt"), "x").unwrap();
        let e = write_folder(&folder, 1, numbered).unwrap_err().to_string();
        assert!(e.contains("00007.txt") && e.contains("empty folder"), "{e}");
    }

    #[cfg(unix)]
    #[test]
    fn links_and_devices_stay_what_they_are() {
        let dir = tempfile::tempdir().unwrap();
        let (target, link) = (dir.path().join("target"), dir.path().join("link"));
        std::fs::write(&target, "old").unwrap();
        std::os::unix::fs::symlink(&target, &link).unwrap();
        write_atomically(&link, b"new").unwrap();
        assert!(std::fs::symlink_metadata(&link).unwrap().is_symlink());
        assert_eq!(std::fs::read(&target).unwrap(), b"new");
        std::os::unix::fs::symlink("/dev/null", dir.path().join("null")).unwrap();
        write_atomically(&dir.path().join("null"), b"x").unwrap();
        assert!(!std::fs::metadata("/dev/null").unwrap().is_file());
        assert!(
            read(&dir.path().join("null"))
                .unwrap_err()
                .to_string()
                .contains("not a file")
        );
    }

    #[cfg(unix)]
    #[test]
    fn a_file_that_was_moved_is_not_at_its_place() {
        let dir = tempfile::tempdir().unwrap();
        let (a, b) = (dir.path().join("a"), dir.path().join("b"));
        let file = File::create(&a).unwrap();
        assert!(is_at(&file, &a).unwrap());
        std::fs::rename(&a, &b).unwrap();
        assert!(!is_at(&file, &a).unwrap());
        File::create(&a).unwrap();
        assert!(!is_at(&file, &a).unwrap() && is_at(&file, &b).unwrap());
    }
}

/// A name from a file as a field of a table (RFC 4180): in quotes where it needs them. A name that a spreadsheet would take
/// for a formula begins with an apostrophe; numbers stay numbers.
pub fn csv_field(text: &str) -> String {
    let formula = text.starts_with(['=', '+', '-', '@', '\t', '\r']) && text.parse::<f64>().is_err();
    let text = format!("{}{text}", if formula { "'" } else { "" });
    match text.contains([',', '"', '\n', '\r']) {
        true => format!("\"{}\"", text.replace('"', "\"\"")),
        false => text,
    }
}

#[cfg(test)]
mod csv_tests {
    use super::*;

    #[test]
    fn names_are_fields_and_no_formulas() {
        for (name, field) in [
            ("cat", "cat"),
            ("a,b", "\"a,b\""),
            ("say \"x\"", "\"say \"\"x\"\"\""),
            ("two\nlines", "\"two\nlines\""),
            ("=1+2", "'=1+2"),
            ("-1", "-1"),
            ("-cmd", "'-cmd"),
            ("@a,b", "\"'@a,b\""),
        ] {
            assert_eq!(csv_field(name), field);
        }
    }
}
