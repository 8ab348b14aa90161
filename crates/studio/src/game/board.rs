//! A game's networks and data, and what a picture shows of them.
use super::drawn::Drawn;
use super::line;
use crate::http::Refusal;
use menagerie::data::{Batch, Dataset, Kind, Loader};
use menagerie::metrics::points;
use menagerie::models::{Model, Player, Purpose, TwoPlayer};
use menagerie::nn::{Tensors, numbers};
use menagerie::recipe::Recipe;
use menagerie::run::{At, Run};
use menagerie::{Device, Key, Tensor, burn};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::Arc;

/// Data points that are drawn.
pub(super) const SHOWN: usize = 1500;
/// Samples that are drawn, each with its arrow.
const SAMPLES: usize = 256;
/// Points of a side of the map of scores.
const SIDE: usize = 48;
/// Scores of the map are whole numbers up to this: level lines near 1/2 want them fine.
const FINE: f64 = 4095.0;
/// Lines of the grid of latents, each way.
const LINES: usize = 17;
/// Bars of a histogram.
const BARS: usize = 24;
/// Tables of a recipe that may change while a game goes on.
const RULES: [&str; 5] = ["objective", "game.", "penalty", "augment", "optimizer"];
/// Sizes that a game may be given when it begins, and the most of each.
const SIZES: [(&str, u64); 3] = [("model.width", 512), ("model.depth", 8), ("train.batch", 1024)];
/// Batches of a step at most: between two steps a game hears what it is to do.
const MOST_BATCHES: usize = 64;

/// See the module.
pub(super) struct Board {
    recipe: Recipe,
    model: Box<dyn Model>,
    dataset: Arc<dyn Dataset>,
    /// the recipe's own
    own: Arc<dyn Dataset>,
    loader: Loader,
    batch: usize,
    pub(super) key: Key,
    /// whole steps that were made
    pub(super) steps: u64,
    /// updates of each
    pub(super) turns: [u64; 2],
    /// moves by hand, each with a key of its own
    by_hand: u64,
    pub(super) losses: [Option<f64>; 2],
    /// what the plane shows: x from, x to, y from, y to
    window: [f32; 4],
    /// latents of the grid, in rows
    grid: Option<Tensor<2>>,
    /// the items with which pulls are compared
    witness: Batch,
    /// of one step
    discriminator_updates: u64,
}

fn refused() -> Refusal {
    Refusal::new(
        400,
        "the game is for GANs of points of the plane that are told nothing beside: gan-ring8, gan-grid25 and their like",
    )
}

/// Refuses settings that a game cannot begin with: all but rules, and sizes that leave it quick.
///
/// # Errors
/// For the first of them.
pub(crate) fn may_begin(settings: &[(String, String)]) -> Result<(), Refusal> {
    let mut rules = settings.to_vec();
    for (key, most) in SIZES {
        let given = settings.iter().filter(|(k, _)| k == key);
        for (_, value) in given {
            if value.trim().parse::<u64>().is_ok_and(|v| v > most) {
                let problem = format!("{key} = {value} is too large for a game; {most} is the most");
                return Err(Refusal::new(400, problem));
            }
        }
        rules.retain(|(k, v)| k != key || v.trim().parse::<u64>().is_err());
    }
    are_rules(&rules)
}

/// Refuses settings that need other networks or data, or steps that have no end in sight.
fn are_rules(settings: &[(String, String)]) -> Result<(), Refusal> {
    let stays = |k: &str| !RULES.iter().any(|r| k.starts_with(r)) || k.starts_with("game.unrolled");
    match settings.iter().find(|(k, _)| stays(k)) {
        Some((key, _)) => Err(Refusal::new(
            400,
            format!(
                "`{key}` is no rule that a game can be given; train a model with it, and play on with the run"
            ),
        )),
        None => Ok(()),
    }
}

/// Batches of a step.
fn batches(model: &dyn Model) -> Result<usize, Refusal> {
    match model.batches_per_step() {
        n @ ..=MOST_BATCHES => Ok(n),
        n => Err(Refusal::new(
            400,
            format!("a step of {n} batches is too long for a game; {MOST_BATCHES} are the most"),
        )),
    }
}

impl Board {
    /// Fresh networks of a recipe, or those of a run as it stands.
    pub(super) fn new(recipe: Recipe, from: Option<&Run>) -> Result<Board, Refusal> {
        let (recipe, _) = recipe.fitted()?;
        let own: Arc<dyn Dataset> = recipe.data()?.open()?.dataset;
        if own.info().kind != Kind::Points || own.info().shape != [2] {
            return Err(refused());
        }
        Board::on(recipe, own, from)
    }

