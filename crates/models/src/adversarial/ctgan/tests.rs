use super::*;
use menagerie_data::{Column, Source};

fn columns() -> Vec<Column> {
    let of = |name: &str, shares: &[f64]| Column {
        name: name.into(),
        classes: (0..shares.len()).map(|i| i.to_string()).collect(),
        shares: shares.to_vec(),
        mean: 5.0,
        deviation: 5.0,
        ..Column::default()
    };
    vec![of("a", &[0.9, 0.1]), of("b", &[]), of("c", &[0.5, 0.25, 0.25])]
}

/// Rows of two modes, 0 and 10 with deviations of 0.5, by the class of the first column.
fn rows(n: usize) -> Vec<f32> {
    let mut rng = Key::new(3).rng();
    let mut row = |i: usize| {
        let a = usize::from(i.is_multiple_of(10));
        let b = 10.0 * a as f64 + 0.5 * rng.normal();
        [a as f32, b as f32, (i % 3) as f32]
    };
    (0..n).flat_map(&mut row).collect()
}

#[test]
fn rows_come_back_from_their_modes() {
    let mut coding = Coding::new(&columns());
    let table = rows(400);
    coding.fit(&table);
    assert_eq!((coding.width(), coding.condition), (2 + 11 + 3, 5));
    let seen = numbers(coding.coded(&table, Key::new(1), &Device::flex()));
    let back = coding.decoded(&seen);
    for (a, b) in table.iter().zip(&back) {
        assert!((a - b).abs() < 0.05, "{a} {b}");
    }
    // A number near 0 lies in another mode than one near 10, and both lie within theirs.
    let mode = |row: &[f32]| row[3..13].iter().position(|v| *v == 1.0).unwrap();
    assert_ne!(mode(&seen[..16]), mode(&seen[16..32]));
    assert!(seen.chunks(16).all(|r| r[2].abs() < 1.0));
    // Modes that there are not are never drawn.
    let open = numbers(coding.open(&Device::flex()));
    let closed = open.iter().filter(|v| **v < -1e3).count();
    assert_eq!(closed, 10 - coding.written().split(' ').count().div_ceil(3));
    let mut other = Coding::new(&columns());
    assert!(other.read(&coding.written()) && other.decoded(&seen) == back);
    assert!(!other.read("1 2"));
}

/// Every column as often as another; a class by the logarithm of its rows; and a row that shows it. By enumeration.
#[test]
fn rows_are_sampled_by_the_logarithm_of_their_class() {
    let coding = Coding::new(&columns());
    let table = rows(400);
    let showing = coding.showing(&table);
    let (mut counts, n) = (std::collections::BTreeMap::new(), 40_000);
    let mut rng = Key::new(7).rng();
    for _ in 0..n {
        let (asked, row) = coding.sampled(&showing, 400, &mut rng);
        let asked = asked.unwrap();
        assert_eq!(table[3 * row + asked.column] as usize, asked.class);
        *counts.entry((asked.column, asked.class)).or_insert(0.0) += 1.0 / n as f64;
    }
    for (column, of) in [(0, vec![360.0, 40.0]), (2, vec![134.0, 133.0, 133.0])] {
        let all: f64 = of.iter().map(|c: &f64| (c + 1.0).ln()).sum();
        for (class, c) in of.iter().enumerate() {
            let p = 0.5 * (c + 1.0).ln() / all;
            let found: f64 = counts[&(column, class)];
            assert!(
                (found - p).abs() < 5.0 * (p / n as f64).sqrt(),
                "{column} {class}: {found} {p}"
            );
        }
    }
    // Samples are asked for classes as often as the data have them.
    let keys = 20_000u64;
    let first = (0..keys).filter(|k| {
        let asked = coding.asked(&mut Key::new(1).step(*k).rng());
        asked == Some(Asked { column: 0, class: 1 })
    });
    let share = first.count() as f64 / keys as f64;
    assert!((share - 0.05).abs() < 0.008, "{share}");
}

