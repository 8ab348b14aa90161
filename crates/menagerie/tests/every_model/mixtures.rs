//! Latents under classes, and under mixtures of them.
use crate::answers::finite;
use crate::subject::Subject;
use menagerie::models::SampleRequest;
use menagerie::nn::numbers;
use menagerie::{Key, Tensor, burn};

/// A share of one is the class itself; shares between lie between, and are not either.
pub(crate) fn classes_are_mixed(subject: &Subject) {
    let model = subject.model();
    let Some(mixtures) = model.as_class_mixtures() else {
        return;
    };
    let sampler = model.as_sample().unwrap();
    let classes = mixtures.classes().len();
    assert_eq!(mixtures.classes(), &subject.info().labels[..]);
    let key = Key::new(5);
    let [z, drawn] = mixtures.prior(4, key);
    assert_eq!((z.dims(), drawn.dims()), ([4, mixtures.latent()], [4, classes]));
    let rows = numbers(drawn.clone());
    assert!(
        rows.chunks(classes)
            .all(|r| r.iter().sum::<f32>() == 1.0 && r.contains(&1.0))
    );
    let request = SampleRequest::new(4, key);
    let samples = sampler.sample(&request).unwrap();
    assert_eq!(mixtures.decode(z.clone(), drawn.clone()).unwrap(), samples);
    // Truncated as samples are; where latents become styles, so do latents with the shares of classes behind them.
    let psi = 0.5;
    let truncated = SampleRequest {
        truncation: psi,
        ..request
    };
    let near = mixtures.decode_truncated(z.clone(), drawn.clone(), psi).unwrap();
    assert_eq!(near, sampler.sample(&truncated).unwrap());
    if let Some(styles) = mixtures.as_styles() {
        let w = styles.style_of(Tensor::cat(vec![z.clone(), drawn], 1));
        let every = w.reshape([4, 1, styles.style()]);
        let every = every.expand([4, styles.places(), styles.style()]);
        assert_eq!(styles.decode_styles(every).unwrap(), samples);
    }
    let shares = |first: f32| {
        let row = |_| (0..classes).map(move |c| [first, 1.0 - first].get(c).copied().unwrap_or(0.0));
        let values: Vec<f32> = (0..4).flat_map(row).collect();
        Tensor::from_data(burn::tensor::TensorData::new(values, [4, classes]), &z.device())
    };
    let of = |first: f32| mixtures.decode(z.clone(), shares(first)).unwrap();
    let of_class = |label: u32| {
        let label = Some(label);
        sampler.sample(&SampleRequest { label, ..request }).unwrap()
    };
    assert_eq!((of(1.0), of(0.0)), (of_class(0), of_class(1)));
    let mixed = of(0.5);
    assert!(mixed.shape == samples.shape && finite(&mixed.values));
    assert!(mixed != of(1.0) && mixed != of(0.0), "half of each is neither");
    let short = mixtures.decode(z.clone(), shares(1.0).narrow(1, 0, classes - 1));
    assert!(short.is_err(), "a class without a share is refused");
}
