//! Exactness of every model that is a product of conditionals of discrete numbers: probabilities sum to one, no factor
//! sees a later number, and what is drawn number by number is what the network says.
use menagerie::data::{Batch, DataInfo, Kind};
use menagerie::models::autoregressive::{Drawing, Factors, Items};
use menagerie::models::{Entry, Model, registry};
use menagerie::recipe::Recipe;
use menagerie::{Device, Key};

fn info(shape: [usize; 3]) -> DataInfo {
    DataInfo {
        source: "images made by hand".into(),
        kind: Kind::Image,
        shape: shape.to_vec(),
        count: 512,
        range: (0.0, 255.0),
        labels: vec!["a".into(), "b".into()],
        ..DataInfo::default()
    }
}

/// Every such model, tiny, for images of that shape and number of levels; also those variants that change the mathematics.
fn each(shape: [usize; 3], levels: usize, test: impl Fn(&str, &mut dyn Model)) {
    let only = std::env::var("MENAGERIE_TEST_MODELS").unwrap_or_default();
    for entry in registry()
        .iter()
        .filter(|e| only.is_empty() || only.split(',').any(|o| o == e.name))
    {
        for variant in variants(entry) {
            let mut recipe =
                Recipe::parse(&format!("[model]\nname = \"{}\"", entry.name), entry.name).unwrap();
            let tiny = entry
                .tiny
                .iter()
                .filter(|(k, _)| k.starts_with("model.") && !k.starts_with("model.levels"));
            let mut all: Vec<(String, String)> = tiny
                .chain(variant)
                .map(|(k, v)| (k.to_string(), v.to_string()))
                .collect();
            let device = Device::flex().autodiff();
            // Models of other kinds have no levels, or want other data.
            if recipe.set_all(&all).is_err() || recipe.clone().with("model.levels", "2").is_err() {
                continue;
            }
            all.push(("model.levels".into(), levels.to_string()));
            recipe
                .set_all(&all)
                .unwrap_or_else(|e| panic!("{}: {e}", entry.name));
            let Ok(mut model) = recipe.build(&info(shape), &device, Key::new(4)) else {
                continue;
            };
            if model.as_factors().is_some() {
                test(&format!("{} {variant:?}", entry.name), &mut *model);
            }
        }
    }
}

fn variants(entry: &Entry) -> Vec<&'static [(&'static str, &'static str)]> {
    match entry.name {
        "nade" => vec![
            &[],
            &[
                ("model.orderless", "true"),
                ("model.orders", "3"),
                ("model.activation", "relu"),
            ],
        ],
        "gated_pixel_cnn" => vec![
            &[("model.conditional", "false")],
            &[("model.conditional", "true"), ("model.embedding", "3")],
        ],
        "pixel_rnn" => vec![
            &[("model.kind", "row-lstm")],
            &[("model.kind", "diagonal-bilstm")],
        ],
        _ => vec![&[]],
    }
}

/// Images of all levels, in [-1, 1], as one batch.
fn batch(shape: [usize; 3], levels: usize, items: &[Vec<u32>]) -> Batch {
    let n = items.len();
    Batch {
        kind: Kind::Image,
        shape: vec![n, shape[0], shape[1], shape[2]],
        values: items
            .iter()
            .flatten()
            .map(|&l| l as f32 * 2.0 / (levels - 1) as f32 - 1.0)
            .collect(),
        labels: Some(vec![1; n]),
        attributes: vec![],
        captions: None,
        indices: (0..n as u32).collect(),
    }
}

fn all_images(numbers: usize, levels: usize) -> Vec<Vec<u32>> {
    (0..levels.pow(numbers as u32))
        .map(|i| {
            (0..numbers)
                .map(|p| (i / levels.pow(p as u32) % levels) as u32)
                .collect()
        })
        .collect()
}

#[test]
fn probabilities_of_all_images_sum_to_one() {
    let mut tested = 0;
    for (shape, levels) in [([3, 3, 1], 2), ([2, 2, 1], 4), ([1, 2, 3], 2)] {
        let numbers = shape.iter().product();
        let images = all_images(numbers, levels);
        let every = batch(shape, levels, &images);
        let seen = std::cell::Cell::new(0);
        each(shape, levels, |name, model| {
            for trained in [false, true] {
                if trained {
                    let few = batch(shape, levels, &images[images.len() / 3..][..16]);
                    (0..4).for_each(|s| {
                        drop(
                            model
                                .step(std::slice::from_ref(&few), Key::new(2).step(s), false)
                                .unwrap(),
                        )
                    });
                }
                let scorer = model.as_log_likelihood().unwrap();
                assert_eq!(scorer.dimensions(), numbers);
                let log = scorer.log_likelihood(&every, Key::new(9)).unwrap();
                let sum: f64 = log.iter().map(|l| l.exp()).sum();
                assert!(
                    (sum - 1.0).abs() < 1e-4,
                    "{name} on {shape:?}, trained {trained}: {sum}"
                );
                // and they are not all alike, so the sum says something
                assert!(log.iter().any(|l| (l - log[0]).abs() > 1e-4), "{name}");
                let factors = model.as_factors().unwrap();
                let costs = factors.costs(&every, Key::new(9)).unwrap();
                if factors.orders() == 1 {
                    // What each number costs adds up to what the whole image costs.
                    for (costs, log) in costs.chunks_exact(numbers).zip(&log) {
                        let cost: f64 = costs.iter().sum();
                        assert!(
                            (cost + log).abs() < 1e-9 * cost.max(1.0),
                            "{name}: {cost} and {log}"
                        );
                    }
                }
            }
            seen.set(seen.get() + 1);
        });
        tested += seen.get();
    }
    assert!(tested >= 3 || std::env::var("MENAGERIE_TEST_MODELS").is_ok());
}

