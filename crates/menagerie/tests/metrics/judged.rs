//! Every metric on data and on a model, as `evaluate` asks for them.
use menagerie::data::{Batch, DataInfo, Dataset, Item, Kind, Source, Values};
use menagerie::judge::extractor::Extractor;
use menagerie::judge::subject::Subject;
use menagerie::judge::{Judge, METRICS, Needs, Reference, Verdict};
use menagerie::models::Model;
use menagerie::recipe::Recipe;
use menagerie::{Device, Key};
use serde_json::{Map, Value};
/// Images in memory with classes.
struct Set {
    info: DataInfo,
    items: Vec<Vec<f32>>,
}

impl Set {
    fn new(shape: &[usize], classes: usize, items: Vec<Vec<f32>>) -> Set {
        let kind = if shape.len() == 3 {
            Kind::Image
        } else {
            Kind::Points
        };
        let info = DataInfo {
            source: "a set of the test".into(),
            kind,
            shape: shape.to_vec(),
            count: items.len(),
            range: (0.0, 1.0),
            labels: (0..classes).map(|c| c.to_string()).collect(),
            ..DataInfo::default()
        };
        Set { info, items }
    }
}

impl Dataset for Set {
    fn info(&self) -> &DataInfo {
        &self.info
    }
    fn get(&self, index: usize) -> menagerie::Result<Item> {
        let classes = self.info.labels.len();
        let label = (classes > 0).then(|| (index % classes) as u32);
        Ok(Item {
            values: Values::Floats(self.items[index].clone()),
            label,
            attributes: vec![],
            caption: None,
        })
    }
}

/// A bar for each of four classes, at a place and of a brightness that are drawn, with noise.
fn bars(n: usize, noise: f64, seed: u64) -> Set {
    let mut draw = Key::new(seed).rng();
    let item = |i: usize| {
        let (at, bright) = (2 + draw.below(8), draw.between(0.6, 1.0));
        let on = |y: usize, x: usize| match i % 4 {
            0 => x == at,
            1 => y == at,
            2 => x / 2 == at / 2,
            _ => y / 2 == at / 2,
        };
        (0..144)
            .map(|p| ((if on(p / 12, p % 12) { bright } else { 0.0 }) + noise * draw.uniform()) as f32)
            .map(|v| v.min(1.0))
            .collect()
    };
    Set::new(&[12, 12, 1], 4, (0..n).map(item).collect())
}

fn work_out(
    subject: Subject,
    data: &Set,
    training: Option<&Set>,
    extractor: &Extractor,
    n: usize,
    metric: &str,
) -> menagerie::Result<Vec<Verdict>> {
    let definition = Map::new();
    let reference = Reference {
        set: data,
        definition: &definition,
        training: training.map(|t| t as &dyn Dataset),
        gathered: None,
    };
    Judge::new(subject, Some(reference), Some(extractor), n, Key::new(1))
        .work_out(metric, &mut |_, done, total| assert!(done <= total))
}

fn value(subject: Subject, data: &Set, metric: &str) -> f64 {
    work_out(subject, data, None, &Extractor::pixels(), 400, metric).unwrap()[0].value
}

#[test]
fn good_samples_are_told_from_bad_ones() {
    let data = bars(400, 0.1, 1);
    let (good, noisy) = (bars(400, 0.1, 2), bars(400, 0.9, 3));
    let few = Set::new(
        &[12, 12, 1],
        4,
        (0..400).map(|i| good.items[i % 40].clone()).collect(),
    );
    for metric in METRICS
        .iter()
        .filter(|m| matches!(m.needs, Needs::Features | Needs::LabelledFeatures))
    {
        if metric.name == "recall" {
            continue;
        }
        let (own, bad) = (
            value(Subject::Items(&good), &data, metric.name),
            value(Subject::Items(&noisy), &data, metric.name),
        );
        let better = if metric.higher_is_better == Some(true) {
            own > bad
        } else {
            own < bad
        };
        assert!(
            better,
            "{}: {own} of good samples, {bad} of noisy ones",
            metric.name
        );
    }
    let recall = |s: &Set| value(Subject::Items(s), &data, "recall");
    assert!(recall(&few) < recall(&good), "{} {}", recall(&few), recall(&good));
    assert!(
        value(Subject::Items(&noisy), &data, "frequency")
            > 2.0 * value(Subject::Items(&good), &data, "frequency")
    );
    let both = work_out(
        Subject::Items(&few),
        &data,
        None,
        &Extractor::pixels(),
        400,
        "ms-ssim",
    )
    .unwrap();
    assert_eq!(
        both.iter().map(|v| v.metric.as_str()).collect::<Vec<_>>(),
        ["ms-ssim", "ms-ssim/data"]
    );
    assert_eq!(both[0].definition["pairs"], 200);
}

