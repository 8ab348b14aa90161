use super::*;

/// Rows (a, b, a + b, a - b) of two normal numbers, times ten and a hundred away from zero.
fn batch(count: usize, from: u32, missing: bool) -> Batch {
    let mut values = Vec::new();
    for i in from..from + count as u32 {
        let mut rng = Key::new(4).step(i as u64).rng();
        let (a, b) = (rng.normal(), rng.normal());
        values.extend([a, b, a + b, a - b].map(|v| (100.0 + 10.0 * v) as f32));
        if missing {
            let at = values.len() - 4 + rng.below(4);
            values[at] = f32::NAN;
        }
    }
    Batch {
        kind: Kind::Points,
        shape: vec![count, 4],
        values,
        labels: None,
        attributes: vec![],
        captions: None,
        indices: (from..from + count as u32).collect(),
    }
}

fn info() -> DataInfo {
    DataInfo {
        source: "test".into(),
        kind: Kind::Points,
        shape: vec![4],
        count: 100,
        range: (0.0, 200.0),
        ..DataInfo::default()
    }
}

/// What a row's other values say of one that is missing is learned from rows that have gaps themselves.
#[test]
fn gaps_are_filled_by_what_the_rest_says() {
    let mut config = Config::default();
    config.imputation.hide = 0.0;
    config.optimizer = Optimizers::both(OptimizerConfig::adam(3e-3));
    let mut model = config
        .build(&info(), &Device::flex().autodiff(), Key::new(1))
        .unwrap();
    for step in 0..800 {
        model
            .step(
                &[batch(64, step * 64, true)],
                Key::new(2).step(step as u64),
                false,
            )
            .unwrap();
    }
    let (gaps, truth) = (batch(300, 900_000, true), batch(300, 900_000, false));
    let filled = model.complete(&gaps, &[true; 4], Key::new(3)).unwrap();
    let mut squares = 0.0;
    for ((made, given), truth) in filled.values.iter().zip(&gaps.values).zip(&truth.values) {
        match given.is_nan() {
            true => squares += ((made - truth) as f64).powi(2),
            false => assert_eq!(made, given, "what is there stays"),
        }
    }
    // Deviations are 10 and 14: a mean would be off by about 12, and what learns from hints, too, by 8.
    let off = (squares / 300.0).sqrt();
    assert!(off < 6.0, "{off}");
}

/// What is hidden is never seen: other values there change nothing.
#[test]
fn what_is_hidden_does_not_matter() {
    let of = |change: bool| {
        let mut config = Config::default();
        config.imputation.hide = 0.5;
        let mut model = config
            .build(&info(), &Device::flex().autodiff(), Key::new(1))
            .unwrap();
        let mut b = batch(8, 0, false);
        let seen = model.seen(&b);
        if change {
            let hidden = (0..32).filter(|i| seen[*i].is_nan());
            hidden.for_each(|i| b.values[i] = 1e6);
        }
        assert!((8..24).contains(&seen.iter().filter(|v| v.is_nan()).count()));
        model.step(&[b], Key::new(2), false).unwrap().scalars
    };
    assert_eq!(of(false), of(true));
}

#[test]
fn scales_come_back_as_they_were() {
    let mut s = Scales::new(2);
    s.take(&[1.0, f32::NAN, 3.0, 7.0]);
    assert_eq!(Scales::read(&s.written(), 2), Some(s.clone()));
    assert_eq!(s.of(), (vec![2.0, 7.0], vec![1.0, 1.0]));
    assert!(Scales::read(&s.written(), 3).is_none());
}

#[test]
fn images_are_no_tables() {
    let images = DataInfo {
        kind: Kind::Image,
        shape: vec![8, 8, 1],
        ..info()
    };
    let e = Config::default()
        .build(&images, &Device::flex(), Key::new(1))
        .err()
        .unwrap();
    assert!(e.to_string().contains("learns from tables"), "{e}");
    let e = crate::registry::refusal("gain", "imputation", "hide", 1.0.into());
    assert!(e.contains("imputation.hide"), "{e}");
}
