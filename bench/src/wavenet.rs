//! WaveNet of 30 layers of 64 channels, beside the same network in PyTorch.
//!
//! ```text
//! menagerie-bench wavenet-sample [ROUNDS]        1,000 samples of one stream; both sides keep what they have computed
//! menagerie-bench wavenet-step [ROUNDS]          a training step of 2 sounds of 4,000 samples
//! menagerie-bench sound-baseline DIR [LENGTH]    bits per mu-law code of DIR's test split under Markov models of its training split
//! ```
use crate::dcgan::Steps;
use crate::peer::{Peer, compare};
use menagerie::data::{Batch, DataInfo, Source, Values};
use menagerie::metrics::markov;
use menagerie::models::{Model, SampleRequest, StepReport};
use menagerie::nn::levels::mu_law_level;
use menagerie::recipe::Recipe;
use menagerie::{Device, Key, kernels::threads};
use std::error::Error;

const LENGTH: usize = 4000;
const ITEMS: u32 = 2;

fn model(device: &Device) -> Result<(Box<dyn Model>, Batch), Box<dyn Error>> {
    let dataset = Source {
        length: LENGTH,
        ..Source::parse("tones")
    }
    .open()?
    .dataset;
    let info: &DataInfo = dataset.info();
    // The defaults are 30 layers of 64 channels.
    let recipe = Recipe::parse("[model]\nname = \"wavenet\"", "benchmark")?;
    let batch = Batch::of(&*dataset, &(0..ITEMS).collect::<Vec<_>>())?;
    Ok((recipe.build(info, device, Key::new(0))?, batch))
}

fn rounds(arguments: &[String]) -> Result<usize, Box<dyn Error>> {
    Ok(arguments.first().map_or(Ok(7), |v| v.parse())?)
}

/// One stream, sample by sample.
pub(crate) fn sample(arguments: &[String]) -> Result<(), Box<dyn Error>> {
    let (model, _) = model(&Device::flex())?;
    let sampler = model.as_sample().ok_or("wavenet draws samples")?;
    let request = SampleRequest {
        length: Some(1000),
        ..SampleRequest::new(1, Key::new(0))
    };
    let mut last = sampler.sample(&request);
    let peer = Peer::python("wavenet.py", &["sample".into(), threads().to_string()])?;
    compare(
        "WaveNet, 1,000 samples of one stream",
        rounds(arguments)?,
        4,
        || last = sampler.sample(&request),
        peer,
    )?;
    eprintln!("shape of the samples: {:?}", last?.shape);
    Ok(())
}

/// A training step.
pub(crate) fn step(arguments: &[String]) -> Result<(), Box<dyn Error>> {
    let (model, batch) = model(&Device::flex().autodiff())?;
    let mut ours = Steps::new(model, vec![batch]);
    let mut last = Ok(StepReport::default());
    let peer = Peer::python(
        "wavenet.py",
        &[
            "step".into(),
            threads().to_string(),
            ITEMS.to_string(),
            LENGTH.to_string(),
        ],
    )?;
    compare("WaveNet step", rounds(arguments)?, 1, || last = ours.next(), peer)?;
    eprintln!("losses at the end: {:?}", last?.scalars);
    Ok(())
}

/// What Markov models of the codes need.
pub(crate) fn baseline(arguments: &[String]) -> Result<(), Box<dyn Error>> {
    let folder = arguments
        .first()
        .ok_or("give a folder with sub-folders train and test")?;
    let length = arguments.get(1).map_or(Ok(LENGTH), |v| v.parse())?;
    let codes = |split: &str| -> Result<Vec<Vec<u32>>, Box<dyn Error>> {
        let source = Source {
            length,
            rate: 8000,
            max_bad: 0.05,
            split: split.into(),
            ..Source::parse(folder)
        };
        let dataset = source.open()?.dataset;
        let item = |i: usize| match dataset.get(i)?.values {
            Values::Floats(v) => Ok(v.iter().map(|&v| mu_law_level(v, 256)).collect()),
            Values::Bytes(_) => Err("no sounds".into()),
        };
        (0..dataset.info().count).map(item).collect()
    };
    let (train, test) = (codes("train")?, codes("test")?);
    let bits = markov::bits(&train, &test, 256).ok_or("there are no sounds")?;
    println!(
        "{} training and {} test windows of {length} samples: unigram {:.3}, order 1 {:.3} bits per sample",
        train.len(),
        test.len(),
        bits.unigram,
        bits.order1
    );
    Ok(())
}
