//! A studio that runs, and what is asked of it without a browser.
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

/// `menagerie studio` in a process of its own, which ends with this value.
pub(crate) struct Served {
    child: Child,
    /// where it is: `http://...`
    pub url: String,
    /// its address and port
    pub host: String,
}

impl Served {
    /// Serves `folder/runs`.
    pub(crate) fn start(folder: &Path, more: &[&str]) -> Served {
        Served::on(folder, &[&["runs", "--port", "0"], more].concat())
    }

    /// Serves runs that lie in a folder.
    pub(crate) fn of(runs: &Path) -> Served {
        Served::on(runs, &[".", "--port", "0"])
    }

    fn on(folder: &Path, args: &[&str]) -> Served {
        let mut child = Command::new(env!("CARGO_BIN_EXE_menagerie"))
            .current_dir(folder)
            .arg("studio")
            .args(args)
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut line = String::new();
        let mut said = BufReader::new(child.stdout.take().unwrap());
        said.read_line(&mut line).unwrap();
        let url = line.split_whitespace().find(|w| w.starts_with("http://"));
        let url = url.unwrap_or_else(|| panic!("{line:?}")).to_string();
        let host = url["http://".len()..].split('/').next().unwrap().to_string();
        Served { child, url, host }
    }

    /// Another one at the same address, after the first was killed.
    pub(crate) fn again(&mut self, folder: &Path) {
        let port = self.host.rsplit(':').next().unwrap().to_string();
        *self = Served::on(folder, &["runs", "--port", &port]);
    }

    pub(crate) fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Sends bytes and gives all that comes back.
    pub(crate) fn raw(&self, bytes: &[u8]) -> Answer {
        let port = self.host.rsplit(':').next().unwrap();
        let mut stream = TcpStream::connect(format!("127.0.0.1:{port}")).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(120))).unwrap();
        // It may answer and close before it has read all.
        stream.write_all(bytes).ok();
        let mut all = Vec::new();
        stream.read_to_end(&mut all).ok();
        let at = all.windows(4).position(|w| w == b"\r\n\r\n").unwrap_or(all.len());
        let head = String::from_utf8_lossy(&all[..at]).into_owned();
        let body = all.get(at + 4..).unwrap_or_default().to_vec();
        let status = head.split(' ').nth(1).and_then(|s| s.parse().ok()).unwrap_or(0);
        Answer { status, head, body }
    }

    /// Asks with these header lines beside the usual ones.
    pub(crate) fn ask(&self, method: &str, path: &str, headers: &[&str], body: &str) -> Answer {
        let own = headers
            .iter()
            .any(|h| h.to_ascii_lowercase().starts_with("host:"));
        let host = if own {
            String::new()
        } else {
            format!("Host: {}\r\n", self.host)
        };
        let more: String = headers.iter().map(|h| format!("{h}\r\n")).collect();
        let text = format!(
            "{method} {path} HTTP/1.1\r\n{host}{more}Connection: close\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        );
        self.raw(text.as_bytes())
    }

    pub(crate) fn get(&self, path: &str) -> Answer {
        self.ask("GET", path, &[], "")
    }

    pub(crate) fn post(&self, path: &str, body: &serde_json::Value) -> Answer {
        self.ask(
            "POST",
            path,
            &["Content-Type: application/json"],
            &body.to_string(),
        )
    }

    /// Asks until the answer is as wanted.
    pub(crate) fn until(&self, path: &str, wanted: impl Fn(&serde_json::Value) -> bool) -> serde_json::Value {
        let mut last = serde_json::Value::Null;
        for _ in 0..1200 {
            last = self.get(path).json();
            if wanted(&last) {
                return last;
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        panic!("{path}: in vain: {last:#}")
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

/// What came back.
pub(crate) struct Answer {
    pub status: u16,
    pub head: String,
    pub body: Vec<u8>,
}

impl Answer {
    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body)
            .unwrap_or_else(|e| panic!("{e}: {}\n{}", self.head, String::from_utf8_lossy(&self.body)))
    }

    /// The line that says why not.
    pub(crate) fn error(&self) -> String {
        let text = self.json()["error"].as_str().unwrap().to_string();
        assert!(!text.is_empty() && !text.contains('\n'), "one line: {text:?}");
        text
    }
}
