//! The game on a line: the four pictures by which Goodfellow et al. 2014 (arXiv:1406.2661, figure 1) explain it, with densities in
//! place of dots and the way from latents to samples beneath.
use super::board::{Board, extent, rounded};
use crate::http::Refusal;
use menagerie::data::{DataInfo, Dataset, Item, Kind, Values};
use menagerie::models::Player;
use menagerie::nn::numbers;
use menagerie::{Device, Key, Result, Tensor, burn};
use serde_json::{Value, json};

/// Settings of the GAN that is played: small networks, a latent of one number.
pub(super) const SETTINGS: [(&str, &str); 10] = [
    ("model.latent", "1"),
    ("model.width", "32"),
    ("model.depth", "2"),
    ("model.average", "0"),
    ("train.batch", "256"),
    ("game.discriminator_steps", "2"),
    ("optimizer.discriminator.learning_rate", "1e-3"),
    ("optimizer.generator.learning_rate", "2e-4"),
    // So that it comes to rest.
    ("optimizer.discriminator.learning_rate_decay", "0.9996"),
    ("optimizer.generator.learning_rate_decay", "0.9996"),
];
/// What is shown of the line.
pub(super) const WINDOW: [f32; 2] = [-4.0, 4.0];
/// Places of curves.
const PLACES: usize = 161;
/// Draws by which the density of samples is estimated.
const DRAWS: usize = 4000;
/// Standard deviation by which it is smoothed.
const SMOOTH: f64 = 0.12;
/// Latents whose way is shown.
const WAYS: usize = 25;

/// Two bells of unlike heights, which a straight line from latents does not give.
const BELLS: [(f64, f64, f64); 2] = [(0.6, -0.8, 0.6), (0.4, 0.9, 0.45)];
const COUNT: usize = 100_000;

/// See [`BELLS`].
pub(super) struct Bells(DataInfo);

impl Bells {
    pub(super) fn new() -> Bells {
        Bells(DataInfo {
            source: "two bells on a line".into(),
            kind: Kind::Points,
            shape: vec![1],
            count: COUNT,
            range: (WINDOW[0], WINDOW[1]),
            ..DataInfo::default()
        })
    }
}

impl Dataset for Bells {
    fn info(&self) -> &DataInfo {
        &self.0
    }

    fn get(&self, index: usize) -> Result<Item> {
        let mut rng = Key::new(0).stream("bells").step(index as u64).rng();
        let first = rng.uniform() < BELLS[0].0;
        let (_, mean, deviation) = BELLS[usize::from(!first)];
        Ok(Item {
            values: Values::Floats(vec![(mean + deviation * rng.normal()) as f32]),
            label: None,
            attributes: vec![],
            caption: None,
        })
    }
}

fn density(x: f64) -> f64 {
    let bell = |(share, mean, s): &(f64, f64, f64)| {
        share * (-((x - mean) / s).powi(2) / 2.0).exp() / (s * std::f64::consts::TAU.sqrt())
    };
    BELLS.iter().map(bell).sum()
}

/// The density of samples: each a bell of [`SMOOTH`].
fn estimated(samples: &[f32], x: f64) -> f64 {
    let scale = samples.len() as f64 * SMOOTH * std::f64::consts::TAU.sqrt();
    let near = samples.iter().map(|s| (x - *s as f64) / SMOOTH);
    near.map(|u| (-u * u / 2.0).exp()).sum::<f64>() / scale
}

fn place(i: usize) -> f64 {
    WINDOW[0] as f64 + (WINDOW[1] - WINDOW[0]) as f64 * i as f64 / (PLACES - 1) as f64
}

/// The density of the data, which does not change.
pub(super) fn data() -> Value {
    let curve: Vec<f64> = (0..PLACES)
        .map(|i| (density(place(i)) * 1e4).round() / 1e4)
        .collect();
    json!({"line": true, "window": WINDOW, "density": curve})
}

