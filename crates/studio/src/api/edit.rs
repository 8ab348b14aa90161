//! Edits of what a latent shows: painted colours, drawn edges, dragged parts.
use super::explore::{at, with};
use super::{Answer, Studio, object, rows, text};
use crate::draw;
use crate::http::{Refusal, Request, Response};
use menagerie::explore::{Constraint, EditSettings, Space, SpaceName, colour, edit};
use menagerie::models::Capability;
use serde_json::{Map, Value, json};

/// Constraints of an edit at most.
const MOST: usize = 64;
/// Updates of a latent: what a browser waits for.
const STEPS: usize = 60;

/// Whole numbers of a constraint, of which there have to be so many.
fn numbers<const N: usize>(given: &Map<String, Value>) -> Result<[i64; N], Refusal> {
    let wrong = || Refusal::new(400, format!("a constraint's `at` is {N} whole numbers"));
    let all = given.get("at").and_then(Value::as_array).ok_or_else(wrong)?;
    let all: Option<Vec<i64>> = all.iter().map(Value::as_i64).collect();
    all.and_then(|v| v.try_into().ok()).ok_or_else(wrong)
}

fn places(v: &[i64]) -> Result<[usize; 4], Refusal> {
    let all: Option<Vec<usize>> = v.iter().map(|v| usize::try_from(*v).ok()).collect();
    all.and_then(|v| v.try_into().ok())
        .ok_or_else(|| Refusal::new(400, "places of an image count from 0"))
}

fn constraint(given: &Value, channels: usize) -> Result<Constraint, Refusal> {
    let given = given
        .as_object()
        .ok_or_else(|| Refusal::new(400, "a constraint is an object"))?;
    match text(given, "tool")? {
        Some("paint") => Ok(Constraint::Paint {
            at: places(&numbers::<4>(given)?)?,
            colour: colour(text(given, "colour")?.unwrap_or_default(), channels)?,
        }),
        Some("line") => {
            let [a, b, c, d] = numbers::<4>(given)?.map(|v| v as f64);
            Ok(Constraint::Line {
                from: [a, b],
                to: [c, d],
            })
        }
        Some("drag") => {
            let v = numbers::<6>(given)?;
            Ok(Constraint::Drag {
                at: places(&v[..4])?,
                by: [v[4], v[5]],
            })
        }
        _ => Err(Refusal::new(400, "a constraint's tool is paint, line or drag")),
    }
}

/// Where a latent has to go for its image to be what is asked, and how far from that it was and is.
pub(super) fn edited(studio: &'static Studio, request: &Request, name: &str) -> Answer {
    let given = object(request)?;
    let latents = rows(&given, "latents")?;
    let asked = given
        .get("constraints")
        .and_then(Value::as_array)
        .cloned()
        .unwrap_or_default();
    if latents.len() != 1 || !(1..=MOST).contains(&asked.len()) {
        return Err(Refusal::new(
            400,
            format!("an edit has one latent, and 1 to {MOST} constraints"),
        ));
    }
    let at = at(&given)?;
    with(studio, request, name, at, move |open| {
        open.affordable(STEPS)?;
        let channels = *open.info.shape.last().unwrap_or(&0);
        let asked: Vec<Constraint> = asked
            .iter()
            .map(|g| constraint(g, channels))
            .collect::<Result<_, _>>()?;
        let model = open.model()?;
        let latents_of = model
            .as_latent_space()
            .ok_or_else(|| Capability::LatentSpace.missing(&open.name))?;
        draw::rows(&latents, latents_of.latent())?;
        let space = Space::of(latents_of, Some(SpaceName::Z))?;
        let settings = EditSettings {
            steps: STEPS,
            rate: 0.1,
            frames: 2,
            ..EditSettings::default()
        };
        let found = edit(space, &latents[0], &asked, settings, &mut |_, _| {})?;
        let latent = &found.vectors[latents[0].len()..];
        Ok(json!({"latent": draw::list(latent), "errors": found.errors}))
    })
    .map(|v| Response::json(&v))
}
