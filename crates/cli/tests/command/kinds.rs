//! Shapes of voxels, music, what experts do, and labels of what is translated, through the command.
use crate::support::{fails, ok};
use std::path::Path;
use tempfile::tempdir;

fn words(line: &str) -> Vec<&str> {
    line.split_whitespace().collect()
}

fn fine(dir: &Path, line: &str) -> String {
    ok(dir, &words(line))
}

/// Shapes go out as meshes and come back as the same kind of data; one file holds one.
#[test]
fn shapes_go_out_as_meshes_and_come_back() {
    let dir = tempdir().unwrap();
    let d = dir.path();
    fine(
        d,
        "train gan3d --threads 1 --steps 2 --batch 4 --set model.width=4 --set train.samples=4 --size 8 --limit 40 --out r",
    );
    fine(d, "sample r -n 3 --out meshes/");
    fine(d, "sample r --out one.obj");
    assert!(
        std::fs::read_to_string(d.join("one.obj"))
            .unwrap()
            .contains("\nf ")
    );
    let said = fine(d, "data show meshes --size 8 --out back.png");
    assert!(said.contains("3 shapes of 8x8x8x1"), "{said}");
    fails(d, &words("sample r -n 3 --out x.obj"), 2, &["one shape", "x/"]);
    fine(d, "data show shapes:pressed -n 3 --out pressed.png");
    fails(
        d,
        &words("data show shapes:pressed -n 3 --out pressed/"),
        2,
        &["each of these items holds 2"],
    );
    std::fs::write(d.join("meshes/empty.obj"), "v 0 0 0\n").unwrap();
    let all = "data show meshes --size 8 --max-bad 0";
    fails(d, &words(all), 1, &["empty.obj", "no faces"]);
}

/// Music goes out as MIDI and comes back as the same kind of data; one file holds one piece.
#[test]
fn music_goes_out_as_midi_and_comes_back() {
    let dir = tempdir().unwrap();
    let d = dir.path();
    let tiny = "--steps 2 --batch 4 --set model.width=4 --set train.samples=4 --limit 40";
    fine(d, &format!("train c_rnn_gan --threads 1 {tiny} --out r"));
    assert!(d.join("r/samples/000002.mid").exists());
    fine(d, "sample r -n 3 --out pieces/");
    fine(d, "sample r --out one.mid");
    let said = fine(d, "data show pieces --out back.png");
    assert!(said.contains("3 pieces of music of 32x4"), "{said}");
    fails(d, &words("sample r -n 3 --out x.mid"), 2, &["one piece", "x/"]);
    std::fs::write(d.join("pieces/broken.mid"), "MThd").unwrap();
    fails(d, &words("data show pieces --max-bad 0"), 1, &["broken.mid"]);
    std::fs::write(
        d.join("silent.mid"),
        b"MThd\0\0\0\x06\0\0\0\x01\0\x60MTrk\0\0\0\x04\0\xff\x2f\0",
    )
    .unwrap();
    fails(
        d,
        &words("data show silent.mid"),
        1,
        &["error: .: ", "silent.mid: has no notes"],
    );
    fails(d, &words("data show one.mid --length 33"), 1, &["33", "--length"]);
    let odd = "train c_rnn_gan --data pieces --max-bad 0.5 --length 5 --out s";
    fails(d, &words(odd), 2, &["model.latent", "5 notes"]);
    fails(
        d,
        &words("train gan --data melodies --out s"),
        1,
        &["pieces of music"],
    );
}

/// What is shown of data is a picture by its name, or what the kind is written as; a name of neither is refused.
#[test]
fn what_is_shown_is_what_the_name_says() {
    let dir = tempdir().unwrap();
    let d = dir.path();
    fine(d, "data show expert:maze -n 20 --out steps.csv");
    let table = std::fs::read_to_string(d.join("steps.csv")).unwrap();
    assert!(table.starts_with("row,column,action\n"), "{table}");
    fails(
        d,
        &words("data show expert:mase"),
        2,
        &["`mase`", "did you mean `maze`"],
    );
    fails(
        d,
        &words("data show expert:moon"),
        2,
        &["`moon`", "cart_pole, pendulum, maze"],
    );
    fails(d, &words("data show digits --out x.csv"), 2, &["x.csv"]);
    fails(d, &words("data show digits --out x.txt"), 2, &["x.txt"]);
    assert!(!d.join("x.txt").exists());
}