fn some_items(f: &dyn Factors, count: usize) -> Items {
    let mut rng = Key::new(8).rng();
    let grid = f.grid();
    let levels = (0..count * grid.numbers())
        .map(|_| rng.below(grid.discrete.levels) as u32)
        .collect();
    let labels = if grid.classes == 0 {
        vec![]
    } else {
        (0..count).map(|_| rng.below(grid.classes) as u32).collect()
    };
    Items {
        count,
        levels,
        labels,
    }
}

#[test]
fn no_factor_sees_a_later_number() {
    for (shape, levels) in [([5, 4, 1], 2), ([3, 4, 3], 3)] {
        each(shape, levels, |name, model| {
            let f = model.as_factors().unwrap();
            let k = f.grid().discrete.outputs();
            let items = some_items(f, 2);
            for order in 0..f.orders() {
                let sequence = f.order(order);
                let before = f.logits(&items, order);
                let mut seen = 0;
                for (t, &number) in sequence.iter().enumerate() {
                    let mut other = items.clone();
                    let level = &mut other.levels[number as usize];
                    *level = (*level + 1) % levels as u32;
                    let after = f.logits(&other, order);
                    for (place, &p) in sequence.iter().enumerate() {
                        let at = p as usize * k..(p as usize + 1) * k;
                        let same = before[at.clone()] == after[at];
                        assert!(
                            same || place > t,
                            "{name} on {shape:?}: number {p} in place {place} sees number {number} in place {t}"
                        );
                        seen += usize::from(!same);
                    }
                    assert_eq!(
                        before[before.len() / 2..],
                        after[after.len() / 2..],
                        "{name}: items do not see each other"
                    );
                }
                // Nearly everything earlier is seen: there is no blind spot to speak of in so small an image.
                let pairs = sequence.len() * (sequence.len() - 1) / 2;
                assert!(seen * 2 > pairs, "{name}: {seen} of {pairs} pairs");
            }
        });
    }
}

#[test]
fn walking_gives_the_network_s_logits() {
    for (shape, levels) in [([5, 4, 1], 2), ([3, 4, 3], 3)] {
        each(shape, levels, |name, model| {
            let f = model.as_factors().unwrap();
            let (n, k) = (f.grid().numbers(), f.grid().discrete.outputs());
            let items = some_items(f, 5);
            let walker = f.walker();
            for order in 0..f.orders() {
                let want = f.logits(&items, order);
                let sequence = f.order(order);
                let mut walk = walker.start(5, order, &sequence, &items.labels);
                let mut logits = vec![0.0; 5 * k];
                for &p in &sequence {
                    walk.logits(&mut logits);
                    for i in 0..5 {
                        for (a, b) in logits[i * k..(i + 1) * k]
                            .iter()
                            .zip(&want[(i * n + p as usize) * k..])
                        {
                            assert!(
                                (a - b).abs() < 1e-4 * (1.0 + b.abs()),
                                "{name} on {shape:?}, number {p}: {a} where the network has {b}"
                            );
                        }
                    }
                    walk.put(
                        &(0..5)
                            .map(|i| items.levels[i * n + p as usize])
                            .collect::<Vec<_>>(),
                    );
                }
            }
        });
    }
}

/// The naive way computes everything again for each number, from nothing; more items than a tile has.
#[test]
fn cached_draws_equal_naive_ones_to_the_bit() {
    for (shape, levels) in [([5, 4, 1], 2), ([2, 3, 3], 3)] {
        each(shape, levels, |name, model| {
            let f = model.as_factors().unwrap();
            let grid = f.grid();
            let (n, k) = (grid.numbers(), grid.discrete.outputs());
            let walker = f.walker();
            let keys: Vec<Key> = (0..10).map(|i| Key::new(3).step(i)).collect();
            let labels: Vec<u32> = if grid.classes == 0 {
                vec![]
            } else {
                (0..10).map(|i| i % 2).collect()
            };
            for order in 0..f.orders() {
                let sequence = f.order(order);
                let drawing = Drawing {
                    discrete: grid.discrete,
                    order,
                    sequence: &sequence,
                    keys: &keys,
                    labels: &labels,
                    temperature: 0.9,
                    known: None,
                };
                let cached = drawing.draw(&*walker);
                for i in [0, 4, 9] {
                    let mut uniform = vec![0.0; n];
                    menagerie_kernels::noise::fill_uniform(keys[i].words(), &mut uniform);
                    let mut levels = vec![0; n];
                    for t in 0..n {
                        let mut walk =
                            walker.start(1, order, &sequence, labels.get(i..i + 1).unwrap_or_default());
                        let mut logits = vec![0.0; k];
                        for &p in &sequence[..t] {
                            walk.logits(&mut logits);
                            walk.put(&levels[p as usize..][..1]);
                        }
                        walk.logits(&mut logits);
                        let number = sequence[t] as usize;
                        levels[number] = grid.discrete.draw(&logits, 0.9, uniform[number]);
                    }
                    assert_eq!(
                        levels,
                        cached[i * n..(i + 1) * n],
                        "{name} on {shape:?}, item {i}"
                    );
                }
            }
        });
    }
}
