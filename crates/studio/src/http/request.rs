//! What a browser asks, read with care.
use super::{Refusal, Response};
use axum::body::{Bytes, HttpBody, to_bytes};
use axum::extract::{FromRequest, FromRequestParts, RawPathParams};
use axum::http::header::{COOKIE, HOST, ORIGIN, TRANSFER_ENCODING};
use axum::http::request::Parts;
use axum::http::{HeaderMap, Method, Uri};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// Bytes of a body.
const BODY: usize = 1 << 20;
/// A body is there after so long.
const WHOLE: Duration = Duration::from_secs(15);

/// A request.
#[derive(Debug)]
pub(crate) struct Request {
    /// `GET`, `POST`, ...
    pub method: Method,
    /// what was sent
    pub body: Bytes,
    headers: HeaderMap,
    /// what stands in the path where a route has a name in braces, decoded
    path: Vec<(String, String)>,
    /// what follows the question mark, decoded
    pub query: Vec<(String, String)>,
    /// whether the browser has gone: what it asked for need not be made
    pub gone: Arc<AtomicBool>,
}

impl<S: Send + Sync> FromRequest<S> for Request {
    type Rejection = Response;

    async fn from_request(request: axum::extract::Request, state: &S) -> Result<Request, Response> {
        let (mut parts, body) = request.into_parts();
        let path = RawPathParams::from_request_parts(&mut parts, state).await;
        let wrong = |_| {
            Refusal::new(400, "this is no address of a page")
                .response()
                .closing()
        };
        let path = path.map_err(wrong)?;
        let late = || {
            Refusal::new(408, "the body did not come in time")
                .response()
                .closing()
        };
        let body = tokio::time::timeout(WHOLE, to_bytes(body, BODY));
        let body = body.await.ok().and_then(Result::ok).ok_or_else(late)?;
        let path = path.iter().map(|(k, v)| (k.to_string(), v.to_string()));
        let path = path.collect();
        let Parts {
            method, uri, headers, ..
        } = parts;
        Ok(Request {
            method,
            body,
            headers,
            path,
            query: query(&uri),
            gone: Arc::default(),
        })
    }
}

impl Request {
    /// Has it answered in a thread that may take its time. Where the browser goes away this future is dropped, by which the
    /// thread sees that nobody waits.
    pub(crate) async fn answered<T: Send + 'static>(
        self,
        answer: impl FnOnce(&Request) -> Result<T, Refusal> + Send + 'static,
    ) -> Result<T, Refusal> {
        let _leaves = Leaves(self.gone.clone());
        let work = tokio::task::spawn_blocking(move || answer(&self));
        let failed = |_| Err(Refusal::new(500, "the studio failed in the middle of this"));
        work.await.unwrap_or_else(failed)
    }

    /// What stands in the path for a name of the route.
    pub(crate) fn part(&self, name: &str) -> &str {
        first(&self.path, name).unwrap_or_default()
    }

    /// The run, recipe or game that is asked about.
    pub(crate) fn name(&self) -> &str {
        self.part("name")
    }

    /// A header that may be there once.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        header(&self.headers, name)
    }

    /// A value of the query.
    pub(crate) fn query(&self, name: &str) -> Option<&str> {
        first(&self.query, name)
    }
}

fn first<'a>(pairs: &'a [(String, String)], name: &str) -> Option<&'a str> {
    pairs.iter().find(|(n, _)| n == name).map(|(_, v)| v.as_str())
}

/// Tells, when it is dropped, that nobody waits any more.
struct Leaves(Arc<AtomicBool>);

impl Drop for Leaves {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// A header as text.
pub(crate) fn header<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    std::str::from_utf8(headers.get(name)?.as_bytes()).ok()
}

/// What follows the question mark of an address, decoded.
pub(crate) fn query(uri: &Uri) -> Vec<(String, String)> {
    let query = uri.query().unwrap_or_default().as_bytes();
    form_urlencoded::parse(query).into_owned().collect()
}

/// Refuses what can be understood in two ways, and bodies that are too large before they come.
pub(crate) fn framed(request: &axum::extract::Request) -> Result<(), Refusal> {
    let headers = request.headers();
    for (name, value) in headers {
        if std::str::from_utf8(value.as_bytes()).is_err() {
            return Err(Refusal::new(400, format!("the header {name} is not text")));
        }
    }
    for name in [HOST, ORIGIN, COOKIE] {
        if headers.get_all(&name).iter().count() > 1 {
            return Err(Refusal::new(400, format!("the header {name} is there twice")));
        }
    }
    if headers.contains_key(TRANSFER_ENCODING) {
        return Err(Refusal::new(411, "bodies come with their length"));
    }
    let length = request.body().size_hint().lower();
    if length > BODY as u64 {
        let problem = format!("{length} bytes are too many; {BODY} are the most");
        return Err(Refusal::new(413, problem));
    }
    match request.uri().authority() {
        Some(_) => Err(Refusal::new(400, "this is no address of a page")),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::Limits;
    use crate::http::serve::tests::{all, asked, served};
    use axum::Router;
    use axum::middleware::{Next, from_fn};
    use axum::response::IntoResponse;
    use axum::routing::post;
    use serde_json::json;
    use std::net::SocketAddr;

    /// A page that says what it was asked.
    fn mirror() -> SocketAddr {
        let told = async |r: Request| {
            let body = String::from_utf8_lossy(&r.body).into_owned();
            Response::json(&json!([
                r.name(),
                r.query("seed"),
                r.query("label"),
                r.header("x-a"),
                body
            ]))
        };
        let checked = async |request: axum::extract::Request, next: Next| match framed(&request) {
            Ok(()) => next.run(request).await,
            Err(refusal) => refusal.response().closing().into_response(),
        };
        let pages = Router::new().route("/runs/{name}/decode", post(told).get(told));
        served(pages.layer(from_fn(checked)), Limits::default())
    }

    #[test]
    fn a_request_is_read_whole() {
        let text = "POST /runs/a%2Fb/decode?seed=7&label=t%20shirt+x HTTP/1.1\r\nX-A: \u{e9}\r\nContent-Length: 3\r\n\r\nabc";
        let next = "GET /runs/c/decode HTTP/1.1\r\nConnection: close\r\n\r\n";
        let said = all(asked(mirror(), &format!("{text}{next}")));
        assert!(said.contains(r#"["a/b","7","t shirt x","é","abc"]"#), "{said}");
        // The connection stays open for more, until one is the last.
        assert!(said.ends_with(r#"["c",null,null,null,""]"#), "{said}");
    }

    #[test]
    fn what_is_no_request_is_refused() {
        let address = mirror();
        let many = format!("GET / HTTP/1.1\r\n{}\r\n", "X: y\r\n".repeat(65));
        let long = format!("GET /{} HTTP/1.1\r\n", "a".repeat(17 << 10));
        for (text, want) in [
            ("GET /runs/%ff/decode HTTP/1.1\r\n\r\n", 400),
            ("GET http://evil/runs/a/decode HTTP/1.1\r\n\r\n", 400),
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
            (&many, 431),
            (&long, 431),
        ] {
            // Each is the last on its connection.
            let said = all(asked(address, text));
            let status = said.split(' ').nth(1).and_then(|s| s.parse().ok());
            assert_eq!(status, Some(want), "{text:?}: {said}");
        }
    }
}
