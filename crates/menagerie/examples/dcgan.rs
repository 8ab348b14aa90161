//! Trains DCGAN on a folder of images: `cargo run --release --example dcgan -- photos`
use menagerie::data::{Loader, Source};
use menagerie::models::adversarial::{Variant, dcgan::Dcgan};
use menagerie::models::{Model, Sample, SampleRequest};
use menagerie::{Device, Key, picture};

fn main() -> menagerie::Result<()> {
    let folder = std::env::args().nth(1).unwrap_or("fashion".into());
    let steps = std::env::args()
        .nth(2)
        .and_then(|s| s.parse().ok())
        .unwrap_or(1000);
    let source = Source {
        size: vec![32],
        ..Source::parse(&folder)
    };
    let data = source.open()?.dataset;
    let key = Key::new(0);
    let mut model = Dcgan::config().duel("dcgan", data.info(), &Device::flex().autodiff(), key)?;
    let mut batches = Loader::new(data, 64, key.stream("data"), 0, 1)?;
    for step in 1..=steps {
        let report = model.step(&[batches.next()?], key.step(step), step % 50 == 0)?;
        if step % 50 == 0 {
            println!("step {step}: {:.3?}", report.scalars);
            let samples = model.sample(&SampleRequest::new(64, key))?;
            let &[n, h, w, c] = &samples.shape[..] else {
                unreachable!("dcgan draws images")
            };
            picture::grid(&samples.values, [n, h, w, c], 8).save("samples.png".as_ref())?;
        }
    }
    Ok(())
}
