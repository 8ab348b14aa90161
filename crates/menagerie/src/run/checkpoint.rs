//! Checkpoints: written beside, synced, then renamed, so that one is either whole or not there.
use crate::data::DataInfo;
use crate::error::{Error, Result};
use crate::files;
use crate::limits::affordable;
use crate::models::Part;
use crate::nn::Tensors;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fs::File;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};

/// `state.json`: everything but the numbers of the networks.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct State {
    /// version of the program that wrote it
    pub version: String,
    /// updates done
    pub step: u64,
    /// items seen in training
    pub images: u64,
    /// seconds spent training
    pub seconds: f64,
    /// items the data loader has delivered
    pub cursor: u64,
    /// what the model was trained on
    pub data: DataInfo,
    /// a checksum of some of the items, by which they are known again in another place; empty where version 0.1 wrote it
    #[serde(default)]
    pub fingerprint: String,
    /// the recipe that was in force, as TOML; empty where version 0.1 wrote it
    #[serde(default)]
    pub recipe: String,
    /// size and CRC-32C of every file beside this one
    pub files: BTreeMap<String, (u64, u32)>,
}

/// A checkpoint that was opened: its state, and its parts on demand.
#[derive(Debug)]
pub struct Checkpoint {
    /// its folder
    pub path: PathBuf,
    /// `state.json`
    pub state: State,
}

impl Checkpoint {
    /// Writes a checkpoint into `folder/NNNNNN`; an older one of that step is replaced.
    ///
    /// # Errors
    /// [`Error::Io`]; the older checkpoint is then still whole.
    pub fn write(folder: &Path, mut state: State, parts: Vec<(String, Part)>) -> Result<PathBuf> {
        // Not with its parents: a run folder that was moved away is not made again.
        if !is_there(folder)? {
            std::fs::create_dir(folder).map_err(Error::io("create", folder))?;
        }
        let done = folder.join(format!("{:06}", state.step));
        let beside = folder.join(format!(".{:06}.part", state.step));
        remove(&beside)?;
        std::fs::create_dir(&beside).map_err(Error::io("create", &beside))?;
        let written = (|| {
            for (name, tensors) in parts {
                let file = format!("{name}.safetensors");
                let path = beside.join(&file);
                tensors().write(&path)?;
                state.files.insert(file, synced(&path)?);
            }
            let json = serde_json::to_string_pretty(&state)
                .map_err(|e| Error::run(&done, e.to_string(), "report this as a bug"))?;
            write_synced(&beside.join("state.json"), sealed(&json).as_bytes())?;
            sync_folder(&beside)
        })();
        if let Err(e) = written {
            // The older checkpoints are untouched; give the disk its room back.
            remove(&beside).ok();
            return Err(e);
        }
        remove(&done)?;
        std::fs::rename(&beside, &done).map_err(Error::io("rename", &beside))?;
        sync_folder(folder)?;
        Ok(done)
    }

    /// Opens a checkpoint and checks that every file is there and whole.
    ///
    /// # Errors
    /// [`Error::Run`] when it is damaged; [`Error::Io`] when it cannot be read.
    pub fn open(path: &Path) -> Result<Checkpoint> {
        let file = path.join("state.json");
        let damaged = |problem| {
            Error::run(
                &file,
                format!("damaged: {problem}"),
                "an older checkpoint may serve (--checkpoint STEP)",
            )
        };
        let text = files::read_text(&file)?;
        let state = unsealed(&text).map_err(damaged)?;
        affordable(
            "an item of its data",
            &state.data.shape,
            "it is damaged, or no checkpoint",
        )?;
        for (name, (size, _)) in &state.files {
            let file = path.join(name);
            let found = std::fs::metadata(&file).map_err(Error::io("read", &file))?.len();
            if found != *size {
                return Err(Error::run(
                    &file,
                    format!("damaged: {found} bytes where {size} were written"),
                    "an older checkpoint may serve (--checkpoint STEP)",
                ));
            }
        }
        Ok(Checkpoint {
            path: path.into(),
            state,
        })
    }

    /// One of its parts, checked against its checksum.
    ///
    /// # Errors
    /// [`Error::Run`] when there is no such part, or it is damaged; [`Error::Io`].
    pub fn part(&self, name: &str) -> Result<Tensors> {
        let file = format!("{name}.safetensors");
        let path = self.path.join(&file);
        let Some((_, sum)) = self.state.files.get(&file) else {
            return Err(Error::run(
                &self.path,
                format!("holds no {name}"),
                "it was written by another recipe; start a new run",
            ));
        };
        let bytes = files::read(&path)?;
        if crc32c::crc32c(&bytes) != *sum {
            return Err(Error::run(
                &path,
                "damaged: its checksum is not the one written",
                "an older checkpoint may serve (--checkpoint STEP)",
            ));
        }
        Tensors::from_bytes(&bytes)
    }

