//! What the pages and `--help` promise: every command in them runs, in order, in a folder where nothing lies but the data that
//! they name. Models are made tiny, trainings take two steps.
mod facts;
#[allow(dead_code)]
#[path = "../support/mod.rs"]
mod support;

use menagerie::models;
use menagerie::recipe::Recipe;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use support::menagerie as call;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn page(name: &str) -> String {
    std::fs::read_to_string(root().join(name)).unwrap()
}

/// Every page that people read.
fn pages() -> Vec<String> {
    let docs = std::fs::read_dir(root().join("docs")).unwrap();
    let mut all: Vec<String> = docs
        .map(|f| format!("docs/{}", f.unwrap().file_name().to_str().unwrap()))
        .filter(|n| n.ends_with(".md"))
        .chain(["README.md".into(), "CONTRIBUTING.md".into()])
        .collect();
    all.sort();
    all
}

// ---- the data that pages name -------------------------------------------------------------------------------------

/// An IDX file of bytes.
fn idx(path: &Path, shape: &[u32], values: impl Iterator<Item = u8>) {
    let mut bytes = vec![0, 0, 8, shape.len() as u8];
    shape.iter().for_each(|n| bytes.extend(n.to_be_bytes()));
    bytes.extend(values);
    std::fs::write(path, bytes).unwrap();
}

/// `your/photos`, `your/drawings`, `your/mnist`, `your/fashion-mnist`, `your/recordings`, `your/tunes`: a few items of each kind.
fn lay_out(folder: &Path) {
    let your = folder.join("your");
    for name in ["mnist", "fashion-mnist"] {
        let dir = your.join(name);
        std::fs::create_dir_all(&dir).unwrap();
        for (part, count) in [("train", 60u32), ("t10k", 30)] {
            let pixels = (0..count * 28 * 28).map(|i| (i % 251 + i / 784) as u8);
            idx(
                &dir.join(format!("{part}-images-idx3-ubyte")),
                &[count, 28, 28],
                pixels,
            );
            let labels = (0..count).map(|i| (i % 10) as u8);
            idx(&dir.join(format!("{part}-labels-idx1-ubyte")), &[count], labels);
        }
    }
    // Ten columns, and a gap in every row.
    let row = |r: usize| {
        (0..10)
            .map(|c| {
                if c == r % 10 {
                    String::new()
                } else {
                    format!("{}", r * c % 7)
                }
            })
            .collect::<Vec<_>>()
            .join(",")
    };
    let table: Vec<String> = (0..30).map(row).collect();
    std::fs::write(your.join("table.csv"), table.join("\n") + "\n").unwrap();
    let (mut family, mut smiles) = (String::new(), String::new());
    for k in 0..40 {
        let letter = |c: usize| char::from(b"ACDEFGHIKL-"[(k * 7 + c * c + k * c) % 11]);
        let letters: String = (0..12).map(letter).collect();
        family += &format!(">protein_{k}\n{letters}\n");
        smiles += &format!("{}{}\n", "C".repeat(1 + k % 5), ["N", "O", "=O", "C#N"][k % 4]);
    }
    std::fs::write(your.join("family.fasta"), family).unwrap();
    std::fs::write(your.join("molecules.smi"), smiles).unwrap();
    let promoter = |k: usize| {
        let letters: String = (0..20)
            .map(|c| b"ACGT"[(k * 5 + c * c + k * c) % 4] as char)
            .collect();
        format!(">promoter_{k}\n{letters}\n")
    };
    let promoters: String = (0..30).map(promoter).collect();
    std::fs::write(your.join("promoters.fasta"), promoters).unwrap();
    let motif = ">M1 TATA\nA [0 9 0 9 8]\nC [1 0 1 0 1]\nG [0 1 0 1 0]\nT [9 0 9 0 1]\n";
    std::fs::write(your.join("motifs.jaspar"), motif).unwrap();
    let photos = your.join("photos");
    std::fs::create_dir_all(&photos).unwrap();
    for k in 0..40u8 {
        let pixel = |x: u32, y: u32| image::Rgb([x as u8 * 12, y as u8 * 12, k * 6]);
        let path = photos.join(format!("{k:02}.png"));
        image::RgbImage::from_fn(20, 20, pixel).save(path).unwrap();
    }
    let drawings = your.join("drawings");
    std::fs::create_dir_all(&drawings).unwrap();
    for k in 0..30u8 {
        let pixel = |x: u32, y: u32| image::Rgb([(x * y) as u8, k * 8, 90]);
        let path = drawings.join(format!("drawing-{k:02}.png"));
        image::RgbImage::from_fn(24, 20, pixel).save(path).unwrap();
    }
    image::GrayImage::from_fn(16, 16, |x, _| image::Luma([if x < 8 { 255 } else { 0 }]))
        .save(folder.join("mask.png"))
        .unwrap();
    let weights = Path::new(env!("CARGO_MANIFEST_DIR")).join("../menagerie/tests/fixtures");
    for name in ["netG.pth", "netD.pth", "G_ema.pth", "D.pth"] {
        std::fs::copy(weights.join(name), folder.join(name)).unwrap();
    }
    let tunes = your.join("tunes");
    std::fs::create_dir_all(&tunes).unwrap();
    for k in 0..6u32 {
        let note = |i: u32| [1.0, (60 + (k * i) % 7) as f32, 0.5, 1.0];
        let notes: Vec<f32> = (0..40).flat_map(note).collect();
        std::fs::write(
            tunes.join(format!("{k}.mid")),
            menagerie::data::midi(&notes).unwrap(),
        )
        .unwrap();
    }
    for part in ["train", "test"] {
        let dir = your.join("recordings").join(part);
        std::fs::create_dir_all(&dir).unwrap();
        for k in 0..4u32 {
            let tone: Vec<f32> = (0..8000)
                .map(|t| (t as f32 * (0.05 + 0.01 * k as f32)).sin())
                .collect();
            menagerie::data::write_wav(&dir.join(format!("{k}.wav")), &tone, 8000, 1).unwrap();
        }
    }
}

