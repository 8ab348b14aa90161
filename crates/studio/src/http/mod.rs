//! HTTP/1.1 as far as a browser on the same machine needs it: a thread a connection, a bounded number of them, and no
//! wait without an end. Requests are parsed by `httparse`.
mod request;

pub(crate) use request::Request;
use request::{Read1, Reader};
use serde_json::{Value, json};
use std::io::Write;
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

/// Connections at a time; a browser holds six at most.
const CONNECTIONS: usize = 512;
/// A reader takes some bytes within this.
const SLOWEST: Duration = Duration::from_secs(10);
/// And all of an answer within this.
const WHOLE: Duration = Duration::from_secs(120);
/// Bytes that are written at a time.
const PIECE: usize = 64 << 10;
/// Stack of a connection's thread: models are drawn elsewhere.
const STACK: usize = 2 << 20;

/// Why a request is not answered.
#[derive(Debug)]
pub(crate) struct Refusal {
    pub status: u16,
    /// one line
    pub text: String,
}

impl Refusal {
    pub(crate) fn new(status: u16, text: impl Into<String>) -> Refusal {
        Refusal {
            status,
            text: text.into(),
        }
    }

    /// Of something that is not there.
    pub(crate) fn missing(what: impl std::fmt::Display) -> Refusal {
        Refusal::new(404, format!("there is no {what}"))
    }

    /// As a page has it.
    pub(crate) fn response(&self) -> Response {
        Response::json(&json!({"error": self.text})).with_status(self.status)
    }
}

impl From<menagerie::Error> for Refusal {
    fn from(e: menagerie::Error) -> Refusal {
        let status = match &e {
            e if e.is_usage() => 400,
            menagerie::Error::Run { .. } => 409,
            menagerie::Error::GivenUp => 503,
            _ => 500,
        };
        Refusal::new(status, e.to_string())
    }
}

/// An answer.
pub(crate) struct Response {
    status: u16,
    kind: &'static str,
    headers: Vec<(&'static str, String)>,
    body: Body,
}

enum Body {
    Bytes(Vec<u8>),
    Events(Box<dyn FnOnce(&mut Events) -> std::io::Result<()> + Send>),
}

impl Response {
    /// Bytes of that media type.
    pub(crate) fn new(kind: &'static str, bytes: impl Into<Vec<u8>>) -> Response {
        Response {
            status: 200,
            kind,
            headers: vec![],
            body: Body::Bytes(bytes.into()),
        }
    }

    /// A value.
    pub(crate) fn json(value: &Value) -> Response {
        Response::new("application/json", value.to_string())
    }

    /// Events as they happen, from a function that ends when the browser has gone.
    pub(crate) fn events(send: impl FnOnce(&mut Events) -> std::io::Result<()> + Send + 'static) -> Response {
        Response {
            status: 200,
            kind: "text/event-stream",
            headers: vec![],
            body: Body::Events(Box::new(send)),
        }
    }

    pub(crate) fn with_status(self, status: u16) -> Response {
        Response { status, ..self }
    }

    pub(crate) fn with(mut self, name: &'static str, value: impl Into<String>) -> Response {
        self.headers.push((name, value.into()));
        self
    }

    /// A page with a style in it, of which this is the SHA-256 in base 64.
    pub(crate) fn styled_by(self, hash: String) -> Response {
        let own = "style-src 'self'";
        self.with(
            "Content-Security-Policy",
            POLICY.replace(own, &format!("{own} 'sha256-{hash}'")),
        )
    }

    /// All that is sent, of bytes.
    #[cfg(test)]
    pub(crate) fn whole(self) -> Vec<u8> {
        let head = self.head(false);
        match self.body {
            Body::Bytes(bytes) => [head.as_bytes(), &bytes].concat(),
            Body::Events(_) => head.into(),
        }
    }

