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
use guard::Guard;
use http::{Refusal, Request, Response};
use menagerie::error::{Error, Result};
use std::net::{IpAddr, SocketAddr, TcpListener};
use std::path::PathBuf;
use std::sync::Arc;

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
        let (guard, studio) = (self.guard, self.studio);
        http::serve(
            &self.listener,
            Arc::new(move |request| answer(&guard, studio, request)),
        );
    }
}

fn answer(guard: &Guard, studio: &'static Studio, request: &Request) -> Response {
    if let Err(response) = guard.check(request) {
        return *response;
    }
    let path: Vec<&str> = request.path.iter().map(String::as_str).collect();
    let answer = match path.split_first() {
        Some((&"api", rest)) => api::answer(studio, request, rest),
        _ if request.method != "GET" => Err(Refusal::new(405, "pages are asked for by GET")),
        None => Ok(assets::first(&api::known(studio))),
        _ => assets::answer(&path),
    };
    answer.unwrap_or_else(|refusal| refusal.response())
}
