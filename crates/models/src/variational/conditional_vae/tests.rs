use super::*;

/// Images of one colour or its complement, which have the same grey: what no single answer can be right about.
fn two_colours(indices: &[u32]) -> Batch {
    let colour = [0.8f32, -0.8 * 0.299 / 0.587, 0.0];
    let values = indices.iter().flat_map(|i| {
        let sign = if Key::new(1).step(*i as u64).rng().chance(0.5) {
            1.0
        } else {
            -1.0
        };
        (0..64).flat_map(move |_| colour.map(|v| sign * v))
    });
    Batch {
        kind: Kind::Image,
        shape: vec![indices.len(), 8, 8, 3],
        values: values.collect(),
        labels: None,
        attributes: vec![],
        captions: None,
        indices: indices.to_vec(),
    }
}

/// With the condition fixed, samples differ, and the best of k comes the nearer to the truth the larger k is: nearer than
/// the mean of both colours, which is the best of all single answers.
#[test]
fn answers_differ_and_the_best_of_several_is_right() {
    let device = Device::flex().autodiff();
    let info = DataInfo {
        source: "test".into(),
        kind: Kind::Image,
        shape: vec![8, 8, 3],
        count: 1000,
        range: (0.0, 1.0),
        ..DataInfo::default()
    };
    let model = Sizes {
        latent: 2,
        width: 4,
        hidden: vec![16],
        deviation: 0.2,
        ..Sizes::default()
    };
    let optimizer = OptimizerConfig::adam(5e-3);
    let mut model = Config {
        model,
        optimizer,
        ..Config::default()
    }
    .build(&info, &device, Key::new(3))
    .unwrap();
    for s in 0..300 {
        let batch = two_colours(&(s * 16..(s + 1) * 16).collect::<Vec<u32>>());
        model.step(&[batch], Key::new(4).step(s as u64), false).unwrap();
    }
    let test = two_colours(&(5000..5032).collect::<Vec<u32>>());
    let mut best = vec![f64::INFINITY; 32];
    let mut errors = Vec::new();
    for k in 0..8 {
        let drawn = model.predict(&test, 0, Key::new(9).step(k)).unwrap();
        assert_eq!(drawn.shape, [32, 8, 8, 3]);
        for (i, (a, b)) in drawn.values.chunks(192).zip(test.values.chunks(192)).enumerate() {
            let error = a
                .iter()
                .zip(b)
                .map(|(a, b)| ((a - b) as f64).powi(2))
                .sum::<f64>()
                / 192.0;
            best[i] = best[i].min(error);
        }
        errors.push(best.iter().sum::<f64>() / 32.0);
    }
    let single = (0.8f64.powi(2) + (0.8 * 0.299 / 0.587f64).powi(2)) / 3.0;
    assert!(
        errors[0] > 0.6 * single && errors[0] < 4.0 * single,
        "one draw cannot know the colour: {errors:?}"
    );
    assert!(
        errors[7] < 0.3 * single && errors[1] < 0.9 * errors[0],
        "{errors:?} against {single}"
    );
    // The grey image is what it was asked about.
    let shown = model.condition(&test).unwrap().unwrap();
    assert_eq!(shown.shape, [32, 8, 8, 1]);
    assert!(shown.values.iter().all(|v| v.abs() < 1e-5));
    assert!(
        model
            .predict(&test, 3, Key::new(1))
            .unwrap_err()
            .to_string()
            .contains("--frames")
    );
}
