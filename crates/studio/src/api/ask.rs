//! What a model makes of an item: one of the run's own data, or a picture that somebody has painted or chosen.
mod given;
mod read;

use super::{Answer, Studio, checkpoint, number};
use crate::draw;
use crate::http::{Refusal, Request, Response};
use crate::shelf::Open;
use given::Given;
use menagerie::judge::around_the_middle;
use menagerie::models::attack::Method;
use menagerie::models::{Capability, Direction, Model, Samples, Wish};
use menagerie::{Key, interrupt};
use serde_json::json;

/// Draws of one request.
const DRAWS: usize = 16;
/// Letters of a text.
const LETTERS: usize = 2000;

/// What is asked, in the words of the query.
struct Asked {
    what: String,
    count: usize,
    key: Key,
    direction: Option<Direction>,
    to: Vec<(String, f32)>,
    method: Option<String>,
}

/// Answers one question about an item: `item`, `complete`, `reconstruct`, `translate`, `predict`, `attack`, `defend` in frames whose
/// names are in the header `X-Captions`; `read` and `encode` in numbers.
pub(super) fn answer(studio: &'static Studio, request: &Request, name: &str, what: &str) -> Answer {
    let run = studio.run(name)?;
    let at = checkpoint(request.query("checkpoint"))?;
    let asked = asked(request, what)?;
    let sent = given::sent(request)?;
    studio.workers.run(request, move || {
        let open = studio.shelf.get(&run, at)?;
        let model = open.model()?;
        let given = Given::of(studio, &run, &open, &**model, sent, side(&**model, &asked))?;
        answered(&open, &**model, &given, &asked)
    })
}

/// The side of a pair that is given: that which the model translates from.
fn side(model: &dyn Model, asked: &Asked) -> Option<Direction> {
    let known = model.as_translate().map(|t| t.directions().first().copied());
    known.map(|usual| asked.direction.or(usual).unwrap_or_default())
}

fn asked(request: &Request, what: &str) -> Result<Asked, Refusal> {
    let count: usize = number(request, "count", 1)?;
    if !(1..=DRAWS).contains(&count) {
        return Err(Refusal::new(400, format!("count is 1 to {DRAWS}")));
    }
    let text = |name: &str| request.query(name).filter(|t| !t.is_empty());
    let to = text("to")
        .unwrap_or_default()
        .split(',')
        .filter(|t| !t.is_empty());
    let wish = |t: &str| {
        let (name, amount) = t.rsplit_once('=').unwrap_or((t, "1"));
        let amount = amount.parse::<f32>().ok().filter(|a| (0.0..=1.0).contains(a));
        let amount = amount.ok_or_else(|| Refusal::new(400, format!("to={t} has no amount from 0 to 1")))?;
        Ok((name.to_string(), amount))
    };
    Ok(Asked {
        what: what.into(),
        count,
        key: Key::new(number(request, "seed", 0)?).stream(what),
        direction: text("direction").map(str::parse).transpose()?,
        to: to.map(wish).collect::<Result<_, Refusal>>()?,
        method: text("method").map(String::from),
    })
}

