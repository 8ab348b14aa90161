//! Checkpoints: written beside, synced, then renamed, so that one is either whole or not there.
use crate::data::DataInfo;
use crate::error::{Error, Result};
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
    pub fn write(folder: &Path, mut state: State, parts: Vec<(String, Part)>) -> Result<PathBuf> {
        std::fs::create_dir_all(folder).map_err(Error::io("create", folder))?;
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
            write_synced(&beside.join("state.json"), json.as_bytes())?;
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
    pub fn open(path: &Path) -> Result<Checkpoint> {
        let file = path.join("state.json");
        let text = std::fs::read_to_string(&file).map_err(Error::io("read", &file))?;
        let state: State = serde_json::from_str(&text).map_err(|e| {
            Error::run(
                &file,
                format!("damaged: {e}"),
                "an older checkpoint may serve (--checkpoint STEP)",
            )
        })?;
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
        let bytes = std::fs::read(&path).map_err(Error::io("read", &path))?;
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
    pub fn verify(&self) -> Result<()> {
        self.state
            .files
            .keys()
            .try_for_each(|f| self.part(f.trim_end_matches(".safetensors")).map(drop))
    }
}

/// Steps that have a checkpoint, oldest first.
pub fn steps(folder: &Path) -> Vec<u64> {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let mut steps: Vec<u64> = entries
        .filter_map(|e| e.file_name().to_str()?.parse().ok())
        .collect();
    steps.sort_unstable();
    steps
}

/// Deletes all but the newest `keep` and the one to `spare`, and what an interrupted write left behind.
pub fn prune(folder: &Path, keep: usize, spare: Option<u64>) -> Result<()> {
    let all = steps(folder);
    for step in all[..all.len().saturating_sub(keep)]
        .iter()
        .filter(|s| spare != Some(**s))
    {
        remove(&folder.join(format!("{step:06}")))?;
    }
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        if entry.file_name().to_string_lossy().starts_with('.') {
            remove(&entry.path())?;
        }
    }
    Ok(())
}

/// Removes a folder in a way that never leaves half of it under its own name.
fn remove(path: &Path) -> Result<()> {
    if !path.exists() {
        return Ok(());
    }
    let away = path.with_file_name(format!(
        ".{}.gone",
        path.file_name()
            .unwrap_or_default()
            .to_string_lossy()
            .trim_matches('.')
    ));
    if away.exists() {
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
            labels: vec![],
            attributes: vec![],
            rate: 0,
            shares: vec![],
        };
        State {
            version: "0".into(),
            step,
            images: 0,
            seconds: 0.0,
            cursor: 0,
            data,
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
        prune(dir.path(), 2, Some(1)).unwrap();
        assert_eq!(steps(dir.path()), [1, 3, 4]);
        prune(dir.path(), 2, None).unwrap();
        assert_eq!(steps(dir.path()), [3, 4]);
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
        std::fs::write(path.join("state.json"), "{").unwrap();
        assert!(
            Checkpoint::open(&path)
                .unwrap_err()
                .to_string()
                .contains("damaged")
        );
    }
}
