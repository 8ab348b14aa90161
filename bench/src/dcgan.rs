//! The library's `dcgan`, as `menagerie train` and `menagerie sample` run it, beside the same networks in PyTorch.
//!
//! ```text
//! menagerie-bench dcgan-28 [ROUNDS]               a training step, batches of 64 from `fashion`
//! menagerie-bench dcgan-64-model [ROUNDS] [bf16]  the same of 64x64x3 from `portraits`; bf16: PyTorch's autocast
//! menagerie-bench sample-64 [ROUNDS]              64 samples of 64x64x3 as numbers in memory
//! menagerie-bench onnxruntime [ROUNDS]            the same beside ONNX Runtime, which runs what `export` writes
//! ```
//!
//! Further words go to PyTorch's script (`contiguous`, `foreach`).
use crate::peer::{Peer, compare};
use menagerie::data::{Batch, DataInfo, Loader, Source};
use menagerie::models::adversarial::{Variant, dcgan::Dcgan};
use menagerie::models::{LatentSpace, Model, Sample, SampleRequest, StepReport};
use menagerie::{Device, Key, kernels::threads};
use std::collections::BTreeMap;
use std::error::Error;

/// Items of a batch.
pub(crate) const BATCH: usize = 64;
/// Batches made ready before the clock starts, and gone through in turn.
const BATCHES: usize = 8;

/// A source's description and its first batches.
pub(crate) fn prepared(source: &str) -> Result<(DataInfo, Vec<Batch>), Box<dyn Error>> {
    prepared_of(source, BATCH)
}

/// The same of so many items a batch.
pub(crate) fn prepared_of(source: &str, batch: usize) -> Result<(DataInfo, Vec<Batch>), Box<dyn Error>> {
    prepared_from(Source::parse(source), batch)
}

/// The same of a source with settings of its own.
pub(crate) fn prepared_from(source: Source, batch: usize) -> Result<(DataInfo, Vec<Batch>), Box<dyn Error>> {
    let dataset = Source {
        limit: batch * BATCHES,
        ..source
    }
    .open()?
    .dataset;
    let info = dataset.info().clone();
    let mut loader = Loader::new(dataset, batch, Key::new(0), 0, 1)?;
    let batches = (0..BATCHES).map(|_| loader.next()).collect::<Result<_, _>>()?;
    Ok((info, batches))
}

/// Steps of a model over prepared batches.
pub(crate) struct Steps {
    model: Box<dyn Model>,
    batches: Vec<Batch>,
    key: Key,
    done: usize,
}

impl Steps {
    /// None done yet.
    pub(crate) fn new(model: Box<dyn Model>, batches: Vec<Batch>) -> Steps {
        Steps {
            model,
            batches,
            key: Key::new(0).stream("train"),
            done: 0,
        }
    }

    /// One more.
    pub(crate) fn next(&mut self) -> menagerie::Result<StepReport> {
        let batch = self.done % self.batches.len();
        self.done += 1;
        self.model.step(
            &self.batches[batch..=batch],
            self.key.step(self.done as u64),
            false,
        )
    }

    /// One more, of this batch.
    pub(crate) fn of(&mut self, batch: &Batch) -> menagerie::Result<StepReport> {
        self.done += 1;
        let key = self.key.step(self.done as u64);
        self.model.step(std::slice::from_ref(batch), key, false)
    }

    /// The model as it is now.
    pub(crate) fn model(&self) -> &dyn Model {
        &*self.model
    }
}

fn rounds(arguments: &[String]) -> Result<usize, Box<dyn Error>> {
    Ok(arguments.first().map_or(Ok(7), |v| v.parse())?)
}

/// A PyTorch script for batches of 64, with the words after the rounds.
fn peer(script: &str, word: Option<&str>, arguments: &[String]) -> Result<Peer, Box<dyn Error>> {
    let mut all = vec![BATCH.to_string(), threads().to_string()];
    all.extend(word.map(str::to_string));
    all.extend(arguments.iter().skip(1).cloned());
    Peer::python(script, &all)
}

fn train(
    name: &str,
    source: &str,
    steps: usize,
    script: &str,
    arguments: &[String],
) -> Result<(), Box<dyn Error>> {
    let (info, batches) = prepared(source)?;
    let model = Dcgan::config().duel("dcgan", &info, &Device::flex().autodiff(), Key::new(0))?;
    let mut ours = Steps::new(Box::new(model), batches);
    let mut last = Ok(StepReport::default());
    compare(
        name,
        rounds(arguments)?,
        steps,
        || last = ours.next(),
        peer(script, None, arguments)?,
    )?;
    eprintln!("losses at the end: {:?}", last?.scalars);
    Ok(())
}

/// The step at 28x28x1.
pub(crate) fn step_28(arguments: &[String]) -> Result<(), Box<dyn Error>> {
    train(
        "DCGAN-28 step of the library's model",
        "fashion",
        6,
        "dcgan_28.py",
        arguments,
    )
}

/// The step at 64x64x3.
pub(crate) fn step_64(arguments: &[String]) -> Result<(), Box<dyn Error>> {
    train(
        "DCGAN-64 step of the library's model",
        "portraits",
        2,
        "dcgan_step.py",
        arguments,
    )
}

/// Samples of 64x64x3.
pub(crate) fn sample_64(arguments: &[String]) -> Result<(), Box<dyn Error>> {
    let (info, _) = prepared("portraits")?;
    let model = Dcgan::config().duel("dcgan", &info, &Device::flex(), Key::new(0))?;
    let request = SampleRequest::new(BATCH, Key::new(0));
    let mut last = model.sample(&request);
    let peer = peer("dcgan_28.py", Some("sample"), arguments)?;
    compare(
        "64 samples from DCGAN-64",
        rounds(arguments)?,
        4,
        || last = model.sample(&request),
        peer,
    )?;
    eprintln!("shape of the samples: {:?}", last?.shape);
    Ok(())
}

/// 64 samples of 64x64x3 from latents that are there: the model's own decoder, and ONNX Runtime with the exported file. Both have
/// to give the same images.
pub(crate) fn onnxruntime(arguments: &[String]) -> Result<(), Box<dyn Error>> {
    let (info, _) = prepared("portraits")?;
    let model = Dcgan::config().duel("dcgan", &info, &Device::flex(), Key::new(0))?;
    let graphs = menagerie::export::graphs(&model, "dcgan", false)?;
    let folder = std::env::temp_dir().join(format!("menagerie-bench-{}", std::process::id()));
    std::fs::create_dir_all(&folder)?;
    let (file, latents) = (folder.join("sample.onnx"), folder.join("latents.bin"));
    std::fs::write(&file, menagerie::export::onnx(&graphs[0], &BTreeMap::new())?)?;
    let z = model.prior(BATCH, Key::new(0));
    let bytes = |v: Vec<f32>| v.iter().flat_map(|v| v.to_le_bytes()).collect::<Vec<u8>>();
    std::fs::write(&latents, bytes(menagerie::nn::numbers(z.clone())))?;
    let mut last = model.decode(z.clone())?;
    std::fs::write(folder.join("images.bin"), bytes(last.values.clone()))?;
    let arguments_of_peer = [
        folder.display().to_string(),
        threads().to_string(),
        BATCH.to_string(),
    ];
    let peer = Peer::python("onnxruntime_sample.py", &arguments_of_peer)?.called("ONNX Runtime");
    let done = compare(
        "64 samples from DCGAN-64 beside ONNX Runtime",
        rounds(arguments)?,
        4,
        || last = model.decode(z.clone()).expect("latents of its own"),
        peer,
    );
    std::fs::remove_dir_all(&folder)?;
    done
}
