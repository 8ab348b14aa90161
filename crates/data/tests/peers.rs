//! Images are what Pillow shows, sounds what libsndfile and SciPy read, tables what pandas reads: files that
//! `fixtures/peers.py` made, in all the ways that it knows, beside what those programs read in them.
use menagerie_data::{Source, Values, read_image};
use serde_json::Value;
use std::path::{Path, PathBuf};

fn hex(text: &str) -> Vec<u8> {
    let digit = |b: u8| (b as char).to_digit(16).unwrap() as u8;
    text.as_bytes()
        .chunks(2)
        .map(|b| digit(b[0]) << 4 | digit(b[1]))
        .collect()
}

fn numbers(values: &Value) -> Vec<f64> {
    values
        .as_array()
        .unwrap()
        .iter()
        .map(|v| v.as_f64().unwrap())
        .collect()
}

/// What is wrong with an image, if anything is.
fn image(path: &Path, e: &Value) -> Option<String> {
    let pixels = match read_image(path) {
        Ok(pixels) => pixels,
        Err(e) => return Some(e.to_string()),
    };
    let shape: Vec<usize> = numbers(&e["shape"]).iter().map(|&v| v as usize).collect();
    if [pixels.height, pixels.width] != shape[..2] {
        let found = [pixels.height, pixels.width];
        return Some(format!("{found:?} where Pillow has {shape:?}"));
    }
    let (wanted, off) = (
        rgba(&hex(e["bytes"].as_str().unwrap()), shape[2]),
        e["off"].as_u64().unwrap() as u8,
    );
    let found = rgba(&pixels.bytes, pixels.channels);
    // What is wholly transparent has any colour.
    let worst = (0..wanted.len())
        .filter(|&i| wanted[i / 4 * 4 + 3] != 0)
        .map(|i| found[i].abs_diff(wanted[i]))
        .max();
    worst.filter(|w| *w > off).map(|w| format!("off by {w}"))
}

/// Pixels of 1 to 4 channels as colours with alpha: a grey or opaque image is the same one in a file that could hold
/// colours or alpha.
fn rgba(bytes: &[u8], channels: usize) -> Vec<u8> {
    let one = |p: &[u8]| match *p {
        [v] => [v, v, v, 255],
        [v, a] => [v, v, v, a],
        [r, g, b] => [r, g, b, 255],
        _ => [p[0], p[1], p[2], p[3]],
    };
    bytes.chunks_exact(channels).flat_map(one).collect()
}

fn items(path: &Path, length: usize) -> Result<(Vec<Vec<f32>>, Vec<Option<String>>), String> {
    let source = Source {
        length,
        ..Source::parse(path.to_str().unwrap())
    };
    let set = source.open().map_err(|e| e.to_string())?.dataset;
    let (mut all, mut classes) = (Vec::new(), Vec::new());
    for i in 0..set.info().count {
        let item = set.get(i).map_err(|e| e.to_string())?;
        let Values::Floats(v) = item.values else {
            return Err("bytes".into());
        };
        all.push(v);
        classes.push(item.label.map(|l| set.info().labels[l as usize].clone()));
    }
    Ok((all, classes))
}

fn sound(path: &Path, e: &Value) -> Option<String> {
    let wanted = numbers(&e["samples"]);
    let found = match items(path, wanted.len()) {
        Ok((found, _)) => found.concat(),
        Err(e) => return Some(e),
    };
    if found.len() != wanted.len() {
        return Some(format!("{} samples of {}", found.len(), wanted.len()));
    }
    let worst = found
        .iter()
        .zip(&wanted)
        .map(|(a, b)| (*a as f64 - b).abs())
        .fold(0.0, f64::max);
    (worst > 1e-6).then(|| format!("off by {worst}"))
}

fn table(path: &Path, e: &Value) -> Option<String> {
    let (rows, classes) = match items(path, 0) {
        Ok(found) => found,
        Err(e) => return Some(e),
    };
    let wanted: Vec<Vec<f64>> = e["rows"].as_array().unwrap().iter().map(numbers).collect();
    let same = |a: &[f32], b: &[f64]| a.len() == b.len() && a.iter().zip(b).all(|(a, b)| *a == *b as f32);
    if rows.len() != wanted.len() || !rows.iter().zip(&wanted).all(|(a, b)| same(a, b)) {
        return Some(format!("{rows:?} where pandas has {wanted:?}"));
    }
    let named = e["classes"].as_array().unwrap();
    let labels: Vec<Option<String>> = named.iter().map(|c| c.as_str().map(String::from)).collect();
    let none = labels.is_empty() && classes.iter().all(Option::is_none);
    (!none && classes != labels).then(|| format!("{classes:?} where pandas has {labels:?}"))
}

#[test]
fn reads_what_others_read() {
    let usual = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/peers");
    let folder = std::env::var("MENAGERIE_PEERS").map_or(usual, PathBuf::from);
    let text = std::fs::read_to_string(folder.join("expected.json")).unwrap();
    let expected: Vec<Value> = serde_json::from_str(&text).unwrap();
    assert!(expected.len() > 100);
    let wrong: Vec<String> = expected
        .iter()
        .filter_map(|e| {
            let name = e["file"].as_str().unwrap();
            let path = folder.join(name);
            let problem = match (e.get("bytes"), e.get("samples")) {
                (Some(_), _) => image(&path, e),
                (_, Some(_)) => sound(&path, e),
                _ => table(&path, e),
            };
            problem.map(|p| format!("{name}: {p}"))
        })
        .collect();
    assert!(
        wrong.is_empty(),
        "{} of {}:\n{}",
        wrong.len(),
        expected.len(),
        wrong.join("\n")
    );
}
