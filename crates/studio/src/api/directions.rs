//! Directions of a latent space by name: the most important ones, which the studio finds, and those of files that
//! `menagerie directions` wrote into the run's folder.
use super::explore::with;
use super::{Answer, Studio};
use crate::draw;
use crate::http::{Refusal, Request, Response};
use crate::shelf::Open;
use menagerie::explore::{Directions, Space, SpaceName, UnderClasses, by_importance};
use menagerie::models::{Capability, LatentSpace, Samples};
use menagerie::run::{At, Run};
use menagerie::{Key, interrupt};
use serde_json::{Map, Value, json};

/// The set that the studio finds.
const FOUND: &str = "found";
/// Directions of it, and draws that they are learned from where there is no closed form.
const COUNT: usize = 10;
const DRAWS: usize = 256;
/// Files of directions of a run.
const FILES: usize = 16;

/// Every set: its id, and the names of its directions. Those of a space of latents come with what an amount of one adds to a latent;
/// those of styles are for the `moves` of `decode`. Of a model that draws by class those are found that change items of its commonest class.
pub(super) fn list(studio: &'static Studio, request: &Request, name: &str) -> Answer {
    let run = studio.run(name)?;
    with(studio, request, name, At::Newest, move |open| {
        let model = open.model()?;
        let under = model.as_class_mixtures();
        let under = under.map(|m| UnderClasses::of_the_commonest(m, &open.info.shares));
        let within = under.as_ref().map(|u| u as &dyn LatentSpace);
        let latents = space_of(open, model.as_latent_space().or(within))?;
        let ids = std::iter::once(FOUND.to_string()).chain(files(&run));
        let sets = ids.filter_map(|id| Some((set(open, latents, &run, &id).ok()?, id)));
        let told = sets.map(|(set, id)| {
            let step = |d: &menagerie::explore::Direction| -> Vec<f32> {
                d.vector.iter().map(|v| v * d.unit).collect()
            };
            let each = set.directions.iter().map(|d| match set.space {
                SpaceName::Z => json!({"name": d.name, "step": step(d)}),
                SpaceName::W => json!({"name": d.name}),
            });
            json!({"id": id, "method": set.method, "space": set.space, "directions": each.collect::<Vec<_>>()})
        });
        Ok(told.collect())
    })
    .map(|sets: Value| Response::json(&sets))
}

fn space_of<'a>(open: &Open, space: Option<&'a dyn LatentSpace>) -> Result<&'a dyn LatentSpace, Refusal> {
    Ok(space.ok_or_else(|| Capability::LatentSpace.missing(&open.name))?)
}

/// Files of the run's folder that may be directions.
fn files(run: &Run) -> Vec<String> {
    let entries = std::fs::read_dir(run.path()).into_iter().flatten().flatten();
    let names = entries.filter_map(|e| e.file_name().into_string().ok());
    let mut found: Vec<String> = names
        .filter(|n| n.starts_with("directions") && n.ends_with(".json"))
        .collect();
    found.sort();
    found.truncate(FILES);
    found
}

/// A set by its id.
fn set(open: &Open, latents: &dyn LatentSpace, run: &Run, id: &str) -> Result<Directions, Refusal> {
    if id == FOUND {
        if let Some(found) = open.directions.get() {
            return Ok(found.clone());
        }
        let space = Space::of(latents, None)?;
        let key = Key::new(0).stream("directions");
        let (method, directions) = by_importance(latents, space, COUNT, DRAWS, key)?;
        // What draws that were given up have led to is kept for nobody.
        interrupt::check()?;
        let found = Directions {
            model: open.name.clone(),
            run: String::new(),
            space: space.name(),
            method: method.into(),
            directions,
        };
        return Ok(open.directions.get_or_init(|| found).clone());
    }
    let known = files(run).into_iter().find(|f| f == id);
    let file = known.ok_or_else(|| Refusal::missing(format!("set of directions `{id}`")))?;
    let read = Directions::read(&run.file(&file))?;
    let space = Space::of(latents, Some(read.space)).or_else(|_| Space::of(latents, None))?;
    read.check(&open.identity, &open.name, space)?;
    Ok(read)
}

/// Items of latents that are moved: `moves` is the id of a set, and amounts by the names of directions.
pub(super) fn decode(
    open: &Open,
    run: &Run,
    latents: &[Vec<f32>],
    psi: f64,
    moves: &Map<String, Value>,
) -> Result<Samples, Refusal> {
    open.affordable(latents.len())?;
    let id = super::text(moves, "set")?.unwrap_or(FOUND);
    let wrong = || Refusal::new(400, "amounts is an object of numbers by names of directions");
    let amounts = moves
        .get("amounts")
        .and_then(Value::as_object)
        .ok_or_else(wrong)?;
    let model = open.model()?;
    let all = space_of(open, model.as_latent_space())?;
    let known = set(open, all, run, id)?;
    let space = Space::of(all, Some(known.space))?;
    let mut vectors = space.at(draw::rows(latents, all.latent())?);
    if space.styles().is_some() {
        vectors = space.centre() + (vectors - space.centre()) * psi;
    }
    for (name, amount) in amounts {
        let amount = amount.as_f64().filter(|a| a.is_finite()).ok_or_else(wrong)?;
        vectors = known.named(name)?.moved(vectors, amount as f32);
    }
    Ok(space.decode(vectors)?)
}
