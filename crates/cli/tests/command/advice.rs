//! Whatever command a message advises runs, with its words in capitals filled in.
use crate::support::{menagerie, ok};
use std::collections::BTreeSet;
use std::path::Path;

/// The commands between backticks in what the program says: in the text of its sources, but not in their comments.
fn advised(folder: &Path, found: &mut BTreeSet<String>) {
    for entry in std::fs::read_dir(folder).unwrap().map(Result::unwrap) {
        let path = entry.path();
        if path.is_dir() {
            advised(&path, found);
        } else if path.extension().is_some_and(|e| e == "rs") {
            let text = std::fs::read_to_string(&path).unwrap();
            let said = text.lines().map(str::trim).filter(|l| !l.starts_with("//"));
            let commands = said.flat_map(|l| l.split('`').skip(1).step_by(2));
            found.extend(commands.filter_map(|c| c.strip_prefix("menagerie ").map(String::from)));
        }
    }
}

/// The command with something in the place of its placeholders; what it makes gets a name of its own.
fn filled(advice: &str, number: usize) -> String {
    let slower = "--set optimizer.generator.learning_rate=1e-3";
    let (capability, kind) = if advice.contains("--can") {
        ("sample", "")
    } else {
        ("", "classifier")
    };
    let mut line = advice
        .replace("--set ...", slower)
        .replace("{slower}", slower)
        .replace("--recipe {}", "--recipe r/recipe.toml")
        .replace("--recipe {run}", "--recipe r")
        .replace("{run}", "r")
        .replace("{kind}", kind)
        .replace("{model}", "dcgan")
        .replace("--can {}", &format!("--can {capability}"))
        .replace("{}", "r");
    for (word, with) in [
        ("CAPABILITY", "encode"),
        ("RUN", "r"),
        ("PATH", "digits"),
        ("SOURCE", "digits"),
        (
            "NAME",
            if advice.contains("--without") {
                "coat"
            } else {
                "dcgan"
            },
        ),
        ("MODEL", "dcgan"),
        ("ANOTHER", &format!("out{number}")),
        ("DIR", &format!("out{number}")),
        ("FILE", &format!("out{number}.json")),
        (" S", " 1"),
        (" N", " 1"),
    ] {
        line = line.replace(word, with);
    }
    let begins = line.starts_with("train") && !line.contains("--dry-run");
    if begins && !line.contains("--resume") {
        line += " --steps 1 --threads 1";
        if !line.contains("--out") {
            line += &format!(" --out out{number}");
        }
    }
    if line.starts_with("evaluate r") {
        line += " -n 16";
    }
    if line.starts_with("sample") && !line.contains("--out") {
        line += &format!(" --out out{number}.npy");
    }
    line
}

#[test]
fn every_command_that_is_advised_runs() {
    let mut found = BTreeSet::new();
    let crates = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    for each in std::fs::read_dir(crates).unwrap() {
        advised(&each.unwrap().path().join("src"), &mut found);
    }
    assert!(found.len() > 25, "{found:?}");
    let dir = tempfile::tempdir().unwrap();
    let d = dir.path();
    let run = "train dcgan --data digits --threads 1 --steps 2 --batch 8 --set model.width=4 --set model.latent=4 --set train.samples=4";
    ok(d, &format!("{run} --out r").split(' ').collect::<Vec<_>>());
    // A name of a command alone is spoken of, and advises nothing; a text is for a model of texts.
    let whole = |a: &&String| {
        a.contains(' ') && !a.starts_with("data") && !["sample --seed", "sample --text"].contains(&&a[..])
    };
    let failed: Vec<String> = found
        .iter()
        .filter(whole)
        .enumerate()
        .filter_map(|(i, advice)| {
            let line = filled(advice, i);
            let out = menagerie(d, &line.split_whitespace().collect::<Vec<_>>());
            let said = String::from_utf8_lossy(&out.stderr).into_owned();
            (!out.status.success()).then(|| format!("`{advice}` as `{line}`: {said}"))
        })
        .collect();
    assert!(failed.is_empty(), "{}", failed.join("\n"));
}
