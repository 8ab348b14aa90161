//! Metrics beside torch-fidelity, pytorch-fid, prdc, scikit-image and pytorch-msssim on features and images of a formula
//! (fixtures/metrics.py), and the Inception network beside pytorch-fid's with weights of a formula (fixtures/inception.py);
//! then all metrics on data and on a model, as `evaluate` asks for them.
use flate2::Crc;
use menagerie::data::{DataInfo, Dataset, Item, Kind, Source, Values};
use menagerie::judge::extractor::{Extractor, Resize};
use menagerie::judge::inception::Inception;
use menagerie::judge::subject::Subject;
use menagerie::judge::{Judge, METRICS, Needs, Reference, Verdict};
use menagerie::metrics::Features;
use menagerie::metrics::fid::fid;
use menagerie::metrics::inception_score::inception_score;
use menagerie::metrics::kid::kid;
use menagerie::metrics::moments::Statistics;
use menagerie::metrics::path_length::{path_length, slerp};
use menagerie::metrics::prdc::prdc;
use menagerie::metrics::ssim::{ms_ssim, ssim};
use menagerie::models::Model;
use menagerie::nn::{Tensors, read_torch};
use menagerie::recipe::Recipe;
use menagerie::{Device, Key};
use serde_json::{Map, Value};
use std::path::Path;

fn fixture(name: &str) -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/fixtures")
        .join(name)
}

fn json(name: &str) -> Value {
    serde_json::from_slice(&std::fs::read(fixture(name)).unwrap()).unwrap()
}