    /// The original GAN on a line.
    pub(super) fn line() -> Result<Board, Refusal> {
        let mut recipe = Recipe::named("gan-ring8")?;
        recipe.set_all(&line::SETTINGS.map(|(k, v)| (k.to_string(), v.to_string())))?;
        Board::on(recipe, Arc::new(line::Bells::new()), None)
    }

    fn on(recipe: Recipe, own: Arc<dyn Dataset>, from: Option<&Run>) -> Result<Board, Refusal> {
        let train = recipe.train()?;
        let info = own.info().clone();
        let key = Key::new(train.seed);
        let device = Device::flex().autodiff();
        let mut model = recipe.build(&info, &device, key.stream("init"))?;
        let mut steps = 0;
        if let Some(run) = from {
            let (checkpoint, _) = run.checkpoint(At::Newest)?;
            let checkpoint = checkpoint.ok_or_else(|| Refusal::new(409, "the run has no checkpoint yet"))?;
            model.load(&|name| checkpoint.part(name), Purpose::Train)?;
            steps = checkpoint.state.step;
        }
        let per_step = batches(&*model)?;
        let play = model.as_two_player().ok_or_else(refused)?;
        let grid = (play.latent() == 2).then(|| lattice(play));
        let loader = Loader::new(own.clone(), train.batch, key.stream("data"), 0, 0)?;
        Ok(Board {
            window: if own.info().shape == [2] {
                window(&*own)?
            } else {
                [0.0; 4]
            },
            recipe,
            witness: first(&*own, SAMPLES)?,
            dataset: own.clone(),
            own,
            model,
            loader,
            batch: train.batch,
            key,
            steps,
            turns: [0, 0],
            by_hand: 0,
            losses: [None, None],
            grid,
            discriminator_updates: per_step as u64,
        })
    }

    /// Whether it is played on a line.
    pub(super) fn is_line(&self) -> bool {
        self.own.info().shape == [1]
    }

    /// Other rules from here on: the networks, their averages and optimizers stay.
    ///
    /// # Errors
    /// For keys that are none, clash, or would need other networks or data.
    pub(super) fn set_rules(&mut self, settings: &[(String, String)]) -> Result<(), Refusal> {
        are_rules(settings)?;
        let mut recipe = self.recipe.clone();
        recipe.set_all(settings)?;
        let info = self.own.info().clone();
        let device = Device::flex().autodiff();
        let mut model = recipe.build(&info, &device, self.key.stream("init"))?;
        model.as_two_player().ok_or_else(refused)?;
        let parts: BTreeMap<String, Tensors> = self
            .model
            .save()
            .into_iter()
            .map(|(name, part)| (name, part()))
            .collect();
        // A critic whose loss does not change with a shift has no bias on its score, say.
        let other = |e: menagerie::Error| {
            let problem = format!("these rules need other networks; begin anew with them ({e})");
            Refusal::new(400, problem)
        };
        let missing = |name: &str| menagerie::Error::usage(format!("there is no `{name}`"), "begin anew");
        let part = |name: &str| parts.get(name).cloned().ok_or_else(|| missing(name));
        model.load(&part, Purpose::Train).map_err(other)?;
        let rates = {
            let play = self.play()?;
            [Player::Discriminator, Player::Generator].map(|p| (p, play.learning_rate(p)))
        };
        self.discriminator_updates = batches(&*model)? as u64;
        (self.model, self.recipe) = (model, recipe);
        for (player, rate) in rates {
            self.set_rate(player, rate)?;
        }
        Ok(())
    }

    /// A step as training makes it.
    pub(super) fn step(&mut self) -> Result<(), Refusal> {
        let batches: Vec<Batch> = (0..self.model.batches_per_step())
            .map(|_| self.loader.next())
            .collect::<menagerie::Result<_>>()?;
        let key = self.key.stream("train").step(self.steps + 1);
        let report = self.model.step(&batches, key, false)?;
        self.steps += 1;
        self.turns[0] += self.discriminator_updates;
        self.turns[1] += 1;
        self.losses = ["loss/discriminator", "loss/generator"].map(|name| report.get(name));
        Ok(())
    }

    /// An update of one of the two.
    pub(super) fn turn(&mut self, player: Player) -> Result<(), Refusal> {
        let batch = self.loader.next()?;
        let key = self.key.stream("by hand").step(self.by_hand);
        self.by_hand += 1;
        let loss = self.play()?.update(player, &batch, key)?;
        let at = (player == Player::Generator) as usize;
        self.turns[at] += 1;
        self.losses[at] = Some(loss);
        Ok(())
    }

