//! Input as people have it, from the data to what the last command says of it: tables without a test part, classes that a
//! split lacks, labels that begin at 1, grey samples.
mod support;
use serde_json::Value;
use std::path::Path;
use support::{fails, menagerie, ok};
use tempfile::TempDir;

fn words(line: &str) -> Vec<&str> {
    line.split_whitespace().collect()
}
fn fine(dir: &Path, line: &str) -> String {
    ok(dir, &words(line))
}
/// What a command that succeeds says on standard error.
fn said(dir: &Path, line: &str) -> String {
    let out = menagerie(dir, &words(line));
    let text = String::from_utf8(out.stderr).unwrap();
    assert!(out.status.success(), "{line}: {text}");
    text
}
/// The value of a metric and its definition.
fn figure(dir: &Path, line: &str, metric: &str) -> (f64, Value) {
    let all: Value = serde_json::from_str(&fine(dir, &format!("{line} --json"))).unwrap();
    let one = &all[metric];
    (one["value"].as_f64().unwrap(), one["definition"].clone())
}

/// Numbers between -15 and 15 that look like noise.
fn noise(i: usize) -> i32 {
    (i * 7919 + i * i * 31) as i32 % 31 - 15
}

/// A grey image of 8x8 around a value, as a PNG file.
fn picture(path: &Path, value: i32, seed: usize) {
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    let pixels: Vec<f32> = (0..64)
        .map(|i| (value + noise(seed * 64 + i)).clamp(0, 255) as f32 / 127.5 - 1.0)
        .collect();
    menagerie::picture::image(&pixels, [8, 8, 1])
        .grey()
        .save(path)
        .unwrap();
}

/// An IDX file of bytes.
fn idx(path: &Path, shape: &[u32], values: impl Iterator<Item = u8>) {
    let mut bytes = vec![0, 0, 8, shape.len() as u8];
    bytes.extend(shape.iter().flat_map(|n| n.to_be_bytes()));
    bytes.extend(values);
    std::fs::write(path, bytes).unwrap();
}

const PIXELS: &str = "train gated_pixel_cnn --batch 16 --threads 1 --set model.conditional=true --set model.width=4 --set model.depth=2 --set model.head=4";

#[test]
fn a_table_without_a_test_part_is_judged_against_what_it_was_trained_on() {
    let dir = TempDir::new().unwrap();
    let d = dir.path();
    let rows: Vec<String> = (0..120)
        .map(|i| format!("{},{}", noise(i), noise(i + 500)))
        .collect();
    std::fs::write(d.join("p.csv"), rows.join("\n")).unwrap();
    let line = "train real_nvp --data p.csv --steps 2 --batch 16 --threads 1 --set model.width=4";
    let printed = fine(d, &format!("{line} --out r"));
    // What is advised at the end is not asked of a part that the table has not.
    assert!(
        printed.contains("  menagerie score r\n") && !printed.contains("--split test"),
        "{printed}"
    );
    fine(d, "score r");
    fails(
        d,
        &words("score r --split test"),
        1,
        &["no test split", "--holdout 0.1"],
    );
    let (_, definition) = figure(d, "evaluate r --metrics nll", "nll");
    assert_eq!(definition["data"]["split"], "train");
    let printed = fine(d, &format!("{line} --holdout 0.25 --out held"));
    assert!(
        printed.contains("  menagerie score held --split test\n"),
        "{printed}"
    );
    fine(d, "score held --split test");
    let (_, definition) = figure(d, "evaluate held --metrics nll", "nll");
    assert_eq!(definition["data"]["split"], "test");
}