fn answered(open: &Open, model: &dyn Model, given: &Given, asked: &Asked) -> Answer {
    let missing = |c: Capability| Refusal::from(c.missing(&open.name));
    let key = |k: usize| asked.key.step(k as u64);
    open.affordable(asked.count + 2)?;
    let batch = &given.batch;
    let mut shown = Shown::default();
    match asked.what.as_str() {
        "item" => {
            shown.add("item", given.item());
            let caption = batch.captions.as_ref().and_then(|c| c.first().cloned());
            return Ok(shown.response()?.with("X-Caption", caption.unwrap_or_default()));
        }
        "complete" => {
            let model = model.as_complete().ok_or_else(|| missing(Capability::Complete))?;
            let known = given
                .known
                .clone()
                .unwrap_or_else(|| around_the_middle(&batch.shape[1..]));
            shown.add("what is known", given.hidden(&known));
            for k in 0..asked.count {
                interrupt::check()?;
                shown.add("completed", model.complete(batch, &known, key(k))?);
            }
        }
        "reconstruct" => {
            let model = model
                .as_reconstruct()
                .ok_or_else(|| missing(Capability::Reconstruct))?;
            let back = model.reconstruct(batch, asked.key)?;
            if let Some(seen) = back.shown {
                shown.add("what it was shown", seen);
            }
            shown.add("what came back", back.output);
        }
        "translate" => {
            let model = model
                .as_translate()
                .ok_or_else(|| missing(Capability::Translate))?;
            let wish = Wish {
                direction: given.direction.unwrap_or_default(),
                to: &asked.to,
                reference: None,
            };
            let count = if model.draws() { asked.count } else { 1 };
            for k in 0..count {
                interrupt::check()?;
                shown.add("translated", model.translate(batch, &wish, key(k))?);
            }
            if let Some(truth) = &given.truth {
                shown.add("what it should be", truth.clone());
            }
        }
        "predict" => {
            let model = model.as_predict().ok_or_else(|| missing(Capability::Predict))?;
            let (context, frames) = given.cut(model.context());
            if let Some(condition) = model.condition(&context)? {
                shown.add("what it is told", condition);
            }
            let count = if model.draws() { asked.count } else { 1 };
            for k in 0..count {
                interrupt::check()?;
                shown.add("predicted", model.predict(&context, frames, key(k))?);
            }
            shown.add("what is true", given.future(model.context()));
        }
        "attack" => {
            let model = model.as_attack().ok_or_else(|| missing(Capability::Attack))?;
            let wanted = |m: &&Method| asked.method.as_deref().is_none_or(|name| m.name() == name);
            for method in model.methods().iter().filter(wanted) {
                interrupt::check()?;
                shown.add(method.name(), model.attack(batch, *method, asked.key)?);
            }
        }
        "defend" => {
            let model = model.as_defend().ok_or_else(|| missing(Capability::Defend))?;
            shown.add("defended", model.defend(batch)?);
        }
        "encode" => {
            let model = model.as_encode().ok_or_else(|| missing(Capability::Encode))?;
            let latent = menagerie::nn::numbers(model.encode(batch)?);
            return Ok(Response::json(&json!({"latent": draw::list(&latent)})));
        }
        "read" => return read::answer(model, given, asked.key),
        other => return Err(Refusal::missing(format!("question `{other}`"))),
    }
    shown.response()
}

/// Pictures with their names.
#[derive(Default)]
struct Shown {
    captions: Vec<String>,
    samples: Vec<Samples>,
}

impl Shown {
    fn add(&mut self, caption: &str, samples: Samples) {
        self.captions.push(caption.into());
        self.samples.push(samples);
    }

    /// Frames one after the other: grey ones and coloured ones beside each other are all as a canvas takes them.
    fn response(self) -> Answer {
        let captions = self.captions.join(",");
        Ok(draw::frames_of(&self.samples)?.with("X-Captions", captions))
    }
}

/// What pictures a page may send: of which size, `null` for any; `null` where none are taken.
pub(super) fn takes(open: &Open, model: &dyn Model) -> serde_json::Value {
    match given::taken(open, model) {
        Some((_, size)) => json!({"size": size}),
        None => serde_json::Value::Null,
    }
}

/// Pictures of a text, as `menagerie sample --text` draws them; words that the model does not know are in `X-Unknown`.
pub(super) fn illustrate(studio: &'static Studio, request: &Request, name: &str) -> Answer {
    let text = request.query("text").unwrap_or_default().to_string();
    if text.trim().is_empty() || text.chars().count() > LETTERS {
        return Err(Refusal::new(
            400,
            format!("give a text of 1 to {LETTERS} letters"),
        ));
    }
    let asked = asked(request, "sample")?;
    let at = checkpoint(request.query("checkpoint"))?;
    super::explore::with(studio, request, name, at, move |open| {
        open.affordable(asked.count)?;
        let model = open.model()?;
        let writer = model.as_illustrate();
        let writer = writer.ok_or_else(|| Capability::Illustrate.missing(&open.name))?;
        let unknown = writer.unknown(&text).join(" ");
        let made = writer.illustrate(&vec![text.clone(); asked.count], asked.key)?;
        Ok(draw::frames(&made)?.with("X-Unknown", unknown))
    })
}