// ---- commands of pages --------------------------------------------------------------------------------------------

/// Words of a line as a shell takes them: quotes, and a comment to the end.
fn words(line: &str) -> Vec<String> {
    let (mut out, mut word, mut quote) = (Vec::new(), None::<String>, None);
    for c in line.chars() {
        match (quote, c) {
            (Some(q), c) if c == q => quote = None,
            (None, '\'' | '"') => {
                quote = Some(c);
                word.get_or_insert_default();
            }
            (None, '#') if word.is_none() => break,
            (None, c) if c.is_whitespace() => out.extend(word.take()),
            (_, c) => word.get_or_insert_default().push(c),
        }
    }
    assert!(quote.is_none(), "{line}: a quote is open");
    out.extend(word);
    out
}

/// The commands of a page's `sh` blocks, in order; lines that end in `\` go on.
fn commands(text: &str) -> Vec<Vec<String>> {
    let (mut out, mut inside) = (Vec::new(), false);
    let joined = text.replace("\\\n", " ");
    for line in joined.lines() {
        match line.trim_end() {
            "```sh" => inside = true,
            "```" => inside = false,
            _ if inside => out.extend(line.split(" && ").map(words).filter(|w| !w.is_empty())),
            _ => {}
        }
    }
    out
}

/// What follows a command's name where it is ours: `menagerie ...` or `cargo run --release -- ...`.
fn ours(command: &[String]) -> Option<&[String]> {
    match command {
        [first, rest @ ..] if first == "menagerie" => Some(rest),
        [a, b, c, d, rest @ ..] if [a, b, c, d] == ["cargo", "run", "--release", "--"] => Some(rest),
        _ => None,
    }
}

/// Commands that pages may name beside ours: this test does not run them.
const OTHERS: [&str; 9] = [
    "cargo",
    "MENAGERIE_FAULTS=all",
    "python",
    "export",
    "menagerie-bench",
    "git",
    "CARGO_TARGET_DIR=target-wgpu",
    ".ci/run",
    "rustup",
];

/// A value of a flag is replaced where the flag is given.
fn replace(args: &mut [String], flag: &str, value: &str) {
    if let Some(i) = args.iter().position(|a| a == flag)
        && let Some(given) = args.get_mut(i + 1)
    {
        *given = value.into();
    }
}

/// The command with a tiny model, few steps and few items.
fn tiny(args: &[String]) -> Vec<String> {
    let mut args = args.to_vec();
    match args.first().map(String::as_str) {
        Some("train") => {
            let resumed = args.iter().any(|a| a == "--resume");
            replace(&mut args, "--evaluate-every", "1");
            if resumed {
                replace(&mut args, "--steps", "4");
                return args;
            }
            match args.iter().any(|a| a == "--steps") {
                true => replace(&mut args, "--steps", "2"),
                false => args.extend(["--steps".into(), "2".into()]),
            }
            // Another run says what the model is.
            let name = match args.iter().position(|a| a == "--recipe" || a == "--from") {
                Some(_) => return args,
                None => args[1].clone(),
            };
            args.extend(small(&name).into_iter().flat_map(|s| ["--set".into(), s]));
        }
        Some("evaluate") if args.len() > 2 => {
            replace(&mut args, "--every", "1");
            match args.iter().any(|a| a == "-n") {
                true => replace(&mut args, "-n", "40"),
                false => args.extend(["-n".into(), "40".into()]),
            }
        }
        _ => {}
    }
    args
}

