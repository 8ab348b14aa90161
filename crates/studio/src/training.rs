//! Trainings that are begun, stopped and gone on with from a page: each a process of the same program, so that it is what
//! `menagerie train` is, and goes on if the studio ends.
use crate::folder::Folder;
use crate::http::Refusal;
use menagerie::recipe::Recipe;
use menagerie::run::Run;
use serde_json::{Value, json};
use std::collections::VecDeque;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Trainings at a time that were begun here.
const AT_A_TIME: usize = 4;
/// The newest lines that a training said.
const LINES: usize = 40;
/// A training says within this that it cannot begin.
const BEGINS: Duration = Duration::from_secs(20);

/// A training that was begun here.
struct Job {
    run: String,
    child: Child,
    said: Arc<Mutex<VecDeque<String>>>,
    /// how it ended
    ended: Option<bool>,
}

/// See the module.
pub(crate) struct Trainings {
    /// the program that trains
    program: PathBuf,
    jobs: Mutex<Vec<Job>>,
}

impl Trainings {
    pub(crate) fn new(program: PathBuf) -> Trainings {
        Trainings {
            program,
            jobs: Mutex::default(),
        }
    }

    /// Begins a run of a recipe with some keys set; gives the run's name.
    ///
    /// # Errors
    /// What is wrong with the recipe or its data.
    pub(crate) fn begin(
        &self,
        folder: &Folder,
        recipe: &str,
        name: Option<&str>,
        settings: &[(String, String)],
    ) -> Result<String, Refusal> {
        Recipe::named(recipe)?.set_all(settings)?;
        let name = match name {
            Some(name) => {
                let fits = |c: char| c.is_ascii_alphanumeric() || "._-".contains(c);
                if name.is_empty()
                    || name.len() > 64
                    || name.starts_with(['.', '-'])
                    || !name.chars().all(fits)
                {
                    return Err(Refusal::new(
                        400,
                        "a run's name is made of letters, digits, `-`, `_` and `.`, 64 at most",
                    ));
                }
                if folder.root().join(name).exists() {
                    return Err(Refusal::new(
                        409,
                        format!("there is already something named `{name}`"),
                    ));
                }
                name.to_string()
            }
            None => folder.next_free(recipe),
        };
        let mut args = vec!["train".to_string(), recipe.into()];
        args.extend(settings.iter().map(|(k, v)| format!("--set={k}={v}")));
        args.push("--out".into());
        self.start(folder, &name, args, &folder.root().join(&name))?;
        Ok(name)
    }

    /// Goes on with a run, to its last step or to another one.
    ///
    /// # Errors
    /// When it is being trained, or cannot go on.
    pub(crate) fn resume(
        &self,
        folder: &Folder,
        name: &str,
        run: &Run,
        steps: Option<u64>,
    ) -> Result<(), Refusal> {
        if let Some(pid) = run.writer() {
            return Err(Refusal::new(
                409,
                format!("{name} is being trained by process {pid}"),
            ));
        }
        let mut args = vec!["train".to_string()];
        args.extend(steps.map(|s| format!("--steps={s}")));
        args.push("--resume".into());
        self.start(folder, name, args, run.path())
    }

