use super::super::conditionals::{Factors, Items};
use super::*;
use crate::LogLikelihood;
use menagerie_data::{Batch, Kind};

const BOTH: [Direction; 2] = [Direction::RowLstm, Direction::DiagonalBilstm];

fn tiny(kind: Direction, [h, w, c]: [usize; 3], levels: usize) -> Autoregressive<PixelRnnNetwork> {
    let info = DataInfo {
        source: "test".into(),
        kind: Kind::Image,
        shape: vec![h, w, c],
        count: 10,
        range: (0.0, 255.0),
        ..DataInfo::default()
    };
    let model = Sizes {
        kind,
        width: 6,
        depth: 2,
        hidden: 6,
        levels,
        binarization: Binarization::Threshold,
        average: 0.0,
    };
    Config {
        model,
        ..Config::default()
    }
    .build(&info, &Device::flex().autodiff(), Key::new(4))
    .unwrap()
}

fn all_of_nine() -> Vec<u32> {
    (0..512).flat_map(|n| (0..9).map(move |i| n >> i & 1)).collect()
}

fn batch(levels: &[u32]) -> Batch {
    Batch {
        kind: Kind::Image,
        shape: vec![levels.len() / 9, 3, 3, 1],
        values: levels.iter().map(|&l| l as f32 * 2.0 - 1.0).collect(),
        labels: None,
        attributes: vec![],
        captions: None,
        indices: (0..levels.len() as u32 / 9).collect(),
    }
}

#[test]
fn probabilities_of_all_images_sum_to_one() {
    for kind in BOTH {
        let mut model = tiny(kind, [3, 3, 1], 2);
        let images = all_of_nine();
        for trained in [false, true] {
            let sum: f64 = model
                .log_likelihood(&batch(&images), Key::new(0))
                .unwrap()
                .iter()
                .map(|n| n.exp())
                .sum();
            assert!((sum - 1.0).abs() < 1e-4, "{kind:?}, trained {trained}: {sum}");
            for s in 0..10 {
                model
                    .step(&[batch(&images[9 * 77..9 * 99])], Key::new(s), false)
                    .unwrap();
            }
        }
    }
}

fn levels(n: usize, of: usize, seed: u64) -> Vec<u32> {
    let mut draw = Key::new(seed).rng();
    (0..n).map(|_| draw.below(of) as u32).collect()
}

/// No logit depends on its own number or a later one, colours included; and of the Diagonal BiLSTM each depends on every
/// earlier one that lies within reach of nothing but its states.
#[test]
fn nothing_depends_on_what_comes_later() {
    for (kind, shape, of) in [
        (BOTH[0], [5, 6, 1], 2),
        (BOTH[1], [5, 6, 1], 2),
        (BOTH[0], [4, 3, 3], 4),
        (BOTH[1], [4, 3, 3], 4),
    ] {
        let model = tiny(kind, shape, of);
        let (n, k) = (shape.iter().product::<usize>(), if of == 2 { 1 } else { of });
        let given = levels(n, of, 1);
        let logits = |levels: &[u32]| {
            model.logits(
                &Items {
                    count: 1,
                    levels: levels.to_vec(),
                    labels: vec![],
                },
                0,
            )
        };
        let before = logits(&given);
        let mut seen = vec![false; n];
        for at in 0..n {
            let mut other = given.clone();
            other[at] = (given[at] + 1) % of as u32;
            let after = logits(&other);
            assert_eq!(
                after[..k * (at + 1)],
                before[..k * (at + 1)],
                "{kind:?} {shape:?}: number {at} reaches back"
            );
            seen[at] = after[k * (n - 1)..] != before[k * (n - 1)..];
        }
        if kind == Direction::DiagonalBilstm {
            // Of the last pixel's channels the last sees the others.
            assert!(
                seen[..n - 1].iter().all(|s| *s),
                "{shape:?}: the last number does not see all earlier ones: {seen:?}"
            );
        }
    }
}

/// The sampler's logits, walked through anew for every number so that nothing is kept from the one before.
fn from_scratch(model: &Autoregressive<PixelRnnNetwork>, levels: &[u32], k: usize) -> Vec<f32> {
    let walker = model.walker();
    let order: Vec<u32> = (0..levels.len() as u32).collect();
    let one = |n: usize| {
        let mut walk = walker.start(1, 0, &order, &[]);
        let mut out = vec![0.0; k];
        for &level in &levels[..n] {
            walk.logits(&mut out);
            walk.put(&[level]);
        }
        walk.logits(&mut out);
        out
    };
    (0..levels.len()).flat_map(one).collect()
}

#[test]
fn the_sampler_agrees_with_the_network_and_with_itself_from_scratch() {
    for (kind, shape, of) in [
        (BOTH[0], [5, 4, 1], 2),
        (BOTH[1], [5, 4, 1], 2),
        (BOTH[0], [3, 4, 3], 5),
        (BOTH[1], [3, 4, 3], 5),
    ] {
        let model = tiny(kind, shape, of);
        let (n, k) = (shape.iter().product::<usize>(), if of == 2 { 1 } else { of });
        let given = levels(3 * n, of, 2);
        let network = model.logits(
            &Items {
                count: 3,
                levels: given.clone(),
                labels: vec![],
            },
            0,
        );
        let walker = model.walker();
        let order: Vec<u32> = (0..n as u32).collect();
        let mut walk = walker.start(3, 0, &order, &[]);
        let mut walked = vec![0.0; 3 * n * k];
        for i in 0..n {
            let mut out = vec![0.0; 3 * k];
            walk.logits(&mut out);
            for item in 0..3 {
                walked[(item * n + i) * k..][..k].copy_from_slice(&out[item * k..(item + 1) * k]);
            }
            walk.put(&[0, 1, 2].map(|item| given[item * n + i]));
        }
        let worst = walked
            .iter()
            .zip(&network)
            .map(|(a, b)| (a - b).abs())
            .fold(0f32, f32::max);
        assert!(
            worst < 1e-5,
            "{kind:?} {shape:?}: the sampler's logits are {worst} off the network's"
        );
        for item in [0, 2] {
            let scratch = from_scratch(&model, &given[item * n..(item + 1) * n], k);
            assert_eq!(
                walked[item * n * k..(item + 1) * n * k],
                scratch,
                "{kind:?} {shape:?}: item {item} from scratch"
            );
        }
    }
}

#[test]
fn widths_that_do_not_fall_into_groups_are_refused() {
    let info = DataInfo {
        source: "x".into(),
        kind: Kind::Image,
        shape: vec![8, 8, 3],
        count: 1,
        range: (0.0, 255.0),
        ..DataInfo::default()
    };
    let e = Config::default()
        .build(&info, &Device::flex(), Key::new(0))
        .err()
        .expect("is refused")
        .to_string();
    assert!(e.contains("model.width") && e.contains("multiple of 3"), "{e}");
    let e = crate::registry::refusal("pixel_rnn", "model", "depth", 0.into());
    assert!(e.contains("model.depth"), "{e}");
    let e = crate::registry::refusal("pixel_rnn", "model", "kind", "row".into());
    assert!(e.contains("row-lstm"), "{e}");
}
