//! Shards in object storage, read from a real S3 server (moto, of PyPI) through a proxy that throttles and breaks off; from the
//! same by Google's protocol, whose listings are S3's; and from Azurite, of npm.
//!
//! Needs a Python with `moto[server]`, by the variable PYTHON or as `python3`, and for Azure a folder of the npm package by the
//! variable AZURITE, and Node; without one it says so and is skipped. What is read is read by a process of its own, since
//! credentials are variables of a process.
use menagerie_data::{Key, Loader, Source, pack};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command};
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

const SECRET: &str = "hunter2-hunter2-hunter2";

/// A digest of what a training would be given: three epochs and a bit, by the threads that are asked for.
fn digest(source: &Source, cursor: u64, workers: usize) -> Result<String, String> {
    let opened = source.open().map_err(|e| e.to_string())?;
    let set = opened.dataset;
    let (count, labels) = (set.info().count, set.info().labels.join(","));
    let mut loader = Loader::new(set, 31, Key::new(3), cursor, workers).map_err(|e| e.to_string())?;
    let mut sum = 0xcbf2_9ce4_8422_2325u64;
    let mut eat = |v: u64| sum = (sum ^ v).wrapping_mul(0x0100_0000_01b3);
    let end = (3 * count + 200) as u64;
    while loader.cursor() < end {
        let batch = loader.next().map_err(|e| e.to_string())?;
        // The last batches alone are the same wherever one began.
        if loader.cursor() + 4000 > end {
            batch.values.iter().for_each(|v| eat(v.to_bits().into()));
            batch
                .labels
                .unwrap_or_default()
                .into_iter()
                .for_each(|l| eat(l.into()));
        }
    }
    let damaged = loader.warnings();
    match damaged.is_empty() {
        true => Ok(format!("{count} {labels} {sum:016x}")),
        false => Err(damaged.join("; ")),
    }
}

#[test]
#[ignore = "is run by the test below, in a process with credentials"]
fn child() {
    let given = |name: &str| std::env::var(name).unwrap_or_default();
    let source = Source {
        buffer: given("TEST_BUFFER").parse().unwrap_or(1024),
        ..Source::parse(&given("TEST_SOURCE"))
    };
    let number = |name: &str| given(name).parse().unwrap_or(0);
    match digest(&source, number("TEST_CURSOR"), number("TEST_WORKERS") as usize) {
        Ok(read) => println!("\nREAD {read}"),
        Err(e) => println!("\nFAILED {e}"),
    }
}

/// How the proxy treats requests.
struct Faults {
    /// every so many requests is answered by 503 SlowDown; 0 for none
    throttle: AtomicU32,
    /// the body of every so many answers ends in its middle
    cut: AtomicU32,
    /// requests with this in their path are always answered by 503
    refuse: Mutex<String>,
    requests: AtomicU32,
    faults: AtomicU32,
    ranges: AtomicU32,
    bytes: AtomicU64,
}

/// Forwards requests to a server, with faults.
fn proxy(to: u16, faults: Arc<Faults>) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        for client in listener.incoming().flatten() {
            let faults = faults.clone();
            std::thread::spawn(move || forward(client, to, &faults).ok());
        }
    });
    port
}

