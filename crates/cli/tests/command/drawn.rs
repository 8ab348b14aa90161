//! What the studio draws: for whom it goes on, and where samples lie in models that map latents to styles.
use crate::basics::folder;
use crate::support::server::{Answer, Served};
use crate::support::{fails, ok};
use menagerie::picture::Picture;
use serde_json::{Value, json};
use std::io::Write;
use std::path::Path;

/// Drawings that have begun end when their browsers leave: they would keep all threads that draw for many minutes.
#[test]
fn drawings_end_when_their_browsers_leave() {
    let dir = folder();
    let d = dir.path();
    let train = ["train", "rbm", "--data", "digits", "--batch", "8", "--steps", "1"];
    let sizes = ["--set", "model.width=64", "--set", "model.sample_sweeps=1"];
    ok(d, &[&train[..], &sizes, &["--out", "runs/quick"]].concat());
    ok(d, &[&train[..], &sizes, &["--out", "runs/slow"]].concat());
    let recipe = d.join("runs/slow/recipe.toml");
    let text = std::fs::read_to_string(&recipe).unwrap();
    std::fs::write(
        &recipe,
        text.replace("sample_sweeps = 1\n", "sample_sweeps = 1048576\n"),
    )
    .unwrap();
    let s = Served::start(d, &[]);
    let leave = |path: &str| {
        let mut stream = std::net::TcpStream::connect(&s.host).unwrap();
        write!(stream, "GET {path} HTTP/1.1\r\nHost: {}\r\n\r\n", s.host).unwrap();
        // Long enough to begin on any machine; one that has not begun is not drawn at all.
        std::thread::sleep(std::time::Duration::from_millis(400));
    };
    for seed in 0..3 {
        leave(&format!("/api/runs/slow/sample.png?seed={seed}"));
    }
    assert_eq!(s.get("/api/runs/quick/sample.png?seed=1").status, 200);
    // What was given up is no answer to anybody: whether it draws by class is found out anew.
    leave("/api/runs/slow/space");
    assert_eq!(s.get("/api/runs/quick/space").json()["by_class"], json!(false));
}

/// A small run of a model that maps latents to styles.
pub(crate) fn styles(d: &Path, name: &str, more: &[&str]) {
    let train = [
        "train",
        "stylegan2",
        "--data",
        "digits",
        "--batch",
        "4",
        "--steps",
        "1",
        "--out",
        name,
    ];
    let sizes = ["model.width=2", "model.latent=6", "model.mapping=2"];
    let sizes = sizes.iter().flat_map(|s| ["--set", s]);
    ok(
        d,
        &train
            .into_iter()
            .chain(sizes)
            .chain(more.iter().copied())
            .collect::<Vec<_>>(),
    );
}

fn latents(a: &Answer) -> Vec<Vec<f64>> {
    serde_json::from_value(a.json()["latents"].clone()).unwrap_or_else(|e| panic!("{e}: {}", a.head))
}

/// Pictures of places, byte by byte; what is asked beside them.
fn pictures(s: &Served, run: &str, places: &[Vec<f64>], more: &Value) -> Vec<Vec<u8>> {
    let mut body = json!({"latents": places});
    body.as_object_mut()
        .unwrap()
        .extend(more.as_object().unwrap().clone());
    let a = s.post(&format!("/api/runs/{run}/decode"), &body);
    assert_eq!(a.status, 200, "{}", String::from_utf8_lossy(&a.body));
    a.body
        .chunks(a.body.len() / places.len())
        .map(<[u8]>::to_vec)
        .collect()
}

/// The picture that the command draws of a seed, as a canvas takes it.
fn by_command(d: &Path, args: &[&str]) -> Vec<u8> {
    ok(d, &[&["sample"], args, &["-n", "1", "--out", "one/"]].concat());
    let grey = Picture::read(d.join("one/00000.png")).unwrap();
    let pixel = |v: &[u8]| [v[0], v[v.len() / 2], v[v.len() - 1], 255];
    grey.bytes.chunks(grey.channels).flat_map(pixel).collect()
}