/// What a run has learned from is never reported as held out, however it is asked for.
#[test]
fn items_that_were_learned_from_are_told_where_they_are_called_a_test_split() {
    let dir = TempDir::new().unwrap();
    let d = dir.path();
    let rows: Vec<String> = (0..120)
        .map(|i| format!("{},{}", noise(i), noise(i + 500)))
        .collect();
    std::fs::write(d.join("p.csv"), rows.join("\n")).unwrap();
    let flow = "train real_nvp --steps 2 --batch 16 --threads 1 --set model.width=4";
    for run in [
        "--data digits --split all --out all",
        "--data digits --split test --out test",
        "--data digits --out train",
    ] {
        fine(
            d,
            &format!("train vae --steps 1 --batch 8 --threads 1 --set model.hidden=[8] {run}"),
        );
    }
    fine(d, &format!("{flow} --data p.csv --out whole"));
    fine(d, &format!("{flow} --data p.csv --holdout 0.2 --out held"));
    for (line, told) in [
        ("evaluate all --metrics elbo -n 16", true),
        ("evaluate test --metrics elbo -n 16", true),
        ("evaluate all --metrics elbo -n 16 --split test", true),
        ("evaluate all --metrics elbo -n 16 --split all", false),
        ("evaluate train --metrics elbo -n 16", false),
        ("score all -n 16 --split test", true),
        ("score train -n 16 --split test", false),
        ("evaluate whole --metrics nll --holdout 0.5", true),
        ("score whole --split test --holdout 0.5", true),
        ("evaluate held --metrics nll", false),
        ("evaluate held --metrics nll --holdout 0.5", true),
        ("score held --split test --holdout 0.1", false),
    ] {
        let text = said(d, line);
        assert_eq!(
            text.contains("was not trained without these items"),
            told,
            "{line}: {text}"
        );
    }
    // Such a figure has a definition of its own, and is ranked with no other.
    let (_, definition) = figure(d, "evaluate all --metrics elbo -n 16", "elbo");
    assert_eq!(definition["data"]["learned"], true);
    let (_, definition) = figure(d, "evaluate train --metrics elbo -n 16", "elbo");
    assert_eq!(definition["data"].get("learned"), None);
    // Nor is anything held out that the weights have learned from already.
    fails(
        d,
        &words("train --from whole --holdout 0.2 --steps 1 --out next"),
        2,
        &["data.holdout", "held nothing out"],
    );
    fine(
        d,
        "train --from whole --holdout 0 --set data.split=all --steps 1 --out next",
    );
    fine(d, "train --from held --steps 1 --out after");
}

/// Defaults that do not fit the data give way, which is told; what was set by hand stays.
#[test]
fn a_default_recipe_fits_its_data() {
    let dir = TempDir::new().unwrap();
    let d = dir.path();
    let rows: String = (0..40)
        .map(|i| format!("{},{}.5\n", noise(i), noise(i + 50)))
        .collect();
    std::fs::write(d.join("p.csv"), rows).unwrap();
    let vae = "train vae --steps 2 --batch 8 --threads 1 --set model.hidden=[8] --data p.csv";
    let told = said(d, &format!("{vae} --out r"));
    assert!(told.contains("model.observation = \"gaussian\""), "{told}");
    fine(d, "train --resume r --steps 3");
    fails(
        d,
        &words(&format!("{vae} --set model.observation=bernoulli --out s")),
        2,
        &["model.observation"],
    );
    for k in 0..8 {
        picture(&d.join(format!("plain/{k}.png")), 20 * k as i32, k);
    }
    let cnn = "train gated_pixel_cnn --steps 1 --batch 4 --threads 1 --set model.width=4 --set model.depth=2 --set model.head=4 \
               --data plain";
    let told = said(d, &format!("{cnn} --set train.samples=4 --out t"));
    assert!(!told.contains("model.observation"), "{told}");
}

