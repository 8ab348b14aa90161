//! Children of latents, and the family that comes of them.
use super::{Answer, Studio, explore::with, float, object, rows, text, whole};
use crate::draw;
use crate::http::{Refusal, Request, Response};
use crate::places::{Crossed, Places};
use menagerie::Key;
use menagerie::explore::Crossing;
use menagerie::run::{At, family};
use serde_json::{Map, Value, json};

/// Parents of a child.
const MOST_PARENTS: usize = 32;

/// Children of some latents, or draws from the prior where there are none.
pub(super) fn children(studio: &'static Studio, request: &Request, name: &str) -> Answer {
    let given = object(request)?;
    let mut parents = rows(&given, "parents")?;
    parents.extend(of_family(studio, name, &given)?);
    let count = whole(&given, "count")?.unwrap_or(16) as usize;
    let seed = whole(&given, "seed")?.unwrap_or(0);
    let mutation = float(&given, "mutation")?.unwrap_or(0.0);
    let genes = whole(&given, "genes")?.unwrap_or(8).clamp(1, 1 << 20) as usize;
    let crossing = match text(&given, "crossing")? {
        None | Some("genes") => Crossed::Latents(Crossing::Genes(genes)),
        Some("blend") => Crossed::Latents(Crossing::Blend),
        Some("layers") => Crossed::Layers,
        Some(other) => {
            return Err(Refusal::new(
                400,
                format!("a crossing is layers, genes or blend, not `{other}`"),
            ));
        }
    };
    if parents.len() > MOST_PARENTS || !(1..=draw::MOST).contains(&count) || !(0.0..=1.0).contains(&mutation)
    {
        return Err(Refusal::new(
            400,
            format!(
                "{MOST_PARENTS} parents and {} children are the most, and mutation is 0 to 1",
                draw::MOST
            ),
        ));
    }
    with(studio, request, name, At::Newest, move |open| {
        let model = open.model()?;
        let places = Places::of_open(open, &**model)?;
        let key = Key::new(seed).stream("breed");
        let strangers = places.prior(count, key.stream("strangers"));
        let parents = match parents.is_empty() {
            true => None,
            false => Some(places.rows(&parents)?),
        };
        let key = key.stream("crossing");
        let children = places.children(parents, strangers, crossing, mutation, key)?;
        Ok(draw::table(children))
    })
    .map(|latents| Response::json(&json!({"latents": latents})))
}

/// Latents of those of the family whose numbers are given as `members`.
fn of_family(studio: &Studio, name: &str, given: &Map<String, Value>) -> Result<Vec<Vec<f32>>, Refusal> {
    let wanted = numbers_of(given, "members")?;
    if wanted.is_empty() {
        return Ok(vec![]);
    }
    let family = family::read(&studio.run(name)?)?;
    let latent = |id: &usize| {
        let found = family.iter().find(|m| m.id == *id);
        let found = found.ok_or_else(|| Refusal::missing(format!("member {id} of this family")))?;
        Ok(found.latent.clone())
    };
    wanted.iter().map(latent).collect()
}

/// Numbers of the family that were sent.
fn numbers_of(given: &Map<String, Value>, name: &str) -> Result<Vec<usize>, Refusal> {
    let sent = given.get(name).and_then(Value::as_array).cloned();
    let sent = sent.unwrap_or_default();
    let all: Option<Vec<usize>> = sent.iter().map(|p| p.as_u64().map(|p| p as usize)).collect();
    all.filter(|p| p.len() <= MOST_PARENTS).ok_or_else(|| {
        let problem = format!("{name} are numbers of the family, {MOST_PARENTS} at most");
        Refusal::new(400, problem)
    })
}

/// Everybody who was chosen.
pub(super) fn members(studio: &Studio, name: &str) -> Answer {
    let all = family::read(&studio.run(name)?)?;
    let one = |m: &family::Member| json!({"id": m.id, "parents": m.parents, "latent": draw::list(&m.latent), "step": m.step});
    Ok(Response::json(&all.iter().map(one).collect()))
}

/// Somebody joins.
pub(super) fn join(studio: &Studio, name: &str, given: &Map<String, Value>) -> Answer {
    let run = studio.run(name)?;
    let latent = rows(
        &Map::from_iter([("latent".to_string(), json!([given.get("latent")]))]),
        "latent",
    )?
    .remove(0);
    let parents = numbers_of(given, "parents")?;
    if latent.is_empty() || latent.len() > 1 << 16 {
        return Err(Refusal::new(400, "a latent has 1 to 65536 numbers"));
    }
    let _one = studio
        .family
        .lock()
        .unwrap_or_else(std::sync::PoisonError::into_inner);
    let id = family::add(&run, &parents, &latent, whole(given, "step")?.unwrap_or(0))?;
    Ok(Response::json(&json!({"id": id})))
}
