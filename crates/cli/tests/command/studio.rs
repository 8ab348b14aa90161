//! The studio, asked as a browser asks, and by a browser where there is one.
use crate::basics::{folder, small};
use crate::support::ok;
use crate::support::server::Served;
use serde_json::{Value, json};
use std::io::{Read, Write};
use std::path::Path;

/// Runs of three kinds: latents, classes, points.
pub(crate) fn runs(d: &Path) {
    ok(
        d,
        &small(&[
            "--steps",
            "2",
            "--out",
            "runs/space",
            "--set",
            "train.checkpoint_every=1",
        ]),
    );
    let classes = [
        "train",
        "cgan",
        "--data",
        "digits",
        "--batch",
        "8",
        "--steps",
        "1",
        "--out",
        "runs/in/classes",
    ];
    ok(
        d,
        &[
            &classes[..],
            &["--set", "model.width=8", "--set", "model.latent=8"],
        ]
        .concat(),
    );
}

#[test]
fn only_its_own_pages_are_answered() {
    let dir = folder();
    let s = Served::start(dir.path(), &[]);
    let port = s.host.rsplit(':').next().unwrap();
    assert_eq!(s.get("/").status, 200);
    assert_eq!(s.get("/api/runs").json(), json!([]));
    let status = |headers: &[&str]| s.ask("GET", "/api/runs", headers, "").status;
    assert_eq!(status(&[&format!("Host: localhost:{port}")]), 200);
    // A name of another site that points to this machine.
    assert_eq!(status(&[&format!("Host: evil.example:{port}")]), 403);
    assert_eq!(status(&["Host: 127.0.0.1.evil.example"]), 403);
    assert_eq!(status(&["Host: [::1]evil.example"]), 403);
    assert_eq!(s.raw(b"GET / HTTP/1.1\r\nConnection: close\r\n\r\n").status, 400);
    assert_eq!(status(&[&format!("Origin: http://{}", s.host)]), 200);
    for origin in [
        "Origin: http://evil.example",
        "Origin: null",
        "Origin: http://127.0.0.1:1",
    ] {
        assert_eq!(status(&[origin]), 403, "{origin}");
    }
    assert_eq!(status(&["Sec-Fetch-Site: same-origin"]), 200);
    assert_eq!(
        status(&["Sec-Fetch-Site: cross-site", "Sec-Fetch-Dest: image"]),
        403
    );
    assert_eq!(
        status(&["Sec-Fetch-Site: same-site", "Sec-Fetch-Dest: empty"]),
        403
    );
    let link = ["Sec-Fetch-Site: cross-site", "Sec-Fetch-Dest: document"];
    assert_eq!(s.ask("GET", "/", &link, "").status, 200, "a link may be followed");
    assert_eq!(s.ask("POST", "/api/train", &link, "{}").status, 403);
    // What a form of another site could send.
    let form = ["Content-Type: text/plain"];
    assert_eq!(
        s.ask("POST", "/api/train", &form, "{\"recipe\":\"gan\"}").status,
        400
    );
    let page = s.get("/");
    for held in [
        "default-src 'none'",
        "frame-ancestors 'none'",
        "nosniff",
        "text/html",
    ] {
        assert!(page.head.contains(held), "{held}: {}", page.head);
    }
    assert_eq!(s.ask("DELETE", "/api/runs", &[], "").status, 405);
}

