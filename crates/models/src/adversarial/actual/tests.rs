use super::*;
use burn::module::Param;
use burn::tensor::TensorData;

const LENGTH: usize = 4;

fn actual(width: usize) -> Actual {
    let info = DataInfo {
        source: "x".into(),
        kind: Kind::Sequence,
        shape: vec![LENGTH, 3],
        count: 1,
        range: (0.0, 1.0),
        alphabet: "ab\n".into(),
        ..DataInfo::default()
    };
    let config = Config {
        model: Sizes { width, average: 0.0 },
        ..Config::default()
    };
    config
        .build(&info, &Device::flex().autodiff(), Key::new(4))
        .unwrap()
}

/// Every string of two letters and an end, up to four places: as places in the alphabet.
fn all() -> Vec<Vec<u8>> {
    let mut open = vec![vec![]];
    let mut done: Vec<Vec<u8>> = vec![];
    for _ in 0..LENGTH {
        done.extend(open.iter().map(|s: &Vec<u8>| {
            let mut s = s.clone();
            s.resize(LENGTH, 2);
            s
        }));
        open = open
            .iter()
            .flat_map(|s| [0, 1].map(|l| [&s[..], &[l]].concat()))
            .collect();
    }
    [done, open].concat()
}

fn batch(strings: &[Vec<u8>], plan: &Plan) -> Batch {
    let values = plan.one_hot(&strings.concat());
    Batch {
        kind: Kind::Sequence,
        shape: vec![strings.len(), LENGTH, 3],
        values,
        labels: None,
        attributes: vec![],
        captions: None,
        indices: (0..strings.len() as u32).collect(),
    }
}

/// By enumeration: the probabilities of all strings add up to one, and strings are drawn as often as they say.
#[test]
fn probabilities_add_up_and_are_drawn_by() {
    let a = actual(7);
    let strings = all();
    assert_eq!(strings.len(), 1 + 2 + 4 + 8 + 16);
    let logs = a.log_likelihood(&batch(&strings, &a.plan), Key::new(0)).unwrap();
    assert!((logs.iter().map(|l| l.exp()).sum::<f64>() - 1.0).abs() < 1e-5);
    const N: usize = 4000;
    let drawn = a.sample(&SampleRequest::new(N, Key::new(2))).unwrap();
    let drawn = likeliest(&drawn.values, 3);
    for (s, l) in strings.iter().zip(&logs) {
        let (share, p) = (
            drawn.chunks_exact(LENGTH).filter(|d| d == s).count() as f64 / N as f64,
            l.exp(),
        );
        assert!(
            (share - p).abs() < 5.0 * (p * (1.0 - p) / N as f64).sqrt() + 1e-9,
            "{s:?}: {share} {p}"
        );
    }
}

/// With a discount of one the rewards of a sequence add up to the discriminator's logit of the whole, and behind the end is none.
#[test]
fn rewards_add_up_to_the_logit() {
    let a = actual(5);
    let strings = all();
    let text = a.text(&strings.concat(), &a.generator.device().clone());
    let rewards = a.rewards(&text);
    let logits = numbers(a.discriminator.network().after(text.letters));
    for (i, s) in strings.iter().enumerate() {
        let last = s.iter().position(|l| *l == 2).unwrap_or(LENGTH - 1);
        let row = &rewards[i * LENGTH..(i + 1) * LENGTH];
        assert!((row.iter().sum::<f32>() - logits[i * LENGTH + last]).abs() < 1e-5);
        assert!(row[last + 1..].iter().all(|r| *r == 0.0));
    }
}

/// The policy gradient, summed exactly over all strings with the critic at zero and lambda 1, is the derivative of the expected reward,
/// by finite differences of a weight.
#[test]
fn the_policy_gradient_is_that_of_the_expected_reward() {
    let mut a = actual(5);
    let strings = all();
    let text = a.text(&strings.concat(), &a.generator.device().clone());
    let rewards = a.rewards(&text);
    let returns: Vec<f64> = rewards
        .chunks_exact(LENGTH)
        .map(|r| r.iter().map(|v| f64::from(*v)).sum())
        .collect();
    // What is still to come at every letter is its advantage.
    let to_come: Vec<f32> = rewards
        .chunks_exact(LENGTH)
        .flat_map(|r| advantages(r, &[0.0; LENGTH + 1], 1.0, 1.0))
        .collect();
    let items = batch(&strings, &a.plan);
    let expected = |a: &Actual| -> f64 {
        let logs = a.log_likelihood(&items, Key::new(0)).unwrap();
        logs.iter().zip(&returns).map(|(l, r)| l.exp() * r).sum()
    };
    let probabilities: Vec<f32> = a
        .log_likelihood(&items, Key::new(0))
        .unwrap()
        .iter()
        .flat_map(|l| [l.exp() as f32; LENGTH])
        .collect();
    let weighted = to_come.iter().zip(&probabilities).map(|(t, p)| t * p).collect();
    let weights = a.plan.tensor(weighted, 1, a.generator.device());
    let surrogate = (a.likelihoods(a.generator.network(), &text) * weights).sum();
    let out = a.generator.network().out.weight.val();
    let gradient = numbers(out.grad(&surrogate.backward()).unwrap());
    let shape = out.dims();
    let values = numbers(out);
    for i in [0, 4, 11] {
        let mut moved = |by: f32| {
            let mut v = values.clone();
            v[i] += by;
            let moved = Tensor::from_data(TensorData::new(v, shape), a.generator.device());
            a.generator.change(|mut n| {
                n.out.weight = Param::from_tensor(moved);
                n
            });
            expected(&a)
        };
        let slope = (moved(1e-2) - moved(-1e-2)) / 2e-2;
        assert!(
            (slope - f64::from(gradient[i])).abs() < 1e-3 * (1.0 + slope.abs()),
            "{slope} {}",
            gradient[i]
        );
    }
}