    /// Starts the program, and waits until it has said that it trains, or why it does not. That the run is being written
    /// does not tell: the run is locked before its recipe is looked at.
    fn start(&self, folder: &Folder, name: &str, args: Vec<String>, path: &Path) -> Result<(), Refusal> {
        let mut jobs = self.jobs.lock().unwrap_or_else(PoisonError::into_inner);
        reap(&mut jobs);
        if jobs.iter().filter(|j| j.ended.is_none()).count() >= AT_A_TIME {
            return Err(Refusal::new(
                429,
                format!("{AT_A_TIME} trainings run already; wait for one, or stop it"),
            ));
        }
        let child = Command::new(&self.program)
            .args(&args)
            .arg(path)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn();
        let mut child = child.map_err(|e| Refusal::new(500, format!("cannot start a training: {e}")))?;
        let said = Arc::new(Mutex::new(VecDeque::new()));
        if let Some(stderr) = child.stderr.take() {
            let said = said.clone();
            std::thread::spawn(move || listen(stderr, &said));
        }
        jobs.retain(|j| j.run != name);
        jobs.push(Job {
            run: name.into(),
            child,
            said,
            ended: None,
        });
        drop(jobs);
        let begun = Instant::now();
        while begun.elapsed() < BEGINS {
            folder.changed();
            if let Some((good, said)) = self.end_of(name) {
                return match good {
                    true => Ok(()),
                    false => Err(Refusal::new(400, why(&said))),
                };
            }
            if self.says_that_it_trains(name) && Run::open(path).is_ok_and(|r| r.writer().is_some()) {
                return Ok(());
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        // Large data take their time.
        Ok(())
    }

    /// How a training that was begun here ended, and what it said last; `None` while it goes on.
    fn end_of(&self, name: &str) -> Option<(bool, Vec<String>)> {
        let mut jobs = self.jobs.lock().unwrap_or_else(PoisonError::into_inner);
        reap(&mut jobs);
        let job = jobs.iter().find(|j| j.run == name)?;
        let said = job.said.lock().unwrap_or_else(PoisonError::into_inner);
        Some((job.ended?, said.iter().cloned().collect()))
    }

    /// Whether a training that was begun here has said its first line, `training MODEL in RUN`.
    fn says_that_it_trains(&self, name: &str) -> bool {
        let jobs = self.jobs.lock().unwrap_or_else(PoisonError::into_inner);
        jobs.iter().filter(|j| j.run == name).any(|j| {
            let said = j.said.lock().unwrap_or_else(PoisonError::into_inner);
            said.iter().any(|line| line.starts_with("training "))
        })
    }

    /// What is to be said of a training that was begun here and failed.
    pub(crate) fn failure(&self, name: &str) -> Value {
        match self.end_of(name) {
            Some((false, said)) => json!(why(&said)),
            _ => Value::Null,
        }
    }

    /// Lets a training finish its step and write a checkpoint, as Ctrl-C does.
    ///
    /// # Errors
    /// When nobody trains it.
    pub(crate) fn stop(&self, name: &str, run: &Run) -> Result<(), Refusal> {
        match run.writer() {
            Some(pid) => interrupt(pid),
            None => Err(Refusal::new(409, format!("{name} is not being trained"))),
        }
    }
}

/// The line that says what went wrong.
fn why(said: &[String]) -> String {
    let error = said.iter().rev().find_map(|l| l.strip_prefix("error: "));
    let last = said.iter().rev().find(|l| !l.is_empty());
    error
        .or(last.map(String::as_str))
        .unwrap_or("the training ended without a word")
        .into()
}

/// Notes who has ended.
fn reap(jobs: &mut Vec<Job>) {
    for job in jobs.iter_mut().filter(|j| j.ended.is_none()) {
        if let Ok(Some(status)) = job.child.try_wait() {
            // Trainings that were stopped by Ctrl-C or by SIGTERM end so, with their checkpoint.
            job.ended = Some(status.success() || matches!(status.code(), Some(130 | 143)));
        }
    }
    // What ended long ago is forgotten, the newest last.
    while jobs.len() > 50 {
        match jobs.iter().position(|j| j.ended.is_some()) {
            Some(at) => drop(jobs.remove(at)),
            None => return,
        }
    }
}

fn listen(stderr: impl std::io::Read, said: &Mutex<VecDeque<String>>) {
    for line in BufReader::new(stderr).lines() {
        let Ok(line) = line else { return };
        let mut said = said.lock().unwrap_or_else(PoisonError::into_inner);
        said.push_back(line.chars().take(2000).collect());
        if said.len() > LINES {
            said.pop_front();
        }
    }
}

/// Asks a training to finish its step and write a checkpoint. Not by what Ctrl-C sends, which a process ignores that was begun in
/// the background of a script.
#[cfg(unix)]
fn interrupt(pid: u32) -> Result<(), Refusal> {
    let own = std::process::id();
    let pid = i32::try_from(pid).ok().filter(|p| *p > 1 && pid != own);
    let pid = pid.ok_or_else(|| Refusal::new(500, "the run's lock names no process"))?;
    // SAFETY: kill takes numbers and changes nothing of this process; pid is a single process, not a group.
    match unsafe { libc::kill(pid, libc::SIGTERM) } {
        0 => Ok(()),
        _ => Err(Refusal::new(
            500,
            format!("cannot stop process {pid}: {}", std::io::Error::last_os_error()),
        )),
    }
}

#[cfg(not(unix))]
fn interrupt(pid: u32) -> Result<(), Refusal> {
    Err(Refusal::new(
        500,
        format!("process {pid} cannot be stopped from here on this system; press Ctrl-C where it runs"),
    ))
}