/// What is to be seen now: the density of samples, what the discriminator says of every place, what the best one would say
/// (proposition 1 there: p_data / (p_data + p_g)), and where latents come to lie.
pub(super) fn frame(board: &mut Board) -> std::result::Result<Value, Refusal> {
    let (steps, turns, losses, key) = (board.steps, board.turns, board.losses, board.key);
    let play = board.play()?;
    let samples = play.generate(play.prior(DRAWS, key.stream("line")))?.values;
    let places: Vec<f32> = (0..PLACES).map(|i| place(i) as f32).collect();
    let scores = play.judge(&places)?;
    let means = play.probability(0.0).is_some();
    let said: Vec<f64> = scores
        .iter()
        .map(|s| play.probability(*s as f64).unwrap_or(*s as f64))
        .collect();
    let generated: Vec<f64> = (0..PLACES).map(|i| estimated(&samples, place(i))).collect();
    let best: Vec<f64> = generated
        .iter()
        .enumerate()
        .map(|(i, g)| {
            let p = density(place(i));
            // Where there is neither, either answer is right.
            if p + g < 1e-6 { 0.5 } else { p / (p + g) }
        })
        .collect();
    let latents = evenly(play.prior(DRAWS, Key::new(0).stream("ways")));
    let ways = play.generate(latents.clone())?.values;
    let real: Vec<f64> = (0..PLACES).map(|i| density(place(i))).collect();
    // Half the mass that would have to be moved, of densities that are both smooth: 0 where they are the same.
    let apart = real
        .iter()
        .zip(&generated)
        .map(|(a, b)| (a - b).abs())
        .sum::<f64>()
        / 2.0
        * (place(1) - place(0));
    let [low, high] = if means { [0.0, 1.0] } else { extent(said.iter()) };
    let share = |v: &f64| (((v - low) / (high - low)).clamp(0.0, 1.0) * 1e4).round() / 1e4;
    Ok(json!({
        "steps": steps, "turns": turns, "losses": losses,
        "rates": [play.learning_rate(Player::Discriminator), play.learning_rate(Player::Generator)],
        "probability": means, "scale": [low, high], "said": said.iter().map(share).collect::<Vec<_>>(),
        "best": rounded(&best.iter().map(|v| *v as f32).collect::<Vec<_>>()),
        "generated": rounded(&generated.iter().map(|v| *v as f32).collect::<Vec<_>>()),
        "ways": [rounded(&numbers(latents)), rounded(&ways)], "apart": apart,
    }))
}

/// Latents at even shares of the prior, from its first hundredth to its last.
fn evenly(draws: Tensor<2>) -> Tensor<2> {
    let mut all = numbers(draws);
    all.sort_by(f32::total_cmp);
    let at = |i: usize| all[(all.len() - 1) * (2 * i + 1) / (2 * WAYS)];
    let values: Vec<f32> = (0..WAYS).map(at).collect();
    Tensor::from_data(burn::tensor::TensorData::new(values, [WAYS, 1]), &Device::flex())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bells_hold_one_and_are_drawn_as_they_stand() {
        let step = place(1) - place(0);
        let mass: f64 = (0..PLACES).map(|i| density(place(i)) * step).sum();
        assert!((mass - 1.0).abs() < 1e-3, "{mass}");
        let set = Bells::new();
        let draws: Vec<f32> = (0..4000)
            .map(|i| match set.get(i).unwrap().values {
                Values::Floats(v) => v[0],
                Values::Bytes(_) => panic!(),
            })
            .collect();
        // A bell of width s smoothed by h is one of width sqrt(s^2 + h^2): far from sharp here, so the estimate is near.
        let off: f64 = (0..PLACES)
            .map(|i| (estimated(&draws, place(i)) - density(place(i))).abs() * step)
            .sum();
        assert!(off < 0.12, "{off}");
    }

    /// Left to train against a generator that stands still, the discriminator comes near the best there is; and then both come to where
    /// nothing tells data from samples.
    #[test]
    fn the_four_pictures_come_about() {
        let mut board = Board::line().unwrap();
        let gap = |f: &Value| {
            let of = |name: &str| -> Vec<f64> {
                f[name]
                    .as_array()
                    .unwrap()
                    .iter()
                    .map(|v| v.as_f64().unwrap())
                    .collect()
            };
            let (said, best, generated) = (of("said"), of("best"), of("generated"));
            // Where there is something to tell apart.
            let there = (0..PLACES).filter(|&i| density(place(i)) + generated[i] > 0.02);
            let gaps: Vec<f64> = there.map(|i| (said[i] - best[i]).abs()).collect();
            gaps.iter().sum::<f64>() / gaps.len() as f64
        };
        let first = board.frame().unwrap();
        for _ in 0..300 {
            board.turn(Player::Discriminator).unwrap();
        }
        let told = board.frame().unwrap();
        assert!(
            gap(&told) < 0.5 * gap(&first),
            "{} then {}",
            gap(&first),
            gap(&told)
        );
        assert_eq!(
            (&told["generated"], &told["ways"]),
            (&first["generated"], &first["ways"])
        );
        for _ in 0..2500 {
            board.step().unwrap();
        }
        let last = board.frame().unwrap();
        let apart = |f: &Value| f["apart"].as_f64().unwrap();
        assert!(
            apart(&first) > 0.3 && apart(&last) < 0.1,
            "{} then {}",
            apart(&first),
            apart(&last)
        );
    }
}
