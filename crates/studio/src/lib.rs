//! The browser studio: training seen live, latent spaces walked, the game of points played by hand, on one's own runs.
//!
//! A server for one machine and the person before it. It answers its own pages only (`guard`), reads one folder only
//! (`folder`), draws in threads of its own behind a queue that is bounded (`workers`), with models that are kept open within
//! a budget (`shelf`), and trains by processes of the command itself (`training`). Pages lie in the program; nothing is
//! fetched from elsewhere.
mod api;
mod assets;
mod draw;
mod folder;
mod game;
mod guard;
mod http;
mod places;
mod sets;
mod shelf;
mod training;
mod workers;

use api::Studio;
use axum::Router;
use axum::extract::{Request, State};
use axum::http::{Method, Uri};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use guard::Guard;
use http::{Limits, Refusal};
use menagerie::error::{Error, Result};
use std::net::{IpAddr, SocketAddr, TcpListener};
use std::path::PathBuf;
use std::sync::Arc;
use tokio::runtime::Runtime;

/// What a studio is opened with.
#[derive(Clone, Debug)]
pub struct Options {
    /// the folder of runs; made where it is missing
    pub runs: PathBuf,
    /// where to listen; other than on the loopback, a token is asked for
    pub host: IpAddr,
    /// 0 for any that is free
    pub port: u16,
    /// the program whose command `train` trains
    pub program: PathBuf,
}

/// A studio that listens.
///
/// ```no_run
/// use menagerie_studio::{Options, Server};
///
/// let options = Options {
///     runs: "runs".into(),
///     host: [127, 0, 0, 1].into(),
///     port: 7878,
///     program: "menagerie".into(),
/// };
/// let server = Server::open(options)?;
/// println!("{}", server.url());
/// server.serve();
/// # Ok::<(), menagerie::Error>(())
/// ```
pub struct Server {
    listener: TcpListener,
    runtime: Runtime,
    address: SocketAddr,
    guard: Arc<Guard>,
    studio: &'static Studio,
}

impl Server {
    /// Listens; nothing is answered yet.
    ///
    /// # Errors
    /// [`Error::Io`] for a folder that cannot be opened; [`Error::Usage`] for an address that cannot be had.
    pub fn open(options: Options) -> Result<Server> {
        let address = SocketAddr::new(options.host, options.port);
        let cannot = |e: std::io::Error| {
            Error::usage(
                format!("cannot listen at {address}: {e}"),
                "choose another port, or 0 for any that is free",
            )
        };
        let listener = TcpListener::bind(address).map_err(cannot)?;
        listener.set_nonblocking(true).map_err(cannot)?;
        let address = listener.local_addr().map_err(cannot)?;
        let guard = Guard::new(address.ip()).map_err(cannot)?;
        let studio = Studio {
            folder: folder::Folder::open(&options.runs)?,
            shelf: shelf::Shelf::new(),
            sets: Default::default(),
            workers: workers::Workers::start().map_err(cannot)?,
            trainings: training::Trainings::new(options.program),
            games: game::Games::new(),
            family: Default::default(),
        };
        Ok(Server {
            listener,
            runtime: http::runtime(&Limits::default()).map_err(cannot)?,
            address,
            guard: Arc::new(guard),
            // There is one as long as the program runs, and threads that outlive any request look at it.
            studio: Box::leak(Box::new(studio)),
        })
    }

    /// Where a browser finds it, the token included.
    pub fn url(&self) -> String {
        match self.guard.token() {
            Some(token) => format!("http://{}/?token={token}", self.address),
            None => format!("http://{}/", self.address),
        }
    }

    /// Answers until the program ends.
    pub fn serve(self) {
        let pages = pages(self.guard, self.studio);
        let listening = async {
            match tokio::net::TcpListener::from_std(self.listener) {
                Ok(listener) => http::serve(listener, pages, Limits::default()).await,
                Err(e) => eprintln!("warning: the studio cannot listen: {e}"),
            }
        };
        self.runtime.block_on(listening);
    }
}

/// Every page and all that is asked below `/api`.
fn pages(guard: Arc<Guard>, studio: &'static Studio) -> Router {
    Router::new()
        .route("/", api::get(|studio, _| Ok(assets::first(&api::known(studio)))))
        .nest("/api", api::routes())
        .fallback(async |method: Method, uri: Uri| match method {
            Method::GET => assets::answer(uri.path()),
            _ => Err(Refusal::new(405, "pages are asked for by GET")),
        })
        .method_not_allowed_fallback(async || Refusal::new(405, "this is asked by the other of GET and POST"))
        .layer(from_fn_with_state(guard, guarded))
        .with_state(studio)
}

/// Lets through what may be asked, and says to the browser what every answer says.
async fn guarded(State(guard): State<Arc<Guard>>, request: Request, next: Next) -> Response {
    let answer = match (http::framed(&request), guard.check(&request)) {
        (Err(refusal), _) => refusal.response().closing().into_response(),
        (_, Err(response)) => response.into_response(),
        _ if ![Method::GET, Method::POST].contains(request.method()) => {
            Refusal::new(405, "ask by GET or POST").into_response()
        }
        _ => next.run(request).await,
    };
    http::finished(answer)
}