fn forward(mut client: TcpStream, to: u16, faults: &Faults) -> std::io::Result<()> {
    let mut head = Vec::new();
    let mut reader = BufReader::new(client.try_clone()?);
    while !head.ends_with(b"\r\n\r\n") {
        if reader.read_until(b'\n', &mut head)? == 0 {
            return Ok(());
        }
    }
    let head = String::from_utf8_lossy(&head).into_owned();
    let n = faults.requests.fetch_add(1, Ordering::Relaxed) + 1;
    let every = |m: &AtomicU32| {
        m.load(Ordering::Relaxed)
            .checked_sub(1)
            .is_some_and(|m| n.is_multiple_of(m + 1))
    };
    let refused = faults.refuse.lock().unwrap().clone();
    if every(&faults.throttle)
        || (!refused.is_empty() && head.lines().next().unwrap_or("").contains(&refused))
    {
        faults.faults.fetch_add(1, Ordering::Relaxed);
        let body = "<?xml version=\"1.0\"?><Error><Code>SlowDown</Code><Message>Please reduce your request rate.</Message></Error>";
        let answer = format!(
            "HTTP/1.1 503 Slow Down\r\nContent-Type: application/xml\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}",
            body.len()
        );
        client.write_all(answer.as_bytes())?;
        return client.shutdown(Shutdown::Both);
    }
    if head.to_lowercase().contains("\r\nrange:") {
        faults.ranges.fetch_add(1, Ordering::Relaxed);
    }
    let mut server = TcpStream::connect(("127.0.0.1", to))?;
    server.set_read_timeout(Some(Duration::from_secs(30)))?;
    server.write_all(head.replacen("\r\n", "\r\nConnection: close\r\n", 1).as_bytes())?;
    let mut answer = Vec::new();
    server.read_to_end(&mut answer)?;
    faults.bytes.fetch_add(answer.len() as u64, Ordering::Relaxed);
    if every(&faults.cut) && answer.len() > 5000 {
        faults.faults.fetch_add(1, Ordering::Relaxed);
        answer.truncate(answer.len() / 2);
    }
    client.write_all(&answer)?;
    client.shutdown(Shutdown::Both)
}

struct Server(Child);

impl Drop for Server {
    fn drop(&mut self) {
        self.0.kill().ok();
        self.0.wait().ok();
    }
}

/// Waits for a server that was started.
fn answers(port: u16) {
    for _ in 0..600 {
        if TcpStream::connect(("127.0.0.1", port)).is_ok() {
            return;
        }
        std::thread::sleep(Duration::from_millis(100));
    }
    panic!("nobody answers at {port}");
}

/// A port that nobody has.
fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap().port()
}

/// moto on a port of its own, with a bucket `shards` that holds a folder under `set`.
fn server(folder: &Path) -> Option<(Server, u16, String)> {
    let python = std::env::var("PYTHON").unwrap_or_else(|_| "python3".into());
    let there = Command::new(&python)
        .args(["-c", "import moto.server, boto3"])
        .output();
    if !there.is_ok_and(|o| o.status.success()) {
        println!("skipped: {python} has no moto (pip install 'moto[server]', and set PYTHON)");
        return None;
    }
    let port = free_port();
    let command = ["-m", "moto.server", "-H", "127.0.0.1", "-p"];
    let started = Command::new(&python)
        .args(command)
        .arg(port.to_string())
        .stdout(std::process::Stdio::null())
        .stderr(std::process::Stdio::null())
        .spawn();
    let server = Server(started.unwrap());
    answers(port);
    let upload = "
import boto3, pathlib, sys
port, root = sys.argv[1:]
s3 = boto3.client('s3', endpoint_url='http://127.0.0.1:' + port, region_name='us-east-1',
                  aws_access_key_id='k', aws_secret_access_key='s')
s3.create_bucket(Bucket='shards')
for p in sorted(pathlib.Path(root).rglob('*')):
    if p.is_file():
        s3.put_object(Bucket='shards', Key='set/' + p.relative_to(root).as_posix(), Body=p.read_bytes(),
                      ACL='public-read')
";
    let done = Command::new(&python)
        .args(["-c", upload, &port.to_string()])
        .arg(folder)
        .output()
        .unwrap();
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    Some((server, port, python))
}

