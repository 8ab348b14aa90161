//! What is asked under `/api`, by whom it is answered.
mod ask;
mod breed;
mod directions;
mod edit;
mod explore;
mod play;
mod recipes;
mod runs;
mod watch;

use crate::folder::Folder;
use crate::game::Games;
use crate::http::{Refusal, Request, Response};
use crate::sets::Sets;
use crate::shelf::Shelf;
use crate::training::Trainings;
use crate::workers::Workers;
use axum::Router;
use axum::extract::State;
use axum::routing::{MethodFilter, MethodRouter};
use menagerie::run::{At, Run};
use serde_json::{Map, Value};
use std::sync::Mutex;

/// All that answers stand on.
pub(crate) struct Studio {
    pub folder: Folder,
    pub shelf: Shelf,
    pub sets: Sets,
    pub workers: Workers,
    pub trainings: Trainings,
    pub games: Games,
    /// one at a time joins a family
    pub family: Mutex<()>,
}

pub(crate) type Answer = Result<Response, Refusal>;

/// What answers a request, in a thread that may take its time.
type Does = fn(&'static Studio, &Request) -> Answer;

/// What is asked by GET.
pub(crate) fn get(does: Does) -> MethodRouter<&'static Studio> {
    on(MethodFilter::GET, does)
}

fn post(does: Does) -> MethodRouter<&'static Studio> {
    on(MethodFilter::POST, does)
}

fn on(method: MethodFilter, does: Does) -> MethodRouter<&'static Studio> {
    let answer = async move |State(studio): State<&'static Studio>, request: Request| {
        request.answered(move |request| does(studio, request)).await
    };
    axum::routing::on(method, answer)
}

/// All that is asked under `/api`.
pub(crate) fn routes() -> Router<&'static Studio> {
    Router::new()
        .route("/runs", get(|s, _| runs::list(s)))
        .route("/events", get(|s, _| watch::list(s)))
        .route("/comparison", get(runs::comparison))
        .route("/recipes", get(|_, _| recipes::list()))
        .route("/recipes/{name}", get(|_, r| recipes::one(r.name())))
        .route(
            "/recipes/{name}/check",
            post(|_, r| recipes::check(r.name(), &object(r)?)),
        )
        .route("/train", post(|s, r| runs::train(s, &object(r)?)))
        .route("/games", post(|s, r| play::begin(s, &object(r)?)))
        .route(
            "/games/{name}",
            post(|s, r| play::change(s, r.name(), &object(r)?)),
        )
        .route("/games/{name}/events", get(|s, r| play::events(s, r.name())))
        .route("/games/{name}/away", get(|s, r| play::away(s, r.name())))
        .nest("/runs/{name}", of_a_run())
}

fn of_a_run() -> Router<&'static Studio> {
    let ask: Does = |s, r| ask::answer(s, r, r.name(), r.part("what"));
    let sample: Does = |s, r| explore::sample(s, r, r.name());
    let music: Does = |s, r| explore::music(s, r, r.name());
    Router::new()
        .route("/", get(|s, r| runs::one(s, r.name())))
        .route("/events", get(|s, r| watch::run(s, r.name())))
        .route("/metrics", get(|s, r| runs::metrics(s, r.name())))
        .route(
            "/samples/{file}",
            get(|s, r| runs::picture(s, r.name(), r.part("file"))),
        )
        .route(
            "/difference/{other}",
            get(|s, r| runs::difference(s, r.name(), r.part("other"))),
        )
        .route("/remark", post(|s, r| runs::remark(s, r.name(), &object(r)?)))
        .route("/stop", post(|s, r| runs::stop(s, r.name())))
        .route("/resume", post(|s, r| runs::resume(s, r.name(), &object(r)?)))
        .route("/space", get(|s, r| explore::space(s, r, r.name())))
        .route("/sample.png", get(sample))
        .route("/sample.wav", get(sample))
        .route("/sample.gif", get(sample))
        .route("/sample.mid", get(music))
        .route("/latents", get(|s, r| explore::latents(s, r, r.name())))
        .route("/decode", post(|s, r| explore::decode(s, r, r.name())))
        .route("/directions", get(|s, r| directions::list(s, r, r.name())))
        .route("/nearest", post(|s, r| explore::nearest(s, r, r.name())))
        .route("/walk", post(|s, r| explore::walked(s, r, r.name())))
        .route("/arithmetic", post(|s, r| explore::sum(s, r, r.name())))
        .route("/edit", post(|s, r| edit::edited(s, r, r.name())))
        .route("/breed", post(|s, r| breed::children(s, r, r.name())))
        .route("/ask/{what}", get(ask).merge(post(ask)))
        .route("/illustrate", get(|s, r| ask::illustrate(s, r, r.name())))
        .route(
            "/family",
            get(|s, r| breed::members(s, r.name())).merge(post(|s, r| breed::join(s, r.name(), &object(r)?))),
        )
}

