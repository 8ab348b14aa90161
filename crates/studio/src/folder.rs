//! The folder of runs: what lies in it, and nothing outside.
use crate::http::Refusal;
use menagerie::models::{self, Capability};
use menagerie::recipe::Recipe;
use menagerie::run::{Checkpoint, Remark, Run, read_metrics, step_of, steps};
use serde_json::{Map, Value, json};
use std::collections::HashMap;
use std::io::{Read, Seek, SeekFrom};
use std::path::{Component, Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// Folders in folders that are looked through.
const DEPTH: usize = 4;
/// Runs that are listed; folders that are looked into.
const MOST_RUNS: usize = 2000;
const MOST_FOLDERS: usize = 20_000;
/// A list is made anew after so long.
const FRESH: Duration = Duration::from_millis(400);
/// Of a file of lines, this much is read from its end for the newest.
const TAIL: u64 = 64 << 10;
/// A file of a run that is sent whole is no larger.
const LARGEST: u64 = 64 << 20;

/// The folder that the studio was given.
pub(crate) struct Folder {
    root: PathBuf,
    /// what items of a run are, as long as its recipe stays the same
    kinds: Mutex<HashMap<String, (Stamp, Value)>>,
    /// what a recipe says, as long as its file stays the same
    recipes: Mutex<HashMap<String, (Stamp, Arc<Known>)>>,
    listed: Mutex<Option<(Instant, Arc<Vec<Value>>)>>,
}

/// When a file was written, and how long it is.
type Stamp = (SystemTime, u64);

/// What changes only with the recipe.
struct Known {
    model: String,
    family: &'static str,
    capabilities: Vec<&'static str>,
    steps: u64,
    source: String,
}

fn stamp(path: &Path) -> Option<Stamp> {
    let m = std::fs::metadata(path).ok()?;
    Some((m.modified().unwrap_or(UNIX_EPOCH), m.len()))
}

impl Folder {
    /// # Errors
    /// When it cannot be found or made.
    pub(crate) fn open(root: &Path) -> menagerie::Result<Folder> {
        std::fs::create_dir_all(root).map_err(menagerie::Error::io("create", root))?;
        let root = root.canonicalize().map_err(menagerie::Error::io("open", root))?;
        Ok(Folder {
            root,
            kinds: Mutex::default(),
            recipes: Mutex::default(),
            listed: Mutex::default(),
        })
    }

    pub(crate) fn root(&self) -> &Path {
        &self.root
    }

    /// The run of that name: its folders below the root, between slashes.
    pub(crate) fn run(&self, name: &str) -> Result<Run, Refusal> {
        let missing = || Refusal::missing(format!("run `{name}`"));
        let relative = Path::new(name);
        let plain = relative.components().all(|c| matches!(c, Component::Normal(_)));
        // Written as it is listed, so that one run has one name.
        if !plain || name.is_empty() || name.contains('\\') || name_of(relative).as_deref() != Some(name) {
            return Err(missing());
        }
        let path = self.inside(&self.root.join(relative)).ok_or_else(missing)?;
        Run::open(&path).map_err(|_| missing())
    }

    /// A path that is there, if neither it nor what it links to is outside.
    pub(crate) fn inside(&self, path: &Path) -> Option<PathBuf> {
        path.canonicalize().ok().filter(|p| p.starts_with(&self.root))
    }

    /// A file of a run; `name` is one of ours, not a browser's.
    pub(crate) fn read(&self, run: &Run, name: &str) -> Result<Vec<u8>, Refusal> {
        let missing = || Refusal::missing(format!("{name} in this run"));
        let path = self.inside(&run.file(name)).ok_or_else(missing)?;
        match stamp(&path) {
            Some((_, length)) if length > LARGEST => Err(Refusal::new(
                413,
                format!("{name} is larger than {} MB", LARGEST >> 20),
            )),
            _ => std::fs::read(&path).map_err(|_| missing()),
        }
    }

    /// The name of a new run in it.
    pub(crate) fn next_free(&self, recipe: &str) -> String {
        (1..)
            .map(|i| format!("{recipe}-{i:03}"))
            .find(|name| !self.root.join(name).exists())
            .expect("numbers do not end")
    }

    /// Every run, in the order of their names.
    pub(crate) fn runs(&self) -> Arc<Vec<Value>> {
        self.list(FRESH)
    }

    /// The same as it was when somebody last looked, however long ago.
    pub(crate) fn last_seen(&self) -> Arc<Vec<Value>> {
        self.list(Duration::MAX)
    }

    fn list(&self, fresh: Duration) -> Arc<Vec<Value>> {
        let mut listed = self.listed.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((at, list)) = &*listed
            && at.elapsed() < fresh
        {
            return list.clone();
        }
        let mut found = Vec::new();
        let mut seen = 0;
        self.look_through(&self.root, DEPTH, &mut seen, &mut found);
        found.sort();
        found.truncate(MOST_RUNS);
        let runs = found.iter().filter_map(|name| self.line(name));
        let list = Arc::new(runs.collect::<Vec<_>>());
        *listed = Some((Instant::now(), list.clone()));
        list
    }

    /// The list is made anew when it is next asked for.
    pub(crate) fn changed(&self) {
        *self.listed.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }

    fn look_through(&self, folder: &Path, depth: usize, seen: &mut usize, found: &mut Vec<String>) {
        for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
            *seen += 1;
            let hidden = entry.file_name().as_encoded_bytes().starts_with(b".");
            // Links are not followed: they may lead outside, or round in circles.
            if *seen > MOST_FOLDERS || hidden || !entry.file_type().is_ok_and(|t| t.is_dir()) {
                continue;
            }
            let path = entry.path();
            if path.join("recipe.toml").is_file() {
                found.extend(path.strip_prefix(&self.root).ok().and_then(name_of));
            } else if depth > 1 {
                self.look_through(&path, depth - 1, seen, found);
            }
        }
    }

    /// What the list says of a run.
    fn line(&self, name: &str) -> Option<Value> {
        let run = self.run(name).ok()?;
        let known = match self.known(name, &run) {
            Ok(known) => known,
            Err(e) => return Some(json!({"name": name, "error": e.to_string()})),
        };
        let last = last_line(&run.file("metrics.jsonl")).unwrap_or_default();
        let pictures = pictures(&run);
        let checkpoints = steps(&run.file("checkpoints")).unwrap_or_default();
        let step = [
            Some(step_of(&last)),
            pictures.last().copied(),
            checkpoints.last().copied(),
        ];
        let step = step.into_iter().flatten().max().unwrap_or(0);
        let changed = ["metrics.jsonl", "checkpoints", "recipe.toml"]
            .iter()
            .filter_map(|f| stamp(&run.file(f)))
            .map(|s| s.0)
            .max();
        let writer = run.writer();
        let state = match writer {
            Some(_) => "training",
            None if checkpoints.last().is_some_and(|&c| c >= known.steps) => "done",
            None if checkpoints.is_empty() => "empty",
            None => "stopped",
        };
        let remark = Remark::of(&run);
        Some(json!({
            "star": remark.star, "note": remark.note,
            "name": name, "model": known.model, "family": known.family, "capabilities": known.capabilities,
            "source": known.source, "kind": self.kind(name, &run, &checkpoints), "step": step, "steps": known.steps, "state": state,
            "seconds": last.get("seconds"), "images": last.get("images"),
            "picture": pictures.last(), "checkpoints": checkpoints,
            "troubles": last.get("troubles"), "changed": changed.map(since_epoch),
        }))
    }

    /// What items of a run are, as its newest checkpoint says; nothing before the first.
    fn kind(&self, name: &str, run: &Run, checkpoints: &[u64]) -> Value {
        let Some(newest) = checkpoints.last() else {
            return Value::Null;
        };
        let stamp = stamp(&run.file("recipe.toml")).unwrap_or((UNIX_EPOCH, 0));
        let mut kinds = self.kinds.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((of, kind)) = kinds.get(name)
            && *of == stamp
        {
            return kind.clone();
        }
        let file = format!("checkpoints/{newest:06}/state.json");
        let state: Option<Value> = self
            .read(run, &file)
            .ok()
            .and_then(|b| serde_json::from_slice(&b).ok());
        let kind = state.map_or(Value::Null, |s| s["data"]["kind"].clone());
        kinds.insert(name.into(), (stamp, kind.clone()));
        kind
    }

    fn known(&self, name: &str, run: &Run) -> menagerie::Result<Arc<Known>> {
        let stamp = stamp(&run.file("recipe.toml")).unwrap_or((UNIX_EPOCH, 0));
        let mut recipes = self.recipes.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((of, known)) = recipes.get(name)
            && *of == stamp
        {
            return Ok(known.clone());
        }
        let recipe = run.recipe()?;
        let known = Arc::new(known(&recipe)?);
        recipes.insert(name.into(), (stamp, known.clone()));
        Ok(known)
    }
}

