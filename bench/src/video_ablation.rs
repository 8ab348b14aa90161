//! The ablation of He et al. 2018 (table 1 of arXiv:1803.08085) on moving portraits: how well videos keep who they show, by a
//! classifier of frames. A rival joins by a line of `ROWS`: any recipe of a model that draws videos.
use menagerie::data::{DataInfo, Loader, Source};
use menagerie::judge::extractor::Extractor;
use menagerie::judge::subject::Subject;
use menagerie::judge::{Judge, Reference};
use menagerie::models::Model;
use menagerie::recipe::Recipe;
use menagerie::{Device, Key};
use serde_json::Map;

/// Name in the table, recipe, and what is set in it.
const ROWS: [(&str, &str, &[(&str, &str)]); 7] = [
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
    ("mocogan", "mocogan", &[]),
    ("vgan", "vgan", &[]),
];
/// The classes of `portraits` by what stays in a video: man-like or woman-like, without or with glasses. Smiles go.
const IDENTITY: [usize; 8] = [0, 1, 0, 1, 2, 3, 2, 3];
const IDENTITIES: [&str; 4] = [
    "man-like",
    "woman-like",
    "man-like with glasses",
    "woman-like with glasses",
];
const SIZE: &str = "32";
const VIDEOS: usize = 256;

/// `[STEPS] [CLASSIFIER_STEPS]`: trains the judge and every row, and prints the table.
pub(crate) fn run(arguments: &[String]) -> Result<(), String> {
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
    let (classifier, _) = trained("classifier", &judge_of, judge_steps)?;
    let extractor = Extractor::of_model("classifier".into(), String::new(), classifier, &Device::flex())?;
    let extractor = extractor.grouped(&IDENTITY, &IDENTITIES)?;
    let videos = Source {
        size: vec![SIZE.parse().unwrap_or(32)],
        split: "test".into(),
        limit: VIDEOS,
        frames: Recipe::named("video_vae")?.data()?.frames,
        ..Source::parse("portraits:video")
    };
    let set = videos.open()?.dataset;
    println!(
        "{VIDEOS} videos of {} frames of {SIZE}x{SIZE}, {steps} steps; four identities, so Inter-E is at most 1.386, I-Score 4\n",
        videos.frames
    );
    println!("| videos | Intra-E | Inter-E | I-Score |\n|---|---|---|---|");
    let nothing = Map::new();
    let data = Reference {
        set: &*set,
        definition: &nothing,
        training: None,
        gathered: None,
    };
    for (i, (name, recipe, settings)) in ROWS.into_iter().enumerate() {
        let (model, info) = trained(recipe, &[&[("data.size", SIZE)], settings].concat(), steps)?;
        let subject = Subject::Model {
            model: &*model,
            name: recipe,
            info: &info,
        };
        let beside = (i == 0).then_some(data);
        let mut judge = Judge::new(subject, beside, Some(&extractor), VIDEOS, Key::new(7));
        if beside.is_some() {
            row("data (test)", &mut judge, "/data")?;
        }
        row(name, &mut judge, "")?;
    }
    Ok(())
}

/// A line of the table: Intra-E, Inter-E and I-Score, of the subject or of the data beside it.
fn row(name: &str, judge: &mut Judge, of: &str) -> menagerie::Result<()> {
    let mut figures = Vec::new();
    for metric in ["intra-e", "inter-e", "i-score"] {
        let found = judge.work_out(metric, &mut |_, _, _| {})?;
        let asked = format!("{metric}{of}");
        figures.extend(
            found
                .iter()
                .filter(|v| v.metric == asked)
                .map(|v| format!("{:.3}", v.value)),
        );
    }
    println!("| {name} | {} |", figures.join(" | "));
    Ok(())
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
