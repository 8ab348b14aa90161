use super::*;
use menagerie_data::Source;

/// What the second discriminator's loss asks of the generator: nothing where it cannot tell, much where it can, by hand.
#[test]
fn to_hide_is_to_be_taken_for_another_group() {
    let device = Device::flex();
    let logits = |p: f32| Tensor::<2>::from_floats([[p.ln(), (1.0 - p).ln()]], &device);
    let first = Tensor::<2>::from_floats([[1.0, 0.0]], &device);
    for p in [0.1f32, 0.5, 0.9] {
        let loss = number(unlike(logits(p), &first));
        assert!((loss + f64::from(1.0 - p).ln()).abs() < 1e-5, "{p}: {loss}");
    }
}

fn trained(weight: f64) -> FairGan {
    let config = Config {
        model: Sizes {
            width: 48,
            latent: 8,
            code: 16,
            average: 0.95,
        },
        fairness: Fairness {
            weight,
            autoencoder: 150,
            alone: 150,
        },
        optimizer: Optimizers::both(OptimizerConfig::adam(2e-3).betas(0.5, 0.999)),
    };
    let set = Source {
        limit: 4000,
        ..Source::parse("hiring")
    }
    .open()
    .unwrap()
    .dataset;
    let mut model = config
        .build(set.info(), &Device::flex().autodiff(), Key::new(1))
        .unwrap();
    for step in 0..900u64 {
        let items: Vec<u32> = (0..64).map(|i| ((step * 64 + i) % 4000) as u32).collect();
        let batch = Batch::of(&*set, &items).unwrap();
        model.step(&[batch], Key::new(2).step(step), false).unwrap();
    }
    model
}

/// p(yes | a) - p(yes | b) of samples, which is 0.27 in the data, and the largest difference of a district's share.
fn unfairness(model: &FairGan) -> [f64; 2] {
    let samples = model.sample(&SampleRequest::new(4000, Key::new(5))).unwrap();
    let (mut count, mut yes, mut districts) = ([0f64; 2], [0f64; 2], [[0f64; 4]; 2]);
    for row in samples.values.chunks_exact(6) {
        let group = row[0] as usize;
        count[group] += 1.0;
        yes[group] += f64::from(row[5]);
        districts[group][row[1] as usize] += 1.0;
    }
    let district = (0..4).map(|d| (districts[0][d] / count[0] - districts[1][d] / count[1]).abs());
    [
        yes[0] / count[0] - yes[1] / count[1],
        district.fold(0.0, f64::max),
    ]
}

/// The second discriminator takes out of the samples what tells the group; without it they are as unfair as the data.
#[test]
fn samples_do_not_tell_the_group() {
    let ([alone, place_alone], [both, place]) = (unfairness(&trained(0.0)), unfairness(&trained(1.0)));
    assert!(alone > 0.15 && place_alone > 0.15, "{alone} {place_alone}");
    assert!(
        both.abs() < 0.5 * alone && place < 0.6 * place_alone,
        "{both} {alone}, {place} {place_alone}"
    );
}

#[test]
fn what_is_no_table_is_refused() {
    let told = |source: Source| {
        let set = source.open().unwrap().dataset;
        let built = Config::default().build(set.info(), &Device::flex().autodiff(), Key::new(1));
        built.err().unwrap().to_string()
    };
    let digits = told(Source::parse("digits"));
    assert!(
        digits.contains("these are images") && digits.contains("hiring"),
        "{digits}"
    );
    let points = told(Source::parse("ring8"));
    assert!(
        points.contains("no column of these points has a name"),
        "{points}"
    );
}