/// A model that acts is played, and filmed; others are not.
#[test]
fn agents_are_played() {
    let dir = tempdir().unwrap();
    let d = dir.path();
    fine(
        d,
        "train gail --threads 1 --steps 2 --set model.width=8 --set imitation.episodes=2 --out r",
    );
    let said = fine(d, "play r --episodes 2 --out film.gif");
    assert!(
        said.contains("cart_pole") && d.join("film.gif").exists(),
        "{said}"
    );
    fails(d, &words("play r --out film.png"), 2, &[".gif"]);
    fine(
        d,
        "train gan --data ring8 --threads 1 --steps 1 --set model.width=8 --out g",
    );
    fails(d, &words("play g"), 2, &["act", "gail"]);
    let moon = "train gail --steps 1 --set imitation.environment=\"pendulum\" --out m";
    fails(d, &words(moon), 1, &["pendulum", "expert:pendulum"]);
}

/// What images are called stays with them when they are translated.
#[test]
fn translations_keep_labels() {
    let dir = tempdir().unwrap();
    let d = dir.path();

    fine(
        d,
        "train cycle_gan --data digits::negative:digits --size 16 --limit 20 --threads 1 --steps 1 --set model.width=4 --set critic.width=4 --out r",
    );
    fine(d, "translate r -n 4 --out made/");
    let table = std::fs::read_to_string(d.join("made/metadata.csv")).unwrap();
    let lines: Vec<&str> = table.lines().collect();
    assert_eq!((lines[0], lines.len()), ("file_name,label", 5));
    let said = fine(d, "data show made");
    assert!(said.contains("labels"), "{said}");
    for class in ["cat", "dog"] {
        std::fs::create_dir_all(d.join("in").join(class)).unwrap();
        std::fs::copy(d.join("made/00000.png"), d.join("in").join(class).join("1.png")).unwrap();
    }
    fine(d, "translate r --data in --out again/");
    let table = std::fs::read_to_string(d.join("again/metadata.csv")).unwrap();
    assert!(
        table.contains("cat-1.png,cat\n") && table.contains("dog-1.png,dog\n"),
        "{table}"
    );
}

/// Descriptions that lie in shards reach the models that learn from them, as those of their source do.
#[test]
fn descriptions_of_shards_are_learned_from() {
    let dir = tempdir().unwrap();
    let d = dir.path();
    fine(
        d,
        "data pack portraits --size 8 --limit 40 --shard-size 8kB --out packed",
    );
    fine(
        d,
        "train gan_cls --data packed --batch 8 --steps 2 --threads 1 --set model.width=4 --set model.latent=8 --set text.words=8 \
         --set text.features=8 --set text.steps=1 --out r",
    );
    fine(d, "sample r --text hair -n 2 --out two.png");
}

/// The parts of a source are told, those of lists as all others, and a training takes the part that it is told.
#[test]
fn parts_are_told() {
    let dir = tempdir().unwrap();
    let d = dir.path();
    let told = |line: &str, splits: &str| {
        let said = fine(d, line);
        assert!(said.lines().any(|l| l == format!("splits: {splits}")), "{said}");
    };
    told("data show digits", "1,437 train, 360 test");
    told("data show digits --split test", "1,437 train, 360 test");
    for k in 0..6 {
        let image = image::GrayImage::from_pixel(8, 8, image::Luma([40 * k]));
        std::fs::create_dir_all(d.join("set/images")).unwrap();
        image.save(d.join(format!("set/images/{k}.png"))).unwrap();
    }
    told("data show set", "6 train, no test");
    std::fs::write(d.join("set/train.csv"), "id,label\n0,a\n1,b\n2,a\n3,b\n").unwrap();
    std::fs::write(d.join("set/test.csv"), "id,label\n4,c\n5,a\n").unwrap();
    told("data show set", "4 train, 2 test");
    let shown = fine(d, "data show set --split test --json");
    let shown: serde_json::Value = serde_json::from_str(&shown).unwrap();
    assert_eq!(shown["splits"], serde_json::json!({"train": 4, "test": 2}));
    assert_eq!(shown["labels"], serde_json::json!(["a", "b", "c"]));
    fine(
        d,
        "train classifier --data set --steps 2 --batch 2 --threads 1 --set model.width=4 --out r",
    );
    let judged = fine(d, "evaluate r -n 2 --metrics accuracy --json");
    assert!(judged.contains("\"test\""), "{judged}");
    std::fs::write(d.join("set/test.csv"), "id,label\n4,c\n5,a\n9,a\n").unwrap();
    let words = ["data", "show", "set", "--split", "test"];
    fails(d, &words, 1, &["1 of 3 images", "test.csv", "`9`, line 4"]);
}

