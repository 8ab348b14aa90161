//! Ten years of faces: six generators of the years 2014 to 2024 on the same painted faces, each for the same processor time, judged
//! by the features of a reader of attributes, and drawn in one picture, a row each.
use crate::peer::processor_time;
use menagerie::data::Source;
use menagerie::data::picture::{self, grid};
use menagerie::judge::extractor::Extractor;
use menagerie::judge::subject::Subject;
use menagerie::judge::{Judge, Reference};
use menagerie::models::SampleRequest;
use menagerie::recipe::Recipe;
use menagerie::run::{At, Event, Run, Trainer};
use menagerie::{Device, Key, Result};
use serde_json::Map;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

/// Year, name of the row, recipe, and what is set in it beside the size.
type Row = (
    &'static str,
    &'static str,
    &'static str,
    &'static [(&'static str, &'static str)],
);
const ROWS: [Row; 6] = [
    (
        "2014",
        "GAN",
        "gan",
        &[("model.latent", "100"), ("model.average", "0.999")],
    ),
    ("2015", "DCGAN", "dcgan-portraits", &[("model.width", "32")]),
    (
        "2016",
        "CoGAN",
        "cogan",
        &[
            ("data.source", "\"portraits::edges:portraits\""),
            ("model.average", "0.999"),
        ],
    ),
    ("2017", "ProGAN", "progan", &[]),
    ("2020", "StyleGAN2", "stylegan2", &[]),
    ("2024", "R3GAN", "r3gan", &[("model.average", "0.999")]),
];
/// Of growing networks, this share of what all steps at full size would be is one phase: about three quarters of the time is then
/// spent at full size.
const PHASES: f64 = 7.0;
const SAMPLES: usize = 2000;
const SHOWN: usize = 10;
const READER_STEPS: &str = "3000";

/// `[MINUTES] [SIZE] [DIR] [NAME,...]`: trains what DIR does not have yet, all or those of these names, and prints the table.
pub(crate) fn run(arguments: &[String]) -> std::result::Result<(), String> {
    let number = |i: usize, usual: f64| {
        arguments.get(i).map_or(Ok(usual), |a| {
            a.parse().map_err(|_| format!("`{a}` is no number"))
        })
    };
    let (minutes, size) = (number(0, 60.0)?, number(1, 64.0)? as usize);
    let dir = arguments.get(2).map_or("runs/faces", String::as_str);
    let names = arguments.get(3).map(|names| names.split(',').collect::<Vec<_>>());
    let asked = |row: &&Row| {
        names
            .as_ref()
            .is_none_or(|n| n.iter().any(|n| n.eq_ignore_ascii_case(row.1)))
    };
    let rows: Vec<&Row> = ROWS.iter().filter(asked).collect();
    story(minutes, size, Path::new(dir), &rows).map_err(|e| e.to_string())
}

fn story(minutes: f64, size: usize, dir: &Path, asked: &[&Row]) -> Result<()> {
    let reader = dir.join("reader");
    let of_reader = [
        ("train.steps", READER_STEPS),
        ("optimizer.learning_rate_decay", "0.9988"),
    ];
    trained(&reader, "attribute-reader", size, &of_reader, f64::INFINITY)?;
    let (network, _, _) = Run::open(&reader)?.model(At::Newest, &Device::flex())?;
    let extractor = Extractor::of_model("attribute-reader".into(), String::new(), network, &Device::flex())?;
    let faces = |split: &str| {
        let source = Source {
            size: vec![size],
            split: split.into(),
            limit: SAMPLES,
            ..Source::parse("portraits")
        };
        Ok::<_, menagerie::Error>(source.open()?.dataset)
    };
    let (held_out, training) = (faces("test")?, faces("train")?);
    println!(
        "Painted faces of {size}x{size}, {minutes} minutes of one processor each, {SAMPLES} samples against as many held-out faces\n"
    );
    println!("| year | model | steps | fid | precision | recall |\n|---|---|---|---|---|---|");
    judged("| | data |", Subject::Items(&*training), &*held_out, &extractor)?;
    let mut rows: Vec<f32> = Vec::new();
    for (year, name, recipe, settings) in asked {
        let folder = dir.join(name.to_lowercase());
        trained(&folder, recipe, size, settings, minutes * 60.0)?;
        let (samples, step) = drawn(&folder)?;
        rows.extend(&samples[..SHOWN * size * size * 3]);
        let file = dir.join(format!("{}.npy", name.to_lowercase()));
        let unit: Vec<f32> = samples.iter().map(|v| (v + 1.0) / 2.0).collect();
        picture::write_npy(&file, &[SAMPLES, size, size, 3], &unit)?;
        let items = Source::parse(&file.to_string_lossy()).open()?.dataset;
        judged(
            &format!("| {year} | {name} | {step}"),
            Subject::Items(&*items),
            &*held_out,
            &extractor,
        )?;
    }
    let shape = [SHOWN * asked.len(), size, size, 3];
    grid(&rows, shape, SHOWN).save(&dir.join("faces.png"))?;
    println!("\nsamples, a row each: {}", dir.join("faces.png").display());
    Ok(())
}