    pub(super) fn play(&mut self) -> Result<&mut dyn TwoPlayer, Refusal> {
        self.model.as_two_player().ok_or_else(refused)
    }

    pub(super) fn set_rate(&mut self, player: Player, rate: f64) -> Result<(), Refusal> {
        Ok(self.play()?.set_learning_rate(player, rate)?)
    }

    /// Other data on the same plane, or the recipe's own again.
    pub(super) fn set_data(&mut self, points: Option<Vec<[f32; 2]>>) -> Result<(), Refusal> {
        if self.is_line() {
            return Err(Refusal::new(400, "the game on a line keeps its data"));
        }
        self.dataset = match points {
            None => self.own.clone(),
            Some(points) => Arc::new(Drawn::new(self.own.info(), points)),
        };
        self.loader = Loader::new(self.dataset.clone(), self.batch, self.key.stream("data"), 0, 0)?;
        self.witness = first(&*self.dataset, SAMPLES)?;
        Ok(())
    }

    /// Some of the data, and the plane they lie in.
    pub(super) fn data(&self, count: usize) -> Value {
        if self.is_line() {
            return line::data();
        }
        let points = first(&*self.dataset, count).map(|b| rounded(&b.values));
        json!({"points": points.unwrap_or_default(), "window": self.window, "side": SIDE, "fine": FINE, "lines": LINES,
            "drawn": !Arc::ptr_eq(&self.dataset, &self.own)})
    }

    /// What is to be seen now.
    pub(super) fn frame(&mut self) -> Result<Value, Refusal> {
        if self.is_line() {
            return line::frame(self);
        }
        let quality = self.quality();
        let (steps, turns, losses) = (self.steps, self.turns, self.losses);
        let (window, grid, witness, key) = (self.window, self.grid.clone(), self.witness.clone(), self.key);
        let play = self.play()?;
        let samples = play.generate(play.prior(SAMPLES, key.stream("grid")))?.values;
        let pull = play.pull(&samples, &witness)?;
        let scores = |items: &[f32]| -> Result<Vec<f64>, Refusal> {
            let scores = play.judge(items)?;
            let of = |s: &f32| play.probability(*s as f64).unwrap_or(*s as f64);
            Ok(scores.iter().map(of).collect())
        };
        let means = play.probability(0.0).is_some();
        let map = scores(&cells(window))?;
        let (real, fake) = (scores(&witness.values)?, scores(&samples)?);
        // Scores that are no probabilities have a scale of their own.
        let [low, high] = match means {
            true => [0.0, 1.0],
            false => extent(map.iter().chain(&real).chain(&fake)),
        };
        let share = |v: &f64| ((v - low) / (high - low)).clamp(0.0, 1.0);
        let map: Vec<u16> = map.iter().map(|v| (share(v) * FINE).round() as u16).collect();
        let bars = |of: &[f64]| {
            let mut bars = [0usize; BARS];
            of.iter()
                .for_each(|v| bars[((share(v) * BARS as f64) as usize).min(BARS - 1)] += 1);
            bars
        };
        let mean = |of: &[f64]| of.iter().sum::<f64>() / of.len().max(1) as f64;
        let grid = grid.map(|z| play.generate(z)).transpose()?;
        Ok(json!({
            "steps": steps, "turns": turns, "losses": losses,
            "rates": [play.learning_rate(Player::Discriminator), play.learning_rate(Player::Generator)],
            "map": map, "scale": [low, high], "probability": means,
            "samples": rounded(&samples), "pull": rounded(&pull), "grid": grid.map(|g| rounded(&g.values)),
            "bars": [bars(&real), bars(&fake)], "means": [mean(&real), mean(&fake)], "quality": quality,
        }))
    }

    /// Modes that were found, where the density is known.
    fn quality(&mut self) -> Value {
        let dataset = self.dataset.clone();
        let key = self.key.stream("points");
        let Some(density) = dataset.density().filter(|d| d.modes().is_some()) else {
            return Value::Null;
        };
        let samples = self.play().ok().and_then(|p| p.generate(p.prior(1000, key)).ok());
        match samples.and_then(|s| points::quality(&s.values, density)) {
            Some(q) => {
                json!({"modes": q.any, "of": density.modes().map_or(0, |m| m.0.len()), "good": q.high_quality})
            }
            None => Value::Null,
        }
    }
}

/// The first items of a set.
fn first(dataset: &dyn Dataset, count: usize) -> menagerie::Result<Batch> {
    let count = count.min(dataset.info().count) as u32;
    Batch::of(dataset, &(0..count).collect::<Vec<_>>())
}

