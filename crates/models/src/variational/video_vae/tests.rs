use super::*;
use menagerie_data::Source;

fn tiny(set: impl Fn(&mut Sizes)) -> (VideoVae, Batch) {
    let source = Source {
        size: vec![8],
        frames: 4,
        limit: 20,
        ..Source::parse("portraits:video")
    };
    let data = source.open().unwrap().dataset;
    let mut model = Sizes {
        latent: 3,
        units: 6,
        width: 2,
        ..Sizes::default()
    };
    set(&mut model);
    let attributes = AttributesConfig {
        names: vec!["label".into(), "glasses".into()],
        ..Default::default()
    };
    let config = Config {
        model,
        attributes,
        ..Config::default()
    };
    let built = config
        .build(data.info(), &Device::flex().autodiff(), Key::new(1))
        .unwrap();
    (built, Batch::of(&*data, &[3, 5, 11, 2]).unwrap())
}

/// Each part of the ablation is where it belongs: what came before moves the posterior only with +C, attributes the frames
/// only with +S, and a static model's frames know nothing of each other.
#[test]
fn the_parts_do_what_they_are_named_for() {
    let device = Device::flex();
    for (conditional, structured) in [(false, false), (true, false), (false, true), (true, true)] {
        let (model, batch) = tiny(|m| (m.conditional_posterior, m.structured) = (conditional, structured));
        let network = model.learner.for_use();
        let features = network.features(model.observed(&batch, None, &device));
        let a = model.tensor(model.attributes.of(&batch).unwrap(), &device);
        assert_eq!(a.is_some(), structured);
        let pass = |noise: Tensor<2>| network.pass(features.clone(), 4, &a, noise);
        let (one, other) = (
            pass(Tensor::zeros([4, 12], &device)),
            pass(Tensor::ones([4, 12], &device)),
        );
        let last = |p: &Pass| p.posterior.mean.clone().narrow(1, 9, 3).into_data();
        assert_eq!(last(&one) != last(&other), conditional, "another past");
        assert!(
            one.prior.unwrap().mean.narrow(1, 9, 3).into_data()
                != other.prior.unwrap().mean.narrow(1, 9, 3).into_data()
        );
    }
    let (model, batch) = tiny(|m| (m.dynamics, m.structured) = (Dynamics::Static, false));
    let network = model.learner.for_use();
    let features = network.features(model.observed(&batch, None, &device));
    let pass = network.pass(features, 4, &None, Tensor::zeros([4, 12], &device));
    assert!(pass.prior.is_none() && pass.state.is_none());
}

/// Full control: attributes given are held, others are read; a class asked for is the class drawn.
#[test]
fn attributes_given_are_held() {
    let (mut model, batch) = tiny(|_| ());
    for s in 0..3 {
        model
            .step(std::slice::from_ref(&batch), Key::new(s), false)
            .unwrap();
    }
    let one = |label| SampleRequest {
        label: Some(label),
        ..SampleRequest::new(3, Key::new(2))
    };
    assert_ne!(
        model.sample(&one(0)).unwrap(),
        model.sample(&one(2)).unwrap(),
        "the class matters"
    );
    assert!(
        model
            .sample(&one(3))
            .unwrap_err()
            .to_string()
            .contains("3 classes")
    );
    let first = Batch {
        shape: vec![4, 1, 8, 8, 3],
        values: batch
            .values
            .chunks(4 * 192)
            .flat_map(|v| v[..192].to_vec())
            .collect(),
        ..batch.clone()
    };
    let of = |labels: Option<Vec<u32>>| {
        model
            .predict(
                &Batch {
                    labels,
                    ..first.clone()
                },
                3,
                Key::new(5),
            )
            .unwrap()
    };
    let told = of(Some(vec![0; 4]));
    assert_eq!((&told.shape[..], told.kind), (&[4, 3, 8, 8, 3][..], Kind::Video));
    assert_ne!(told, of(Some(vec![1; 4])));
    let read = of(None);
    let each: Vec<Samples> = (0..3).map(|l| of(Some(vec![l; 4]))).collect();
    // What is read is one of the classes, video by video.
    for (i, video) in read.values.chunks(3 * 192).enumerate() {
        assert!(
            each.iter()
                .any(|e| e.values.chunks(3 * 192).nth(i).unwrap() == video),
            "video {i}"
        );
    }
    assert!(model.predict(&first, 0, Key::new(5)).is_err());
}
