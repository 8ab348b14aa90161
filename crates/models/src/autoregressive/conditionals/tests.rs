//! What every autoregressive model refuses and keeps.
use super::*;
use crate::autoregressive::gated_pixel_cnn::{Config, Sizes};

fn info(labels: &[&str], kind: Kind) -> DataInfo {
    DataInfo {
        source: "drawings".into(),
        kind,
        shape: vec![4, 5, 1],
        count: 9,
        range: (0.0, 255.0),
        labels: labels.iter().map(|l| l.to_string()).collect(),
        ..DataInfo::default()
    }
}

fn batch(labels: Option<Vec<u32>>) -> Batch {
    let shape = vec![2, 4, 5, 1];
    Batch {
        kind: Kind::Image,
        shape,
        values: vec![0.3; 40],
        labels,
        attributes: vec![],
        captions: None,
        indices: vec![0, 1],
    }
}

fn config() -> Config {
    Config {
        model: Sizes {
            width: 4,
            depth: 1,
            head: 4,
            levels: 3,
            conditional: true,
            ..Default::default()
        },
        ..Default::default()
    }
}

#[test]
fn what_does_not_fit_is_said_in_one_line() {
    let device = Device::flex();
    let key = Key::new(1);
    let refused = |info: &DataInfo| config().build(info, &device, key).err().unwrap().to_string();
    assert!(refused(&info(&[], Kind::Image)).contains("these images have none"));
    assert!(
        refused(&info(&["a"], Kind::Points)).contains("gated_pixel_cnn draws images, but these are points")
    );
    let model = config()
        .build(&info(&["a", "b"], Kind::Image), &device, key)
        .unwrap();
    let label = |l| {
        model.sample(&SampleRequest {
            label: Some(l),
            ..SampleRequest::new(1, key)
        })
    };
    assert!(label(1).is_ok());
    let e = label(2).unwrap_err().to_string();
    assert!(
        e.contains("trained with 2 classes, so there is no class 2") && !e.contains('\n'),
        "{e}"
    );
    let score = |b: &Batch| model.log_likelihood(b, key).map_err(|e| e.to_string());
    assert!(score(&batch(Some(vec![0, 1]))).is_ok());
    assert!(score(&batch(None)).unwrap_err().contains("these items have none"));
    assert!(
        score(&batch(Some(vec![0, 5])))
            .unwrap_err()
            .contains("no class 5")
    );
    let other = Batch {
        shape: vec![2, 5, 4, 1],
        ..batch(Some(vec![0, 1]))
    };
    assert!(score(&other).unwrap_err().contains("4x5x1, but these are 5x4x1"));
    let e = model
        .complete(&batch(Some(vec![0, 1])), &[true; 19], key)
        .unwrap_err()
        .to_string();
    assert!(e.contains("the mask has 19 positions, an image 4x5"), "{e}");
}

/// A class matters once its weights have moved, and a sample without one has a class of its own.
#[test]
fn classes_are_heeded() {
    let device = Device::flex().autodiff();
    let mut config = config();
    config.optimizer.learning_rate = 0.05;
    let mut model = config
        .build(&info(&["a", "b"], Kind::Image), &device, Key::new(1))
        .unwrap();
    // Class 0 is black, class 1 is white.
    let mut data = batch(Some(vec![0, 1]));
    data.values = [vec![-1.0; 20], vec![1.0; 20]].concat();
    (0..60).for_each(|s| {
        drop(
            model
                .step(std::slice::from_ref(&data), Key::new(2).step(s), false)
                .unwrap(),
        )
    });
    let mean = |label: Option<u32>| {
        let s = model
            .sample(&SampleRequest {
                label,
                ..SampleRequest::new(12, Key::new(3))
            })
            .unwrap()
            .values;
        s.iter().sum::<f32>() / s.len() as f32
    };
    assert!(
        mean(Some(0)) < -0.8 && mean(Some(1)) > 0.8 && mean(None).abs() < 0.8,
        "{} {} {}",
        mean(Some(0)),
        mean(Some(1)),
        mean(None)
    );
}
