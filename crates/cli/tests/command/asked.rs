//! What the studio has a model make of an item, beside what the command makes of it.
use crate::basics::folder;
use crate::browsed::in_browser;
use crate::support::ok;
use crate::support::server::{Answer, Served};
use serde_json::json;
use std::path::Path;

/// Trains a small model into `runs/NAME`.
fn trained(d: &Path, recipe: &str, name: &str, set: &[&str]) {
    let out = format!("runs/{name}");
    let mut args = vec!["train", recipe, "--batch", "8", "--steps", "2", "--out", &out];
    set.iter().for_each(|s| args.extend(["--set", s]));
    ok(d, &args);
}

/// Count, width and height of frames.
fn size(a: &Answer) -> [usize; 3] {
    assert_eq!(a.status, 200, "{}\n{}", a.head, String::from_utf8_lossy(&a.body));
    ["X-Count", "X-Width", "X-Height"].map(|name| {
        let line = a.head.lines().find_map(|l| l.strip_prefix(&format!("{name}: ")));
        line.unwrap().trim().parse().unwrap()
    })
}

fn captions(a: &Answer) -> Vec<String> {
    let line = a.head.lines().find_map(|l| l.strip_prefix("X-Captions: "));
    line.unwrap().trim().split(',').map(String::from).collect()
}

/// Sends pixels, and what is hidden after them.
fn send(s: &Served, path: &str, bytes: &[u8]) -> Answer {
    let head = format!(
        "POST {path} HTTP/1.1\r\nHost: {}\r\nContent-Type: application/octet-stream\r\nConnection: close\r\nContent-Length: {}\r\n\r\n",
        s.host,
        bytes.len()
    );
    s.raw(&[head.as_bytes(), bytes].concat())
}