/// Settings that make a recipe's model tiny.
fn small(recipe: &str) -> Vec<String> {
    let recipe = Recipe::named(recipe).unwrap();
    let entry = models::entry(recipe.model_name()).unwrap();
    let source = recipe.data().unwrap().source;
    let of_points = [
        "ring8",
        "grid25",
        "swissroll",
        "moons",
        "table",
        "hiring",
        "claims",
    ]
    .contains(&source.as_str())
        || source.starts_with("simulator:")
        || source.starts_with("expert:")
        || source.starts_with("chance:");
    // Points have no size, whatever the model is tested on elsewhere.
    let tiny = entry
        .tiny
        .iter()
        .filter(|(k, _)| !(of_points && *k == "data.size"));
    let mut out: Vec<String> = tiny.map(|(k, v)| format!("{k}={v}")).collect();
    out.push("train.checkpoint_every=1".into());
    let has = |key: &str| entry.tiny.iter().any(|(k, _)| *k == key);
    // Latents of videos have a part for every frame, those of music one for every note.
    if has("model.latent") && !has("model.motion") && source != "melodies" {
        out.push("model.latent=8".into());
    }
    let has_its_size = [
        "proteins",
        "dna",
        "molecules",
        "brackets",
        "entailment",
        "translation",
        "dialogue",
        "melodies",
        "jets",
        "showers",
        "corners",
    ]
    .contains(&source.as_str());
    if !of_points && !has_its_size && source != "tones" && source != "speech" {
        // One size for all, so that a reader of one run takes what another draws.
        out.push("data.size=16".into());
    }
    let samples = if source == "tones" || source == "speech" {
        2
    } else {
        4
    };
    out.extend([
        "train.batch=8".into(),
        format!("train.samples={samples}"),
        "train.log_every=1".into(),
        "train.checkpoint_every=1".into(),
        "evaluate.n=40".into(),
    ]);
    out
}

/// With `runs/*` as a shell makes of it.
fn globbed(folder: &Path, args: Vec<String>) -> Vec<String> {
    let expand = |a: String| match a.strip_suffix("/*") {
        Some(parent) => {
            let all = std::fs::read_dir(folder.join(parent)).unwrap();
            let mut names: Vec<String> = all
                .map(|f| format!("{parent}/{}", f.unwrap().file_name().to_str().unwrap()))
                .collect();
            names.sort();
            names
        }
        None => vec![a],
    };
    args.into_iter().flat_map(expand).collect()
}

/// What does not end by itself is ended once it answers; its port is any that is free.
fn served(folder: &Path, args: &[String]) -> Option<String> {
    let known = ["--open", "--port"];
    let odd = args
        .iter()
        .find(|a| a.starts_with('-') && !known.contains(&a.as_str()));
    let page = support::server::Served::start(folder, &[]).get("/");
    match (odd, page.status) {
        (None, 200) => None,
        (odd, status) => Some(format!("menagerie {}: {odd:?}, status {status}", args.join(" "))),
    }
}

/// Runs one of our commands and gives what was wrong.
fn failure(folder: &Path, args: &[String]) -> Option<String> {
    if args.first().is_some_and(|a| a == "studio") {
        return served(folder, args);
    }
    let mut args = globbed(folder, tiny(args));
    // What is written into a file by the shell.
    if let Some(at) = args.iter().position(|a| a == ">") {
        args.truncate(at);
    }
    let words: Vec<&str> = args.iter().map(String::as_str).collect();
    let out = call(folder, &words);
    let said = String::from_utf8_lossy(&out.stderr);
    (!out.status.success() || said.contains("panicked"))
        .then(|| format!("menagerie {}\n{said}", words.join(" ")))
}

/// Runs a page's commands one after the other in an empty folder.
fn runs(name: &str) {
    let folder = tempfile::tempdir().unwrap();
    lay_out(folder.path());
    let mut wrong = Vec::new();
    for command in commands(&page(name)) {
        match ours(&command) {
            Some(args) => wrong.extend(failure(folder.path(), args)),
            None => assert!(
                OTHERS.contains(&command[0].as_str()),
                "{name}: who is {command:?}? Only commands go into `sh` blocks"
            ),
        }
    }
    assert!(wrong.is_empty(), "{name}:\n{}", wrong.join("\n"));
}