#[test]
fn no_address_leaves_the_folder_and_every_request_is_bounded() {
    let dir = folder();
    let d = dir.path();
    runs(d);
    std::fs::create_dir(d.join("runs/other")).unwrap();
    std::fs::copy(d.join("runs/space/recipe.toml"), d.join("outside.toml")).unwrap();
    std::fs::create_dir(d.join("secret")).unwrap();
    std::fs::copy(d.join("runs/space/recipe.toml"), d.join("secret/recipe.toml")).unwrap();
    let s = Served::start(d, &[]);
    for path in [
        "/../outside.toml",
        "/%2e%2e/outside.toml",
        "/api/runs/..%2Fsecret",
        "/api/runs/%2e%2e/secret",
        "/api/runs/space%2F..%2F..%2Fsecret",
        "/api/runs/space/samples/..%2F..%2Frecipe.toml",
        "/api/runs/space/samples/-1.png",
        "/api/runs/other",
        "/api/nothing",
        "/Cargo.toml",
    ] {
        let a = s.get(path);
        assert_eq!(a.status, 404, "{path}");
        a.error();
    }
    let refused = |path: &str, body: &Value, word: &str| {
        let a = s.post(path, body);
        assert!(
            a.status == 400 && a.error().contains(word),
            "{path} {body}: {}",
            a.error()
        );
    };
    let z = vec![0.5; 8];
    refused(
        "/api/runs/space/decode",
        &json!({"latents": vec![&z; 65]}),
        "65 items",
    );
    refused(
        "/api/runs/space/decode",
        &json!({"latents": [[1.0]]}),
        "8 numbers",
    );
    refused(
        "/api/runs/space/decode",
        &json!({"latents": [["NaN"]]}),
        "numbers",
    );
    refused("/api/runs/space/decode", &json!({}), "no latents");
    let edit =
        |constraint: Value| json!({"latents": [[0, 0, 0, 0, 0, 0, 0, 0]], "constraints": [constraint]});
    for (wrong, said) in [
        (json!({"tool": "erase"}), "paint, line or drag"),
        (
            json!({"tool": "paint", "at": [0, 0, 99, 1], "colour": "#ffffff"}),
            "not within the image",
        ),
        (
            json!({"tool": "paint", "at": [0, 0, 1, 1], "colour": "white"}),
            "#rrggbb",
        ),
        (json!({"tool": "line", "at": [1, 2]}), "4 whole numbers"),
    ] {
        refused("/api/runs/space/edit", &edit(wrong), said);
    }
    refused(
        "/api/runs/space/walk",
        &json!({"latents": [&z, &z], "steps": 65}),
        "2 to 64",
    );
    refused(
        "/api/runs/space/walk",
        &json!({"latents": vec![&z; 9], "steps": 9}),
        "72 items",
    );
    refused(
        "/api/runs/space/walk",
        &json!({"latents": [[], []]}),
        "8 numbers, not 0",
    );
    refused("/api/runs/space/arithmetic", &json!({"plus": []}), "nothing");
    refused(
        "/api/runs/in%2Fclasses/decode",
        &json!({"latents": [&z]}),
        "18 numbers",
    );
    refused("/api/runs/space/breed", &json!({"mutation": 2}), "mutation");
    refused(
        "/api/runs/space/breed",
        &json!({"parents": vec![&z; 33]}),
        "32 parents",
    );
    refused(
        "/api/runs/space/breed",
        &json!({"crossing": "marriage"}),
        "genes or blend",
    );
    refused("/api/runs/space/family", &json!({"latent": []}), "1 to 65536");
    refused(
        "/api/runs/space/family",
        &json!({"parents": [-1], "latent": [1]}),
        "numbers of the family",
    );
    refused("/api/games", &json!({"recipe": "dcgan"}), "gan-ring8");
    refused("/api/games", &json!({"run": "space"}), "gan-ring8");
    for (key, value) in [
        ("model.width", "1000000"),
        ("train.batch", "1000000"),
        ("model.latent", "2"),
        ("data.source", "\"moons\""),
        ("game.unrolled", "{ steps = 1000000 }"),
        ("game.discriminator_steps", "1000000"),
    ] {
        let asked = json!({"recipe": "gan-ring8", "settings": {key: value}});
        refused("/api/games", &asked, "game");
    }
    let lines = json!({"settings": {"train.steps": "1\n[data]\nsource = \"moons\""}});
    refused("/api/recipes/gan-ring8/check", &lines, "a line each");
    refused("/api/train", &json!({"recipe": "nothing"}), "nothing");
    refused(
        "/api/train",
        &json!({"recipe": "gan", "name": "../out"}),
        "letters",
    );
    refused(
        "/api/train",
        &json!({"recipe": "gan", "settings": {"model.widht": "8"}}),
        "model.width",
    );
    refused(
        "/api/train",
        &json!({"recipe": "gan", "settings": {"data.source": "\"no/such\""}}),
        "no/such",
    );
    assert!(!d.join("runs/gan-001").exists());
    for path in [
        "/api/runs/space/latents?count=65",
        "/api/runs/space/sample.png?seed=-1",
        "/api/runs/space/sample.png?seed=99999999999999999",
        "/api/runs/space/sample.png?truncation=NaN",
        "/api/runs/space/sample.png?truncation=-1",
        "/api/runs/space/sample.png?label=cat",
        "/api/runs/in%2Fclasses/sample.png?label=cat",
        "/api/runs/space/sample.png?checkpoint=worst",
    ] {
        assert_eq!(s.get(path).status, 400, "{path}");
    }
    assert_eq!(s.get("/api/runs/space/sample.png?checkpoint=7").status, 409);
    let long = s.raw(
        format!(
            "POST /api/train HTTP/1.1\r\nHost: {}\r\nContent-Length: 2000000\r\n\r\n",
            s.host
        )
        .as_bytes(),
    );
    assert_eq!(long.status, 413);
    assert_eq!(
        s.raw(format!("GET /{} HTTP/1.1\r\n", "a".repeat(40_000)).as_bytes())
            .status,
        431
    );
    assert_eq!(s.post("/api/train", &json!([1])).status, 400);
}

