//! Metrics beside torch-fidelity, pytorch-fid, prdc, scikit-image and pytorch-msssim on features and images of a formula
//! (fixtures/metrics.py), and the Inception network beside pytorch-fid's with weights of a formula (fixtures/inception.py).
use flate2::Crc;
use menagerie::data::Kind;
use menagerie::judge::extractor::{Extractor, Resize};
use menagerie::judge::pretrained::{ImageNet, Inception, Pretrained};
use menagerie::metrics::Features;
use menagerie::metrics::fid::fid;
use menagerie::metrics::inception_score::inception_score;
use menagerie::metrics::kid::kid;
use menagerie::metrics::moments::Statistics;
use menagerie::metrics::path_length::{path_length, slerp};
use menagerie::metrics::prdc::prdc;
use menagerie::metrics::ssim::{ms_ssim, ssim};
use menagerie::nn::Tensors;
use menagerie::{Device, Key};
use serde_json::Value;
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

/// As `fill` of imagenet.py, and for its network that of inception.py.
fn weights(name: &str, shape: &[usize]) -> Vec<f32> {
    let mut crc = Crc::new();
    crc.update(name.as_bytes());
    let u =
        hash(crc.sum() as u64, shape.iter().product()).map(|x| (x as f64 / (1 << 23) as f64 - 1.0) as f32);
    if shape.len() > 1 && name != "image" {
        let scale = (6.0 / shape[1..].iter().product::<usize>() as f64).sqrt() as f32;
        u.map(|u| u * scale).collect()
    } else if name.ends_with("running_var") || name.ends_with("weight") {
        u.map(|u| 1.0 + 0.25 * u).collect()
    } else {
        u.map(|u| 0.25 * u).collect()
    }
}

/// A state dictionary of those shapes.
fn formula(shapes: &serde_json::Value) -> Tensors {
    let mut state = Tensors::default();
    for (name, shape) in shapes.as_object().unwrap() {
        let shape: Vec<usize> = serde_json::from_value(shape.clone()).unwrap();
        let values = weights(name, &shape);
        state.arrays.insert(name.clone(), (shape, values));
    }
    state
}

/// The two images of inception.py and imagenet.py.
fn two_images() -> menagerie::data::Batch {
    let (h, w) = (20, 24);
    let u = weights("image", &[2, 3, h, w]);
    // From 0.25 u back to u; channels last; 8 bits.
    let pixel = |k: usize| {
        let (i, p, c) = (k / (h * w * 3), k / 3 % (h * w), k % 3);
        (((u[(i * 3 + c) * h * w + p] * 4.0 + 1.0) / 2.0 * 255.0).round_ties_even() / 127.5) - 1.0
    };
    menagerie::data::Batch {
        kind: Kind::Image,
        shape: vec![2, h, w, 3],
        values: (0..2 * h * w * 3).map(pixel).collect(),
        labels: None,
        attributes: vec![],
        captions: None,
        indices: vec![0, 1],
    }
}

/// Features and logits are those of the fixture, every `steps`-th of them.
fn answers_alike(network: Box<dyn Pretrained>, want: &serde_json::Value, [feature, class]: [usize; 2]) {
    let (width, classes) = (network.width(), network.classes());
    let extractor =
        Extractor::of_pretrained("x".into(), "0".into(), network, Resize::Bilinear, &Device::flex());
    let found = extractor.extract(&two_images()).unwrap();
    assert_eq!((found.width, found.classes), (width, classes));
    let rows = |name: &str| serde_json::from_value::<Vec<Vec<f64>>>(want[name].clone()).unwrap();
    let largest = |v: &[f64]| v.iter().fold(0f64, |m, v| m.max(v.abs()));
    for (row, theirs) in found.features.chunks_exact(width).zip(rows("features")) {
        let scale = largest(&theirs);
        for (ours, theirs) in row.iter().step_by(feature).zip(&theirs) {
            assert!(
                (*ours as f64 - theirs).abs() < 2e-5 * scale,
                "{ours} {theirs} of {scale}"
            );
        }
    }
    for (row, theirs) in found.log_probabilities.chunks_exact(classes).zip(rows("logits")) {
        let scale = largest(&theirs);
        for (ours, logit) in row.iter().step_by(class).zip(&theirs) {
            let (a, b) = ((ours - row[0]) as f64, logit - theirs[0]);
            assert!((a - b).abs() < 4e-5 * scale, "{a} {b} of {scale}");
        }
    }
}

#[test]
fn the_inception_network_is_pytorch_fids() {
    let want = json("inception.json");
    let state = formula(&want["shapes"]);
    let device = Device::flex();
    let mut lacking = state.clone();
    lacking.arrays.remove("Mixed_7c.branch_pool.conv.weight");
    let line = Inception::from_state(lacking, &device).err().unwrap().to_string();
    assert!(
        line.contains("`Mixed_7c.branch_pool.conv.weight` is missing") && !line.contains('\n'),
        "{line}"
    );
    let network = Inception::from_state(state, &device).unwrap();
    answers_alike(Box::new(network), &want, [16, 32]);
}

/// Residual networks of two and of three layers a block, with groups of channels, and EfficientNet-lite0 are those of
/// torchvision and of its PyTorch package.
#[test]
fn classifiers_of_natural_images_are_pytorchs() {
    let device = Device::flex();
    let all = json("imagenet.json");
    for (name, want) in all.as_object().unwrap() {
        let network = ImageNet::from_state(formula(&want["shapes"]), "x", &device).unwrap();
        assert_eq!(network.name(), *name);
        answers_alike(Box::new(network), want, [16, 1]);
    }
    let problem = |change: fn(&mut Tensors)| {
        let mut state = formula(&all["resnet10"]["shapes"]);
        change(&mut state);
        ImageNet::from_state(state, "x", &device)
            .err()
            .unwrap()
            .to_string()
    };
    let e = problem(|s| drop(s.arrays.remove("layer3.0.downsample.1.bias")));
    assert!(e.contains("`layer3.0.downsample.1.bias` is missing"), "{e}");
    // Without the way beside a block, what it makes could not be added to what it is given.
    let e = problem(|s| {
        s.arrays
            .retain(|name, _| !name.starts_with("layer2.0.downsample"))
    });
    assert!(e.contains("`layer2.0.downsample.0.weight` is missing"), "{e}");
    let with = |name: &str, shape: &[usize]| {
        let mut state = formula(&all["resnet10"]["shapes"]);
        let array = (shape.to_vec(), vec![0.0; shape.iter().product()]);
        state.arrays.insert(name.into(), array);
        ImageNet::from_state(state, "x", &device)
            .err()
            .unwrap()
            .to_string()
    };
    let e = with("layer1.0.conv2.weight", &[64, 64, 2, 2]);
    assert!(e.contains("kernel of 2x2"), "{e}");
    let e = with("layer1.0.conv2.weight", &[66, 4, 3, 3]);
    assert!(e.contains("do not fall into 16 groups"), "{e}");
    assert!(with("fc.bias", &[0]).contains("`fc.bias`"));
    let e = problem(|s| {
        drop(
            s.arrays
                .insert("layer5.0.conv1.weight".into(), (vec![1], vec![0.0])),
        )
    });
    assert!(e.contains("belong to no layer") && e.contains("layer5"), "{e}");
    let e = problem(|s| s.arrays.retain(|name, _| name.starts_with("fc")));
    assert!(
        e.contains("no classifier that is known") && e.contains("torchvision"),
        "{e}"
    );
}