fn known(recipe: &Recipe) -> menagerie::Result<Known> {
    let entry = models::entry(recipe.model_name())?;
    let names = |all: &[Capability]| all.iter().map(|c| c.name()).collect();
    Ok(Known {
        model: entry.name.into(),
        family: entry.family,
        capabilities: names(entry.capabilities),
        steps: recipe.train()?.steps,
        source: recipe.data()?.source,
    })
}

fn since_epoch(at: SystemTime) -> u64 {
    at.duration_since(UNIX_EPOCH).map_or(0, |d| d.as_secs())
}

/// A relative path as a name: with slashes on every system. `None` where it is not text.
fn name_of(relative: &Path) -> Option<String> {
    let parts: Option<Vec<&str>> = relative.components().map(|c| c.as_os_str().to_str()).collect();
    parts.map(|p| p.join("/"))
}

/// Steps of a run's sample pictures.
pub(crate) fn pictures(run: &Run) -> Vec<u64> {
    let step = |name: std::ffi::OsString| -> Option<u64> {
        let name = name.to_str()?.strip_suffix(".png")?.to_string();
        name.parse()
            .ok()
            .filter(|s| picture_name(*s) == format!("samples/{name}.png"))
    };
    let folder = std::fs::read_dir(run.file("samples"));
    let mut found: Vec<u64> = folder
        .into_iter()
        .flatten()
        .flatten()
        .filter_map(|e| step(e.file_name()))
        .collect();
    found.sort_unstable();
    found
}