#[test]
fn pictures_are_those_of_the_command() {
    let dir = folder();
    let d = dir.path();
    runs(d);
    let s = Served::start(d, &[]);
    let drawn = |run: &str, more: &[&str]| {
        let args = [&["sample", run, "-n", "1", "--out", "drawn/"], more].concat();
        ok(d, &args);
        std::fs::read(d.join("drawn/00000.png")).unwrap()
    };
    let picture = |path: &str| {
        let a = s.get(path);
        assert!(
            a.status == 200 && a.head.contains("image/png"),
            "{path}: {}",
            a.head
        );
        a.body
    };
    assert_eq!(
        picture("/api/runs/space/sample.png?seed=7"),
        drawn("runs/space", &["--seed", "7"])
    );
    assert_eq!(
        picture("/api/runs/space/sample.png?seed=7&truncation=0.5&checkpoint=1"),
        drawn(
            "runs/space",
            &["--seed", "7", "--truncation", "0.5", "--checkpoint", "1"]
        )
    );
    let three = drawn("runs/in/classes", &["--seed", "2", "--label", "3"]);
    assert_eq!(picture("/api/runs/in%2Fclasses/sample.png?seed=2&label=3"), three);
    assert_ne!(picture("/api/runs/in%2Fclasses/sample.png?seed=2&label=4"), three);
    // Frames of latents are the same pixels.
    let space = s.get("/api/runs/space/space").json();
    assert_eq!(
        (&space["latent"], &space["step"], &space["kind"]),
        (&json!(8), &json!(2), &json!("image"))
    );
    let z = s.get("/api/runs/space/latents?seed=7").json()["latents"][0].clone();
    let frame = s.post("/api/runs/space/decode", &json!({"latents": [&z]}));
    let seen = image::load_from_memory(&picture("/api/runs/space/sample.png?seed=7"))
        .unwrap()
        .to_rgba8();
    assert_eq!(frame.body, seen.into_raw());
    // A walk begins and ends at its pins; z - z + z is z.
    let other = s.get("/api/runs/space/latents?seed=8").json()["latents"][0].clone();
    let walk = s.post(
        "/api/runs/space/walk",
        &json!({"latents": [&z, &other, &z], "steps": 4}),
    );
    assert!(walk.head.contains("X-Count: 8"), "{}", walk.head);
    let n = frame.body.len();
    assert!(
        walk.body[..n] == frame.body
            && walk.body[7 * n..] == frame.body
            && walk.body[3 * n..4 * n] == walk.body[4 * n..5 * n]
    );
    let sum = s
        .post(
            "/api/runs/space/arithmetic",
            &json!({"plus": [&z, &z], "minus": [&z]}),
        )
        .json();
    assert_eq!(sum["latent"], z);
    // What is painted onto a picture leads to another latent, closer to what was asked.
    let paint = json!({"tool": "paint", "at": [1, 1, 3, 2], "colour": "#ffffff"});
    let asked = json!({"latents": [&z], "constraints": [paint]});
    let edited = s.post("/api/runs/space/edit", &asked).json();
    let error = |i: usize| edited["errors"][0][i].as_f64().unwrap();
    assert!(
        error(1) < error(0) && edited["latent"].as_array().unwrap().len() == 8,
        "{edited}"
    );
    // Without mutation, the child of one parent is its parent.
    let twin = json!({"parents": [&z], "mutation": 0, "count": 2, "seed": 5});
    assert_eq!(
        s.post("/api/runs/space/breed", &twin).json()["latents"],
        json!([&z, &z])
    );
    let children = |more: Value| {
        let mut asked = json!({"parents": [&z, &other], "mutation": 0.2, "count": 3, "seed": 5});
        asked
            .as_object_mut()
            .unwrap()
            .extend(more.as_object().unwrap().clone());
        s.post("/api/runs/space/breed", &asked).json()["latents"].clone()
    };
    assert_eq!(children(json!({})), children(json!({})));
    assert_ne!(children(json!({})), children(json!({"seed": 6})));
    assert_ne!(children(json!({})), children(json!({"crossing": "blend"})));
    let join = |parents: Value| {
        s.post(
            "/api/runs/space/family",
            &json!({"parents": parents, "latent": &z, "step": 2}),
        )
    };
    assert_eq!(
        (
            join(json!([])).json()["id"].clone(),
            join(json!([0])).json()["id"].clone()
        ),
        (json!(0), json!(1))
    );
    assert!(join(json!([2])).error().contains("no member 2"));
    let family = s.get("/api/runs/space/family").json();
    assert_eq!((&family[1]["parents"], &family[1]["latent"]), (&json!([0]), &z));
    let table = s.get("/api/comparison?run=space&run=in%2Fclasses").json();
    assert_eq!(
        (&table["rows"][0]["run"], &table["rows"][1]["model"]),
        (&json!("space"), &json!("cgan"))
    );
    assert!(table["rows"][0]["parameters"].as_u64().unwrap() > 100);
    let all = s.get("/api/runs").json();
    assert_eq!(
        (&all[0]["name"], &all[1]["name"]),
        (&json!("in/classes"), &json!("space"))
    );
    assert_eq!(all[1]["checkpoints"], json!([1, 2]));
    let sample = std::fs::read(d.join("runs/space/samples/000002.png")).unwrap();
    assert_eq!(picture("/api/runs/space/samples/2.png"), sample);
    let differs = s.get("/api/runs/space/difference/in%2Fclasses").json();
    let keys: Vec<&str> = differs
        .as_array()
        .unwrap()
        .iter()
        .map(|c| c["key"].as_str().unwrap())
        .collect();
    assert!(
        keys.contains(&"model.name") && keys.contains(&"train.steps"),
        "{keys:?}"
    );
}

