//! The ablation of He et al. 2018 (table 1 of arXiv:1803.08085) on moving portraits: how well videos keep who they show, by a
//! classifier of frames. A rival joins by a line of `ROWS`: any recipe of a model that draws videos.
use menagerie::data::{Batch, DataInfo, Kind, Loader, Source};
use menagerie::metrics::video::{Consistency, consistency, grouped};
use menagerie::models::{Model, SampleRequest, Samples};
use menagerie::recipe::Recipe;
use menagerie::{Device, Key};

/// Name in the table, recipe, and what is set in it.
const ROWS: [(&str, &str, &[(&str, &str)]); 5] = [
    (
        "video_vae, static",
        "video_vae",
        &[("model.dynamics", "static"), ("model.structured", "false")],
    ),
    (
        "video_vae, -C -S",
        "video_vae",
        &[
            ("model.conditional_posterior", "false"),
            ("model.structured", "false"),
        ],
    ),
    ("video_vae, +C -S", "video_vae", &[("model.structured", "false")]),
    (
        "video_vae, -C +S",
        "video_vae",
        &[("model.conditional_posterior", "false")],
    ),
    ("video_vae, +C +S", "video_vae", &[]),
];
/// The classes of `portraits` by what stays in a video: man-like or woman-like, without or with glasses. Smiles go.
const IDENTITY: [usize; 8] = [0, 1, 0, 1, 2, 3, 2, 3];
const SIZE: &str = "32";
const VIDEOS: usize = 256;

/// `[STEPS] [CLASSIFIER_STEPS]`: trains the judge and every row, and prints the table.
pub fn run(arguments: &[String]) -> Result<(), String> {
    let number = |i: usize, usual: u64| {
        arguments.get(i).map_or(Ok(usual), |a| {
            a.parse().map_err(|_| format!("`{a}` is no number of steps"))
        })
    };
    let (steps, judge_steps) = (number(0, 2000)?, number(1, 800)?);
    table(steps, judge_steps).map_err(|e| e.to_string())
}

fn table(steps: u64, judge_steps: u64) -> menagerie::Result<()> {
    let judge_of = [
        ("data.source", "portraits"),
        ("data.size", SIZE),
        ("model.width", "8"),
    ];
    let (judge, _) = trained("classifier", &judge_of, judge_steps)?;
    let frames = frames_of(&Recipe::named("video_vae")?)?;
    println!(
        "{VIDEOS} videos of {frames} frames of {SIZE}x{SIZE}, {steps} steps; four identities, so Inter-E is at most 1.386, I-Score 4\n"
    );
    println!("| videos | Intra-E | Inter-E | I-Score |\n|---|---|---|---|");
    let real = Source {
        size: vec![SIZE.parse().unwrap_or(32)],
        frames,
        split: "test".into(),
        limit: VIDEOS,
        ..Source::parse("portraits:video")
    };
    let real = real.open()?.dataset;
    let all = Batch::of(&*real, &(0..VIDEOS as u32).collect::<Vec<_>>())?;
    row(
        "data (test)",
        judged(
            &*judge,
            &Samples {
                kind: all.kind,
                shape: all.shape,
                values: all.values,
            },
        )?,
    );
    for (name, recipe, settings) in ROWS {
        let (model, _) = trained(recipe, &[&[("data.size", SIZE)], settings].concat(), steps)?;
        let Some(sampler) = model.as_sample() else {
            continue;
        };
        row(
            name,
            judged(
                &*judge,
                &sampler.sample(&SampleRequest::new(VIDEOS, Key::new(7)))?,
            )?,
        );
    }
    Ok(())
}

fn frames_of(recipe: &Recipe) -> menagerie::Result<usize> {
    Ok(recipe.data()?.frames)
}

fn row(name: &str, c: Option<Consistency>) {
    match c {
        Some(c) => println!(
            "| {name} | {:.3} | {:.3} | {:.3} |",
            c.intra_entropy, c.inter_entropy, c.score
        ),
        None => println!("| {name} | - | - | - |"),
    }
}

/// A recipe's model with some settings, after so many steps.
fn trained(
    recipe: &str,
    settings: &[(&str, &str)],
    steps: u64,
) -> menagerie::Result<(Box<dyn Model>, DataInfo)> {
    let mut recipe = Recipe::named(recipe)?;
    recipe.set_all(
        &settings
            .iter()
            .map(|(k, v)| (k.to_string(), v.to_string()))
            .collect::<Vec<_>>(),
    )?;
    let data = recipe.data()?.open()?.dataset;
    let (info, train) = (data.info().clone(), recipe.train()?);
    let mut model = recipe.build(
        &info,
        &Device::flex().autodiff(),
        Key::new(train.seed).stream("init"),
    )?;
    let mut loader = Loader::new(data, train.batch, Key::new(train.seed).stream("data"), 0, 1)?;
    for step in 1..=steps {
        let batches = (0..model.batches_per_step())
            .map(|_| loader.next())
            .collect::<menagerie::Result<Vec<_>>>()?;
        model.step(&batches, Key::new(train.seed).stream("train").step(step), false)?;
    }
    Ok((model, info))
}

/// The figures of videos by a classifier of portraits, frame by frame.
fn judged(judge: &dyn Model, videos: &Samples) -> menagerie::Result<Option<Consistency>> {
    let Some(classifier) = judge.as_classify() else {
        return Ok(None);
    };
    let frames = videos.shape[1];
    let frame: usize = videos.shape[2..].iter().product();
    let mut probabilities = Vec::new();
    for part in videos.values.chunks(64 * frame) {
        let n = part.len() / frame;
        let batch = Batch {
            kind: Kind::Image,
            shape: [&[n], &videos.shape[2..]].concat(),
            values: part.to_vec(),
            labels: None,
            attributes: vec![],
            captions: None,
            indices: (0..n as u32).collect(),
        };
        probabilities.extend(
            classifier
                .log_probabilities(&batch)?
                .iter()
                .map(|&l| (l as f64).exp()),
        );
    }
    Ok(consistency(&grouped(&probabilities, &IDENTITY), frames, 4))
}