/// A run of so many seconds of the processor, unless the folder has it already.
fn trained(folder: &Path, recipe: &str, size: usize, settings: &[(&str, &str)], seconds: f64) -> Result<()> {
    if folder.exists() {
        return Ok(());
    }
    let mut recipe = Recipe::named(recipe)?;
    let mut keys = vec![
        ("data.source", "\"portraits\"".to_string()),
        ("data.size", size.to_string()),
    ];
    if seconds.is_finite() {
        keys.push(("train.steps", "1000000".into()));
    }
    keys.extend(settings.iter().map(|(k, v)| (*k, v.to_string())));
    let set = |recipe: &mut Recipe, keys: &[(&str, String)]| {
        let all: Vec<_> = keys.iter().map(|(k, v)| (k.to_string(), v.clone())).collect();
        recipe.set_all(&all)
    };
    set(&mut recipe, &keys)?;
    if recipe.model_name() == "progan" {
        let phase = (seconds / seconds_of_a_step(folder, &recipe)? / PHASES).ceil();
        set(&mut recipe, &[("model.phase", phase.to_string())])?;
    }
    train_for(recipe, folder, seconds)
}

fn train_for(recipe: Recipe, folder: &Path, seconds: f64) -> Result<()> {
    let (stop, begun) = (AtomicBool::new(false), processor_time());
    Trainer::create(recipe, folder, &Device::flex().autodiff())?
        .train(&stop, &mut |event| {
            if matches!(event, Event::Step { .. }) && (processor_time() - begun) / 1e3 > seconds {
                stop.store(true, Ordering::Relaxed);
            }
        })
        .map(|_| ())
}

/// Of networks that have grown, by some steps of a run that is thrown away.
fn seconds_of_a_step(folder: &Path, recipe: &Recipe) -> Result<f64> {
    const STEPS: f64 = 8.0;
    let aside = folder.with_extension("timed");
    let mut recipe = recipe.clone();
    recipe.set_all(&[
        ("model.phase".into(), "1".into()),
        ("train.steps".into(), "20".into()),
    ])?;
    let mut at = [0.0; 2];
    Trainer::create(recipe, &aside, &Device::flex().autodiff())?.train(
        &AtomicBool::new(false),
        &mut |event| {
            if let Event::Step { step, .. } = event
                && (step == 12 || step == 20)
            {
                at[usize::from(step == 20)] = processor_time() / 1e3;
            }
        },
    )?;
    std::fs::remove_dir_all(&aside).map_err(menagerie::Error::io("remove", &aside))?;
    Ok((at[1] - at[0]) / STEPS)
}

/// Samples `[SAMPLES, size, size, 3]` in [-1, 1], of two domains those of the first, and after how many steps.
fn drawn(folder: &Path) -> Result<(Vec<f32>, u64)> {
    let run = Run::open(folder)?;
    let (model, checkpoint, _) = run.model(At::Newest, &Device::flex())?;
    let sampler = model
        .as_sample()
        .ok_or_else(|| menagerie::models::Capability::Sample.missing("this"))?;
    let mut values = Vec::new();
    for part in 0..SAMPLES / 100 {
        let key = Key::new(1).step(part as u64);
        let samples = sampler.sample(&SampleRequest::new(100, key))?;
        match samples.kind {
            menagerie::data::Kind::Unpaired => {
                let both = picture::halves(&samples.values, 6);
                values.extend(&both[..both.len() / 2]);
            }
            _ => values.extend(samples.values),
        }
    }
    Ok((values, checkpoint.state.step))
}

fn judged(
    name: &str,
    subject: Subject,
    held_out: &dyn menagerie::data::Dataset,
    extractor: &Extractor,
) -> Result<()> {
    let nothing = Map::new();
    let data = Reference {
        set: held_out,
        definition: &nothing,
        training: None,
        gathered: None,
    };
    let mut judge = Judge::new(subject, Some(data), Some(extractor), SAMPLES, Key::new(7));
    let mut figures = Vec::new();
    for (metric, digits) in [("fid", 1), ("precision", 2), ("recall", 2)] {
        let found = judge.work_out(metric, &mut |_, _, _| {})?;
        let value = found
            .iter()
            .find(|v| v.metric == metric)
            .map_or(f64::NAN, |v| v.value);
        figures.push(format!("{value:.digits$}"));
    }
    println!("{name} | {} |", figures.join(" | "));
    Ok(())
}
