//! Random brightness, saturation and contrast (Zhao et al. 2020, arXiv:2006.10738, as their code has them).
use burn::tensor::Tensor;
use menagerie_data::random::Key;

/// Each of the three changes befalls each item with that probability: x + u - 1/2; (x - grey) 2 u + grey;
/// (x - mean) (u + 1/2) + mean, u uniform in [0, 1).
pub(super) fn changed(x: Tensor<4>, probability: f64, key: Key) -> Tensor<4> {
    let batch = x.dims()[0];
    let draw = |name: &str, neutral: f64, of: &dyn Fn(f64) -> f64| {
        let numbers: Vec<f32> = (0..batch)
            .map(|i| {
                let rng = &mut key.stream(name).step(i as u64).rng();
                (if rng.chance(probability) {
                    of(rng.uniform())
                } else {
                    neutral
                }) as f32
            })
            .collect();
        Tensor::<1>::from_floats(&numbers[..], &x.device()).reshape([batch, 1, 1, 1])
    };
    let brightness = draw("brightness", 0.0, &|u| u - 0.5);
    let saturation = draw("saturation", 1.0, &|u| 2.0 * u);
    let contrast = draw("contrast", 1.0, &|u| u + 0.5);
    let x = x + brightness;
    let grey = x.clone().mean_dim(3);
    let x = (x - grey.clone()) * saturation + grey;
    let mean = x.clone().mean_dim(1).mean_dim(2).mean_dim(3);
    (x - mean.clone()) * contrast + mean
}
