//! Images are what Pillow shows, sounds what libsndfile and SciPy read, tables what pandas reads: files that
//! `fixtures/peers.py` made, in all the ways that it knows, beside what those programs read in them.
use menagerie_data::{Captions, Source, Values, read_image};
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

/// What is wrong with the items of a set of shards, if anything is.
fn shards(path: &Path, e: &Value) -> Option<String> {
    let set = match Source::parse(path.to_str().unwrap()).open() {
        Ok(opened) => opened.dataset,
        Err(e) => return Some(e.to_string()),
    };
    let (classes, wanted) = (e["classes"].as_array().unwrap(), e["items"].as_array().unwrap());
    if set.info().labels != classes.iter().map(|c| c.as_str().unwrap()).collect::<Vec<_>>() {
        return Some(format!("classes {:?}", set.info().labels));
    }
    if set.info().count != wanted.len() {
        return Some(format!("{} items of {}", set.info().count, wanted.len()));
    }
    // Every word that is said of an item is known on opening.
    let captions = Captions::of(wanted.iter().map(|w| w["caption"].as_str()));
    if set.info().captions != captions {
        return Some(format!("captions {:?}", set.info().captions));
    }
    // Out of order, as a training asks.
    (0..wanted.len()).map(|i| i * 5 % wanted.len()).find_map(|i| {
        let item = set.get(i).unwrap();
        let Values::Bytes(found) = &item.values else {
            return Some("floats".into());
        };
        let pixels = hex(wanted[i]["pixels"].as_str().unwrap());
        // JPEG decoders round otherwise.
        let off = found
            .iter()
            .zip(&pixels)
            .map(|(a, b)| a.abs_diff(*b))
            .max()
            .unwrap_or(255);
        let label = item.label.map(|l| &set.info().labels[l as usize][..]);
        let same = found.len() == pixels.len() && off <= 2;
        let told =
            label == wanted[i]["label"].as_str() && item.caption.as_deref() == wanted[i]["caption"].as_str();
        (!same || !told).then(|| format!("item {i}: off by {off}, {label:?}, {:?}", item.caption))
    })
}

#[test]
fn reads_shards_as_others_write_them() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/shards");
    let text = std::fs::read_to_string(folder.join("expected.json")).unwrap();
    let expected: Vec<Value> = serde_json::from_str(&text).unwrap();
    let read = |name: &str| name.ends_with(".tar") || cfg!(feature = "parquet");
    let named = expected.iter().map(|e| (e["file"].as_str().unwrap(), e));
    let wrong: Vec<String> = named
        .filter(|(name, _)| read(name))
        .filter_map(|(name, e)| Some(format!("{name}: {}", shards(&folder.join(name), e)?)))
        .collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
#[cfg(feature = "parquet")]
fn bad_parquet_files_are_one_line() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/shards");
    let dir = tempfile::tempdir().unwrap();
    let refused = |path: &Path, parts: &[&str]| {
        let e = Source::parse(path.to_str().unwrap())
            .open()
            .err()
            .unwrap()
            .to_string();
        assert!(!e.contains('\n'), "{e}");
        parts
            .iter()
            .for_each(|p| assert!(e.contains(p), "`{p}` is not in: {e}"));
    };
    refused(
        &folder.join("no-images.parquet"),
        &["no column of images among label, text"],
    );
    let whole = std::fs::read(folder.join("snappy.parquet")).unwrap();
    let bad = dir.path().join("bad.parquet");
    for content in [
        &whole[..whole.len() - 40],
        &b"PAR1"[..],
        b"",
        b"not a parquet file at all",
    ] {
        std::fs::write(&bad, content).unwrap();
        refused(&bad, &["bad.parquet", "is no whole parquet file"]);
    }
    // Bytes turned within pages: told, whatever they are; never a panic, nor an item that was not there.
    let mut refusals = 0;
    for at in (4..whole.len() - 8).step_by(37) {
        let mut turned = whole.clone();
        turned[at] ^= 0x55;
        std::fs::write(&bad, turned).unwrap();
        let mut source = Source::parse(bad.to_str().unwrap());
        source.max_bad = 1.0;
        match source.open() {
            Ok(opened) => assert!(opened.dataset.info().count <= 12),
            Err(e) => {
                refusals += 1;
                assert!(!e.to_string().contains('\n'), "{e}");
            }
        }
    }
    assert!(refusals > 0);
    // Lists of classes that differ, and labels that are numbers here and words there.
    let set = dir.path().join("set");
    std::fs::create_dir(&set).unwrap();
    std::fs::write(set.join("a.parquet"), &whole).unwrap();
    let text = String::from_utf8_lossy(&whole).matches("owl").count();
    assert!(text > 0);
    let mut other = whole.clone();
    for i in 0..other.len() - 3 {
        if &other[i..i + 3] == b"owl" {
            other[i..i + 3].copy_from_slice(b"ape");
        }
    }
    std::fs::write(set.join("b.parquet"), other).unwrap();
    refused(&set, &["a.parquet and b.parquet name their classes differently"]);
}

#[test]
#[cfg(not(feature = "parquet"))]
fn a_program_without_parquet_says_so() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/shards");
    let path = folder.join("snappy.parquet");
    let e = Source::parse(path.to_str().unwrap())
        .open()
        .err()
        .unwrap()
        .to_string();
    assert!(
        e.contains("built without parquet") && e.contains("--features parquet"),
        "{e}"
    );
}