/// The list of runs as it was last seen, for a page that is told at once what has changed since.
pub(crate) fn known(studio: &Studio) -> Value {
    runs::known(studio)
}

impl Studio {
    fn run(&self, name: &str) -> Result<Run, Refusal> {
        self.folder.run(name)
    }
}

/// The JSON object that was sent. It comes as `application/json`, which no page of another site can send unasked.
fn object(request: &Request) -> Result<Map<String, Value>, Refusal> {
    let kind = request.header("content-type").unwrap_or_default();
    if kind.split(';').next().map(str::trim) != Some("application/json") {
        return Err(Refusal::new(400, "send application/json"));
    }
    match serde_json::from_slice(&request.body) {
        Ok(Value::Object(object)) => Ok(object),
        Ok(_) => Err(Refusal::new(400, "send a JSON object")),
        Err(e) => Err(Refusal::new(400, format!("this is no JSON: {e}"))),
    }
}

/// A whole number of the query, or another in its place.
fn number<T: std::str::FromStr>(request: &Request, name: &str, usual: T) -> Result<T, Refusal> {
    match request.query(name) {
        None | Some("") => Ok(usual),
        Some(text) => text
            .parse()
            .map_err(|_| Refusal::new(400, format!("{name}={text} is no number that can be used"))),
    }
}

/// Which checkpoint is meant: a step, `newest` or `best`.
fn checkpoint(text: Option<&str>) -> Result<At, Refusal> {
    match text {
        None | Some("") => Ok(At::Newest),
        Some(text) => text
            .parse()
            .map_err(|e: String| Refusal::new(400, format!("checkpoint: {e}"))),
    }
}

/// Text of an object that was sent.
fn text<'a>(object: &'a Map<String, Value>, name: &str) -> Result<Option<&'a str>, Refusal> {
    match object.get(name) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) => Ok(Some(text)),
        Some(_) => Err(Refusal::new(400, format!("{name} is a text"))),
    }
}

/// A number of an object that was sent.
fn float(object: &Map<String, Value>, name: &str) -> Result<Option<f64>, Refusal> {
    match object.get(name) {
        None | Some(Value::Null) => Ok(None),
        Some(v) => match v.as_f64().filter(|v| v.is_finite()) {
            Some(v) => Ok(Some(v)),
            None => Err(Refusal::new(400, format!("{name} is a number"))),
        },
    }
}

/// A whole number of an object that was sent.
fn whole(object: &Map<String, Value>, name: &str) -> Result<Option<u64>, Refusal> {
    match object.get(name) {
        None | Some(Value::Null) => Ok(None),
        Some(v) => v
            .as_u64()
            .map(Some)
            .ok_or_else(|| Refusal::new(400, format!("{name} is a whole number, 0 or more"))),
    }
}

/// Rows of finite numbers of an object that was sent.
fn rows(object: &Map<String, Value>, name: &str) -> Result<Vec<Vec<f32>>, Refusal> {
    let wrong = || Refusal::new(400, format!("{name} is a list of lists of numbers"));
    let row = |v: &Value| -> Result<Vec<f32>, Refusal> {
        let numbers = v.as_array().ok_or_else(wrong)?.iter();
        let numbers = numbers.map(|n| n.as_f64().map(|n| n as f32).filter(|n| n.is_finite()));
        numbers.collect::<Option<_>>().ok_or_else(wrong)
    };
    match object.get(name) {
        None => Ok(vec![]),
        Some(v) => v.as_array().ok_or_else(wrong)?.iter().map(row).collect(),
    }
}

/// Keys of a recipe with their values as TOML.
fn settings(object: &Map<String, Value>) -> Result<Vec<(String, String)>, Refusal> {
    let wrong = || {
        Refusal::new(
            400,
            "settings is an object of keys and their values as TOML, a line each",
        )
    };
    let Some(given) = object.get("settings") else {
        return Ok(vec![]);
    };
    let given = given.as_object().ok_or_else(wrong)?;
    let one = |(k, v): (&String, &Value)| {
        let value = v
            .as_str()
            .filter(|v| !v.contains(['\n', '\r']))
            .ok_or_else(wrong)?;
        Ok((k.clone(), value.to_string()))
    };
    given.iter().map(one).collect()
}