/// Layers are genes: each comes whole from a parent, whether it is a latent or has layers itself.
#[test]
fn styles_are_bred_layer_by_layer_and_truncated_as_the_command_does() {
    let dir = folder();
    let d = dir.path();
    styles(d, "runs/styles", &[]);
    let s = Served::start(d, &[]);
    let space = s.get("/api/runs/styles/space").json();
    let layers = space["layers"].as_u64().unwrap() as usize;
    assert!(layers > 3 && space["truncates_styles"] == json!(true), "{space}");
    let parents = latents(&s.get("/api/runs/styles/latents?seed=3&count=2"));
    let breed = |body: Value| s.post("/api/runs/styles/breed", &body);
    let of = |parents: &[Vec<f64>], mutation: f64, crossing: &str| {
        let body =
            json!({"parents": parents, "crossing": crossing, "mutation": mutation, "count": 8, "seed": 5});
        latents(&breed(body))
    };
    let child = of(&parents[..1], 0.0, "layers");
    assert!(
        child
            .iter()
            .all(|c| c.len() == 6 * layers && c[..6] == c[6 * layers - 6..])
    );
    // A child of one alone is that one, and both draw the same.
    let same = |places: &[Vec<f64>]| pictures(&s, "styles", places, &json!({}));
    assert_eq!(same(&parents[..1]), same(&child[..1]));
    let of_two = of(&parents, 0.0, "layers");
    let styles: Vec<Vec<f64>> = (0..2)
        .map(|p| of(&parents[p..=p], 0.0, "layers").remove(0)[..6].to_vec())
        .collect();
    assert!(
        of_two
            .iter()
            .flat_map(|c| c.chunks(6))
            .all(|w| styles.iter().any(|s| s == w))
    );
    assert!(
        of_two
            .iter()
            .any(|c| c.chunks(6).any(|w| w == styles[0]) && c.chunks(6).any(|w| w == styles[1]))
    );
    // Children with layers are parents as latents are, beside them too, and in any crossing.
    let mixed = [of_two[0].clone(), parents[0].clone()];
    for crossing in ["layers", "genes", "blend"] {
        assert!(
            of(&mixed, 0.3, crossing).iter().all(|c| c.len() == 6 * layers),
            "{crossing}"
        );
    }
    assert_eq!(same(&mixed).len(), 2);
    // The family keeps them, and gives them by their numbers.
    let id = s
        .post(
            "/api/runs/styles/family",
            &json!({"latent": of_two[0], "parents": [], "step": 1}),
        )
        .json();
    assert_eq!(
        s.get("/api/runs/styles/family").json()[0]["latent"],
        json!(of_two[0])
    );
    let body = json!({"members": [id["id"]], "crossing": "layers", "mutation": 0, "count": 1});
    assert_eq!(latents(&breed(body)), [of_two[0].clone()]);
    assert!(breed(json!({"members": [7]})).error().contains("member 7"));
    // Truncation is the command's.
    let latent = &latents(&s.get("/api/runs/styles/latents?seed=4"))[..1];
    for psi in ["1", "0.4"] {
        let drawn = pictures(
            &s,
            "styles",
            latent,
            &json!({"truncation": psi.parse::<f64>().unwrap()}),
        );
        assert_eq!(
            drawn[0],
            by_command(d, &["runs/styles", "--seed", "4", "--truncation", psi]),
            "{psi}"
        );
    }
    assert!(
        s.post(
            "/api/runs/styles/decode",
            &json!({"latents": latent, "truncation": -1})
        )
        .error()
        .contains("truncation")
    );
}