/// The picture of a step, within its run.
pub(crate) fn picture_name(step: u64) -> String {
    format!("samples/{step:06}.png")
}

/// The last whole line of a file of JSON lines.
fn last_line(path: &Path) -> Option<Map<String, Value>> {
    let text = tail(path, TAIL)?;
    let whole = &text[..text.rfind('\n')?];
    match serde_json::from_str(whole.lines().next_back()?) {
        Ok(Value::Object(line)) => Some(line),
        _ => None,
    }
}

/// The end of a file as text.
pub(crate) fn tail(path: &Path, most: u64) -> Option<String> {
    let mut file = std::fs::File::open(path).ok()?;
    let length = file.metadata().ok()?.len();
    file.seek(SeekFrom::Start(length.saturating_sub(most))).ok()?;
    let mut bytes = Vec::new();
    file.take(most).read_to_end(&mut bytes).ok()?;
    Some(String::from_utf8_lossy(&bytes).into_owned())
}

/// A run's metrics, for sending.
pub(crate) fn metrics(run: &Run) -> Result<Vec<Map<String, Value>>, Refusal> {
    let path = run.file("metrics.jsonl");
    match stamp(&path) {
        Some((_, length)) if length > LARGEST => Err(Refusal::new(413, "metrics.jsonl is too large to show")),
        _ => Ok(read_metrics(&path)?),
    }
}