#[test]
fn a_model_is_asked_about_its_data_and_about_pictures() {
    let dir = folder();
    let d = dir.path();
    trained(
        d,
        "pixel_cnn",
        "pixels",
        &["data.source=digits", "model.width=4", "model.depth=1"],
    );
    trained(
        d,
        "classifier",
        "reader",
        &["data.source=digits", "model.width=4"],
    );
    let s = Served::start(d, &[]);
    let space = s.get("/api/runs/pixels/space").json();
    let [h, w] = [0, 1].map(|i| space["shape"][i].as_u64().unwrap() as usize);
    assert_eq!(space["takes"]["size"], json!([h, w]));

    let item = s.get("/api/runs/pixels/ask/item?index=3");
    assert_eq!(size(&item), [1, w, h]);
    assert!(
        item.body.chunks(4).any(|p| p != &item.body[..4]),
        "an item is no blank sheet"
    );
    // What is known comes back as it was sent; what is hidden is drawn, by the seed.
    let mask: Vec<u8> = (0..h * w).map(|i| u8::from(i / w < h / 2)).collect();
    let complete = |seed: u32| {
        let path = format!("/api/runs/pixels/ask/complete?height={h}&width={w}&count=2&seed={seed}");
        send(&s, &path, &[&item.body[..], &mask].concat())
    };
    let a = complete(1);
    assert_eq!(size(&a), [3, w, h]);
    assert_eq!(captions(&a), ["what is known", "completed", "completed"]);
    let frames: Vec<&[u8]> = a.body.chunks(item.body.len()).collect();
    assert!(frames[0][..2 * h * w] == item.body[..2 * h * w] && frames[0] != item.body);
    let upper = |f: &[u8]| f[..4 * (h / 2) * w].to_vec();
    assert_eq!(upper(frames[1]), upper(frames[2]), "both agree on what is known");
    assert_ne!(frames[1], frames[2]);
    assert_eq!(complete(1).body, a.body);
    assert_ne!(complete(2).body, a.body);

    // The likelihood is that of the command, and what pixels cost adds up to it.
    let read = s.get("/api/runs/pixels/ask/read?index=0").json();
    let scores = ok(d, &["score", "runs/pixels", "-n", "1", "--json"]);
    let scores: serde_json::Value = serde_json::from_str(&scores).unwrap();
    let [own, theirs] = [&read["likelihood"]["nats"], &scores["mean"]].map(|v| v.as_f64());
    let costs = read["costs"]["bits"].as_array().unwrap();
    let cost: f64 = costs.iter().map(|b| b.as_f64().unwrap()).sum();
    assert_eq!(costs.len(), h * w);
    let nats = own.unwrap();
    assert!(
        (cost * std::f64::consts::LN_2 + nats).abs() < 1e-3 * nats.abs(),
        "{cost} bits, {nats} nats"
    );
    if let Some(theirs) = theirs {
        assert!((nats - theirs).abs() < 1e-6 * nats.abs(), "{nats} and {theirs}");
    }
    let classes = s.get("/api/runs/reader/ask/read?index=0").json()["classes"].clone();
    let total: f64 = classes
        .as_array()
        .unwrap()
        .iter()
        .map(|c| c[1].as_f64().unwrap())
        .sum();
    assert!((total - 1.0).abs() < 1e-4, "{classes}");

    let refused = |a: Answer, status: u16, word: &str| {
        assert!(
            a.status == status && a.error().contains(word),
            "{}: {}",
            a.head,
            a.error()
        );
    };
    let whole = format!("height={h}&width={w}");
    refused(
        s.get("/api/runs/pixels/ask/item?index=99999999"),
        400,
        "there are",
    );
    refused(s.get("/api/runs/pixels/ask/translate"), 400, "translate");
    refused(s.get("/api/runs/pixels/ask/praise"), 404, "praise");
    refused(s.get("/api/runs/pixels/ask/complete?count=17"), 400, "1 to 16");
    refused(s.get("/api/runs/pixels/illustrate?text=a"), 400, "text-to-image");
    refused(
        send(&s, "/api/runs/pixels/ask/read?height=2&width=2", &[0; 16]),
        400,
        "pictures of",
    );
    refused(
        send(&s, &format!("/api/runs/pixels/ask/read?{whole}"), &[0; 7]),
        400,
        "four bytes",
    );
    refused(
        s.post(&format!("/api/runs/pixels/ask/read?{whole}"), &json!({})),
        400,
        "octet-stream",
    );
    let labelled = format!("/api/runs/reader/ask/read?{whole}&label=cat");
    refused(send(&s, &labelled, &vec![0; 4 * h * w]), 400, "cat");
}

#[test]
fn pictures_are_translated_and_drawn_of_texts() {
    let dir = folder();
    let d = dir.path();
    let small = ["data.size=[16]", "data.limit=16", "model.width=4"];
    trained(d, "pix2pix", "pairs", &small);
    trained(d, "gan_cls", "words", &small);
    let s = Served::start(d, &[]);
    let space = s.get("/api/runs/pairs/space").json();
    assert_eq!(space["directions"], json!(["a2b"]));
    // Of an item of its data, what it should be stands beside.
    let a = s.get("/api/runs/pairs/ask/translate?index=0");
    assert_eq!(captions(&a).last().unwrap(), "what it should be");
    let item = s.get("/api/runs/pairs/ask/item?index=0");
    let [_, w, h] = size(&item);
    // The same pixels, sent, become the same picture.
    let sent = send(
        &s,
        &format!("/api/runs/pairs/ask/translate?height={h}&width={w}"),
        &item.body,
    );
    assert_eq!(sent.body, a.body[..sent.body.len()]);
    let caption = s.get("/api/runs/words/ask/item?index=0");
    let said = caption.head.lines().find_map(|l| l.strip_prefix("X-Caption: "));
    let said = said.unwrap().trim().replace(' ', "%20");
    assert!(said.contains("%20"), "{said}");
    let text = &format!("/api/runs/words/illustrate?text={said}%20xyzzy&count=2&seed=4");
    let drawn = s.get(text);
    assert_eq!(size(&drawn)[0], 2);
    assert!(drawn.head.contains("X-Unknown: xyzzy"), "{}", drawn.head);
    assert_eq!(s.get(text).body, drawn.body);
    assert!(
        s.get("/api/runs/words/illustrate?text=xyzzy")
            .error()
            .contains("xyzzy")
    );
}