    fn head(&self, keeps_open: bool) -> String {
        let mut out = format!("HTTP/1.1 {} {}\r\n", self.status, reason(self.status));
        let mut add = |name: &str, value: &str| {
            // No value can end its line.
            let value: String = value.chars().filter(|c| !c.is_control()).collect();
            out += &format!("{name}: {value}\r\n");
        };
        add("Content-Type", self.kind);
        if let Body::Bytes(b) = &self.body {
            add("Content-Length", &b.len().to_string());
        }
        add("Connection", if keeps_open { "keep-alive" } else { "close" });
        for (name, usual) in [("Cache-Control", "no-store"), ("Content-Security-Policy", POLICY)] {
            if !self.headers.iter().any(|(n, _)| *n == name) {
                add(name, usual);
            }
        }
        add("X-Content-Type-Options", "nosniff");
        add("Referrer-Policy", "no-referrer");
        add("Cross-Origin-Resource-Policy", "same-origin");
        add("Cross-Origin-Opener-Policy", "same-origin");
        for (name, value) in &self.headers {
            add(name, value);
        }
        out + "\r\n"
    }
}

/// A page may load from this server alone, and stands in no other's frame.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob: data:; media-src 'self' blob:; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

fn reason(status: u16) -> &'static str {
    match status {
        200 => "OK",
        303 => "See Other",
        400 => "Bad Request",
        401 => "Unauthorized",
        403 => "Forbidden",
        404 => "Not Found",
        405 => "Method Not Allowed",
        409 => "Conflict",
        411 => "Length Required",
        413 => "Content Too Large",
        429 => "Too Many Requests",
        431 => "Request Header Fields Too Large",
        503 => "Service Unavailable",
        _ => "Internal Server Error",
    }
}

/// Where events are sent (`text/event-stream`).
pub(crate) struct Events {
    stream: TcpStream,
}

impl Events {
    /// One event.
    pub(crate) fn send(&mut self, name: &str, value: &Value) -> std::io::Result<()> {
        written(
            &mut self.stream,
            format!("event: {name}\ndata: {value}\n\n").as_bytes(),
        )
    }

    /// Nothing, by which it shows whether the browser is still there.
    pub(crate) fn ping(&mut self) -> std::io::Result<()> {
        written(&mut self.stream, b": still here\n\n")
    }
}

/// Writes all of it, piece by piece: who reads too slowly is left.
fn written(stream: &mut TcpStream, bytes: &[u8]) -> std::io::Result<()> {
    let deadline = Instant::now() + WHOLE;
    for piece in bytes.chunks(PIECE) {
        if Instant::now() > deadline {
            return Err(std::io::ErrorKind::TimedOut.into());
        }
        stream.write_all(piece)?;
    }
    Ok(())
}

/// Answers requests for ever; `answer` is called in the connection's own thread.
pub(crate) fn serve(listener: &TcpListener, answer: Arc<dyn Fn(&Request) -> Response + Send + Sync>) {
    let open = Arc::new(AtomicUsize::new(0));
    for stream in listener.incoming() {
        let Ok(stream) = stream else {
            // Too many open files, say: those that are open will end.
            std::thread::sleep(Duration::from_millis(50));
            continue;
        };
        if open.fetch_add(1, Ordering::Relaxed) >= CONNECTIONS {
            open.fetch_sub(1, Ordering::Relaxed);
            let full = Refusal::new(503, "too many connections; close some pages");
            answered(stream, full.response(), false).ok();
            continue;
        }
        let (answer, counted) = (answer.clone(), Counted(open.clone()));
        let work = move || {
            let _counted = counted;
            connection(stream, &*answer);
        };
        let thread = std::thread::Builder::new()
            .name("browser".into())
            .stack_size(STACK);
        // Where no thread is to be had, the connection is closed.
        drop(thread.spawn(work));
    }
}

/// Counts a connection until it ends, however it does.
struct Counted(Arc<AtomicUsize>);

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

fn connection(stream: TcpStream, answer: &dyn Fn(&Request) -> Response) {
    let (Ok(()), Ok(reading)) = (stream.set_nodelay(true), stream.try_clone()) else {
        return;
    };
    let mut reader = Reader::new(reading);
    loop {
        let (response, keeps_open) = match reader.next() {
            Read1::Closed => return,
            Read1::Bad(refusal) => (refusal.response(), false),
            Read1::Whole(request) => (answer(&request), request.keeps_open),
        };
        let Ok(writing) = stream.try_clone() else { return };
        if !matches!(answered(writing, response, keeps_open), Ok(true)) {
            return;
        }
    }
}

/// Writes an answer; gives whether the connection goes on.
fn answered(mut stream: TcpStream, response: Response, keeps_open: bool) -> std::io::Result<bool> {
    stream.set_write_timeout(Some(SLOWEST))?;
    let keeps_open = keeps_open && matches!(response.body, Body::Bytes(_));
    let head = response.head(keeps_open);
    match response.body {
        Body::Bytes(bytes) => {
            // In one piece where it is small: one packet.
            if bytes.len() < PIECE {
                written(&mut stream, &[head.as_bytes(), &bytes].concat())?;
            } else {
                written(&mut stream, head.as_bytes())?;
                written(&mut stream, &bytes)?;
            }
        }
        Body::Events(send) => {
            written(&mut stream, head.as_bytes())?;
            send(&mut Events { stream })?;
        }
    }
    Ok(keeps_open)
}
