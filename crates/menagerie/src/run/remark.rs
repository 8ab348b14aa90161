//! `remark.json`: what somebody thinks of a run. It takes no part in anything else.
use super::Run;
use crate::error::{Error, Result};
use serde::{Deserialize, Serialize};

/// Letters of a note.
const MOST: usize = 4000;

/// A star and a few words.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Remark {
    /// whether it is one of the good ones
    pub star: bool,
    /// in somebody's own words
    pub note: String,
}

impl Remark {
    /// That of a run; an empty one where there is none, or none that can be read.
    pub fn of(run: &Run) -> Remark {
        let path = run.file("remark.json");
        let small = std::fs::metadata(&path).is_ok_and(|m| m.is_file() && m.len() <= 16 * MOST as u64);
        let text = small.then(|| std::fs::read(&path).ok()).flatten();
        text.and_then(|t| serde_json::from_slice(&t).ok())
            .unwrap_or_default()
    }

    /// Keeps it with the run, whole or not at all.
    ///
    /// # Errors
    /// [`Error::Usage`] for a note that is too long, [`Error::Io`] where it cannot be written.
    pub fn keep(&self, run: &Run) -> Result<()> {
        let letters = self.note.chars().count();
        if letters > MOST {
            let problem = format!("a note of {letters} letters is too long");
            return Err(Error::usage(problem, format!("say it in {MOST}")));
        }
        let text = serde_json::to_vec(self).unwrap_or_default();
        crate::files::write_atomically(&run.file("remark.json"), &text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::recipe::Recipe;

    #[test]
    fn a_remark_is_kept() {
        let dir = tempfile::tempdir().unwrap();
        let (run, _lock) = Run::create(&dir.path().join("r"), &Recipe::named("gan").unwrap()).unwrap();
        assert_eq!(Remark::of(&run), Remark::default());
        let remark = Remark {
            star: true,
            note: "the best of <b>all</b>\n\u{1f600}".into(),
        };
        remark.keep(&run).unwrap();
        assert_eq!(Remark::of(&run), remark);
        let long = Remark {
            star: false,
            note: "a".repeat(MOST + 1),
        };
        assert!(long.keep(&run).unwrap_err().to_string().contains("4001"));
        assert_eq!(Remark::of(&run), remark);
        std::fs::write(run.file("remark.json"), "{").unwrap();
        assert_eq!(Remark::of(&run), Remark::default());
    }
}
