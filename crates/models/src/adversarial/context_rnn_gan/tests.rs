use super::*;
use menagerie_data::{Dataset, Source};

fn subject() -> (std::sync::Arc<dyn Dataset>, ContextRnnGan) {
    let source = Source {
        limit: 20,
        size: vec![8],
        ..Source::parse("diagrams")
    };
    let set = source.open().unwrap().dataset;
    let config = Config {
        model: Sizes {
            width: 5,
            latent: 2,
            average: 0.0,
        },
        ..Config::default()
    };
    let model = config
        .build(set.info(), &Device::flex().autodiff(), Key::new(3))
        .unwrap();
    (set, model)
}

/// What is drawn after a diagram follows from it and those before, not from those that come.
#[test]
fn what_comes_is_not_looked_at() {
    let (_, m) = subject();
    let (t, pixels) = (m.shown(), m.pixels());
    let network = m.generator.for_use();
    let made = |changed: usize| {
        let values: Vec<f32> = (0..t * pixels)
            .map(|i| if i / pixels == changed { 0.9 } else { -0.3 })
            .collect();
        let shown = Tensor::<1>::from_floats(&values[..], &Device::flex()).reshape([1, t, pixels]);
        numbers(network.forward(shown, Tensor::zeros([1, t, 2], &Device::flex())))
    };
    let usual = made(t);
    for changed in 0..t {
        let other = made(changed);
        for (k, (a, b)) in usual.chunks(pixels).zip(other.chunks(pixels)).enumerate() {
            assert_eq!(a == b, k < changed, "diagram {changed}, drawn {k}");
        }
    }
}

/// By hand: the answer that is nearest to what is drawn is the likeliest, as squared distances say.
#[test]
fn the_nearest_answer_is_taken() {
    let (set, m) = subject();
    let batch = Batch::of(&*set, &[0, 5]).unwrap();
    let all = m.log_probabilities(&batch).unwrap();
    let (t, pixels, n) = (m.shown(), m.pixels(), m.labels.len());
    let rows = m.rows(&batch, &Device::flex()).unwrap();
    let shown = m.pictures(rows).narrow(1, 0, t);
    let z = Tensor::zeros([2, t, 2], &Device::flex());
    let next = numbers(m.generator.for_use().forward(shown, z).narrow(1, t - 1, 1));
    for i in 0..2 {
        let item = &batch.values[i * (t + n) * pixels..];
        let energy = |k: usize| -> f64 {
            let answer = &item[(t + k) * pixels..(t + k + 1) * pixels];
            let drawn = &next[i * pixels..(i + 1) * pixels];
            -0.5 * answer
                .iter()
                .zip(drawn)
                .map(|(a, b)| f64::from(a - b).powi(2))
                .sum::<f64>()
        };
        let most = (0..n).map(energy).fold(f64::MIN, f64::max);
        let total = (0..n).map(|k| (energy(k) - most).exp()).sum::<f64>().ln() + most;
        for k in 0..n {
            assert!((f64::from(all[i * n + k]) - energy(k) + total).abs() < 1e-3);
        }
    }
}

/// Sequences that are learned from end in the right answer.
#[test]
fn the_right_answer_is_learned() {
    let (set, m) = subject();
    let batch = Batch::of(&*set, &[7, 11, 2]).unwrap();
    let (t, pixels) = (m.shown(), m.pixels());
    let all = numbers(m.sequences(&batch).unwrap());
    for (i, label) in batch.labels.clone().unwrap().into_iter().enumerate() {
        let item = &batch.values[i * m.item.iter().product::<usize>()..];
        let own = &all[i * (t + 1) * pixels..(i + 1) * (t + 1) * pixels];
        assert_eq!(own[..t * pixels], item[..t * pixels]);
        let from = (t + label as usize) * pixels;
        assert_eq!(own[t * pixels..], item[from..from + pixels]);
    }
}