#[test]
fn a_classifier_learns_from_samples_what_they_teach() {
    let (data, training, good) = (bars(400, 0.1, 1), bars(400, 0.1, 2), bars(400, 0.1, 3));
    let cas = |s: &Set| {
        work_out(
            Subject::Items(s),
            &data,
            Some(&training),
            &Extractor::pixels(),
            400,
            "cas",
        )
        .unwrap()
    };
    let taught = cas(&good);
    assert_eq!(
        taught.iter().map(|v| v.metric.as_str()).collect::<Vec<_>>(),
        ["cas", "cas/data"]
    );
    assert!(taught.iter().all(|v| v.value > 0.9), "{taught:?}");
    // Classes that say nothing of the image.
    let mixed = Set::new(
        &[12, 12, 1],
        4,
        (0..400)
            .map(|i| good.items[(i * 7 + i / 4) % 400].clone())
            .collect(),
    );
    assert!(cas(&mixed)[0].value < 0.6, "{:?}", cas(&mixed)[0].value);
}

#[test]
fn points_are_transported_and_compared_with_the_data_themselves() {
    let points = |seed: u64, shift: f64| {
        let mut draw = Key::new(seed).rng();
        Set::new(
            &[2],
            0,
            (0..600)
                .map(|_| vec![(draw.normal() + shift) as f32, draw.normal() as f32])
                .collect(),
        )
    };
    let found = work_out(
        Subject::Items(&points(2, 3.0)),
        &points(1, 0.0),
        None,
        &Extractor::pixels(),
        600,
        "wasserstein-2d",
    )
    .unwrap();
    assert!(
        (found[0].value - 3.0).abs() < 0.3 && found[1].value < 0.7,
        "{found:?}"
    );
    assert_eq!(
        (&found[1].metric[..], &found[0].definition["samples"]),
        ("wasserstein-2d/data", &Value::from(300))
    );
}

fn model(name: &str, settings: &[(&str, &str)], info: &DataInfo) -> Box<dyn Model> {
    let pairs: Vec<(String, String)> = settings
        .iter()
        .map(|(k, v)| (k.to_string(), v.to_string()))
        .collect();
    let mut recipe = Recipe::named(name).unwrap();
    recipe.set_all(&pairs).unwrap();
    recipe.build(info, &Device::flex(), Key::new(0)).unwrap()
}

#[test]
fn latents_are_walked_and_reconstructions_compared() {
    let opened = Source {
        size: vec![16],
        ..Source::parse("digits")
    }
    .open()
    .unwrap()
    .dataset;
    let info = opened.info().clone();
    let items = (0..40).map(|i| match opened.get(i).unwrap().values {
        Values::Bytes(b) => b.iter().map(|&v| v as f32 / 255.0).collect(),
        Values::Floats(v) => v,
    });
    let data = Set::new(&info.shape, 0, items.collect());
    let vae = model("vae", &[("model.latent", "4"), ("model.width", "16")], &data.info);
    let subject = Subject::Model {
        model: &*vae,
        name: "vae",
        info: &data.info,
    };
    let run = |metric: &str| {
        work_out(
            subject,
            &data,
            None,
            &Extractor::random(0, &Device::flex()),
            40,
            metric,
        )
    };
    let ppl = run("ppl").unwrap();
    assert!(
        ppl[0].value > 0.0 && ppl[0].value.is_finite() && ppl[0].definition["epsilon"] == 1e-4,
        "{ppl:?}"
    );
    assert_eq!(ppl, run("ppl").unwrap());
    let ssim = run("ssim").unwrap();
    assert!(
        (-1.0..1.0).contains(&ssim[0].value) && ssim[0].definition["window"] == 11,
        "{ssim:?}"
    );
    for (metric, part) in [
        ("cas", "does not draw from a class"),
        ("intra-fid", "does not draw from a class"),
        ("is", "gives none"),
        ("class-accuracy", "gives none"),
        ("stacked-mnist", "gives none"),
        ("pair-agreement", "gives none"),
        ("wasserstein-2d", "compares points"),
        ("modes", "density is not known"),
    ] {
        let line = run(metric).unwrap_err().to_string();
        assert!(line.contains(part) && !line.contains('\n'), "{metric}: {line}");
    }
}

