use super::*;

/// A small untrained model.
fn tiny(length: usize, levels: usize, conditional: bool) -> Speaker {
    let info = DataInfo {
        source: "test".into(),
        kind: Kind::Audio,
        shape: vec![length, 1],
        count: 10,
        range: (-1.0, 1.0),
        labels: if conditional {
            vec!["a".into(), "b".into()]
        } else {
            vec![]
        },
        rate: 8000,
        ..DataInfo::default()
    };
    let model = Sizes {
        width: 6,
        skip: 5,
        cycles: 2,
        layers: 3,
        levels,
        conditional,
        average: 0.0,
    };
    Config {
        model,
        ..Config::default()
    }
    .build(&info, &Device::flex().autodiff(), Key::new(4))
    .unwrap()
}

fn batch(codes: &[Vec<u32>], levels: usize, labels: Option<Vec<u32>>) -> Batch {
    Batch {
        kind: Kind::Audio,
        shape: vec![codes.len(), codes[0].len(), 1],
        values: codes.iter().flatten().map(|&c| mu_law_value(c, levels)).collect(),
        labels,
        attributes: vec![],
        captions: None,
        indices: (0..codes.len() as u32).collect(),
    }
}

/// Every sequence of 4 codes of 4 levels, or of 6 of 2.
fn all(length: u32, levels: u32) -> Vec<Vec<u32>> {
    (0..levels.pow(length))
        .map(|n| (0..length).map(|t| n / levels.pow(t) % levels).collect())
        .collect()
}

fn train(model: &mut Speaker, data: &Batch, steps: u64) {
    for s in 0..steps {
        model
            .step(std::slice::from_ref(data), Key::new(s), false)
            .unwrap();
    }
}

#[test]
fn probabilities_of_all_sequences_sum_to_one() {
    for (length, levels, conditional) in [(4, 4, false), (4, 4, true), (6, 2, false)] {
        let mut model = tiny(length, levels, conditional);
        let sequences = all(length as u32, levels as u32);
        let label = |l| conditional.then(|| vec![l; sequences.len()]);
        for trained in [false, true] {
            for l in 0..if conditional { 2 } else { 1 } {
                let nats = model
                    .log_likelihood(&batch(&sequences, levels, label(l)), Key::new(0))
                    .unwrap();
                let sum: f64 = nats.iter().map(|n| n.exp()).sum();
                assert!(
                    (sum - 1.0).abs() < 1e-4,
                    "levels {levels}, trained {trained}: {sum}"
                );
            }
            train(
                &mut model,
                &batch(
                    &sequences[..7],
                    levels,
                    conditional.then(|| vec![0, 1, 0, 1, 0, 1, 0]),
                ),
                20,
            );
        }
    }
}

fn logits(model: &Speaker, codes: &[u32], labels: Option<&[u32]>) -> Vec<f32> {
    model
        .learner
        .for_use()
        .forward(codes, codes.len(), labels)
        .into_data()
        .try_into_vec()
        .unwrap()
}

#[test]
fn no_output_depends_on_its_own_or_a_later_code() {
    let model = tiny(24, 16, false);
    let codes: Vec<u32> = (0..24).map(|i| i * 7 % 16).collect();
    let before = logits(&model, &codes, None);
    for at in 0..24 {
        let mut other = codes.clone();
        other[at] = (codes[at] + 5) % 16;
        let after = logits(&model, &other, None);
        let same = 16 * (at + 1);
        assert_eq!(after[..same], before[..same], "code {at} reaches back");
        assert!(
            at == 23 || after[same..same + 16] != before[same..same + 16],
            "code {at} is not seen by the next"
        );
    }
    // The receptive field: two taps of the input, and 2 (1 + 2 + 4) before.
    let mut other = codes.clone();
    other[0] = 9;
    let after = logits(&model, &other, None);
    assert!(after[16 * 16..16 * 17] != before[16 * 16..16 * 17] && after[16 * 17..] == before[16 * 17..]);
}