/// What is lost where another class is shown than was asked for, by hand.
#[test]
fn what_is_asked_for_has_to_be_shown() {
    let coding = Coding::new(&columns());
    let device = Device::flex();
    let mut answer = [0f32; 2 * 16];
    let p = [0.2f32, 0.3, 0.5];
    (answer[0], answer[1]) = (0.9f32.ln(), 0.1f32.ln());
    (0..3).for_each(|i| answer[16 + 13 + i] = p[i].ln());
    let asked = [Asked { column: 0, class: 1 }, Asked { column: 2, class: 2 }];
    let told = coding.told(&asked, &device);
    assert_eq!(numbers(told.clone()), [0., 1., 0., 0., 0., 0., 0., 0., 0., 1.]);
    let answer = Tensor::<1>::from_floats(&answer[..], &device).reshape([2, 16]);
    let loss = number(coding.unanswered(&answer, &told));
    let want = -(0.1f64.ln() + 0.5f64.ln()) / 2.0;
    assert!((loss - want).abs() < 1e-5, "{loss} {want}");
}

/// The penalty of packs, with units that are silent, has the gradient that finite differences have.
#[test]
fn the_gradient_of_the_penalty_of_packs() {
    let device = Device::flex().autodiff();
    let critic = Critic::new(6, 5, 0.5, &Init::new(Key::new(2), &device));
    let x = noise::normal::<2>(Key::new(3).words(), [4, 6], &device);
    let silent = Some(Key::new(4));
    let g = Gradient::default();
    let of = |critic: &Critic| {
        let frozen = critic.clone().no_grad();
        let judge = |x| critic.judge(x, silent);
        penalized(
            x.clone(),
            |x| frozen.judge(x, silent),
            judge,
            false,
            1.0,
            |n| g.of_norm(n),
        )
    };
    let found = of(&critic);
    // Along the last layer's weights themselves, which multiply every score.
    let by = |s: f64| {
        let mut tensors = Tensors::of(&critic);
        for (name, (_, values)) in tensors.arrays.iter_mut() {
            let factor = if name == "score.weight" { s as f32 } else { 1.0 };
            values.iter_mut().for_each(|v| *v *= factor);
        }
        of(&tensors.into_network(critic.clone()).unwrap()).value
    };
    let h = 1e-3;
    let slope = (by(1.0 + h) - by(1.0 - h)) / (2.0 * h);
    let weights = numbers(critic.score().val());
    let gradient = numbers(critic.score().val().grad(&found.gradients).unwrap());
    let along: f64 = weights.iter().zip(&gradient).map(|(w, g)| f64::from(w * g)).sum();
    assert!((slope - along).abs() < 1e-2 * slope.abs(), "{slope} {along}");
}

/// Rows show what they are asked to show, the seldom classes among it.
#[test]
fn classes_are_learned() {
    let source = Source {
        limit: 1000,
        ..Source::parse("claims")
    };
    let set = source.open().unwrap().dataset;
    let config = Config {
        model: Sizes {
            latent: 8,
            width: 32,
            average: 0.9,
        },
        table: Table {
            rows: 500,
            dropout: 0.25,
            ..Table::default()
        },
        optimizer: Optimizers::both(OptimizerConfig::adam(2e-3).betas(0.5, 0.9)),
    };
    let mut model = config
        .build(set.info(), &Device::flex().autodiff(), Key::new(1))
        .unwrap();
    let mut losses = vec![];
    for step in 0..160u64 {
        let items: Vec<u32> = (0..50).map(|i| ((step * 50 + i) % 1000) as u32).collect();
        let batch = Batch::of(&*set, &items).unwrap();
        let report = model.step(&[batch], Key::new(2).step(step), false).unwrap();
        losses.extend(report.get("loss/asked"));
    }
    // Learning begins once 500 rows are there.
    assert_eq!(losses.len(), 151);
    assert!(losses[150] < 0.7 * losses[0], "{} to {}", losses[0], losses[150]);
    let samples = model.sample(&SampleRequest::new(1000, Key::new(5))).unwrap();
    let boats = samples.values.chunks_exact(6).filter(|r| r[0] == 2.0).count();
    assert!((5..300).contains(&boats), "{boats}");
}

#[test]
fn what_is_no_table_is_refused() {
    let set = Source::parse("digits").open().unwrap().dataset;
    let built = Config::default().build(set.info(), &Device::flex().autodiff(), Key::new(1));
    let said = built.err().unwrap().to_string();
    assert!(said.contains("ctgan learns from tables"), "{said}");
    let mut config = Config::default();
    config.table.pac = 0;
    assert!(
        Config::check(&config)
            .unwrap_err()
            .to_string()
            .contains("table.pac")
    );
}
