//! Connections: a bounded number of them, and no wait without an end.
use super::{Refusal, finished};
use axum::Router;
use axum::response::IntoResponse;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::runtime::{Builder, Runtime};
use tokio::sync::Semaphore;
use tokio_io_timeout::TimeoutStream;

/// Bytes that the lines before a body may have, and how many lines.
const HEAD: usize = 16 << 10;
const LINES: usize = 64;
/// Connections beyond those that are answered, which are told so; yet others are closed.
const TOLD: usize = 32;
/// Stack of a thread that answers: models are drawn elsewhere.
const STACK: usize = 2 << 20;

/// What one browser may take of the studio.
pub(crate) struct Limits {
    /// connections at a time; a browser holds six at most
    pub connections: usize,
    /// a request's head is there within this, counted from the answer before
    pub head: Duration,
    /// a reader takes some bytes within this
    pub read: Duration,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits {
            connections: 512,
            head: Duration::from_secs(15),
            read: Duration::from_secs(10),
        }
    }
}

/// What connections run on, and a thread for each that takes its time with an answer.
///
/// # Errors
/// Where no thread is to be had.
pub(crate) fn runtime(limits: &Limits) -> std::io::Result<Runtime> {
    Builder::new_multi_thread()
        .worker_threads(2)
        .max_blocking_threads(limits.connections)
        .thread_stack_size(STACK)
        .thread_name("browser")
        .enable_all()
        .build()
}

/// Answers requests for ever.
pub(crate) async fn serve(listener: TcpListener, pages: Router, limits: Limits) {
    let full = Router::new().fallback(async || {
        let full = Refusal::new(503, "too many connections; close some pages");
        finished(full.response().closing().into_response())
    });
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new())
        .header_read_timeout(limits.head)
        .max_buf_size(HEAD)
        .max_headers(LINES)
        .title_case_headers(true);
    let open = Arc::new(Semaphore::new(limits.connections + TOLD));
    loop {
        let Ok((stream, _)) = listener.accept().await else {
            // Too many open files, say: those that are open will end.
            tokio::time::sleep(Duration::from_millis(50)).await;
            continue;
        };
        let Ok(counted) = open.clone().try_acquire_owned() else {
            continue;
        };
        let pages = match open.available_permits() >= TOLD {
            true => pages.clone(),
            false => full.clone(),
        };
        stream.set_nodelay(true).ok();
        let mut stream = TimeoutStream::new(stream);
        stream.set_write_timeout(Some(limits.read));
        let stream = TokioIo::new(Box::pin(stream));
        let connection = http.serve_connection(stream, TowerToHyperService::new(pages));
        tokio::spawn(async move {
            // It ends with an error where a browser goes away, which is its right.
            connection.await.ok();
            drop(counted);
        });
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::http::Response;
    use axum::routing::get;
    use serde_json::json;
    use std::io::{Read, Write};
    use std::net::{SocketAddr, TcpStream};
    use std::sync::mpsc::sync_channel;

    const LONG: Duration = Duration::from_secs(60);

    /// Serves in a thread, as long as the tests run.
    pub(crate) fn served(pages: Router, limits: Limits) -> SocketAddr {
        let runtime = runtime(&limits).unwrap();
        let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0")).unwrap();
        let address = listener.local_addr().unwrap();
        std::thread::spawn(move || runtime.block_on(serve(listener, pages, limits)));
        address
    }

    /// A connection on which this was sent.
    pub(crate) fn asked(address: SocketAddr, text: &str) -> TcpStream {
        let mut browser = TcpStream::connect(address).unwrap();
        browser.set_read_timeout(Some(LONG)).unwrap();
        browser.write_all(text.as_bytes()).unwrap();
        browser
    }

    /// What comes until the connection is closed, as text.
    pub(crate) fn all(mut browser: TcpStream) -> String {
        let mut bytes = Vec::new();
        browser.read_to_end(&mut bytes).ok();
        String::from_utf8_lossy(&bytes).into_owned()
    }

    const HELLO: &str = "GET / HTTP/1.1\r\nHost: x\r\n\r\n";

    #[test]
    fn who_is_too_slow_is_left() {
        let limits = Limits {
            head: Duration::from_secs(2),
            read: Duration::from_secs(2),
            ..Limits::default()
        };
        const LARGE: usize = 64 << 20;
        let (ends, ended) = sync_channel(1);
        let endless = move || async move {
            Response::events(move |events| {
                let mut told = Ok(());
                while told.is_ok() {
                    told = events.send("noise", &json!("x".repeat(1 << 16)));
                }
                ends.send(()).unwrap();
                told
            })
        };
        let pages = Router::new()
            .route("/", get(async || Response::new("text/plain", vec![b'x'; LARGE])))
            .route("/events", get(endless));
        let address = served(pages, limits);
        // Half a request, and none.
        for browser in [&HELLO[..HELLO.len() - 2], ""].map(|text| asked(address, text)) {
            assert_eq!(all(browser), "");
        }
        // Who reads gets all of a large answer; who begins to read when it is too late does not.
        let close = HELLO.replace("Host", "Connection: close\r\nHost");
        assert!(all(asked(address, &close)).len() > LARGE);
        let late = asked(address, &close);
        let follows = asked(address, &HELLO.replace("/ ", "/events "));
        ended.recv_timeout(LONG).unwrap();
        assert!(all(follows).len() < LARGE);
        std::thread::sleep(Duration::from_secs(2));
        assert!(all(late).len() < LARGE);
    }

    #[test]
    fn beyond_the_connections_that_are_answered_it_is_told_so() {
        let limits = Limits {
            connections: 2,
            ..Limits::default()
        };
        let address = served(Router::new().route("/", get(async || "hello")), limits);
        let answered = || {
            let mut browser = asked(address, HELLO);
            let mut status = [0; 12];
            browser.read_exact(&mut status).unwrap();
            (browser, String::from_utf8(status.into()).unwrap())
        };
        let (first, status) = answered();
        let (_second, _) = answered();
        assert_eq!(status, "HTTP/1.1 200");
        let told = all(asked(address, HELLO));
        let says = |text: &str| told.contains(text);
        assert!(
            says("HTTP/1.1 503") && says("too many connections") && says("nosniff"),
            "{told}"
        );
        // There is room again when one goes.
        drop(first);
        for _ in 0..6000 {
            if answered().1 == "HTTP/1.1 200" {
                return;
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        panic!("there is no room any more");
    }
}