/// Without a label, classes are drawn as often as the data have them.
#[test]
fn draws_without_a_label_follow_the_shares_of_the_data() {
    let dir = TempDir::new().unwrap();
    let d = dir.path();
    for (class, value, n) in [("common", 30, 57), ("rare", 220, 3)] {
        for k in 0..n {
            picture(&d.join(format!("d/{class}/{k}.png")), value, k);
        }
    }
    let fast = "--set optimizer.learning_rate=1e-2";
    fine(d, &format!("{PIXELS} --data d --steps 300 {fast} --out r"));
    let rare = |line: &str| {
        fine(d, line);
        let file = std::fs::read(d.join("s.npy")).unwrap();
        let values: Vec<f32> = file[file.len() - 300 * 256..]
            .as_chunks()
            .0
            .iter()
            .map(|b| f32::from_le_bytes(*b))
            .collect();
        let light = |image: &&[f32]| image.iter().sum::<f32>() > 32.0;
        values.chunks(64).filter(light).count()
    };
    let drawn = rare("sample r -n 300 --out s.npy");
    assert!((3..40).contains(&drawn), "{drawn} of 300, where 15 are meant");
    assert!(rare("sample r -n 300 --label rare --out s.npy") > 100);
}

#[test]
fn a_class_that_the_test_split_lacks_moves_no_other() {
    let dir = TempDir::new().unwrap();
    let d = dir.path();
    for (split, classes, n) in [("train", &["a", "b", "c"][..], 24), ("test", &["a", "c"], 10)] {
        for class in classes {
            let value = [20, 128, 235][(class.as_bytes()[0] - b'a') as usize];
            for k in 0..n {
                picture(&d.join(format!("d/{split}/{class}/{k}.png")), value, k);
            }
        }
    }
    fine(
        d,
        "train classifier --data d --steps 60 --batch 16 --threads 1 --out r",
    );
    let (accuracy, _) = figure(d, "evaluate r --split test", "accuracy");
    assert_eq!(accuracy, 1.0);
    // A class of another set that the run does not know is told by its name, and its items left out.
    picture(&d.join("more/test/zebra/0.png"), 128, 1);
    picture(&d.join("more/test/c/0.png"), 235, 1);
    picture(&d.join("more/train/c/0.png"), 235, 2);
    let told = said(d, "evaluate r --data more --split test");
    assert!(told.contains("does not know the classes `zebra`"), "{told}");
    let (accuracy, _) = figure(d, "evaluate r --data more --split test", "accuracy");
    assert_eq!(accuracy, 1.0);
}

#[test]
fn labels_that_begin_at_1_make_no_class_of_0() {
    let dir = TempDir::new().unwrap();
    let d = dir.path();
    std::fs::create_dir(d.join("d")).unwrap();
    for (split, n) in [("train", 45), ("test", 12)] {
        let name = |what: &str| d.join(format!("d/emnist-letters-{split}-{what}-ubyte"));
        idx(
            &name("images-idx3"),
            &[n, 8, 8],
            (0..n as usize * 64).map(|i| (i / 64 % 3 * 70 + 50) as u8 + noise(i) as u8 % 8),
        );
        idx(&name("labels-idx1"), &[n], (0..n).map(|i| (i % 3 + 1) as u8));
    }
    assert!(fine(d, "data show d").contains("3 labels: 1; 2; 3"));
    fine(d, &format!("{PIXELS} --data d --steps 2 --out r"));
    fails(
        d,
        &words("sample r --label 0 --out zero.png"),
        2,
        &["no class `0`"],
    );
    fine(d, "sample r -n 2 --label 3 --out three.png");
    let (value, _) = figure(
        d,
        "evaluate r --metrics intra-fid --extractor random:0 -n 12",
        "intra-fid",
    );
    assert!(value.is_finite());
}

#[test]
fn grey_samples_are_grey_files_that_can_be_judged_beside_their_data() {
    let dir = TempDir::new().unwrap();
    let d = dir.path();
    fine(
        d,
        "train dcgan --data digits --steps 2 --batch 8 --threads 1 --set model.width=4 --out r",
    );
    fine(d, "sample r -n 40 --out pictures/");
    let shown = fine(d, "data show pictures --json");
    let shown: Value = serde_json::from_str(&shown).unwrap();
    assert_eq!(shown["shape"], serde_json::json!([8, 8, 1]));
    // The list that the command left there is nobody's lost item.
    let out = menagerie(d, &["data", "show", "pictures"]);
    assert_eq!(String::from_utf8_lossy(&out.stderr), "");
    let judge = |what: &str| {
        let line = format!("evaluate {what} --data digits --metrics fid --extractor pixels -n 40");
        figure(d, &line, "fid").0
    };
    let (files, run) = (judge("pictures"), judge("r"));
    // Other draws of the same model; three channels in place of one would triple it.
    assert!((files / run - 1.0).abs() < 0.1, "{files} and {run}");
}

