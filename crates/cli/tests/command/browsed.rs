//! The studio in a browser: Chromium, led by the scripts beside the studio.
use crate::basics::folder;
use crate::drawn::styles;
use crate::studio::{endless, runs};
use crate::support::ok;
use crate::support::server::Served;
use menagerie::data::Loader;
use menagerie::models::Player;
use menagerie::recipe::Recipe;
use menagerie::{Device, Key};
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::Duration;

/// The script beside the studio, in Chromium, where both it and Node are found.
#[test]
fn pages_in_a_browser() {
    let dir = folder();
    let d = dir.path();
    runs(d);
    styles(d, "runs/styles", &[]);
    ok(
        d,
        &[
            "traverse",
            "runs/space",
            "--dims",
            "1",
            "--range",
            "-2:2",
            "--steps",
            "5",
            "--out",
            "traverse.png",
        ],
    );
    // A name that would be markup, if it were taken for it.
    let evil = d.join("runs/<img src=x onerror=alert(1)>");
    std::fs::create_dir(&evil).unwrap();
    std::fs::write(evil.join("recipe.toml"), "[model]\nname = \"<b>bold</b>\"\n").unwrap();
    let points: String = (0..400)
        .map(|i| format!("{},{}\n", 30.0 + (i as f64 / 9.0).sin(), i % 7))
        .collect();
    std::fs::write(d.join("table.csv"), format!("x,y\n{points}")).unwrap();
    std::fs::write(d.join("by-hand.json"), by_hand().to_string()).unwrap();
    let s = Served::start(d, &[]);
    let files = ["traverse.png", "table.csv", "by-hand.json"].map(|f| d.join(f));
    in_browser("studio.mjs", &s, &files.each_ref().map(PathBuf::as_path));
}

/// What the library itself says to the moves that the script makes by hand: the losses of D and G after an update of D, after one of G,
/// and after a whole step.
fn by_hand() -> Value {
    let (recipe, _) = Recipe::named("gan-ring8").unwrap().fitted().unwrap();
    let (data, train) = (
        recipe.data().unwrap().open().unwrap().dataset,
        recipe.train().unwrap(),
    );
    let key = Key::new(train.seed);
    let device = Device::flex().autodiff();
    let mut model = recipe.build(data.info(), &device, key.stream("init")).unwrap();
    let mut loader = Loader::new(data, train.batch, key.stream("data"), 0, 0).unwrap();
    let mut turn = |player, n| {
        let play = model.as_two_player().unwrap();
        play.update(player, &loader.next().unwrap(), key.stream("by hand").step(n))
            .unwrap()
    };
    let (d, g) = (turn(Player::Discriminator, 0), turn(Player::Generator, 1));
    let batches: Vec<_> = (0..model.batches_per_step())
        .map(|_| loader.next().unwrap())
        .collect();
    let step = model.step(&batches, key.stream("train").step(1), false).unwrap();
    let of = |name| step.get(name).unwrap();
    json!([
        [d, null],
        [d, g],
        [of("loss/discriminator"), of("loss/generator")]
    ])
}

/// A studio is killed while a page follows a training, and comes back.
#[test]
#[cfg(unix)]
fn a_page_goes_on_when_the_studio_comes_back() {
    let dir = folder();
    let d = dir.path();
    let mut s = Served::start(d, &[]);
    let Some(mut node) = node("returning.mjs") else {
        return;
    };
    let begun = s.post(
        "/api/train",
        &json!({"recipe": "gan-ring8", "settings": endless()}),
    );
    assert_eq!(begun.json()["run"], "gan-ring8-001");
    let said = |name: &str| d.join(name);
    let script = node
        .args([&s.url, "gan-ring8-001"])
        .args([said("follows"), said("misses")])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let waits = |name: &str| {
        for _ in 0..600 {
            if said(name).exists() {
                return;
            }
            std::thread::sleep(Duration::from_millis(100));
        }
        eprintln!("the page never {name}");
    };
    waits("follows");
    s.kill();
    waits("misses");
    s.again(d);
    let out = script.wait_with_output().unwrap();
    s.post("/api/runs/gan-ring8-001/stop", &json!({}));
    succeeded(&out);
}

/// Pictures of every page for docs/studio.md, of the runs in the folder that MENAGERIE_PICTURES_OF names.
#[test]
fn pictures_are_taken_where_they_are_asked_for() {
    let Some(folder) = std::env::var_os("MENAGERIE_PICTURES_OF").map(PathBuf::from) else {
        return;
    };
    let s = Served::of(&folder);
    let pictures = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/pictures");
    in_browser("shots.mjs", &s, &[&pictures]);
}

/// Runs a script of the studio's in Chromium, where both it and Node are found.
pub(crate) fn in_browser(script: &str, s: &Served, files: &[&Path]) {
    let Some(mut node) = node(script) else { return };
    let out = node.arg(&s.url).args(files).output().unwrap();
    succeeded(&out);
}

fn succeeded(out: &Output) {
    assert!(
        out.status.success(),
        "{}\n{}",
        String::from_utf8_lossy(&out.stdout),
        String::from_utf8_lossy(&out.stderr)
    );
}

/// Node with a script of the studio's, where it and Chromium are found.
fn node(script: &str) -> Option<Command> {
    let scripts = Path::new(env!("CARGO_MANIFEST_DIR")).join("../studio/tests/browser");
    let there = |program: &str| Command::new(program).arg("--version").output().is_ok();
    let browser = std::env::var("CHROMIUM").map_or(
        ["chromium", "chromium-browser", "google-chrome"]
            .iter()
            .any(|b| there(b)),
        |b| there(&b),
    );
    if !there("node") || !browser {
        eprintln!("skipped: the pages are tested in Chromium by Node, and one of them is not here");
        return None;
    }
    let mut node = Command::new("node");
    node.arg(scripts.join(script));
    Some(node)
}