/// Settings of a game of points that is small and goes on until it is stopped.
pub(crate) fn endless() -> Value {
    json!({"model.width": "8", "train.batch": "16", "train.steps": "100000000", "train.log_every": "50", "train.sample_every": "100000000"})
}

#[test]
#[cfg(unix)]
fn trainings_are_begun_stopped_and_gone_on_with_and_outlive_the_studio() {
    let dir = folder();
    let d = dir.path();
    let mut s = Served::start(d, &[]);
    let run = s
        .post(
            "/api/train",
            &json!({"recipe": "gan-ring8", "settings": endless()}),
        )
        .json();
    assert_eq!(run["run"], "gan-ring8-001");
    assert_eq!(s.get("/api/runs").json()[0]["state"], "training");
    assert_eq!(s.post("/api/runs/gan-ring8-001/resume", &json!({})).status, 409);
    s.until("/api/runs/gan-ring8-001/metrics", |m| {
        m["steps"].as_array().unwrap().len() > 3
    });
    // The studio is killed; the training goes on, and is stopped from another studio.
    s.kill();
    drop(s);
    let s = Served::start(d, &[]);
    assert_eq!(s.get("/api/runs").json()[0]["state"], "training");
    assert_eq!(s.post("/api/runs/gan-ring8-001/stop", &json!({})).status, 200);
    let all = s.until("/api/runs", |r| r[0]["state"] == "stopped");
    let step = all[0]["checkpoints"][0].as_u64().unwrap();
    assert!(step > 0, "a checkpoint was written");
    assert_eq!(s.post("/api/runs/gan-ring8-001/stop", &json!({})).status, 409);
    // It goes on to a step that is near, and is done.
    let to = json!({"steps": step + 20});
    assert_eq!(s.post("/api/runs/gan-ring8-001/resume", &to).status, 200);
    let all = s.until("/api/runs", |r| r[0]["state"] == "done");
    assert_eq!(
        (&all[0]["step"], &all[0]["failure"]),
        (&json!(step + 20), &Value::Null)
    );
    // What the command refuses is told.
    let e = s.post("/api/runs/gan-ring8-001/resume", &json!({"steps": 1}));
    assert!(e.status == 400 && e.error().contains("step"), "{}", e.error());
}