/// A checkpoint's place and when it was written, by which a model that is open is known.
pub(crate) fn checkpoint_stamp(run: &Run, step: u64) -> Option<u64> {
    let file = run.file("checkpoints").join(format!("{step:06}/state.json"));
    let at = stamp(&file)?.0.duration_since(UNIX_EPOCH).ok()?;
    Some(at.as_nanos() as u64)
}

/// Bytes of all files of a checkpoint.
pub(crate) fn checkpoint_bytes(checkpoint: &Checkpoint) -> u64 {
    checkpoint.state.files.values().map(|(length, _)| length).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folder() -> (tempfile::TempDir, Folder) {
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path().join("runs");
        let recipe = Recipe::named("gan").unwrap();
        for name in ["a", "deep/er/b"] {
            std::fs::create_dir_all(root.join(name)).unwrap();
            std::fs::write(root.join(name).join("recipe.toml"), recipe.to_toml()).unwrap();
        }
        // A run beside the folder, which nothing may reach.
        std::fs::create_dir_all(dir.path().join("secret")).unwrap();
        std::fs::write(dir.path().join("secret/recipe.toml"), recipe.to_toml()).unwrap();
        let folder = Folder::open(&root).unwrap();
        (dir, folder)
    }

    #[test]
    fn runs_are_found_wherever_they_lie_below() {
        let (_dir, folder) = folder();
        std::fs::write(
            folder.root().join("a/metrics.jsonl"),
            "{\"step\":3,\"x\":1}\n{\"step\":7}\n{\"st",
        )
        .unwrap();
        let runs = folder.runs();
        let names: Vec<_> = runs.iter().map(|r| r["name"].as_str().unwrap()).collect();
        assert_eq!(names, ["a", "deep/er/b"]);
        assert_eq!(
            (&runs[0]["step"], &runs[0]["state"]),
            (&7.into(), &"empty".into())
        );
        assert_eq!(runs[0]["model"], "gan");
        assert_eq!(folder.next_free("a"), "a-001");
        // What was last seen is given as it was, until somebody here changes something.
        std::fs::remove_dir_all(folder.root().join("deep")).unwrap();
        assert!(Arc::ptr_eq(&folder.last_seen(), &runs));
        folder.changed();
        assert_eq!(folder.last_seen().len(), 1);
    }

    #[test]
    fn a_recipe_that_cannot_be_read_is_told_in_its_line() {
        let (_dir, folder) = folder();
        std::fs::write(folder.root().join("a/recipe.toml"), "[model]\nname = \"gna\"\n").unwrap();
        let runs = folder.runs();
        assert!(runs[0]["error"].as_str().unwrap().contains("gan"), "{runs:?}");
        assert_eq!(runs[1]["model"], "gan");
    }

    #[test]
    fn no_name_leads_outside() {
        let (_dir, folder) = folder();
        assert!(folder.run("deep/er/b").is_ok());
        for name in [
            "",
            ".",
            "..",
            "../secret",
            "a/../../secret",
            "deep//er/b",
            "./a",
            "a/",
            "/etc",
            "a\\..\\..\\secret",
            "deep",
        ] {
            assert_eq!(folder.run(name).err().map(|r| r.status), Some(404), "{name}");
        }
    }

    #[test]
    #[cfg(unix)]
    fn no_link_leads_outside() {
        let (dir, folder) = folder();
        std::os::unix::fs::symlink(dir.path().join("secret"), folder.root().join("link")).unwrap();
        assert!(folder.run("link").is_err());
        assert_eq!(folder.runs().len(), 2);
        let run = folder.run("a").unwrap();
        std::fs::write(dir.path().join("secret/key.png"), "x").unwrap();
        std::fs::create_dir(run.file("samples")).unwrap();
        std::os::unix::fs::symlink(dir.path().join("secret/key.png"), run.file("samples/000001.png"))
            .unwrap();
        assert_eq!(folder.read(&run, &picture_name(1)).unwrap_err().status, 404);
        std::fs::write(run.file("samples/000002.png"), "y").unwrap();
        assert_eq!(folder.read(&run, &picture_name(2)).unwrap(), b"y");
        assert_eq!(pictures(&run), [1, 2]);
    }
}
