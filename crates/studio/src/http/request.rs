//! What a browser asks, read with care: every length and every wait is bounded.
use super::Refusal;
use std::io::{ErrorKind, Read};
use std::net::TcpStream;
use std::time::{Duration, Instant};

/// Bytes that the lines before a body may have.
const HEAD: usize = 16 << 10;
/// Header lines.
const LINES: usize = 64;
/// Bytes of a body.
const BODY: usize = 1 << 20;
/// A request that has begun is whole after so long.
const WHOLE: Duration = Duration::from_secs(15);
/// A connection without a request is closed after so long.
const IDLE: Duration = Duration::from_secs(60);

/// A request.
#[derive(Debug)]
pub(crate) struct Request {
    /// `GET`, `POST`, ...
    pub method: String,
    /// the parts of the path between slashes, decoded
    pub path: Vec<String>,
    /// what follows the question mark, decoded
    pub query: Vec<(String, String)>,
    /// names in lower case
    headers: Vec<(String, String)>,
    /// what was sent
    pub body: Vec<u8>,
    /// whether the browser wants to ask more on this connection
    pub keeps_open: bool,
    /// a second handle, to see whether the browser is still there
    peer: Option<TcpStream>,
}

impl Request {
    /// The first of a connection, where it is one.
    #[cfg(test)]
    pub(crate) fn read(stream: TcpStream) -> Option<Box<Request>> {
        match Reader::new(stream).next() {
            Read1::Whole(request) => Some(request),
            _ => None,
        }
    }

    /// A header that may be there once.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers
            .iter()
            .find(|(n, _)| n == name)
            .map(|(_, v)| v.as_str())
    }

    /// A value of the query.
    pub(crate) fn query(&self, name: &str) -> Option<&str> {
        self.query
            .iter()
            .find(|(n, _)| n == name)
            .map(|(_, v)| v.as_str())
    }

    /// Whether the browser has gone: what it asked for need not be made.
    pub(crate) fn is_abandoned(&self) -> bool {
        let Some(peer) = &self.peer else { return false };
        let mut byte = [0];
        if peer.set_nonblocking(true).is_err() {
            return true;
        }
        let seen = peer.peek(&mut byte);
        peer.set_nonblocking(false).is_err()
            || match seen {
                Ok(n) => n == 0,
                Err(e) => e.kind() != ErrorKind::WouldBlock,
            }
    }
}

/// Reads requests off a connection, one after the other.
pub(super) struct Reader {
    stream: TcpStream,
    /// what was read beyond the last request
    rest: Vec<u8>,
}

/// What came of waiting for a request.
pub(super) enum Read1 {
    /// the browser closed the connection, or was silent for long
    Closed,
    /// a request
    Whole(Box<Request>),
    /// something that is none
    Bad(Refusal),
}

impl Reader {
    pub(super) fn new(stream: TcpStream) -> Reader {
        Reader {
            stream,
            rest: Vec::new(),
        }
    }

    /// More bytes, before the deadline; `None` when there are no more.
    fn more(&mut self, deadline: Instant) -> Option<()> {
        let left = deadline.checked_duration_since(Instant::now())?;
        let left = left.max(Duration::from_millis(1));
        self.stream.set_read_timeout(Some(left)).ok()?;
        let mut buffer = [0; 8192];
        match self.stream.read(&mut buffer) {
            Ok(0) => None,
            Ok(n) => {
                self.rest.extend_from_slice(&buffer[..n]);
                Some(())
            }
            Err(e) if e.kind() == ErrorKind::Interrupted => Some(()),
            Err(_) => None,
        }
    }

    /// The next request.
    pub(super) fn next(&mut self) -> Read1 {
        let mut deadline = None;
        let (mut request, head, length) = loop {
            match head_of(&self.rest) {
                Ok(Some(found)) => break found,
                Err(bad) => return Read1::Bad(bad),
                Ok(None) => {}
            }
            if self.rest.len() > HEAD {
                return Read1::Bad(Refusal::new(431, "the request's headers are too long"));
            }
            if !self.rest.is_empty() && deadline.is_none() {
                deadline = Some(Instant::now() + WHOLE);
            }
            let until = deadline.unwrap_or_else(|| Instant::now() + IDLE);
            if self.more(until).is_none() {
                return Read1::Closed;
            }
        };
        let deadline = Instant::now() + WHOLE;
        while self.rest.len() < head + length {
            if self.more(deadline).is_none() {
                return Read1::Closed;
            }
        }
        request.body = self.rest[head..head + length].to_vec();
        self.rest.drain(..head + length);
        request.peer = self.stream.try_clone().ok();
        Read1::Whole(Box::new(request))
    }
}