#[test]
fn a_game_is_played_and_what_happens_flows() {
    let dir = folder();
    let s = Served::start(dir.path(), &[]);
    let id = s
        .post(
            "/api/games",
            &json!({"recipe": "gan-ring8", "settings": {"model.width": "8", "train.batch": "16"}}),
        )
        .json()["game"]
        .as_str()
        .unwrap()
        .to_string();
    let path = format!("/api/games/{id}");
    for m in [
        json!({"move": "turns", "player": "discriminator", "count": 2}),
        json!({"move": "turns", "player": "generator"}),
        json!({"move": "end"}),
    ] {
        assert_eq!(s.post(&path, &m).status, 200, "{m}");
    }
    // Its events end with it; the last picture has all moves.
    let text = String::from_utf8(s.get(&format!("{path}/events")).body).unwrap();
    let frames = text.split("event: frame\ndata: ").skip(1);
    let last: Value = serde_json::from_str(frames.last().unwrap().lines().next().unwrap()).unwrap();
    assert_eq!(last["turns"], json!([2, 1]));
    assert!(text.contains("event: data\n") && text.contains("event: over\n"));
    assert_eq!(s.post(&path, &json!({"move": "pause"})).status, 409);
    assert_eq!(s.post("/api/games/99", &json!({"move": "pause"})).status, 404);
}

#[test]
#[cfg(unix)]
fn other_machines_need_the_token() {
    let dir = folder();
    let s = Served::start(dir.path(), &["--host", "0.0.0.0"]);
    let token = s.url.split("token=").nth(1).unwrap().to_string();
    assert_eq!(token.len(), 32);
    let status = |path: &str, headers: &[&str]| s.ask("GET", path, headers, "").status;
    assert_eq!(status("/api/runs", &[]), 401);
    assert_eq!(status("/", &[]), 401);
    assert_eq!(status("/?token=00000000000000000000000000000000", &[]), 401);
    assert_eq!(status("/api/runs", &["Cookie: studio=; a=b"]), 401);
    let let_in = s.get(&format!("/?token={token}"));
    let cookie = format!("studio={token}; Path=/; HttpOnly; SameSite=Strict");
    assert!(
        let_in.status == 303 && let_in.head.contains(&cookie),
        "{}",
        let_in.head
    );
    assert_eq!(
        status("/api/runs", &[&format!("Cookie: a=b; studio={token}")]),
        200
    );
    assert_eq!(
        status(&format!("/api/runs?token={token}"), &["Host: my-machine.local"]),
        200
    );
    let evil = format!("Cookie: studio={token}");
    assert_eq!(status("/api/runs", &[&evil, "Origin: http://evil.example"]), 403);
}

#[test]
fn many_who_look_on_leave_room_for_others() {
    let dir = folder();
    let d = dir.path();
    runs(d);
    let s = Served::start(d, &[]);
    // Fifty pages follow a run, and fifty have sent half a request.
    let mut open = Vec::new();
    for i in 0..100 {
        let mut stream = std::net::TcpStream::connect(&s.host).unwrap();
        let head = format!("GET /api/runs/space/events HTTP/1.1\r\nHost: {}\r\n", s.host);
        let text = if i % 2 == 0 { head + "\r\n" } else { head };
        stream.write_all(text.as_bytes()).unwrap();
        open.push(stream);
    }
    let mut first = [0; 12];
    open[0].read_exact(&mut first).unwrap();
    assert_eq!(&first, b"HTTP/1.1 200");
    std::thread::scope(|scope| {
        for seed in 0..40 {
            let s = &s;
            scope.spawn(move || {
                let a = s.get(&format!("/api/runs/space/sample.png?seed={seed}"));
                assert!([200, 503].contains(&a.status), "{}", a.head);
            });
        }
    });
    assert_eq!(s.get("/api/runs/space/sample.png?seed=1").status, 200);
}