#[test]
fn latents_are_moved_along_directions_and_their_neighbours_found() {
    let dir = folder();
    let d = dir.path();
    trained(
        d,
        "dcgan",
        "space",
        &[
            "data.source=digits",
            "model.width=4",
            "model.latent=8",
            "data.limit=64",
        ],
    );
    ok(
        d,
        &[
            "directions",
            "runs/space",
            "-n",
            "2",
            "--draws",
            "64",
            "--out",
            "runs/space/directions.json",
        ],
    );
    let s = Served::start(d, &[]);
    let sets = s.get("/api/runs/space/directions").json();
    assert_eq!(
        (&sets[0]["id"], &sets[1]["id"]),
        (&json!("found"), &json!("directions.json"))
    );
    let z = s.get("/api/runs/space/latents?seed=3").json()["latents"][0].clone();
    let moved = |set: &str, amount: f64| {
        let moves = json!({"set": set, "amounts": {"1": amount}});
        s.post(
            "/api/runs/space/decode",
            &json!({"latents": [&z], "moves": moves}),
        )
    };
    // What the server moves is what a page adds.
    let step = &sets[1]["directions"][0]["step"];
    let added: Vec<f64> = (0..8)
        .map(|i| z[i].as_f64().unwrap() + 2.0 * step[i].as_f64().unwrap())
        .collect();
    let by_hand = s.post("/api/runs/space/decode", &json!({"latents": [added]}));
    let by_server = moved("directions.json", 2.0);
    let apart = |a: &Answer, b: &Answer| {
        a.body
            .iter()
            .zip(&b.body)
            .map(|(a, b)| a.abs_diff(*b))
            .max()
            .unwrap()
    };
    assert!(apart(&by_hand, &by_server) <= 1);
    let still = s.post("/api/runs/space/decode", &json!({"latents": [&z]}));
    assert_eq!(moved("found", 0.0).body, still.body);
    assert_ne!(moved("found", 3.0).body, still.body);
    assert!(
        moved("directions-2.json", 1.0)
            .error()
            .contains("directions-2.json")
    );
    // A latent's nearest items come nearest first.
    let near = s.post("/api/runs/space/nearest", &json!({"latents": [&z]}));
    let distances: Vec<f64> = captions(&near)
        .iter()
        .map(|c| c.rsplit(' ').next().unwrap().parse().unwrap())
        .collect();
    assert_eq!((size(&near)[0], distances.len()), (8, 8));
    assert!(distances.is_sorted() && distances[0] > 0.0, "{distances:?}");
    // A walk is a film, too.
    let walk = json!({"latents": [&z, &z], "steps": 3, "animated": true});
    let film = s.post("/api/runs/space/walk", &walk);
    assert!(film.body.starts_with(b"GIF8"), "{}", film.head);
}

/// What is asked in the browser.
#[test]
fn models_are_asked_in_a_browser() {
    let dir = folder();
    let d = dir.path();
    trained(
        d,
        "pixel_cnn",
        "pixels",
        &["data.source=digits", "model.width=4", "model.depth=1"],
    );
    let small = ["data.size=[16]", "data.limit=16", "model.width=4"];
    trained(d, "pix2pix", "pairs", &small);
    trained(d, "gan_cls", "words", &small);
    trained(
        d,
        "dcgan",
        "space",
        &[
            "data.source=digits",
            "model.width=4",
            "model.latent=8",
            "data.limit=64",
        ],
    );
    trained(
        d,
        "gan3d",
        "solid",
        &[
            "data.size=[16]",
            "data.limit=16",
            "model.width=4",
            "model.latent=8",
        ],
    );
    let picture = d.join("mine.png");
    image::RgbImage::from_fn(50, 30, |x, y| image::Rgb([(5 * x) as u8, (8 * y) as u8, 90]))
        .save(&picture)
        .unwrap();
    let s = Served::start(d, &[]);
    in_browser("trying.mjs", &s, &[&picture]);
}