/// Logits of every position by the sampler's own routines, each from scratch: the whole sequence so far is gone through
/// again for every code, and nothing is kept.
fn naive(model: &Speaker, codes: &[u32], label: Option<u32>) -> Vec<f32> {
    let steps = Steps::new(&model.learner.for_use());
    let one = |t: usize| {
        let labels = label.map(|l| vec![l]);
        let mut streams = steps.begin(1, labels.as_deref());
        for &code in &codes[..t] {
            streams.logits();
            streams.advance(&[code]);
        }
        streams.logits().to_vec()
    };
    (0..codes.len()).flat_map(one).collect()
}

#[test]
fn the_sampler_agrees_with_the_network_and_with_itself_from_scratch() {
    for conditional in [false, true] {
        let model = tiny(40, 16, conditional);
        let label = conditional.then_some(1);
        let request = SampleRequest {
            label,
            ..SampleRequest::new(6, Key::new(9))
        };
        let sounds = model.sample(&request).unwrap();
        for (i, sound) in sounds.values.chunks(40).enumerate().step_by(5) {
            let codes = model.codes(sound);
            let (naive, network) = (
                naive(&model, &codes, label),
                logits(&model, &codes, label.as_ref().map(std::slice::from_ref)),
            );
            let worst = naive
                .iter()
                .zip(&network)
                .map(|(a, b)| (a - b).abs())
                .fold(0f32, f32::max);
            assert!(worst < 1e-5, "the sampler's logits are {worst} off the network's");
            // Drawing anew from the logits of scratch, with the same key, gives the same sound, bit for bit.
            let mut draw = Key::new(9).step(i as u64).rng();
            let drawn: Vec<f32> = naive
                .chunks(16)
                .map(|l| mu_law_value(model.discrete.draw(l, 1.0, draw.uniform() as f32), 16))
                .collect();
            assert_eq!(drawn, sound, "sound {i}");
        }
        // Beyond the trained length; the beginning is the same.
        let longer = model
            .sample(&SampleRequest {
                length: Some(55),
                ..request
            })
            .unwrap();
        assert_eq!(
            (&longer.shape[..], &longer.values[..40]),
            (&[6, 55, 1][..], &sounds.values[..40])
        );
        assert!(
            model
                .sample(&SampleRequest {
                    label: Some(2),
                    ..request
                })
                .is_err()
        );
    }
}

#[test]
fn bad_data_and_sizes_are_named() {
    let info = |kind, shape: &[usize], labels: &[&str]| DataInfo {
        source: "x".into(),
        kind,
        shape: shape.to_vec(),
        count: 1,
        range: (-1.0, 1.0),
        labels: labels.iter().map(|l| l.to_string()).collect(),
        rate: 8000,
        ..DataInfo::default()
    };
    let build = |c: Config, i: &DataInfo| {
        c.build(i, &Device::flex(), Key::new(0))
            .err()
            .expect("is refused")
            .to_string()
    };
    assert!(
        build(Config::default(), &info(Kind::Image, &[8, 8, 1], &[])).contains("makes sounds of one channel")
    );
    assert!(build(Config::default(), &info(Kind::Audio, &[8, 2], &[])).contains("[8, 2]"));
    let mut c = Config::default();
    c.model.conditional = true;
    assert!(build(c, &info(Kind::Audio, &[8, 1], &[])).contains("model.conditional"));
    for (key, value) in [("layers", 40), ("width", 0), ("levels", 1)] {
        let e = crate::registry::refusal("wavenet", "model", key, value.into());
        assert!(e.contains(&format!("model.{key}")), "{e}");
    }
    let model = tiny(4, 4, true);
    let e = model
        .log_likelihood(&batch(&all(4, 4), 4, None), Key::new(0))
        .unwrap_err()
        .to_string();
    assert!(e.contains("conditional") && e.contains("no classes"), "{e}");
}
