//! Samples and latent spaces.
use super::{Answer, Studio, checkpoint, number, object, rows, text};
use crate::draw::{self, Wanted};
use crate::http::{Refusal, Request, Response};
use crate::places::Places;
use crate::shelf::Open;
use menagerie::data::Batch;
use menagerie::explore::{Walk, arithmetic};
use menagerie::judge::neighbours;
use menagerie::models::{Capability, Samples};
use menagerie::nn::numbers as numbers_of;
use menagerie::run::{At, steps};
use menagerie::{Key, Tensor};
use serde_json::{Map, Value, json};
use std::sync::Arc;

/// Seeds are numbers of a browser: whole up to 2^53.
const LARGEST_SEED: u64 = 1 << 53;

/// Has work done with a run's model.
pub(super) fn with<T: Send + 'static>(
    studio: &'static Studio,
    request: &Request,
    name: &str,
    at: At,
    work: impl FnOnce(&Arc<Open>) -> Result<T, Refusal> + Send + 'static,
) -> Result<T, Refusal> {
    let run = studio.run(name)?;
    studio
        .workers
        .run(request, move || work(&studio.shelf.get(&run, at)?))
}

fn seed(request: &Request) -> Result<u64, Refusal> {
    let seed = number(request, "seed", 0)?;
    match seed <= LARGEST_SEED {
        true => Ok(seed),
        false => Err(Refusal::new(
            400,
            format!("seed={seed} is too large; 2^53 is the most"),
        )),
    }
}

/// What there is to explore.
pub(super) fn space(studio: &'static Studio, request: &Request, name: &str) -> Answer {
    let at = checkpoint(request.query("checkpoint"))?;
    let run = studio.run(name)?;
    let all = steps(&run.file("checkpoints"))?;
    let best = menagerie::run::history::best(&run).ok().flatten().map(|b| b.step);
    with(studio, request, name, at, move |open| {
        let by_class = open.draws_by_class()?;
        let model = open.model()?;
        let can: Vec<&str> = Capability::ALL
            .iter()
            .filter(|c| c.of(&**model))
            .map(|c| c.name())
            .collect();
        let places = Places::of(&**model);
        let translates = model.as_translate();
        // Classes that no item of the training had cannot be drawn.
        let labels = open.info.labels.iter().enumerate();
        let labels = labels.filter(|(i, _)| open.info.shares.get(*i) != Some(&0.0));
        let labels: Vec<&String> = labels.map(|(_, l)| l).collect();
        Ok(json!({
            "model": open.name, "step": open.step, "latent": places.map(Places::numbers), "mixes": places.map_or(&[][..], Places::names),
            "layers": places.and_then(Places::layers).map(|(styles, _)| styles.places()), "truncates_styles": places.and_then(Places::styles).is_some(), "capabilities": can, "labels": labels, "by_class": by_class,
            "kind": open.info.kind, "shape": open.info.shape, "checkpoints": all, "best": best,
            "directions": translates.map_or(vec![], |t| t.directions().to_vec()),
            "domains": translates.map_or(&[][..], |t| t.domains()), "draws": translates.is_some_and(|t| t.draws()),
            "takes": super::ask::takes(open, &**model),
        }))
    })
    .map(|v| Response::json(&v))
}

/// One sample as a file, as `menagerie sample` would draw it; music as a picture.
pub(super) fn sample(studio: &'static Studio, request: &Request, name: &str) -> Answer {
    drawn(studio, request, name, false)
}

/// A sample of music as MIDI.
pub(super) fn music(studio: &'static Studio, request: &Request, name: &str) -> Answer {
    drawn(studio, request, name, true)
}

fn drawn(studio: &'static Studio, request: &Request, name: &str, as_midi: bool) -> Answer {
    let wanted = Wanted {
        seed: seed(request)?,
        label: request.query("label").filter(|l| !l.is_empty()).map(String::from),
        truncation: number(request, "truncation", 1.0)?,
    };
    let at = checkpoint(request.query("checkpoint"))?;
    with(studio, request, name, at, move |open| {
        let samples = open.sample(&wanted)?;
        let step = open.step.to_string();
        Ok(draw::file(&samples, &open.info, as_midi)?.with("X-Step", step))
    })
}

/// Latents from the prior, the same as those of samples of that seed; behind them, of models that draw by class, a share of each class.
pub(super) fn latents(studio: &'static Studio, request: &Request, name: &str) -> Answer {
    let (seed, count) = (seed(request)?, number(request, "count", 1usize)?);
    if !(1..=draw::MOST).contains(&count) {
        return Err(Refusal::new(400, format!("count is 1 to {}", draw::MOST)));
    }
    let at = checkpoint(request.query("checkpoint"))?;
    with(studio, request, name, at, move |open| {
        let model = open.model()?;
        let places = Places::of_open(open, &**model)?;
        Ok(draw::table(places.prior(count, Key::new(seed).stream("sample"))))
    })
    .map(|latents| Response::json(&json!({"latents": latents})))
}

/// Which checkpoint is meant by what was sent.
pub(super) fn at(given: &Map<String, Value>) -> Result<At, Refusal> {
    match given.get("checkpoint").and_then(Value::as_u64) {
        Some(step) => Ok(At::Step(step)),
        None => checkpoint(text(given, "checkpoint")?),
    }
}

