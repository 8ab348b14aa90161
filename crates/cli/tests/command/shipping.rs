//! Exported folders: what is in them, that they draw what the run draws, and what is refused.
use crate::basics::{folder, small};
use crate::support::{fails, ok};
use serde_json::{Value, json};
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::Command;

fn words(line: &str) -> Vec<&str> {
    line.split_whitespace().collect()
}

fn json_of(path: &Path) -> Value {
    serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap()
}

/// Every kind of sampler: one network; two, of which one draws codes; conditions that are kept; a class.
const KINDS: [&str; 4] = [
    "train dcgan --data digits --batch 8 --steps 2 --set model.width=4 --set model.latent=8",
    "train vq_vae --data digits --batch 8 --steps 2 --set model.width=6 --set model.inner=3 --set model.latent=4 --set prior.after=1 \
     --set prior.width=6 --set prior.depth=2 --set prior.head=6 --set prior.embedding=3 --set codebook.size=9 --set data.size=12",
    "train conditional_vae --data portraits --batch 8 --steps 1 --size 8 --set model.width=4 --set model.latent=3",
    "train vae --data digits --batch 8 --steps 2 --set model.hidden=[16] --set model.latent=3",
];

#[test]
fn an_exported_folder_draws_what_the_run_draws() {
    let dir = folder();
    let d = dir.path();
    for kind in KINDS {
        ok(d, &[&words(kind)[..], &words("--out r")].concat());
        ok(d, &words("export r --out ours"));
        ok(d, &words("export r --out theirs --layout pytorch"));
        ok(d, &words("sample r -n 5 --seed 9 --out run.npy"));
        std::fs::remove_dir_all(d.join("r")).unwrap();
        for folder in ["ours", "theirs"] {
            ok(
                d,
                &[&["sample", folder][..], &words("-n 5 --seed 9 --out drawn.npy")].concat(),
            );
            let bytes = |name: &str| std::fs::read(d.join(name)).unwrap();
            assert!(bytes("run.npy") == bytes("drawn.npy"), "{kind}: {folder}");
        }
    }
    // What is in the folder no longer, and what it is not.
    fails(d, &words("evaluate ours"), 1, &["exported model", "not a run"]);
    fails(d, &words("export ours --out again"), 1, &["exported model"]);
    fails(d, &words("sample ours --checkpoint 77"), 1, &["step 2", "77"]);
    let file = d.join("ours/model.safetensors");
    let mut bytes = std::fs::read(&file).unwrap();
    let last = bytes.len() - 1;
    bytes[last] ^= 1;
    std::fs::write(&file, bytes).unwrap();
    fails(
        d,
        &words("sample ours"),
        1,
        &["damaged", "model.safetensors", "export it again"],
    );
    std::fs::write(d.join("ours/model.json"), "{").unwrap();
    fails(d, &words("sample ours"), 1, &["damaged", "model.json"]);
}

#[test]
fn formats_and_what_they_refuse() {
    let dir = folder();
    let d = dir.path();
    ok(d, &small(&["--steps", "1", "--out", "r"]));
    ok(d, &words("export r --out onnx --format onnx --uint8"));
    let about = json_of(&d.join("onnx/model.json"));
    let function = &about["functions"][0];
    assert_eq!(
        (&about["format"], &function["name"]),
        (&json!("onnx"), &json!("sample"))
    );
    assert_eq!(function["inputs"][0]["shape"], json!([0, 8]));
    assert_eq!(function["inputs"][0]["holds"], json!("normal"));
    assert_eq!(function["outputs"][0]["shape"], json!([0, 8, 8, 1]));
    assert_eq!(function["outputs"][0]["type"], json!("uint8"));
    assert!(d.join("onnx/sample.onnx").is_file());
    fails(
        d,
        &words("sample onnx"),
        1,
        &["format onnx", "--format safetensors"],
    );
    ok(d, &words("export r --out torch --format pytorch"));
    let code = std::fs::read_to_string(d.join("torch/model.py")).unwrap();
    assert!(
        code.contains("def sample(self, latent):") && code.contains("F.conv_transpose2d("),
        "{code}"
    );
    // Another format into the same folder leaves nothing of the first behind.
    ok(d, &words("export r --out onnx --format pytorch"));
    assert!(!d.join("onnx/sample.onnx").exists() && d.join("onnx/model.py").exists());

    fails(d, &words("export r --out x --format pt"), 2, &["pt", "onnx"]);
    fails(
        d,
        &words("export r --out x --uint8"),
        2,
        &["--uint8", "--format onnx"],
    );
    fails(
        d,
        &words("export r --out x --format onnx --layout pytorch"),
        2,
        &["--layout"],
    );
    fails(d, &words("export r --out r --format onnx"), 1, &["is a run"]);
    fails(
        d,
        &words("export r --out x --format web --onnxruntime torch"),
        1,
        &["torch", "npm pack"],
    );
    assert!(!d.join("x").exists(), "a refusal writes nothing");
    let points = "train gan --data ring8 --steps 1 --batch 8 --set model.width=8 --out p";
    ok(d, &words(points));
    fails(
        d,
        &words("export p --out x --format onnx --uint8"),
        2,
        &["no images", "leave out --uint8"],
    );
    fails(
        d,
        &words("export p --out x --format web"),
        2,
        &["images", "--format onnx"],
    );
}

