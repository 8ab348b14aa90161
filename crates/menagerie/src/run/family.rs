//! `family.jsonl`: latents that somebody chose, a line each, with the ones they come from.
use super::{Run, lines};
use crate::error::{Error, Result};
use serde_json::{Map, Value, json};

/// Who is in a family at most.
const MOST: usize = 10_000;

/// A latent that was chosen.
#[derive(Clone, Debug, PartialEq)]
pub struct Member {
    /// its number, from 0
    pub id: usize,
    /// numbers of the members it was bred from; none for a draw from the prior
    pub parents: Vec<usize>,
    /// its latent
    pub latent: Vec<f32>,
    /// the checkpoint that it was chosen by
    pub step: u64,
}

fn member(id: usize, line: &Map<String, Value>) -> Option<Member> {
    let numbers = |name: &str| line.get(name)?.as_array().cloned();
    let parents = numbers("parents")?
        .iter()
        .map(|p| p.as_u64().map(|p| p as usize))
        .collect::<Option<Vec<_>>>()?;
    let latent = numbers("latent")?
        .iter()
        .map(|v| v.as_f64().map(|v| v as f32))
        .collect::<Option<Vec<_>>>()?;
    Some(Member {
        id,
        // Nobody comes from who is not there yet.
        parents: parents.into_iter().filter(|p| *p < id).collect(),
        latent,
        step: line.get("step").and_then(Value::as_u64)?,
    })
}

/// Everybody, in the order they were chosen; damaged lines leave their numbers free.
///
/// # Errors
/// [`Error::Io`] when the file cannot be read.
pub fn read(run: &Run) -> Result<Vec<Member>> {
    let all = lines::read(&run.file("family.jsonl"))?.whole;
    Ok(all
        .iter()
        .enumerate()
        .filter_map(|(id, line)| member(id, line))
        .collect())
}

/// Adds one, and gives its number. One program does so at a time.
///
/// # Errors
/// [`Error::Io`] when it cannot be written; [`Error::Run`] for a family that is too large, or parents that are not in it.
pub fn add(run: &Run, parents: &[usize], latent: &[f32], step: u64) -> Result<usize> {
    let path = run.file("family.jsonl");
    let id = lines::read(&path)?.whole.len();
    if id >= MOST {
        let fix = "take lines out of it, or move it away";
        return Err(Error::run(path, format!("holds {MOST} already"), fix));
    }
    if let Some(unknown) = parents.iter().find(|p| **p >= id) {
        return Err(Error::run(
            path,
            format!("has no member {unknown}"),
            "choose parents from it",
        ));
    }
    lines::append(
        &path,
        &json!({"parents": parents, "latent": latent, "step": step}).to_string(),
    )?;
    Ok(id)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::recipe::Recipe;

    #[test]
    fn a_family_grows_and_is_read_again() {
        let dir = tempfile::tempdir().unwrap();
        let (run, _lock) = Run::create(&dir.path().join("r"), &Recipe::named("gan").unwrap()).unwrap();
        assert_eq!(read(&run).unwrap(), []);
        assert_eq!(add(&run, &[], &[0.1, -1.5], 5).unwrap(), 0);
        assert_eq!(add(&run, &[], &[1.0, 2.0], 5).unwrap(), 1);
        assert_eq!(add(&run, &[1, 0], &[3.0, 4.0], 7).unwrap(), 2);
        let all = read(&run).unwrap();
        assert_eq!((all[0].latent[0], &all[2].parents), (0.1, &vec![1, 0]));
        assert_eq!((all[2].id, all[2].step), (2, 7));
        assert!(
            add(&run, &[3], &[0.0, 0.0], 7)
                .unwrap_err()
                .to_string()
                .contains("no member 3")
        );
        // A line that somebody wrote by hand.
        std::fs::write(
            run.file("family.jsonl"),
            "{\"parents\": [4], \"latent\": [1], \"step\": 1}\n{}\n",
        )
        .unwrap();
        let all = read(&run).unwrap();
        assert!(all.len() == 1 && all[0].parents.is_empty(), "{all:?}");
    }
}