#[test]
fn a_class_that_a_run_does_not_know_is_refused_with_those_it_knows() {
    let dir = TempDir::new().unwrap();
    let d = dir.path();
    for (class, value) in [("light", 220), ("dark", 30)] {
        for k in 0..6 {
            picture(&d.join(format!("d/{class}/{k}.png")), value, k);
        }
    }
    let vae = "train vae --steps 2 --batch 8 --threads 1 --set model.hidden=[8]";
    fine(d, &format!("{vae} --data d --out known"));
    ok(d, &["arithmetic", "known", "light - dark", "--data", "d"]);
    fails(
        d,
        &["arithmetic", "known", "label:7 - label:1", "--data", "digits"],
        2,
        &["known has no class `7`", "known: dark, light"],
    );
    // A run of data without classes takes the names that other data have.
    for k in 0..8 {
        picture(&d.join(format!("plain/{k}.png")), 30 * k as i32, k);
    }
    fine(d, &format!("{vae} --data plain --out free"));
    ok(
        d,
        &["arithmetic", "free", "label:7 - label:1", "--data", "digits"],
    );
    fails(
        d,
        &["arithmetic", "free", "label:zebra", "--data", "digits"],
        2,
        &["digits has no class `zebra`", "known: 0, 1, 2"],
    );
    fails(
        d,
        &["arithmetic", "known", "label:light", "--data", "plain"],
        2,
        &["no class `light`"],
    );
}

#[test]
fn threads_beyond_what_any_machine_has_are_refused() {
    let dir = TempDir::new().unwrap();
    for n in ["10000", "40000"] {
        let line = ["train", "dcgan", "--steps", "1", "--threads", n];
        fails(dir.path(), &line, 2, &["too many", "at most"]);
    }
    assert!(!dir.path().join("runs").exists());
}

#[test]
fn rates_are_told_in_the_units_of_the_data() {
    let dir = TempDir::new().unwrap();
    let d = dir.path();
    let gan = "train gan --data ring8 --steps 1 --batch 8 --threads 1 --set model.width=4";
    assert!(said(d, gan).contains(" points/s "));
    let sounds = "train wavenet --data tones --length 64 --steps 1 --batch 1 --threads 1 --set model.width=4 \
                  --set model.cycles=1 --set model.layers=2";
    assert!(said(d, sounds).contains(" sounds/s "));
    assert!(
        said(
            d,
            "train dcgan --data digits --steps 1 --batch 8 --set model.width=4"
        )
        .contains(" images/s ")
    );
}

#[test]
fn numbers_that_cannot_be_are_refused_in_a_sentence() {
    let dir = TempDir::new().unwrap();
    let d = dir.path();
    let small = "train dcgan --data digits --steps 1 --batch 8 --threads 1 --set model.width=4";
    for (line, said) in [
        (
            "train dcgan --seed 18446744073709551616",
            "--seed 18446744073709551616 is beyond 2^64 - 1",
        ),
        ("train dcgan --seed -1", "--seed -1 is negative"),
        ("train dcgan --steps -5", "--steps -5: negative"),
        ("train dcgan --batch 2.5", "--batch 2.5 is not a whole number"),
        ("sample r -n -4", "-4 is negative"),
        ("train dcgan --set train.seed=-1", "-1 is negative"),
        (
            "train dcgan --set train.seed=18446744073709551616",
            "beyond 2^64 - 1",
        ),
    ] {
        fails(d, &words(line), 2, &[said]);
    }
    // The largest seed is one, from the flag to the recipe and back.
    fine(d, &format!("{small} --seed 18446744073709551615 --out a"));
    fine(
        d,
        &format!("{small} --set train.seed=18446744073709551615 --out b"),
    );
    fine(d, &format!("{small} --seed 9223372036854775807 --out c"));
    let recipe = |run: &str| std::fs::read_to_string(d.join(run).join("recipe.toml")).unwrap();
    assert!(recipe("a") == recipe("b") && recipe("a") != recipe("c"));
    fine(d, "train --resume a --steps 2");
    fine(d, "train --recipe a/recipe.toml --seed 3 --out e --steps 1");
    assert!(recipe("e").contains("seed = 3\n"));
}