/// Pairs of one class agree, pairs of different ones do not, and what chance would give stands beside; single images are refused.
#[test]
fn pairs_agree_where_both_are_of_one_class() {
    let data = bars(240, 0.1, 1);
    let mut recipe = Recipe::named("classifier").unwrap();
    for (key, value) in [
        ("model.network", "lenet"),
        ("model.width", "8"),
        ("model.average", "0"),
    ] {
        recipe.set_all(&[(key.into(), value.into())]).unwrap();
    }
    let mut classifier = recipe
        .build(&data.info, &Device::flex().autodiff(), Key::new(0))
        .unwrap();
    for step in 0..120u32 {
        let items: Vec<u32> = (0..32).map(|i| (step * 32 + i) * 7 % 240).collect();
        let batch = Batch::of(&data, &items).unwrap();
        classifier
            .step(&[batch], Key::new(1).step(step.into()), false)
            .unwrap();
    }
    let extractor = Extractor::of_model("classifier:test".into(), "0".into(), classifier, &Device::flex());
    let extractor = extractor.unwrap();
    let pairs = |shift: usize| {
        let both = |i: usize| {
            let other = &data.items[(i + shift) % 240];
            data.items[i]
                .iter()
                .zip(other)
                .flat_map(|(a, b)| [*a, *b])
                .collect()
        };
        let mut set = Set::new(&[12, 12, 2], 0, (0..240).map(both).collect());
        set.info.kind = Kind::Pair;
        set
    };
    let judged = |set: &Set| {
        work_out(
            Subject::Items(set),
            &data,
            None,
            &extractor,
            240,
            "pair-agreement",
        )
    };
    let (same, other) = (judged(&pairs(0)).unwrap(), judged(&pairs(1)).unwrap());
    assert_eq!(same[0].value, 1.0);
    assert!(other[0].value < 0.4, "{other:?}");
    assert!(
        (same[1].value - 0.25).abs() < 0.1 && same[1].metric == "pair-agreement/chance",
        "{same:?}"
    );
    let e = judged(&data).unwrap_err().to_string();
    assert!(e.contains("pairs of images") && e.contains("cogan"), "{e}");
}

#[test]
fn what_cannot_be_judged_is_said_in_a_line() {
    let data = bars(100, 0.1, 1);
    let line = |samples: &Set, metric: &str| {
        let e = work_out(
            Subject::Items(samples),
            &data,
            None,
            &Extractor::pixels(),
            100,
            metric,
        )
        .unwrap_err()
        .to_string();
        assert!(!e.contains('\n'), "{e}");
        e
    };
    let part = |n: usize| Set::new(&[12, 12, 1], 4, data.items[..n].to_vec());
    let mut broken = bars(20, 0.1, 2);
    broken.items[7][3] = f32::NAN;
    for metric in METRICS.iter().filter(|m| m.needs == Needs::Features) {
        assert!(
            line(&part(0), metric.name).contains("no image"),
            "{}",
            metric.name
        );
        assert!(
            line(&part(1), metric.name).contains("one image"),
            "{}",
            metric.name
        );
        assert!(
            line(&broken, metric.name).contains("item 7 has pixels that are not finite"),
            "{}",
            metric.name
        );
    }
    assert!(line(&broken, "frequency").contains("item 7 has pixels that are not finite"));
    assert!(line(&part(1), "ms-ssim").contains("only one item"));
    assert!(line(&part(0), "frequency").contains("no images"));
    assert!(line(&part(4), "intra-fid").contains("class `0` has 1 of the samples"));
    assert!(line(&part(30), "cas").contains("too few"));
    assert!(line(&part(3), "precision").contains("3 nearest neighbours among 2"));
    // Fewer than the features: a figure with a warning.
    let few = work_out(
        Subject::Items(&part(90)),
        &data,
        None,
        &Extractor::pixels(),
        100,
        "fid",
    )
    .unwrap();
    assert!(
        few[0]
            .warning
            .as_ref()
            .unwrap()
            .contains("90 items are too few for the covariance of 144 features"),
        "{few:?}"
    );
}