/// Runs [`child`]; the line that it answers with.
fn ask(variables: &[(&str, &str)]) -> String {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--exact", "cloud::child", "--ignored", "--nocapture"]);
    for name in [
        "AWS_ACCESS_KEY_ID",
        "AWS_SECRET_ACCESS_KEY",
        "AWS_ENDPOINT",
        "AWS_SKIP_SIGNATURE",
        "GOOGLE_SERVICE_ACCOUNT",
        "GOOGLE_SKIP_SIGNATURE",
        "AZURE_STORAGE_ACCOUNT_KEY",
    ] {
        command.env_remove(name);
    }
    let output = command.envs(variables.iter().copied()).output().unwrap();
    let all = format!(
        "{}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
    assert!(!all.contains(SECRET), "a secret was printed: {all}");
    let line = all
        .lines()
        .find(|l| l.starts_with("READ ") || l.starts_with("FAILED "));
    line.unwrap_or_else(|| panic!("no answer: {all}")).to_string()
}

fn size(folder: &Path) -> u64 {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    entries.map(|e| e.metadata().map_or(0, |m| m.len())).sum()
}

#[test]
fn object_storage_is_read_as_files_are() {
    let dir = tempfile::tempdir().unwrap();
    let packed = dir.path().join("packed");
    pack(&Source::parse("digits"), &["train", "test"], 400_000, &packed).unwrap();
    let shards = (0..)
        .take_while(|i| packed.join(format!("train/{i:05}.tar")).is_file())
        .count();
    assert!(shards >= 6, "{shards}");
    let Some((_server, moto, _)) = server(&packed) else {
        return;
    };
    let faults = Arc::new(Faults {
        throttle: AtomicU32::new(0),
        cut: AtomicU32::new(0),
        refuse: Mutex::default(),
        requests: AtomicU32::new(0),
        faults: AtomicU32::new(0),
        ranges: AtomicU32::new(0),
        bytes: AtomicU64::new(0),
    });
    let endpoint = format!("http://127.0.0.1:{}", proxy(moto, faults.clone()));
    let cache = |name: &str| dir.path().join(name).display().to_string();
    let keys = [
        ("AWS_ACCESS_KEY_ID", "k"),
        ("AWS_SECRET_ACCESS_KEY", SECRET),
        ("AWS_REGION", "us-east-1"),
        ("AWS_ENDPOINT", &endpoint),
        ("AWS_ALLOW_HTTP", "true"),
    ];
    let with = |more: &[(&str, &str)]| ask(&[&keys[..], more].concat());
    let all = "s3://shards/set";

    // A set that its buffer holds: what the files on disk give, in the same order.
    let here = format!(
        "READ {}",
        digest(&Source::parse(packed.to_str().unwrap()), 0, 2).unwrap()
    );
    let whole = with(&[
        ("TEST_SOURCE", all),
        ("MENAGERIE_CACHE", &cache("a")),
        ("TEST_WORKERS", "2"),
    ]);
    assert_eq!(whole, here);
    assert!(faults.ranges.load(Ordering::Relaxed) >= shards as u32);
    // Once more: everything is here.
    let before = faults.bytes.load(Ordering::Relaxed);
    assert_eq!(
        with(&[("TEST_SOURCE", all), ("MENAGERIE_CACHE", &cache("a"))]),
        here
    );
    assert!(faults.bytes.load(Ordering::Relaxed) - before < 100_000);
    // By a pattern, whose classes are numbers without the list above them: here the names are the same.
    let pattern = format!("{all}/train/{{00000..{:05}}}.tar", shards - 1);
    let read = with(&[("TEST_SOURCE", &pattern), ("MENAGERIE_CACHE", &cache("a"))]);
    assert_eq!(read, here);

    // One that is larger than its buffer: an order of its own, the same whatever the threads, and wherever it is gone on
    // with; what is kept stays within the bound of two buffers.
    let small = |workers: &str, cursor: &str, folder: &str| {
        with(&[
            ("TEST_SOURCE", all),
            ("TEST_BUFFER", "1"),
            ("TEST_WORKERS", workers),
            ("TEST_CURSOR", cursor),
            ("MENAGERIE_CACHE", &cache(folder)),
        ])
    };
    let near = small("0", "0", "b");
    assert!(near.starts_with("READ 1437 ") && near != here, "{near}");
    assert!(size(&dir.path().join("b/fetched")) <= 2 << 20);
    assert_eq!(small("3", "0", "b"), near);
    assert_eq!(small("1", &(31 * 9).to_string(), "b"), near);

    // Throttled, and broken off in the middle: the same.
    faults.throttle.store(3, Ordering::Relaxed);
    faults.cut.store(4, Ordering::Relaxed);
    assert_eq!(small("2", "0", "c"), near);
    assert!(faults.faults.load(Ordering::Relaxed) > 5);
    faults.throttle.store(0, Ordering::Relaxed);
    faults.cut.store(0, Ordering::Relaxed);

    // A shard that never comes is named, in one line, in the end.
    *faults.refuse.lock().unwrap() = "00003.tar HTTP".into();
    let failed = small("2", "0", "d");
    for part in [
        "FAILED ",
        "s3://shards/set/train/00003.tar",
        "cannot be fetched",
        "--resume",
    ] {
        assert!(failed.contains(part), "`{part}` is not in {failed}");
    }
    faults.refuse.lock().unwrap().clear();

    // No credentials; shards that are not there; a buffer that holds no shard.
    let none = ask(&[
        ("TEST_SOURCE", all),
        ("AWS_SECRET_ACCESS_KEY", SECRET),
        ("AWS_ENDPOINT", &endpoint),
    ]);
    assert!(
        none.contains("there are no credentials; set AWS_ACCESS_KEY_ID"),
        "{none}"
    );
    let failed = with(&[
        ("TEST_SOURCE", "s3://shards/set/train/{00000..00099}.tar"),
        ("MENAGERIE_CACHE", &cache("a")),
    ]);
    assert!(
        failed.contains("of its 100 shards") && failed.contains("cannot be found"),
        "{failed}"
    );
    let failed = with(&[
        ("TEST_SOURCE", "s3://shards/nothing"),
        ("MENAGERIE_CACHE", &cache("a")),
    ]);
    assert!(failed.contains("has no shards"), "{failed}");
    let failed = with(&[
        ("TEST_SOURCE", all),
        ("TEST_BUFFER", "0"),
        ("MENAGERIE_CACHE", &cache("a")),
    ]);
    assert!(failed.contains("data.buffer"), "{failed}");

    // Google's store, throttled and broken off, too.
    let google = [
        ("GOOGLE_SKIP_SIGNATURE", "true"),
        ("GOOGLE_BASE_URL", &endpoint),
        ("TEST_SOURCE", "gs://shards/set"),
        ("TEST_WORKERS", "2"),
    ];
    let cached = cache("g");
    faults.throttle.store(3, Ordering::Relaxed);
    faults.cut.store(4, Ordering::Relaxed);
    let before = faults.faults.load(Ordering::Relaxed);
    assert_eq!(
        ask(&[&google[..], &[("MENAGERIE_CACHE", &cached[..])]].concat()),
        here
    );
    assert!(faults.faults.load(Ordering::Relaxed) > before);
    faults.throttle.store(0, Ordering::Relaxed);
    faults.cut.store(0, Ordering::Relaxed);
    let none = ask(&google[1..]);
    assert!(
        none.contains("there are no credentials; set GOOGLE_SERVICE_ACCOUNT"),
        "{none}"
    );

    // A web server, which can only be asked for what is named.
    let web = format!("{endpoint}/shards/set/train/{{00000..{:05}}}.tar", shards - 1);
    let read = ask(&[("TEST_SOURCE", &web), ("MENAGERIE_CACHE", &cache("w"))]);
    assert!(read.starts_with("READ 1437 0,1,2,3,4,5,6,7,8,9 "), "{read}");
    let failed = ask(&[
        ("TEST_SOURCE", &format!("{endpoint}/shards/set/")),
        ("MENAGERIE_CACHE", &cache("w")),
    ]);
    assert!(failed.contains("cannot be listed"), "{failed}");
}

/// The account and the key that Azurite has, whoever runs it.
const AZURITE: [&str; 2] = [
    "devstoreaccount1",
    "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw==",
];

/// Azurite on a port of its own, with a container `shards` that holds a folder under `set`.
fn azurite(folder: &Path) -> Option<(Server, u16)> {
    let python = std::env::var("PYTHON").unwrap_or_else(|_| "python3".into());
    let there = |program: &str| Command::new(program).arg("--version").output().is_ok();
    let package = std::env::var("AZURITE");
    let (Ok(package), true, true) = (package, there("node"), there(&python)) else {
        println!("skipped: AZURITE names no folder of Azurite's npm package, or Node or Python is not here");
        return None;
    };
    let port = free_port();
    let started = Command::new("node")
        .arg(Path::new(&package).join("dist/src/blob/main.js"))
        .args([
            "--inMemoryPersistence",
            "--skipApiVersionCheck",
            "--disableTelemetry",
            "--silent",
        ])
        .args(["--blobHost", "127.0.0.1", "--blobPort", &port.to_string()])
        .stdout(std::process::Stdio::null())
        .spawn();
    let server = Server(started.unwrap());
    answers(port);
    let upload = r#"
import base64, hashlib, hmac, pathlib, sys, urllib.request
from email.utils import formatdate
port, root, account, key = sys.argv[1:]
def put(path, query, body, more):
    heads = {"x-ms-date": formatdate(usegmt=True), "x-ms-version": "2021-12-02", **more}
    signed = "".join(f"{k}:{v}\n" for k, v in sorted(heads.items()))
    about = f"/{account}/{account}/{path}" + "".join(f"\n{k}:{v}" for k, v in query.items())
    length, kind = str(len(body)) if body else "", "application/octet-stream"
    text = "\n".join(["PUT", "", "", length, "", kind, *[""] * 6, signed + about])
    mac = base64.b64encode(hmac.new(base64.b64decode(key), text.encode(), hashlib.sha256).digest()).decode()
    url = f"http://127.0.0.1:{port}/{account}/{path}?" + "&".join(f"{k}={v}" for k, v in query.items())
    heads.update({"Authorization": f"SharedKey {account}:{mac}", "Content-Type": kind})
    urllib.request.urlopen(urllib.request.Request(url, data=body, headers=heads, method="PUT"))
put("shards", {"restype": "container"}, b"", {})
for p in sorted(pathlib.Path(root).rglob("*")):
    if p.is_file():
        put("shards/set/" + p.relative_to(root).as_posix(), {}, p.read_bytes(), {"x-ms-blob-type": "BlockBlob"})
"#;
    let done = Command::new(&python)
        .args(["-c", upload, &port.to_string()])
        .arg(folder)
        .args(AZURITE)
        .output()
        .unwrap();
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    Some((server, port))
}

#[test]
fn azure_is_read_as_files_are() {
    let dir = tempfile::tempdir().unwrap();
    let packed = dir.path().join("packed");
    pack(&Source::parse("digits"), &["train", "test"], 400_000, &packed).unwrap();
    let Some((_server, port)) = azurite(&packed) else {
        return;
    };
    let here = format!(
        "READ {}",
        digest(&Source::parse(packed.to_str().unwrap()), 0, 2).unwrap()
    );
    let endpoint = format!("http://127.0.0.1:{port}");
    let cache = dir.path().join("cache").display().to_string();
    let [account, key] = AZURITE;
    let with = |source: &str, more: &[(&str, &str)]| {
        let usual = [
            ("TEST_SOURCE", source),
            ("TEST_WORKERS", "2"),
            ("MENAGERIE_CACHE", &cache),
            ("AZURE_STORAGE_USE_EMULATOR", "true"),
            ("AZURITE_BLOB_STORAGE_URL", &endpoint),
            ("AZURE_STORAGE_ACCOUNT_NAME", account),
        ];
        ask(&[&usual[..], more].concat())
    };
    let credentials = [("AZURE_STORAGE_ACCOUNT_KEY", key)];
    assert_eq!(with("az://shards/set", &credentials), here);
    let none = with("az://shards/set", &[]);
    assert!(
        none.contains("there are no credentials; set AZURE_STORAGE_ACCOUNT_NAME"),
        "{none}"
    );
    let wrong = with(
        "az://shards/set",
        &[("AZURE_STORAGE_ACCOUNT_KEY", "aHVudGVyMg==")],
    );
    assert!(
        wrong.starts_with("FAILED az://shards/set") && !wrong.contains("aHVudGVyMg"),
        "{wrong}"
    );
}