/// What was planted into sequences is named, by the motifs of a file, and what cannot be compared is told in a line.
#[test]
fn motifs_in_sequences_are_named() {
    let dir = tempdir().unwrap();
    let d = dir.path();
    let random = |k: usize| -> String {
        let mut state = k as u64 * 2_654_435_761 + 12345;
        let mut next = || {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            b"ACGT"[(state >> 60) as usize % 4] as char
        };
        (0..30).map(|_| next()).collect()
    };
    let (mut planted, mut plain, mut rna) = (String::new(), String::new(), String::new());
    for k in 0..60 {
        let (mut with, without) = (random(k), random(100 + k));
        // Read on the other strand, where it is not its own reverse.
        with.replace_range(k % 20..k % 20 + 8, "TTTCCGCC");
        planted += &format!(">p{k}\n{with}\n");
        plain += &format!(">q{k}\n{without}\n");
        rna += &format!(">r{k}\n{}\n", with.replace('T', "U"));
    }
    for (name, text) in [("planted.fa", &planted), ("plain.fa", &plain), ("rna.fa", &rna)] {
        std::fs::write(d.join(name), text).unwrap();
    }
    let row = |letter: char, motif: &str| {
        let counts = motif.chars().map(|c| if c == letter { "90" } else { "1" });
        format!("{letter} [ {} ]\n", counts.collect::<Vec<_>>().join(" "))
    };
    let motif = |name: &str, letters: &str| {
        let rows: String = "ACGT".chars().map(|l| row(l, letters)).collect();
        format!(">{name}.1\t{name}\n{rows}\n")
    };
    let file = motif("E2F", "GGCGGAAA") + &motif("CREB", "TGACGTCA");
    std::fs::write(d.join("m.jaspar"), file).unwrap();
    let said = fine(d, "data motifs planted.fa --motifs m.jaspar --against plain.fa");
    assert!(
        said.contains("E2F.1") && said.contains("100.0 %") && !said.contains("CREB"),
        "{said}"
    );
    let json = fine(
        d,
        "data motifs planted.fa --motifs m.jaspar --against plain.fa --json",
    );
    let all: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert!(
        all[0]["name"] == "E2F" && all[0]["share"] == 1.0 && all[1]["name"] == "CREB",
        "{json}"
    );
    // RNA has one strand, and so has DNA where that is asked for.
    for line in [
        "data motifs rna.fa --motifs m.jaspar --against plain.fa",
        "data motifs planted.fa --motifs m.jaspar --against plain.fa --single-strand",
    ] {
        let said = fine(d, line);
        assert!(said.contains("no motif is more frequent"), "{line}: {said}");
    }
    std::fs::write(d.join("bad.jaspar"), ">x\nA 1 2\nC 1 2\n").unwrap();
    for (line, status, told) in [
        (
            "data motifs planted.fa --motifs bad.jaspar --against plain.fa",
            1,
            "x has no row of G",
        ),
        (
            "data motifs planted.fa --motifs none.jaspar --against plain.fa",
            1,
            "none.jaspar",
        ),
        (
            "data motifs proteins --motifs m.jaspar --against plain.fa",
            2,
            "motifs are of nucleotides",
        ),
        (
            "data motifs digits --motifs m.jaspar --against plain.fa",
            2,
            "motifs are of nucleotides",
        ),
        (
            "data motifs planted.fa --motifs m.jaspar --against plain.fa --share 2",
            2,
            "--share 2",
        ),
    ] {
        fails(d, &words(line), status, &[told]);
    }
}
