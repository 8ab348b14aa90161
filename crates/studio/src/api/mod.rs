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

/// Answers a request under `/api`; `path` is what follows.
pub(crate) fn answer(studio: &'static Studio, request: &Request, path: &[&str]) -> Answer {
    match (request.method.as_str(), path) {
        ("GET", ["runs"]) => runs::list(studio),
        ("GET", ["events"]) => watch::list(studio),
        ("GET", ["recipes"]) => recipes::list(),
        ("GET", ["recipes", name]) => recipes::one(name),
        ("POST", ["recipes", name, "check"]) => recipes::check(name, &object(request)?),
        ("POST", ["train"]) => runs::train(studio, &object(request)?),
        ("GET", ["runs", name]) => runs::one(studio, name),
        ("GET", ["runs", name, "events"]) => watch::run(studio, name),
        ("GET", ["runs", name, "metrics"]) => runs::metrics(studio, name),
        ("GET", ["runs", name, "samples", file]) => runs::picture(studio, name, file),
        ("GET", ["runs", name, "difference", other]) => runs::difference(studio, name, other),
        ("POST", ["runs", name, "remark"]) => runs::remark(studio, name, &object(request)?),
        ("POST", ["runs", name, "stop"]) => runs::stop(studio, name),
        ("POST", ["runs", name, "resume"]) => runs::resume(studio, name, &object(request)?),
        ("GET", ["runs", name, "space"]) => explore::space(studio, request, name),
        (
            "GET",
            [
                "runs",
                name,
                "sample.png" | "sample.wav" | "sample.gif" | "sample.mid",
            ],
        ) => explore::sample(studio, request, name),
        ("GET", ["runs", name, "latents"]) => explore::latents(studio, request, name),
        ("POST", ["runs", name, "decode"]) => explore::decode(studio, request, name),
        ("GET", ["runs", name, "directions"]) => directions::list(studio, request, name),
        ("POST", ["runs", name, "nearest"]) => explore::nearest(studio, request, name),
        ("POST", ["runs", name, "walk"]) => explore::walked(studio, request, name),
        ("POST", ["runs", name, "arithmetic"]) => explore::sum(studio, request, name),
        ("POST", ["runs", name, "edit"]) => edit::edited(studio, request, name),
        ("POST", ["runs", name, "breed"]) => breed::children(studio, request, name),
        ("GET" | "POST", ["runs", name, "ask", what]) => ask::answer(studio, request, name, what),
        ("GET", ["runs", name, "illustrate"]) => ask::illustrate(studio, request, name),
        ("GET", ["runs", name, "family"]) => breed::members(studio, name),
        ("POST", ["runs", name, "family"]) => breed::join(studio, name, &object(request)?),
        ("GET", ["comparison"]) => runs::comparison(studio, request),
        ("POST", ["games"]) => play::begin(studio, &object(request)?),
        ("GET", ["games", id, "events"]) => play::events(studio, id),
        ("GET", ["games", id, "away"]) => play::away(studio, id),
        ("POST", ["games", id]) => play::change(studio, id, &object(request)?),
        ("GET" | "POST", _) => Err(Refusal::missing("such page")),
        _ => Err(Refusal::new(405, "ask by GET or POST")),
    }
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
