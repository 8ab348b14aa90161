//! What the studio speaks with a browser: HTTP/1.1 by `axum`, bounded in all that a browser may send, keep open or leave unread.
mod request;
mod serve;

use axum::body::{Body, Bytes};
use axum::http::header::{CACHE_CONTROL, CONNECTION, CONTENT_LENGTH, CONTENT_SECURITY_POLICY, CONTENT_TYPE};
use axum::http::{HeaderName, HeaderValue, StatusCode};
use axum::response::IntoResponse;
use axum::response::sse::{Event, KeepAlive, Sse};
use futures_util::stream;
pub(crate) use request::{Request, framed, header, query};
use serde_json::{Value, json};
#[cfg(test)]
pub(crate) use serve::tests;
pub(crate) use serve::{Limits, runtime, serve};
use std::convert::Infallible;
use std::io::ErrorKind::{BrokenPipe, TimedOut};
use std::time::{Duration, Instant};
use tokio::runtime::Handle;
use tokio::sync::mpsc::{Sender, channel};

/// All of an answer, or of an event, is read within this.
const WHOLE: Duration = Duration::from_secs(120);
/// Without news, this often is told that the studio is still there.
const PING: Duration = Duration::from_secs(5);
/// Bytes that are sent at a time.
const PIECE: usize = 64 << 10;

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

impl IntoResponse for Refusal {
    fn into_response(self) -> axum::response::Response {
        self.response().0
    }
}

/// An answer.
pub(crate) struct Response(axum::response::Response);

impl Response {
    /// Bytes of that media type.
    pub(crate) fn new(kind: &'static str, bytes: impl Into<Bytes>) -> Response {
        let bytes = bytes.into();
        let length = bytes.len();
        let body = match length <= PIECE {
            true => Body::from(bytes),
            false => Body::from_stream(stream::iter(pieces(bytes))),
        };
        let plain = Response(axum::response::Response::new(body));
        plain
            .with(CONTENT_TYPE, kind)
            .with(CONTENT_LENGTH, length.to_string())
    }

    /// A value.
    pub(crate) fn json(value: &Value) -> Response {
        Response::new("application/json", value.to_string())
    }

    /// Events as they happen, from a function that ends when the browser has gone. It has a thread of its own.
    pub(crate) fn events(send: impl FnOnce(&Events) -> std::io::Result<()> + Send + 'static) -> Response {
        let (sender, mut events) = channel(1);
        tokio::task::spawn_blocking(move || send(&Events(sender)));
        let events = stream::poll_fn(move |cx| events.poll_recv(cx).map(|e| e.map(Ok::<_, Infallible>)));
        let alive = KeepAlive::new().interval(PING).text("still here");
        Response(Sse::new(events).keep_alive(alive).into_response())
    }

    pub(crate) fn with_status(mut self, status: u16) -> Response {
        *self.0.status_mut() = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        self
    }

    pub(crate) fn with(mut self, name: impl TryInto<HeaderName>, value: impl Into<String>) -> Response {
        // No value can end its line.
        let value: String = value.into().chars().filter(|c| !c.is_control()).collect();
        if let (Ok(name), Ok(value)) = (name.try_into(), HeaderValue::from_maybe_shared(value)) {
            self.0.headers_mut().append(name, value);
        }
        self
    }

    /// The last on its connection: what follows may not be a request.
    pub(crate) fn closing(self) -> Response {
        self.with(CONNECTION, "close")
    }

    /// A page with a style in it, of which this is the SHA-256 in base 64.
    pub(crate) fn styled_by(self, hash: String) -> Response {
        let own = "style-src 'self'";
        self.with(
            CONTENT_SECURITY_POLICY,
            POLICY.replace(own, &format!("{own} 'sha256-{hash}'")),
        )
    }
}

impl IntoResponse for Response {
    fn into_response(self) -> axum::response::Response {
        self.0
    }
}

/// A page may load from this server alone, and stands in no other's frame.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob: data:; media-src 'self' blob:; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// An answer with what every one says to the browser.
pub(crate) fn finished(mut response: axum::response::Response) -> axum::response::Response {
    let headers = response.headers_mut();
    for (name, usual) in [(CACHE_CONTROL, "no-store"), (CONTENT_SECURITY_POLICY, POLICY)] {
        headers.entry(name).or_insert(HeaderValue::from_static(usual));
    }
    for (name, value) in [
        ("x-content-type-options", "nosniff"),
        ("referrer-policy", "no-referrer"),
        ("cross-origin-resource-policy", "same-origin"),
        ("cross-origin-opener-policy", "same-origin"),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    response
}

/// Bytes piece by piece, each asked for when the one before has left: who takes too long for all is left.
fn pieces(mut bytes: Bytes) -> impl Iterator<Item = std::io::Result<Bytes>> {
    let deadline = Instant::now() + WHOLE;
    std::iter::from_fn(move || match bytes.len() {
        0 => None,
        _ if Instant::now() > deadline => Some(Err(TimedOut.into())),
        left => Some(Ok(bytes.split_to(left.min(PIECE)))),
    })
}

/// Where events are sent (`text/event-stream`).
pub(crate) struct Events(Sender<Event>);

impl Events {
    /// One event; waits until the one before has left.
    ///
    /// # Errors
    /// Where the browser has gone, or does not read.
    pub(crate) fn send(&self, name: &str, value: &Value) -> std::io::Result<()> {
        let event = Event::default().event(name).data(value.to_string());
        let sent = Handle::current().block_on(self.0.send_timeout(event, WHOLE));
        sent.map_err(|_| BrokenPipe.into())
    }

    /// Whether the browser is still there.
    ///
    /// # Errors
    /// Where it has gone.
    pub(crate) fn check(&self) -> std::io::Result<()> {
        match self.0.is_closed() {
            true => Err(BrokenPipe.into()),
            false => Ok(()),
        }
    }
}