    /// Reads every part once, so that damage shows before anything is built on it.
    ///
    /// # Errors
    /// Those of [`Checkpoint::part`].
    pub fn verify(&self) -> Result<()> {
        self.state
            .files
            .keys()
            .try_for_each(|f| self.part(f.trim_end_matches(".safetensors")).map(drop))
    }
}

/// Steps that have a checkpoint, oldest first; none where there is no such folder.
///
/// # Errors
/// [`Error::Io`] when the folder cannot be listed: that is not the same as an empty one.
pub fn steps(folder: &Path) -> Result<Vec<u64>> {
    let mut steps: Vec<u64> = names(folder)?.iter().filter_map(|n| n.parse().ok()).collect();
    steps.sort_unstable();
    Ok(steps)
}

fn names(folder: &Path) -> Result<Vec<String>> {
    if !is_there(folder)? {
        return Ok(vec![]);
    }
    let entries = std::fs::read_dir(folder).map_err(Error::io("list", folder))?;
    let name = |e: std::io::Result<std::fs::DirEntry>| Ok(e?.file_name().to_string_lossy().into_owned());
    entries
        .map(name)
        .collect::<std::io::Result<_>>()
        .map_err(Error::io("list", folder))
}

fn is_there(path: &Path) -> Result<bool> {
    path.try_exists().map_err(Error::io("read", path))
}

/// Deletes all but the newest `keep` and the one to `spare`, and what an interrupted write left behind. Checkpoints after
/// `step`, the one just written, neither count nor go: they were passed over, and training comes through them again.
///
/// # Errors
/// [`Error::Io`] when the folder cannot be listed or a checkpoint not be removed.
pub fn prune(folder: &Path, keep: usize, spare: Option<u64>, step: u64) -> Result<()> {
    let mut past = steps(folder)?;
    past.retain(|s| *s <= step);
    for old in &past[..past.len().saturating_sub(keep)] {
        if spare != Some(*old) {
            remove(&folder.join(format!("{old:06}")))?;
        }
    }
    for name in names(folder)?.iter().filter(|n| n.starts_with('.')) {
        remove(&folder.join(name))?;
    }
    Ok(())
}

/// What comes before the checksum at the end of state.json.
const SEAL: &str = ",\n  \"checksum\": ";

/// An object in JSON with the CRC-32C of all that comes before it as its last field.
fn sealed(json: &str) -> String {
    let open = json.strip_suffix("\n}").unwrap_or(json);
    format!("{open}{SEAL}{}\n}}\n", crc32c::crc32c(open.as_bytes()))
}

/// The state in a text of [`sealed`]. Version 0.1 wrote none, and no recipe beside the state.
fn unsealed(text: &str) -> std::result::Result<State, String> {
    let state: State = serde_json::from_str(text).map_err(|e| e.to_string())?;
    match text.rsplit_once(SEAL) {
        Some((open, sum))
            if sum.strip_suffix("\n}\n") != Some(&crc32c::crc32c(open.as_bytes()).to_string()) =>
        {
            Err("its checksum is not the one written".into())
        }
        None if !state.recipe.is_empty() => Err("its checksum is missing".into()),
        _ => Ok(state),
    }
}

/// Removes a folder in a way that never leaves half of it under its own name.
fn remove(path: &Path) -> Result<()> {
    if !is_there(path)? {
        return Ok(());
    }
    let away = path.with_file_name(format!(
        ".{}.gone",
        path.file_name()
            .unwrap_or_default()
            .to_string_lossy()
            .trim_matches('.')
    ));
    if is_there(&away)? {
        std::fs::remove_dir_all(&away).map_err(Error::io("remove", &away))?;
    }
    std::fs::rename(path, &away).map_err(Error::io("remove", path))?;
    std::fs::remove_dir_all(&away).map_err(Error::io("remove", &away))
}

fn write_synced(path: &Path, bytes: &[u8]) -> Result<()> {
    let mut f = File::create(path).map_err(Error::io("write", path))?;
    f.write_all(bytes).map_err(Error::io("write", path))?;
    f.sync_all().map_err(Error::io("write", path))
}

/// Syncs a file that was written; its size and checksum.
fn synced(path: &Path) -> Result<(u64, u32)> {
    let mut f = File::options()
        .read(true)
        .write(true)
        .open(path)
        .map_err(Error::io("read", path))?;
    let (mut size, mut sum, mut part) = (0, 0, vec![0; 1 << 20]);
    loop {
        match f.read(&mut part).map_err(Error::io("read", path))? {
            0 => break,
            n => (size, sum) = (size + n as u64, crc32c::crc32c_append(sum, &part[..n])),
        }
    }
    f.sync_all().map_err(Error::io("write", path))?;
    Ok((size, sum))
}