/// Of a model that draws by class: directions within its commonest class move latents, and leave the classes as they are.
#[test]
fn directions_of_models_that_draw_by_class() {
    let dir = folder();
    let d = dir.path();
    styles(
        d,
        "runs/told",
        &[
            "--set",
            "condition.generator=\"concatenate\"",
            "--set",
            "condition.discriminator=\"mapped\"",
        ],
    );
    ok(
        d,
        &[
            "train",
            "cgan",
            "--data",
            "digits",
            "--batch",
            "8",
            "--steps",
            "1",
            "--out",
            "runs/plain",
            "--set",
            "model.width=8",
            "--set",
            "model.latent=8",
        ],
    );
    // The command finds them within a class that is named, and moves samples of a class by them.
    let file = "runs/plain/directions.json";
    ok(
        d,
        &[
            "directions",
            "runs/plain",
            "--label",
            "3",
            "-n",
            "3",
            "--draws",
            "32",
            "--out",
            file,
        ],
    );
    let moved = |amount: &str| {
        by_command(
            d,
            &[
                "runs/plain",
                "--label",
                "3",
                "--directions",
                file,
                "--move",
                amount,
            ],
        )
    };
    assert_eq!(moved("1=0"), by_command(d, &["runs/plain", "--label", "3"]));
    assert_ne!(moved("1=3"), moved("1=0"));
    let (told, truncated) = (
        "runs/told/directions.json",
        ["runs/told", "--label", "3", "--truncation", "0.5"],
    );
    ok(
        d,
        &[
            "directions",
            "runs/told",
            "-n",
            "3",
            "--draws",
            "32",
            "--out",
            told,
        ],
    );
    let still = by_command(
        d,
        &[&truncated[..], &["--directions", told, "--move", "1=0"]].concat(),
    );
    assert_eq!(still, by_command(d, &truncated));
    ok(
        d,
        &[
            "traverse",
            "runs/plain",
            "--directions",
            file,
            "--out",
            "rows.png",
        ],
    );
    fails(
        d,
        &[
            "sample",
            "runs/plain",
            "--directions",
            file,
            "--move",
            "1=1",
            "--out",
            "no.png",
        ],
        2,
        &["draws by class", "--label"],
    );
    fails(
        d,
        &[
            "directions",
            "runs/plain",
            "--label",
            "eleven",
            "--out",
            "no.json",
        ],
        2,
        &["`eleven`"],
    );
    let s = Served::start(d, &[]);
    let ids = |run: &str| -> Vec<Value> {
        let sets = s.get(&format!("/api/runs/{run}/directions")).json();
        sets.as_array().unwrap().iter().map(|s| s["id"].clone()).collect()
    };
    assert_eq!(ids("plain"), [json!("found"), json!("directions.json")]);
    for (run, latent, method) in [("told", 6, "pca"), ("plain", 8, "sefa")] {
        let sets = s.get(&format!("/api/runs/{run}/directions")).json();
        assert_eq!(sets[0]["space"], json!("z"), "{sets}");
        assert_eq!(sets[0]["method"], json!(method), "{run}");
        let found = sets[0]["directions"].as_array().unwrap();
        assert!(
            found.len() > 3
                && found
                    .iter()
                    .all(|d| d["step"].as_array().unwrap().len() == latent)
        );
        let psi = json!({"truncation": 0.5});
        let one = latents(&s.get(&format!("/api/runs/{run}/latents?seed=4")));
        assert_eq!(one[0].len(), latent + 10);
        assert_eq!(
            pictures(&s, run, &one, &psi)[0],
            by_command(d, &[&format!("runs/{run}"), "--seed", "4", "--truncation", "0.5"])
        );
        // Classes are in the styles, where there are some.
        let body = json!({"parents": one, "crossing": "layers", "mutation": 0, "count": 1});
        let bred = s.post(&format!("/api/runs/{run}/breed"), &body);
        if run == "told" {
            let child = latents(&bred);
            assert_eq!(child[0].len() % 6, 0);
            assert_eq!(pictures(&s, run, &child, &psi), pictures(&s, run, &one, &psi));
            continue;
        }
        assert!(bred.error().contains("no layers"), "{}", bred.head);
    }
}