/// The square in which the data lie, with a margin.
fn window(dataset: &dyn Dataset) -> Result<[f32; 4], Refusal> {
    let points = first(dataset, 2000)?.values;
    let axis = |k: usize| {
        let mut v: Vec<f32> = points
            .chunks_exact(2)
            .map(|p| p[k])
            .filter(|v| v.is_finite())
            .collect();
        v.sort_by(f32::total_cmp);
        let at = |q: f32| v.get((q * v.len() as f32) as usize).copied().unwrap_or(0.0);
        [at(0.005), at(0.995)]
    };
    let [x, y] = [axis(0), axis(1)];
    let half = 0.75 * (x[1] - x[0]).max(y[1] - y[0]).max(1e-3);
    let middle = [(x[0] + x[1]) / 2.0, (y[0] + y[1]) / 2.0];
    Ok([
        middle[0] - half,
        middle[0] + half,
        middle[1] - half,
        middle[1] + half,
    ])
}

/// Centres of the map's cells, row by row from the top.
fn cells(window: [f32; 4]) -> Vec<f32> {
    let at = |i: usize, from: f32, to: f32| from + (i as f32 + 0.5) / SIDE as f32 * (to - from);
    (0..SIDE * SIDE)
        .flat_map(|i| {
            [
                at(i % SIDE, window[0], window[1]),
                at(SIDE - 1 - i / SIDE, window[2], window[3]),
            ]
        })
        .collect()
}

/// A grid over the middle of the prior: from its 2.5th to its 97.5th hundredth in each dimension.
fn lattice(play: &dyn TwoPlayer) -> Tensor<2> {
    let mut draws: Vec<f32> = numbers(play.prior(2000, Key::new(0).stream("lattice")));
    draws.sort_by(f32::total_cmp);
    let (low, high) = (draws[draws.len() / 40], draws[draws.len() * 39 / 40]);
    let at = |i: usize| low + (high - low) * i as f32 / (LINES - 1) as f32;
    let values: Vec<f32> = (0..LINES * LINES)
        .flat_map(|i| [at(i % LINES), at(i / LINES)])
        .collect();
    let data = burn::tensor::TensorData::new(values, [LINES * LINES, 2]);
    Tensor::from_data(data, &Device::flex())
}

/// Smallest and largest, apart.
pub(super) fn extent<'a>(values: impl Iterator<Item = &'a f64>) -> [f64; 2] {
    let (low, high) = values
        .filter(|v| v.is_finite())
        .fold((f64::MAX, f64::MIN), |(l, h), v| (l.min(*v), h.max(*v)));
    match low < high {
        true => [low, high],
        false => [low.min(0.0) - 0.5, low.max(0.0) + 0.5],
    }
}