macro_rules! pages {
    ($($test:ident, $page:literal;)*) => {
        $(
            #[test]
            fn $test() {
                runs($page);
            }
        )*

        /// A page whose commands nobody runs would be forgotten.
        #[test]
        fn every_page_with_commands_is_run() {
            let run = [$($page),*];
            let has_ours = |p: &String| commands(&page(p)).iter().any(|c| ours(c).is_some());
            let forgotten: Vec<String> = pages()
                .into_iter()
                .filter(|p| !run.contains(&p.as_str()) && has_ours(p))
                .collect();
            assert!(forgotten.is_empty(), "{forgotten:?}: add them to the list of this test");
        }
    };
}

pages! {
    readme, "README.md";
    contributing, "CONTRIBUTING.md";
    adaptation, "docs/adaptation.md";
        adversarial, "docs/adversarial.md";
    agents, "docs/agents.md";

    anomalies, "docs/anomalies.md";
    attacks, "docs/attacks.md";
    autoregressive, "docs/autoregressive.md";
    data, "docs/data.md";
        energy, "docs/energy.md";
    flows, "docs/flows.md";
    games, "docs/games.md";
    hiding, "docs/hiding.md";
    inference, "docs/inference.md";
    latents, "docs/latents.md";
    localisation, "docs/localisation.md";
    metrics, "docs/metrics.md";
    music, "docs/music.md";
        physics, "docs/physics.md";
        shapes, "docs/shapes.md";
    videos, "docs/videos.md";


    pixel_rnn, "docs/pixel-rnn.md";
    privacy, "docs/privacy.md";
        scale, "docs/scale.md";
    shipping, "docs/shipping.md";
    sequences, "docs/sequences.md";
    sound, "docs/sound.md";

    studio, "docs/studio.md";
    tables, "docs/tables.md";
    text_to_image, "docs/text-to-image.md";
    translation, "docs/translation.md";
    variational, "docs/variational.md";
}

// ---- help ---------------------------------------------------------------------------------------------------------

/// Every command and sub-command, by what `--help` lists.
fn helps(folder: &Path) -> Vec<(Vec<String>, String)> {
    let mut all = Vec::new();
    let mut open: Vec<Vec<String>> = vec![vec![]];
    while let Some(path) = open.pop() {
        let args: Vec<&str> = path.iter().map(String::as_str).chain(["--help"]).collect();
        let text = support::ok(folder, &args);
        let listed = text.lines().skip_while(|l| *l != "Commands:").skip(1);
        for line in listed.take_while(|l| !l.is_empty()) {
            let name = line.strip_prefix("  ").and_then(|l| l.split_whitespace().next());
            if let Some(name) = name.filter(|n| *n != "help" && !line.starts_with("   ")) {
                open.push([path.clone(), vec![name.into()]].concat());
            }
        }
        all.push((path, text));
    }
    all
}

/// The runs that an example reads are trained first, by the recipe in their name: `runs/dcgan-001`.
fn train_what_is_read(folder: &Path, args: &[String]) {
    if args[0] == "train" && !args.iter().any(|a| a == "--resume" || a == "--target") {
        return;
    }
    for word in args {
        let run = word.rsplit_once(':').map_or(word.as_str(), |w| w.1);
        let Some(recipe) = run
            .strip_prefix("runs/")
            .and_then(|r| r.get(..r.len().checked_sub(4)?))
        else {
            continue;
        };
        if !folder.join(run).exists() {
            let train = ["train", recipe, "--out", run].map(String::from);
            assert_eq!(failure(folder, &train), None);
        }
        if args[0] == "compare" {
            let judge = ["evaluate", run, "--metrics", "fid", "--every", "1"].map(String::from);
            assert_eq!(failure(folder, &judge), None);
        }
    }
}

#[test]
fn examples_of_help_run() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    lay_out(folder);
    let (mut wrong, mut seen) = (Vec::new(), BTreeSet::new());
    for (path, text) in helps(folder) {
        assert!(!text.contains('\\'), "{path:?}: a stray backslash in\n{text}");
        let examples = text.lines().skip_while(|l| *l != "Examples:").skip(1);
        for line in examples.take_while(|l| !l.is_empty()) {
            let command = line.trim();
            let args = words(command);
            // Weights that do not come with the project.
            if !seen.insert(command.to_string()) || command.contains("inception") {
                continue;
            }
            let args = ours(&args).unwrap_or_else(|| panic!("{path:?}: {command:?} is no command of ours"));
            train_what_is_read(folder, args);
            wrong.extend(failure(folder, args));
        }
    }
    assert!(seen.len() > 20, "{seen:?}");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