#[test]
fn folders_may_have_any_name() {
    let dir = TempDir::new().unwrap();
    let d = dir.path();
    for name in ["a\u{1b}b", "a\u{7f}b", "a\"b", "e\u{301}t\u{e9} \u{200b}x"] {
        for k in 0..4 {
            picture(&d.join(name).join(format!("{k}.png")), 100, k);
        }
        let out = menagerie(d, &["data", "show", name]);
        assert!(
            out.status.success(),
            "{name:?}: {}",
            String::from_utf8_lossy(&out.stderr)
        );
        let run = [
            "train", "vae", "--data", name, "--steps", "1", "--batch", "4", "--out", "r",
        ];
        ok(d, &run);
        ok(d, &["train", "--resume", "r", "--steps", "2"]);
        std::fs::remove_dir_all(d.join("r")).unwrap();
    }
}

#[test]
fn photos_without_classes_are_judged_by_what_is_learned_from_them() {
    let dir = TempDir::new().unwrap();
    let d = dir.path();
    for k in 0..24 {
        picture(&d.join(format!("photos/{k:02}.png")), 10 * k as i32, k);
    }
    let gan = "train dcgan --steps 1 --batch 8 --threads 1 --set model.width=4";
    fine(d, &format!("{gan} --data photos --out r"));
    assert!(fine(d, "evaluate r --metrics fid -n 24").starts_with("fid(learned) "));
    let (first, definition) = figure(d, "evaluate r --metrics fid -n 24", "fid");
    assert_eq!(definition["extractor"], "learned");
    // What was learned is kept: a second time there is nothing to learn, and the figure is the same.
    let kept = || {
        let all = std::fs::read_dir(d.join("cache/menagerie")).unwrap();
        let names = all.map(|e| e.unwrap().file_name().into_string().unwrap());
        names.filter(|n| n.starts_with("learned-")).collect::<Vec<_>>()
    };
    assert_eq!(kept().len(), 1);
    assert_eq!(figure(d, "evaluate r --metrics fid -n 24", "fid").0, first);
    // Named, it serves any images; without a name, data with classes keep the baseline.
    fine(d, &format!("{gan} --data digits --out g"));
    assert!(fine(d, "evaluate g --metrics fid -n 24").starts_with("fid(random:0) "));
    assert!(fine(d, "evaluate g --metrics fid -n 24 --extractor learned").starts_with("fid(learned) "));
    assert_eq!(kept().len(), 2);
    fine(
        d,
        &format!(
            "{gan} --data photos --out j --evaluate-every 1 --set evaluate.extractor=learned --set evaluate.n=24"
        ),
    );
    fails(
        d,
        &words("evaluate r --metrics fid --extractor learned --resize clean"),
        2,
        &["takes images as they are"],
    );
}

#[test]
fn the_page_of_a_run_has_every_evaluation() {
    let dir = TempDir::new().unwrap();
    let d = dir.path();
    fine(
        d,
        "train dcgan --data digits --steps 4 --batch 8 --threads 1 --set model.width=4 --evaluate-every 2 \
         --set evaluate.metrics=fid --set evaluate.n=20 --out r",
    );
    let told = |metric: &str| {
        let page = std::fs::read_to_string(d.join("r/index.html")).unwrap();
        page.matches(&format!("\"{metric}(random:0)\":{{")).count()
    };
    assert_eq!((told("fid"), told("swd")), (2, 0));
    fine(d, "evaluate r --metrics swd -n 30");
    assert_eq!((told("fid"), told("swd")), (2, 1));
}