/// The request in these bytes without its body, how long its head is, and how long its body will be; `None` while its head
/// is not whole.
fn head_of(bytes: &[u8]) -> Result<Option<(Request, usize, usize)>, Refusal> {
    let mut lines = [httparse::EMPTY_HEADER; LINES];
    let mut parsed = httparse::Request::new(&mut lines);
    let head = match parsed.parse(bytes) {
        Ok(httparse::Status::Complete(n)) => n,
        Ok(httparse::Status::Partial) => return Ok(None),
        Err(httparse::Error::TooManyHeaders) => return Err(Refusal::new(431, "too many headers")),
        Err(e) => return Err(Refusal::new(400, format!("this is no HTTP request: {e}"))),
    };
    let mut headers = Vec::new();
    for h in parsed.headers.iter() {
        let value = std::str::from_utf8(h.value)
            .map_err(|_| Refusal::new(400, format!("the header {} is not text", h.name)))?;
        headers.push((h.name.to_ascii_lowercase(), value.trim().to_string()));
    }
    // What would be counted twice is counted by nobody alike.
    for name in ["host", "content-length", "origin", "cookie"] {
        if headers.iter().filter(|(n, _)| n == name).count() > 1 {
            return Err(Refusal::new(400, format!("the header {name} is there twice")));
        }
    }
    let value = |name: &str| headers.iter().find(|(n, _)| n == name).map(|(_, v)| v.as_str());
    if value("transfer-encoding").is_some() {
        return Err(Refusal::new(411, "bodies come with their length"));
    }
    let length = match value("content-length") {
        None => 0,
        Some(text) => {
            let digits = !text.is_empty() && text.len() < 12 && text.bytes().all(|b| b.is_ascii_digit());
            let length: usize = text
                .parse()
                .ok()
                .filter(|_| digits)
                .ok_or_else(|| Refusal::new(400, "the body's length is no number"))?;
            if length > BODY {
                return Err(Refusal::new(
                    413,
                    format!("{length} bytes are too many; {BODY} are the most"),
                ));
            }
            length
        }
    };
    let (path, query) = target(parsed.path.unwrap_or("/"))?;
    let says_close = value("connection").is_some_and(|c| c.eq_ignore_ascii_case("close"));
    let keeps_open = parsed.version == Some(1) && !says_close;
    let request = Request {
        method: parsed.method.unwrap_or_default().to_string(),
        path,
        query,
        headers,
        body: Vec::new(),
        keeps_open,
        peer: None,
    };
    Ok(Some((request, head, length)))
}

/// Path and query of a request's target.
fn target(text: &str) -> Result<(Vec<String>, Vec<(String, String)>), Refusal> {
    let (path, query) = text.split_once('?').unwrap_or((text, ""));
    let bad = || Refusal::new(400, "this is no address of a page");
    let path = path.strip_prefix('/').ok_or_else(bad)?;
    let path = path
        .split('/')
        .filter(|p| !p.is_empty())
        .map(|p| decoded(p, false).ok_or_else(bad))
        .collect::<Result<_, _>>()?;
    let query = query
        .split('&')
        .filter(|p| !p.is_empty())
        .map(|pair| {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            Ok((
                decoded(name, true).ok_or_else(bad)?,
                decoded(value, true).ok_or_else(bad)?,
            ))
        })
        .collect::<Result<_, Refusal>>()?;
    Ok((path, query))
}

/// Text with its `%XX` as the bytes they stand for; `None` where that is not text, or holds what no name has.
fn decoded(text: &str, plus: bool) -> Option<String> {
    let mut out = Vec::with_capacity(text.len());
    let mut bytes = text.bytes();
    while let Some(b) = bytes.next() {
        out.push(match b {
            b'%' => {
                let digit = |b: Option<u8>| char::from(b?).to_digit(16);
                (digit(bytes.next())? * 16 + digit(bytes.next())?) as u8
            }
            b'+' if plus => b' ',
            b => b,
        });
    }
    String::from_utf8(out).ok().filter(|t| !t.contains('\0'))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn head(text: &str) -> Result<Option<(Request, usize, usize)>, Refusal> {
        head_of(text.as_bytes())
    }

    #[test]
    fn a_request_is_read_whole() {
        let text = "POST /api/runs/a%2Fb/decode?seed=7&label=t%20shirt+x HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nabc";
        let (r, head_length, length) = head(text).unwrap().unwrap();
        assert_eq!(
            (r.method.as_str(), length, &text[head_length..]),
            ("POST", 3, "abc")
        );
        assert_eq!(r.path, ["api", "runs", "a/b", "decode"]);
        assert_eq!(
            (r.query("seed"), r.query("label")),
            (Some("7"), Some("t shirt x"))
        );
        assert!(r.keeps_open && r.header("host") == Some("x"));
        assert!(head("GET / HTTP/1.1\r\nHo").unwrap().is_none());
    }

    #[test]
    fn what_is_no_request_is_refused() {
        let status = |text: &str| head(text).unwrap_err().status;
        for (text, want) in [
            ("GET /%zz HTTP/1.1\r\n\r\n", 400),
            ("GET /%00 HTTP/1.1\r\n\r\n", 400),
            ("GET /%ff HTTP/1.1\r\n\r\n", 400),
            ("GET http://evil/ HTTP/1.1\r\n\r\n", 400),
            ("\u{1}\u{2}\r\n\r\n", 400),
            ("POST / HTTP/1.1\r\nContent-Length: 99999999\r\n\r\n", 413),
            ("POST / HTTP/1.1\r\nContent-Length: -1\r\n\r\n", 400),
            ("POST / HTTP/1.1\r\nContent-Length: +1\r\n\r\n", 400),
            (
                "POST / HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
                400,
            ),
            ("POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n", 411),
            ("GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", 400),
        ] {
            assert_eq!(status(text), want, "{text:?}");
        }
        let many = format!("GET / HTTP/1.1\r\n{}\r\n", "X: y\r\n".repeat(LINES + 1));
        assert_eq!(status(&many), 431);
    }
}
