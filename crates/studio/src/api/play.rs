//! The game of points.
use super::{Answer, Studio, float, settings, text, whole};
use crate::game::{MOST_MOVES, Move, may_begin};
use crate::http::{Refusal, Response};
use menagerie::models::Player;
use menagerie::recipe::Recipe;
use serde_json::{Map, Value, json};

/// Points that somebody may draw.
const MOST_POINTS: usize = 20_000;
/// Steps a second, at most.
const FASTEST: f64 = 1e4;

/// Begins a game: of a recipe with some keys set, or of a run as it stands.
pub(super) fn begin(studio: &Studio, given: &Map<String, Value>) -> Answer {
    if given.get("line").and_then(Value::as_bool) == Some(true) {
        let id = studio.games.begin_line()?;
        return Ok(Response::json(&json!({"game": id.to_string()})));
    }
    let (recipe, run) = match (text(given, "run")?, text(given, "recipe")?) {
        (Some(name), _) => {
            let run = studio.run(name)?;
            (run.recipe()?, Some(run))
        }
        (None, Some(name)) => (Recipe::named(name)?, None),
        (None, None) => return Err(Refusal::new(400, "a game is of a recipe or of a run")),
    };
    let (mut recipe, rules) = (recipe, settings(given)?);
    may_begin(&rules)?;
    recipe.set_all(&rules)?;
    let id = studio.games.begin(recipe, run.as_ref())?;
    Ok(Response::json(&json!({"game": id.to_string()})))
}

/// What is to be seen, as it changes.
pub(super) fn events(studio: &Studio, id: &str) -> Answer {
    let session = studio.games.get(id)?;
    Ok(Response::events(move |events| {
        session.watch(|event| match event {
            Some((name, value)) => events.send(name, value),
            None => events.check(),
        })
    }))
}

/// A page that is there and not looked at: nothing is told but that the studio is there, too.
pub(super) fn away(studio: &Studio, id: &str) -> Answer {
    let session = studio.games.get(id)?;
    Ok(Response::events(move |events| session.stay(|| events.check())))
}

/// A move.
pub(super) fn change(studio: &Studio, id: &str, given: &Map<String, Value>) -> Answer {
    let session = studio.games.get(id)?;
    session.take(read(given)?)?;
    Ok(Response::json(&json!({})))
}

fn read(given: &Map<String, Value>) -> Result<Move, Refusal> {
    let count = || -> Result<u64, Refusal> {
        let n = whole(given, "count")?.unwrap_or(1);
        match (1..=MOST_MOVES).contains(&n) {
            true => Ok(n),
            false => Err(Refusal::new(
                400,
                format!("1 to {MOST_MOVES} updates are made at a time"),
            )),
        }
    };
    let player = || match text(given, "player")? {
        Some("discriminator") => Ok(Player::Discriminator),
        Some("generator") => Ok(Player::Generator),
        _ => Err(Refusal::new(400, "player is discriminator or generator")),
    };
    Ok(match text(given, "move")? {
        Some("play") => Move::Play(float(given, "rate")?.unwrap_or(0.0).clamp(0.0, FASTEST)),
        Some("pause") => Move::Pause,
        Some("steps") => Move::Steps(count()?),
        Some("turns") => Move::Turns(player()?, count()?),
        Some("rate") => match float(given, "value")? {
            Some(rate) if (0.0..=10.0).contains(&rate) => Move::Rate(player()?, rate),
            _ => return Err(Refusal::new(400, "a learning rate is 0 to 10")),
        },
        Some("rules") => Move::Rules(settings(given)?),
        Some("draw") => Move::Draw(points(given)?),
        Some("end") => Move::End,
        _ => {
            return Err(Refusal::new(
                400,
                "a move is play, pause, steps, turns, rate, rules, draw or end",
            ));
        }
    })
}

/// The points that were drawn; `None` for the recipe's own data.
fn points(given: &Map<String, Value>) -> Result<Option<Vec<[f32; 2]>>, Refusal> {
    if given.get("points").is_none_or(Value::is_null) {
        return Ok(None);
    }
    let rows = super::rows(given, "points")?;
    if rows.is_empty() || rows.len() > MOST_POINTS {
        return Err(Refusal::new(
            400,
            format!("1 to {MOST_POINTS} points make a distribution"),
        ));
    }
    let point = |row: &Vec<f32>| {
        <[f32; 2]>::try_from(row.as_slice())
            .ok()
            .filter(|p| p.iter().all(|v| v.abs() < 1e6))
    };
    let points: Option<Vec<[f32; 2]>> = rows.iter().map(point).collect();
    match points {
        Some(points) => Ok(Some(points)),
        None => Err(Refusal::new(400, "a point has two numbers of moderate size")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(value: Value) -> Result<Move, Refusal> {
        read(value.as_object().unwrap())
    }

    #[test]
    fn moves_are_read_with_care() {
        let turn = of(json!({"move": "turns", "player": "discriminator", "count": 5})).unwrap();
        assert!(matches!(turn, Move::Turns(Player::Discriminator, 5)));
        assert!(matches!(of(json!({"move": "play", "rate": 1e300})), Ok(Move::Play(r)) if r == FASTEST));
        assert!(matches!(of(json!({"move": "draw"})), Ok(Move::Draw(None))));
        let drawn = of(json!({"move": "draw", "points": [[0, 1.5]]})).unwrap();
        assert!(matches!(drawn, Move::Draw(Some(p)) if p == [[0.0, 1.5]]));
        for bad in [
            json!({}),
            json!({"move": "turns", "player": "referee"}),
            json!({"move": "steps", "count": 100000}),
            json!({"move": "steps", "count": -1}),
            json!({"move": "rate", "player": "generator", "value": -0.1}),
            json!({"move": "rate", "player": "generator", "value": "NaN"}),
            json!({"move": "draw", "points": []}),
            json!({"move": "draw", "points": [[1]]}),
            json!({"move": "draw", "points": [[1, 1e9]]}),
            json!({"move": "draw", "points": [[1, null]]}),
        ] {
            assert_eq!(of(bad.clone()).unwrap_err().status, 400, "{bad}");
        }
    }
}
