//! The command run in a folder of its own.
#[allow(dead_code)] // not every test program asks a studio
pub(crate) mod server;

use std::path::Path;
use std::process::{Command, Output};

pub(crate) fn menagerie(dir: &Path, args: &[&str]) -> Output {
    let mut c = Command::new(env!("CARGO_BIN_EXE_menagerie"));
    // What is kept for later evaluations stays in the folder, too.
    c.current_dir(dir)
        .args(args)
        .env_remove("MENAGERIE_THREADS")
        .env("XDG_CACHE_HOME", dir.join("cache"));
    c.output().expect("the program starts")
}

/// Runs it and expects success; gives what it printed.
pub(crate) fn ok(dir: &Path, args: &[&str]) -> String {
    let out = menagerie(dir, args);
    assert!(
        out.status.success(),
        "{args:?}: {}",
        String::from_utf8_lossy(&out.stderr)
    );
    String::from_utf8(out.stdout).unwrap()
}

/// Runs it and expects a failure of that status, told in one line that holds all of `words`.
pub(crate) fn fails(dir: &Path, args: &[&str], status: i32, words: &[&str]) {
    let out = menagerie(dir, args);
    let text = String::from_utf8_lossy(&out.stderr).into_owned();
    assert_eq!(out.status.code(), Some(status), "{args:?}: {text}");
    let error: Vec<&str> = text.lines().filter(|l| l.starts_with("error: ")).collect();
    assert_eq!(error.len(), 1, "{args:?}: one line says what is wrong: {text}");
    assert!(!text.contains("panicked"), "{args:?}: {text}");
    for w in words {
        assert!(error[0].contains(w), "{args:?}: {w:?} is not in {:?}", error[0]);
    }
    assert!(
        out.stdout.is_empty(),
        "{args:?}: results go to standard output, errors do not"
    );
}
