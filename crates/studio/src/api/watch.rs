//! What flows: changes of the list of runs, and of one run, told as they are seen.
use super::{Answer, Studio, runs};
use crate::http::{Events, Response};
use menagerie::run::{Run, step_of};
use serde_json::{Map, Value};
use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::time::Duration;

/// How often is looked.
const LOOK: Duration = Duration::from_millis(500);
/// Bytes of new lines that are read at a time.
const PIECE: u64 = 1 << 20;

/// The list of runs, whenever it changes.
pub(super) fn list(studio: &'static Studio) -> Answer {
    Ok(Response::events(move |events| {
        let mut told = Value::Null;
        each_look(events, |events| {
            let now = runs::lines(studio);
            if now == told {
                return Ok(());
            }
            told = now;
            events.send("runs", &told)
        })
    }))
}

/// One run: its line, what it says, and new lines of its metrics.
pub(super) fn run(studio: &'static Studio, name: &str) -> Answer {
    let run = studio.run(name)?;
    let name = name.to_string();
    Ok(Response::events(move |events| {
        let mut log = Follow::default();
        let (mut line, mut state) = (Value::Null, Value::Null);
        each_look(events, |events| {
            let now = runs::line(studio, &name);
            if now != line {
                line = now;
                events.send("line", &line)?;
            }
            let now = runs::state(studio, &run);
            if now != state {
                state = now;
                events.send("state", &state)?;
            }
            let (anew, lines) = log.look(&run);
            if anew {
                events.send("anew", &Value::Null)?;
            }
            if !lines.is_empty() {
                events.send("metrics", &runs::columns(&lines))?;
            }
            Ok(())
        })
    }))
}

/// Looks again and again until the browser has gone.
fn each_look(events: &Events, mut look: impl FnMut(&Events) -> std::io::Result<()>) -> std::io::Result<()> {
    loop {
        look(events)?;
        std::thread::sleep(LOOK);
        events.check()?;
    }
}

/// Follows `metrics.jsonl`.
#[derive(Default)]
struct Follow {
    /// bytes that were read
    at: u64,
    /// the last step that was told
    step: Option<u64>,
}

impl Follow {
    /// The lines that are new; and whether all that was told before is void, since a run that went on from an earlier
    /// checkpoint has dropped lines.
    fn look(&mut self, run: &Run) -> (bool, Vec<Map<String, Value>>) {
        let lines = self.read(run);
        let first = lines.first().map(step_of);
        let falls_back = first.is_some_and(|f| self.step.is_some_and(|s| f <= s));
        let shorter = run.file("metrics.jsonl").metadata().map_or(0, |m| m.len()) < self.at;
        if falls_back || shorter {
            *self = Follow::default();
            let lines = self.read(run);
            self.step = lines.last().map(step_of);
            return (true, lines);
        }
        self.step = lines.last().map(step_of).or(self.step);
        (false, lines)
    }

    fn read(&mut self, run: &Run) -> Vec<Map<String, Value>> {
        let bytes = || -> std::io::Result<Vec<u8>> {
            let mut file = File::open(run.file("metrics.jsonl"))?;
            file.seek(SeekFrom::Start(self.at))?;
            let mut bytes = Vec::new();
            file.take(PIECE).read_to_end(&mut bytes)?;
            Ok(bytes)
        };
        let Ok(bytes) = bytes() else { return vec![] };
        let whole = bytes.iter().rposition(|b| *b == b'\n').map_or(0, |i| i + 1);
        self.at += whole as u64;
        bytes[..whole]
            .split(|b| *b == b'\n')
            .filter_map(|l| match serde_json::from_slice(l) {
                Ok(Value::Object(line)) => Some(line),
                _ => None,
            })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use menagerie::recipe::Recipe;

    #[test]
    fn new_lines_are_told_once_and_dropped_ones_void_all() {
        let dir = tempfile::tempdir().unwrap();
        let (run, _lock) = Run::create(&dir.path().join("r"), &Recipe::named("gan").unwrap()).unwrap();
        let write = |text: &str| std::fs::write(run.file("metrics.jsonl"), text).unwrap();
        let mut log = Follow::default();
        let mut look = || {
            let (anew, lines) = log.look(&run);
            (anew, lines.iter().map(step_of).collect::<Vec<_>>())
        };
        assert_eq!(look(), (false, vec![]));
        write("{\"step\":1}\n{\"step\":2}\n{\"ste");
        assert_eq!(look(), (false, vec![1, 2]));
        assert_eq!(look(), (false, vec![]));
        write("{\"step\":1}\n{\"step\":2}\n{\"step\":3}\n");
        assert_eq!(look(), (false, vec![3]));
        // It went on from step 1, and is shorter.
        write("{\"step\":1}\n");
        assert_eq!(look(), (true, vec![1]));
        write("{\"step\":1}\n{\"step\":2}\n{\"step\":3}\n");
        assert_eq!(look(), (false, vec![2, 3]));
        // It went on from step 1, and is as long again.
        write("{\"step\":1}\n{\"step\":20}\n{\"step\":2}\n{\"step\":3}\n{\"step\":4}\n");
        let (anew, steps) = look();
        assert!(anew && steps.first() == Some(&1), "{steps:?}");
    }
}