/// The 24 high bits of SplitMix64's mix of a place and a seed.
fn hash(seed: u64, count: usize) -> impl Iterator<Item = u64> {
    (0..count as u64).map(move |i| {
        let mut x = i.wrapping_add(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15));
        x = (x ^ (x >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        x = (x ^ (x >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        (x ^ (x >> 31)) >> 40
    })
}

fn uniform(seed: u64, count: usize) -> Vec<f64> {
    hash(seed, count).map(|x| x as f64 / (1 << 24) as f64).collect()
}

/// As `features` of metrics.py.
fn features(seed: u64, n: usize, d: usize, scale: f64, shift: f64) -> Vec<f32> {
    let u = uniform(seed, n * d * 4);
    let value = |(k, four): (usize, &[f64; 4])| {
        let column = k % d;
        ((four.iter().sum::<f64>() - 2.0) * (1 + column % 5) as f64 * scale + shift * (column % 3) as f64)
            as f32
    };
    u.as_chunks::<4>().0.iter().enumerate().map(value).collect()
}

/// As `image` of metrics.py.
fn image(seed: usize, [h, w, c]: [usize; 3]) -> Vec<f64> {
    let u = uniform(seed as u64, h * w * c);
    let value = |k: usize| {
        let (y, x, channel) = (k / (w * c), k / c % w, k % c);
        let stripes = ((x * (1 + seed % 3) + y * 2 + channel * 7) % 32) as f64 / 32.0;
        ((0.7 * stripes + 0.3 * u[k]) * 255.0).floor()
    };
    (0..h * w * c).map(value).collect()
}

fn close(what: &str, ours: f64, theirs: &Value, relative: f64) {
    let theirs = theirs.as_f64().unwrap();
    let difference = (ours - theirs).abs() / theirs.abs();
    eprintln!("{what}: relative difference {difference:.1e}");
    assert!(
        difference < relative,
        "{what}: {ours} against {theirs}, a relative difference of {difference:e}"
    );
}

#[test]
fn features_are_compared_as_the_packages_do() {
    let want = json("metrics.json");
    let (x, y) = (features(1, 600, 24, 1.0, 0.0), features(2, 500, 24, 1.2, 0.3));
    let (a, b) = (
        Features::new(&x, 24, "x").unwrap(),
        Features::new(&y, 24, "y").unwrap(),
    );
    let found = fid(&Statistics::of(&a).unwrap(), &Statistics::of(&b).unwrap())
        .unwrap()
        .value;
    close("fid, torch-fidelity", found, &want["fid_torch_fidelity"], 1e-6);
    close("fid, pytorch-fid", found, &want["fid_pytorch_fid"], 1e-6);
    // One subset of all: no draw is left.
    let first = Features::new(&x[..500 * 24], 24, "x").unwrap();
    close(
        "kid of all",
        kid(&first, &b, 1, 500, Key::new(0)).unwrap().figure.value,
        &want["kid_exact"],
        1e-6,
    );
    let k = kid(&a, &b, 100, 200, Key::new(0)).unwrap();
    let (theirs, error) = (want["kid_mean"].as_f64().unwrap(), k.figure.error.unwrap());
    assert!((k.figure.value - theirs).abs() < error, "{k:?} against {theirs}");
    // Subsets overlap, so that their deviation is known to a tenth or so.
    let spread = k.deviation / want["kid_deviation"].as_f64().unwrap();
    assert!((0.75..1.33).contains(&spread), "{k:?} against {spread}");
    let logits = features(3, 400, 10, 0.8, 0.0);
    let score = inception_score(&logits, 10, 4, None).unwrap();
    close("is", score.value, &want["is_mean"], 1e-6);
    // Theirs is the deviation over 4 splits by n, ours the standard error of their mean by n - 1.
    close(
        "is, deviation",
        score.error.unwrap() * 3f64.sqrt(),
        &want["is_deviation"],
        1e-6,
    );
    for k in [3, 5] {
        let (found, want) = (prdc(a, b, k, k).unwrap(), &want[&format!("prdc_k{k}")]);
        for (name, figure) in [
            ("precision", &found.precision),
            ("recall", &found.recall),
            ("density", &found.density),
            ("coverage", &found.coverage),
        ] {
            close(&format!("{name}, k = {k}"), figure.value, &want[name], 1e-9);
        }
    }
    // One k for the first two and another for the last two gives the same as either alone.
    let both = prdc(a, b, 3, 5).unwrap();
    close("recall", both.recall.value, &want["prdc_k3"]["recall"], 1e-9);
    close(
        "coverage",
        both.coverage.value,
        &want["prdc_k5"]["coverage"],
        1e-9,
    );
}

#[test]
fn images_are_compared_as_the_packages_do() {
    let want = json("metrics.json");
    for (metric, f) in [
        ("ssim", ssim as fn(&[f32], &[f32], [usize; 3]) -> f64),
        ("ms_ssim", ms_ssim),
    ] {
        let all = want[metric].as_array().unwrap();
        assert!(all.len() >= 2);
        for one in all {
            let shape: [usize; 3] = serde_json::from_value(one["shape"].clone()).unwrap();
            let (a, b) = (image(4, shape), image(5, shape));
            let mixed: Vec<f32> = a
                .iter()
                .zip(&b)
                .map(|(a, b)| ((b * 0.5 + a * 0.5).round_ties_even() / 255.0) as f32)
                .collect();
            let a: Vec<f32> = a.iter().map(|v| (v / 255.0) as f32).collect();
            close(
                &format!("{metric} of {shape:?}"),
                f(&a, &mixed, shape),
                &one["value"],
                1e-5,
            );
        }
    }
}

#[test]
fn path_lengths_are_those_of_torch_fidelity() {
    let want = &json("metrics.json")["ppl"];
    let numbers = |name: &str| serde_json::from_value::<Vec<f64>>(want[name].clone()).unwrap();
    let (from, to, width) = (
        numbers("from"),
        numbers("to"),
        want["width"].as_u64().unwrap() as usize,
    );
    let epsilon = want["epsilon"].as_f64().unwrap();
    let moved: Vec<f32> = from
        .chunks_exact(width)
        .zip(to.chunks_exact(width))
        .flat_map(|(a, b)| slerp(a, b, epsilon))
        .map(|v| v as f32)
        .collect();
    let from: Vec<f32> = from.iter().map(|&v| v as f32).collect();
    close(
        "ppl",
        path_length(&from, &moved, width, epsilon).unwrap().value,
        &want["value"],
        1e-6,
    );
}

/// As `fill` of inception.py.
fn weights(name: &str, shape: &[usize]) -> Vec<f32> {
    let mut crc = Crc::new();
    crc.update(name.as_bytes());
    let u =
        hash(crc.sum() as u64, shape.iter().product()).map(|x| (x as f64 / (1 << 23) as f64 - 1.0) as f32);
    if name.ends_with("conv.weight") || name == "fc.weight" {
        let scale = (6.0 / shape[1..].iter().product::<usize>() as f64).sqrt() as f32;
        u.map(|u| u * scale).collect()
    } else if name.ends_with("running_var") || name.ends_with("bn.weight") {
        u.map(|u| 1.0 + 0.25 * u).collect()
    } else {
        u.map(|u| 0.25 * u).collect()
    }
}

#[test]
fn the_inception_network_is_pytorch_fids() {
    let want = json("inception.json");
    let mut state = Tensors::default();
    for (name, shape) in want["shapes"].as_object().unwrap() {
        let shape: Vec<usize> = serde_json::from_value(shape.clone()).unwrap();
        state
            .arrays
            .insert(name.clone(), (shape.clone(), weights(name, &shape)));
    }
    let device = Device::flex();
    let mut lacking = state.clone();
    lacking.arrays.remove("Mixed_7c.branch_pool.conv.weight");
    let line = Inception::from_state(lacking, &device).err().unwrap().to_string();
    assert!(
        line.contains("`Mixed_7c.branch_pool.conv.weight` is missing") && !line.contains('\n'),
        "{line}"
    );
    let network = Inception::from_state(state, &device).unwrap();
    let extractor =
        Extractor::of_inception("inception".into(), "0".into(), network, Resize::Bilinear, &device);
    let (h, w) = (20, 24);
    let u = weights("image", &[2, 3, h, w]);
    // From 0.25 u back to u; channels last; 8 bits.
    let pixel = |k: usize| {
        let (i, p, c) = (k / (h * w * 3), k / 3 % (h * w), k % 3);
        (((u[(i * 3 + c) * h * w + p] * 4.0 + 1.0) / 2.0 * 255.0).round_ties_even() / 127.5) - 1.0
    };
    let values: Vec<f32> = (0..2 * h * w * 3).map(pixel).collect();
    let batch = menagerie::data::Batch {
        kind: Kind::Image,
        shape: vec![2, h, w, 3],
        values,
        labels: None,
        attributes: vec![],
        captions: None,
        indices: vec![0, 1],
    };
    let found = extractor.extract(&batch).unwrap();
    assert_eq!((found.width, found.classes), (2048, 1008));
    let rows = |name: &str| serde_json::from_value::<Vec<Vec<f64>>>(want[name].clone()).unwrap();
    let largest = |v: &[f64]| v.iter().fold(0f64, |m, v| m.max(v.abs()));
    for (row, theirs) in found.features.chunks_exact(2048).zip(rows("features")) {
        let scale = largest(&theirs);
        for (ours, theirs) in row.iter().step_by(16).zip(&theirs) {
            assert!(
                (*ours as f64 - theirs).abs() < 2e-5 * scale,
                "{ours} {theirs} of {scale}"
            );
        }
    }
    for (row, theirs) in found.log_probabilities.chunks_exact(1008).zip(rows("logits")) {
        let scale = largest(&theirs);
        for (ours, logit) in row.iter().step_by(32).zip(&theirs) {
            let (a, b) = ((ours - row[0]) as f64, logit - theirs[0]);
            assert!((a - b).abs() < 4e-5 * scale, "{a} {b} of {scale}");
        }
    }
}

#[test]
fn files_of_torch_save_are_read_in_both_formats() {
    for name in ["state.pth", "state_old.pth"] {
        let state = read_torch(&fixture(name)).unwrap();
        let names: Vec<&str> = state.arrays.keys().map(String::as_str).collect();
        assert_eq!(
            names,
            [
                "0.bias",
                "0.weight",
                "1.bias",
                "1.running_mean",
                "1.running_var",
                "1.weight"
            ],
            "{name}"
        );
        // arange(24) as [2, 3, 2, 2] with its first two axes exchanged: not in the order of the file.
        let (shape, values) = &state.arrays["0.weight"];
        assert_eq!(shape, &[3, 2, 2, 2]);
        let want: Vec<f32> = (0..24)
            .map(|k| (k / 4 % 2 * 12 + k / 8 * 4 + k % 4) as f32)
            .collect();
        assert_eq!(values, &want, "{name}");
        assert_eq!(state.arrays["1.running_var"], (vec![3], vec![1.0; 3]));
        assert_eq!(state.arrays["1.bias"], (vec![3], vec![0.0; 3]));
    }
}

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
            attributes: vec![],
            rate: 0,
            shares: vec![],
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
        ("is", "tells none"),
        ("class-accuracy", "tells none"),
        ("stacked-mnist", "tells none"),
        ("wasserstein-2d", "compares points"),
        ("modes", "density is not known"),
    ] {
        let line = run(metric).unwrap_err().to_string();
        assert!(line.contains(part) && !line.contains('\n'), "{metric}: {line}");
    }
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