/// How far what is decoded is truncated.
fn truncation(given: &Map<String, Value>) -> Result<f64, Refusal> {
    draw::truncates(super::float(given, "truncation")?.unwrap_or(1.0))
}

/// Frames of latents.
pub(super) fn decode(studio: &'static Studio, request: &Request, name: &str) -> Answer {
    let given = object(request)?;
    let (at, latents) = (at(&given)?, rows(&given, "latents")?);
    let (turn, psi) = (super::float(&given, "turn")?, truncation(&given)?);
    let moves = given.get("moves").and_then(Value::as_object).cloned();
    let run = studio.run(name)?;
    with(studio, request, name, at, move |open| {
        let samples = match &moves {
            Some(moves) => super::directions::decode(open, &run, &latents, psi, moves)?,
            None => open.decode(&latents, psi)?,
        };
        draw::turned(&[samples], turn)
    })
}

/// Training items that are compared with a sample, in numbers of all.
const MOST_NUMBERS: usize = 1 << 31;
/// Neighbours that are shown.
const NEIGHBOURS: usize = 8;

/// The training items nearest to what a latent is decoded to, by the mean squared difference of their pixels.
pub(super) fn nearest(studio: &'static Studio, request: &Request, name: &str) -> Answer {
    let given = object(request)?;
    let (at, latents, psi) = (at(&given)?, rows(&given, "latents")?, truncation(&given)?);
    let run = studio.run(name)?;
    with(studio, request, name, at, move |open| {
        let sample = open.decode(latents.get(..1).unwrap_or_default(), psi)?;
        let set = studio.sets.get(&run, &open.info)?;
        let numbers = open.info.numbers();
        if set.info().count.saturating_mul(numbers) > MOST_NUMBERS {
            let problem = "there are too many training items to compare with while you wait; `menagerie evaluate RUN --metrics nearest` does";
            return Err(Refusal::new(400, problem));
        }
        let found = neighbours(&sample.values, numbers, &*set, NEIGHBOURS, &mut |_, _, _| {})?;
        let (indices, distances) = found
            .first()
            .map_or((&[][..], &[][..]), |f| (&f.indices, &f.distances));
        let items = Batch::of(&*set, indices)?;
        let items = Samples {
            kind: items.kind,
            shape: items.shape,
            values: items.values,
        };
        let each = indices.iter().zip(distances);
        let captions: Vec<String> = each.map(|(i, d)| format!("item {i}: {d:.3}")).collect();
        Ok(draw::frames(&items)?.with("X-Captions", captions.join(",")))
    })
}

/// Frames of a walk through latents, one after the other.
pub(super) fn walked(studio: &'static Studio, request: &Request, name: &str) -> Answer {
    let given = object(request)?;
    let (at, pins, psi) = (at(&given)?, rows(&given, "latents")?, truncation(&given)?);
    let steps = super::whole(&given, "steps")?.unwrap_or(10) as usize;
    let animated = given.get("animated").and_then(Value::as_bool).unwrap_or(false);
    let mode = match text(&given, "mode")? {
        None | Some("spherical") => Walk::Spherical,
        Some("linear") => Walk::Linear,
        Some(other) => {
            return Err(Refusal::new(
                400,
                format!("a walk is linear or spherical, not `{other}`"),
            ));
        }
    };
    if pins.len() < 2 || !(2..=draw::MOST).contains(&steps) {
        return Err(Refusal::new(
            400,
            "a walk has two ends or more, and 2 to 64 steps between two",
        ));
    }
    with(studio, request, name, at, move |open| {
        let frames = (pins.len() - 1).saturating_mul(steps);
        open.affordable(frames)?;
        let latents = {
            let model = open.model()?;
            let places = Places::of_open(open, &**model)?;
            let numbers = places.numbers();
            let from = draw::rows(&pins[..pins.len() - 1], numbers)?;
            let to = draw::rows(&pins[1..], numbers)?;
            let ways = numbers_of(places.walk(from, to, steps, mode));
            ways.chunks(numbers.max(1))
                .map(<[f32]>::to_vec)
                .collect::<Vec<_>>()
        };
        let samples = open.decode(&latents, psi)?;
        match animated {
            true => draw::film(&samples),
            false => draw::frames(&samples),
        }
    })
}

/// The latent of means added and taken away.
pub(super) fn sum(studio: &'static Studio, request: &Request, name: &str) -> Answer {
    studio.run(name)?;
    let given = object(request)?;
    let (plus, minus) = (rows(&given, "plus")?, rows(&given, "minus")?);
    let first = plus.first().or(minus.first());
    let latent = first.map_or(0, Vec::len);
    if latent == 0 {
        return Err(Refusal::new(400, "nothing is added and nothing taken away"));
    }
    // One picture a term: each counts as it is, not as part of a mean.
    let terms = plus
        .iter()
        .map(|z| (1.0, z))
        .chain(minus.iter().map(|z| (-1.0, z)));
    let terms: Result<Vec<(f32, Tensor<2>)>, Refusal> = terms
        .map(|(sign, z)| Ok((sign, draw::rows(std::slice::from_ref(z), latent)?)))
        .collect();
    let terms = terms?;
    if terms.len() > draw::MOST {
        return Err(Refusal::new(400, format!("{} terms are the most", draw::MOST)));
    }
    let (_, result) = arithmetic(&terms);
    Ok(Response::json(
        &json!({"latent": draw::list(&numbers_of(result))}),
    ))
}
