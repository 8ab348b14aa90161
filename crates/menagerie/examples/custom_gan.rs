//! A new objective without touching the library: least squares (Mao et al. 2017, arXiv:1611.04076).
use burn::tensor::Tensor;
use menagerie::data::{Loader, Source};
use menagerie::models::adversarial::networks::{Sizes, mlp};
use menagerie::models::adversarial::{Apart, Config, Losses, Objective};
use menagerie::models::{Model, Sample, SampleRequest};
use menagerie::{Device, Key, metrics::points};

/// Real logits towards 1, fake ones towards 0; the generator wants its own at 1.
struct LeastSquares;

impl Objective for LeastSquares {
    fn losses(&self) -> Losses<'_> {
        Losses::Apart(self)
    }
}

impl Apart for LeastSquares {
    fn data(&self, scores: Tensor<2>) -> Tensor<1> {
        (scores - 1.0).powf_scalar(2.0).mean() * 0.5
    }
    fn samples(&self, scores: Tensor<2>) -> Tensor<1> {
        scores.powf_scalar(2.0).mean() * 0.5
    }
    fn generator(&self, scores: Tensor<2>) -> Tensor<1> {
        self.data(scores)
    }
}

fn main() -> menagerie::Result<()> {
    let steps = std::env::args()
        .nth(1)
        .and_then(|s| s.parse().ok())
        .unwrap_or(5000);
    let data = Source::parse("ring8").open()?.dataset;
    let key = Key::new(0);
    let sizes = mlp::Sizes {
        latent: 2,
        width: 64,
        ..Default::default()
    };
    let config = Config::of(Sizes::Mlp(sizes));
    let game = config.duel("gan", data.info(), &Device::flex().autodiff(), key)?;
    let mut model = game.with_objective(LeastSquares);
    let mut batches = Loader::new(data.clone(), 256, key.stream("data"), 0, 1)?;
    for step in 1..=steps {
        let watch = step % 500 == 0;
        let report = model.step(&[batches.next()?], key.step(step), watch)?;
        if watch {
            let samples = model.sample(&SampleRequest::new(2000, key))?;
            let quality = data.density().and_then(|d| points::quality(&samples.values, d));
            println!(
                "step {step}: loss {:.3?}, {quality:?}",
                report.get("loss/generator")
            );
        }
    }
    Ok(())
}