fn sync_folder(path: &Path) -> Result<()> {
    // Opening a folder to sync it is a Unix idea; elsewhere the rename has to do.
    if cfg!(unix) {
        File::open(path)
            .and_then(|f| f.sync_all())
            .map_err(Error::io("sync", path))
    } else {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::Kind;

    fn state(step: u64) -> State {
        let data = DataInfo {
            source: "x".into(),
            kind: Kind::Points,
            shape: vec![2],
            count: 4,
            range: (0.0, 1.0),
            ..DataInfo::default()
        };
        State {
            version: "0".into(),
            step,
            images: 0,
            seconds: 0.0,
            cursor: 0,
            data,
            fingerprint: "f".into(),
            recipe: "r".into(),
            files: BTreeMap::new(),
        }
    }
    fn tensors(v: f32) -> Tensors {
        let mut t = Tensors::default();
        t.arrays.insert("w".into(), (vec![2], vec![v, -v]));
        t.notes.insert("step".into(), "3".into());
        t
    }
    fn part(v: f32) -> Vec<(String, Part<'static>)> {
        vec![("net".into(), Box::new(move || tensors(v)))]
    }

    #[test]
    fn written_read_pruned() {
        let dir = tempfile::tempdir().unwrap();
        for step in [1, 2, 3, 4] {
            Checkpoint::write(dir.path(), state(step), part(step as f32)).unwrap();
        }
        std::fs::create_dir(dir.path().join(".000009.part")).unwrap();
        prune(dir.path(), 2, Some(1), 4).unwrap();
        assert_eq!(steps(dir.path()).unwrap(), [1, 3, 4]);
        prune(dir.path(), 2, None, 4).unwrap();
        assert_eq!(steps(dir.path()).unwrap(), [3, 4]);
        // Newer ones were passed over as damaged: the one just written stays, whatever is to be kept.
        prune(dir.path(), 1, None, 3).unwrap();
        assert_eq!(steps(dir.path()).unwrap(), [3, 4]);
        assert!(!dir.path().join(".000009.part").exists());
        let c = Checkpoint::open(&dir.path().join("000004")).unwrap();
        assert_eq!(c.part("net").unwrap(), tensors(4.0));
        // whoever may read one of its files may read all
        let permissions = |file: &str| std::fs::metadata(c.path.join(file)).unwrap().permissions();
        assert_eq!(permissions("net.safetensors"), permissions("state.json"));
        // the same step again replaces it
        Checkpoint::write(dir.path(), state(4), part(9.0)).unwrap();
        let c = Checkpoint::open(&dir.path().join("000004")).unwrap();
        assert_eq!(c.part("net").unwrap().arrays["w"].1, [9.0, -9.0]);
    }

    #[test]
    fn a_folder_that_cannot_be_listed_is_not_empty() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("checkpoints");
        assert_eq!(steps(&file).unwrap(), [0; 0]);
        std::fs::write(&file, "no folder").unwrap();
        assert!(steps(&file).unwrap_err().to_string().contains("cannot list"));
    }

    #[test]
    fn damage_is_found_and_named() {
        let dir = tempfile::tempdir().unwrap();
        let path = Checkpoint::write(dir.path(), state(1), part(1.0)).unwrap();
        let file = path.join("net.safetensors");
        let mut bytes = std::fs::read(&file).unwrap();
        *bytes.last_mut().unwrap() ^= 1;
        std::fs::write(&file, &bytes).unwrap();
        let e = Checkpoint::open(&path).unwrap().verify().unwrap_err().to_string();
        assert!(e.contains("net.safetensors") && e.contains("checksum"), "{e}");
        std::fs::write(&file, &bytes[..bytes.len() - 1]).unwrap();
        assert!(Checkpoint::open(&path).unwrap_err().to_string().contains("bytes"));
        std::fs::write(&file, &bytes).unwrap();
        let state = path.join("state.json");
        let text = std::fs::read_to_string(&state).unwrap();
        for (from, to) in [
            ("\"step\": 1", "\"step\": 2"),
            ("\"cursor\": 0", "\"cursor\": 8"),
            ("1.0", "0.9"),
            ("\"checksum\": ", "\"checksum\": 1"),
            ("\"checksum\"", "\"checksun\""),
        ] {
            assert!(text.contains(from), "{text}");
            std::fs::write(&state, text.replacen(from, to, 1)).unwrap();
            let e = Checkpoint::open(&path).unwrap_err().to_string();
            assert!(e.contains("state.json") && e.contains("checksum"), "{from}: {e}");
        }
        // Version 0.1 wrote neither a checksum nor a recipe.
        let old = text
            .split_once(SEAL)
            .unwrap()
            .0
            .replace("\"recipe\": \"r\"", "\"recipe\": \"\"");
        std::fs::write(&state, old + "}").unwrap();
        Checkpoint::open(&path).unwrap();
        std::fs::write(&state, "{").unwrap();
        assert!(
            Checkpoint::open(&path)
                .unwrap_err()
                .to_string()
                .contains("damaged")
        );
    }
}