/// As many digits as a screen shows.
pub(super) fn rounded(values: &[f32]) -> Vec<f64> {
    values.iter().map(|v| (*v as f64 * 1e3).round() / 1e3).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use menagerie::run::Trainer;
    use std::sync::atomic::AtomicBool;

    fn recipe(name: &str) -> Recipe {
        let mut recipe = Recipe::named(name).unwrap();
        let small = [
            ("model.width", "8"),
            ("train.batch", "16"),
            ("train.steps", "3"),
            ("train.log_every", "1"),
        ];
        recipe
            .set_all(&small.map(|(k, v)| (k.to_string(), v.to_string())))
            .unwrap();
        recipe
    }

    #[test]
    fn steps_are_those_of_training_and_go_on_from_a_run() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("r");
        let mut trainer = Trainer::create(recipe("gan-ring8"), &path, &Device::flex().autodiff()).unwrap();
        let summary = trainer.train(&AtomicBool::new(false), &mut |_| {}).unwrap();
        let mut board = Board::new(recipe("gan-ring8"), None).unwrap();
        (0..3).for_each(|_| board.step().unwrap());
        let names = ["loss/discriminator", "loss/generator"];
        assert_eq!(board.losses, names.map(|n| summary.last[n].as_f64()));
        // The run's networks are those that were played here.
        let mut from = Board::new(recipe("gan-ring8"), Some(&Run::open(&path).unwrap())).unwrap();
        let [a, b] = [board.frame().unwrap(), from.frame().unwrap()];
        assert_eq!(a["samples"], b["samples"]);
        assert_eq!(a["map"], b["map"]);
        assert_eq!(b["steps"], 3);
    }

    #[test]
    fn a_picture_shows_what_the_two_think() {
        let mut board = Board::new(recipe("gan-ring8"), None).unwrap();
        let frame = board.frame().unwrap();
        let length = |name: &str| frame[name].as_array().unwrap().len();
        assert_eq!(length("map"), SIDE * SIDE);
        assert_eq!((length("samples"), length("pull")), (2 * SAMPLES, 2 * SAMPLES));
        assert_eq!(length("grid"), 2 * LINES * LINES);
        assert_eq!(
            (&frame["probability"], &frame["quality"]["of"]),
            (&json!(true), &json!(8))
        );
        // Cell 0 is the upper left one.
        let at = cells(board.window);
        let mean = |v: f32| (v - board.window[0]).abs() < 0.2;
        assert!(mean(at[0]) && at[1] > 1.0 && at[2 * SIDE * SIDE - 1] < -1.0);
        let score = board.play().unwrap().judge(&at[..2]).unwrap()[0] as f64;
        let want = board.play().unwrap().probability(score).unwrap() * FINE;
        assert!((frame["map"][0].as_f64().unwrap() - want).abs() <= 0.5);
    }

    #[test]
    fn drawn_data_take_the_place_of_the_recipes() {
        let mut board = Board::new(recipe("gan-ring8"), None).unwrap();
        board.set_data(Some(vec![[1.0, -1.0]])).unwrap();
        let data = board.data(50);
        let points: Vec<f64> = data["points"]
            .as_array()
            .unwrap()
            .iter()
            .map(|v| v.as_f64().unwrap())
            .collect();
        assert!(data["drawn"] == true && points.len() == 100);
        assert!(
            points
                .chunks(2)
                .all(|p| (p[0] - 1.0).abs() < 0.2 && (p[1] + 1.0).abs() < 0.2)
        );
        board.step().unwrap();
        assert_eq!(board.frame().unwrap()["quality"], Value::Null);
        board.set_data(None).unwrap();
        assert_eq!(board.data(1)["drawn"], false);
    }

    #[test]
    fn rules_change_while_networks_stay() {
        let mut board = Board::new(recipe("gan-ring8"), None).unwrap();
        (0..3).for_each(|_| board.step().unwrap());
        board.set_rate(Player::Generator, 0.02).unwrap();
        let before = board.frame().unwrap();
        let set = |k: &str, v: &str| vec![(k.to_string(), v.to_string())];
        board
            .set_rules(&set("objective", "{ rule = \"least-squares\" }"))
            .unwrap();
        board.set_rules(&set("game.discriminator_steps", "3")).unwrap();
        let after = board.frame().unwrap();
        for same in ["samples", "rates", "steps", "turns"] {
            assert_eq!(before[same], after[same], "{same}");
        }
        // A score of least squares is no probability of a logit: what it means is another.
        assert_ne!(before["map"], after["map"]);
        board.step().unwrap();
        assert_eq!(board.frame().unwrap()["turns"], json!([6, 4]));
        for (key, value) in [
            ("model.width", "16"),
            ("data.source", "\"moons\""),
            ("objective", "{ rule = \"no\" }"),
            ("objective", "{ rule = \"wasserstein\" }"),
            ("game.discriminator_steps", "100000000"),
            ("game.unrolled", "{ steps = 100000000 }"),
        ] {
            let e = board.set_rules(&set(key, value)).unwrap_err();
            assert_eq!(e.status, 400, "{key}");
        }
        assert_eq!(board.frame().unwrap()["turns"], json!([6, 4]));
    }

    #[test]
    fn scores_without_a_meaning_have_a_scale() {
        let mut wgan = recipe("gan-ring8");
        wgan.set_all(&[("objective".to_string(), "{ rule = \"wasserstein\" }".to_string())])
            .unwrap();
        let frame = Board::new(wgan, None).unwrap().frame().unwrap();
        assert_eq!(frame["probability"], false);
        assert!(frame["scale"][0].as_f64() < frame["scale"][1].as_f64());
        let map = frame["map"].as_array().unwrap();
        let numbers: Vec<f64> = map.iter().map(|v| v.as_f64().unwrap()).collect();
        assert!(numbers.iter().all(|v| (0.0..=FINE).contains(v)) && numbers.iter().any(|v| *v != numbers[0]));
    }

    #[test]
    fn what_is_not_such_a_game_is_refused() {
        for name in ["dcgan", "vae", "real_nvp-ring8"] {
            let e = Board::new(Recipe::named(name).unwrap(), None).err().unwrap();
            assert!(
                e.status == 400 && e.text.contains("gan-ring8"),
                "{name}: {}",
                e.text
            );
        }
    }
}