/// Answers a browser with the files of a folder, until the test ends.
fn serve(folder: PathBuf) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/index.html", listener.local_addr().unwrap());
    let answer = move |mut stream: TcpStream| {
        let mut request = [0u8; 4096];
        let n = stream.read(&mut request).unwrap_or(0);
        let text = String::from_utf8_lossy(&request[..n]).into_owned();
        let name = text
            .split_whitespace()
            .nth(1)
            .unwrap_or("/")
            .trim_start_matches('/');
        let kind = match Path::new(name).extension().and_then(|e| e.to_str()) {
            Some("html") => "text/html",
            Some("js" | "mjs") => "text/javascript",
            Some("wasm") => "application/wasm",
            _ => "application/octet-stream",
        };
        let (status, body) = match std::fs::read(folder.join(name)) {
            Ok(bytes) if !name.contains("..") => ("200 OK", bytes),
            _ if name == "favicon.ico" => ("204 No Content", vec![]),
            _ => ("404 Not Found", vec![]),
        };
        let head = format!(
            "HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
            body.len()
        );
        let _ = stream
            .write_all(head.as_bytes())
            .and_then(|()| stream.write_all(&body));
    };
    std::thread::spawn(move || listener.incoming().flatten().for_each(answer));
    url
}

/// The page draws in Chromium, by an onnxruntime-web whose npm package ONNXRUNTIME_WEB names; without it, Node or Chromium it
/// is skipped, and says so.
#[test]
fn the_page_draws_in_a_browser() {
    let there = |program: &str| Command::new(program).arg("--version").output().is_ok();
    let browsers = ["chromium", "chromium-browser", "google-chrome"];
    let browser = std::env::var("CHROMIUM").map_or(browsers.iter().any(|b| there(b)), |b| there(&b));
    let Ok(package) = std::env::var("ONNXRUNTIME_WEB") else {
        eprintln!("skipped: ONNXRUNTIME_WEB names no folder of onnxruntime-web's npm package");
        return;
    };
    if !there("node") || !browser {
        eprintln!("skipped: the page is tested in Chromium by Node, and one of them is not here");
        return;
    }
    let dir = folder();
    let d = dir.path();
    ok(
        d,
        &words(
            "train cgan --data digits --batch 8 --steps 1 --set model.width=8 --set model.latent=8 --out r",
        ),
    );
    ok(d, &words("export r --out bare --format web"));
    ok(
        d,
        &[
            &words("export r --out page --format web --onnxruntime")[..],
            &[&package],
        ]
        .concat(),
    );
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../studio/tests/browser/exported.mjs");
    let out = Command::new("node")
        .arg(script)
        .args([serve(d.join("page")), serve(d.join("bare"))])
        .output()
        .unwrap();
    let said = [out.stdout, out.stderr]
        .map(|b| String::from_utf8_lossy(&b).into_owned())
        .concat();
    assert!(out.status.success(), "{said}");
}
