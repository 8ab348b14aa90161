//! Opening a source, and files as other programs write them.
use flate2::Compression;
use flate2::write::{DeflateEncoder, GzEncoder};
use menagerie_data::{Dataset, Item, Opened, Source, Values};
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tempfile::{TempDir, tempdir};

pub(crate) fn source(path: &Path) -> Source {
    Source::parse(path.to_str().unwrap())
}

pub(crate) fn of(path: &Path, split: &str) -> Source {
    Source {
        split: split.into(),
        ..Source::parse(path.to_str().unwrap())
    }
}

pub(crate) fn open(s: &Source) -> Arc<dyn Dataset> {
    s.open().map_err(|e| e.to_string()).unwrap().dataset
}

/// The set, and what was said of it.
pub(crate) fn opened(s: &Source) -> (Arc<dyn Dataset>, String) {
    let Opened { dataset, warnings } = s.open().map_err(|e| e.to_string()).unwrap();
    (dataset, warnings.join("\n"))
}

/// The one clear line that opening fails with; it must hold all of `parts`.
pub(crate) fn fails(s: &Source, parts: &[&str]) -> String {
    let e = s.open().err().expect("must fail").to_string();
    assert!(!e.contains('\n'), "more than a line: {e}");
    for part in parts {
        assert!(e.contains(part), "`{part}` is not in: {e}");
    }
    e
}

pub(crate) fn bytes(item: Item) -> Vec<u8> {
    match item.values {
        Values::Bytes(v) => v,
        Values::Floats(_) => panic!("floats"),
    }
}

pub(crate) fn floats(item: Item) -> Vec<f32> {
    match item.values {
        Values::Floats(v) => v,
        Values::Bytes(_) => panic!("bytes"),
    }
}

/// The names of all items' classes.
pub(crate) fn classes(set: &dyn Dataset) -> Vec<Option<String>> {
    let name = |i| {
        set.get(i)
            .unwrap()
            .label
            .map(|l| set.info().labels[l as usize].clone())
    };
    (0..set.info().count).map(name).collect()
}

pub(crate) fn write(dir: &Path, name: &str, content: impl AsRef<[u8]>) -> PathBuf {
    let path = dir.join(name);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(&path, content).unwrap();
    path
}

pub(crate) fn gzip(content: &[u8]) -> Vec<u8> {
    let mut out = GzEncoder::new(Vec::new(), Compression::fast());
    out.write_all(content).unwrap();
    out.finish().unwrap()
}

/// An IDX file of bytes.
pub(crate) fn idx(shape: &[u32], values: &[u8]) -> Vec<u8> {
    let mut file = vec![0, 0, 8, shape.len() as u8];
    shape.iter().for_each(|a| file.extend(a.to_be_bytes()));
    file.extend(values);
    file
}

/// An `.npy` file of any description.
pub(crate) fn npy(descr: &str, shape: &str, values: &[u8]) -> Vec<u8> {
    let head = format!("{{'descr': {descr}, 'fortran_order': False, 'shape': {shape}, }}\n");
    [
        b"\x93NUMPY\x01\x00",
        &(head.len() as u16).to_le_bytes()[..],
        head.as_bytes(),
        values,
    ]
    .concat()
}

/// A ZIP archive, stored or deflated.
pub(crate) fn zip(entries: &[(&str, Vec<u8>)], deflate: bool) -> Vec<u8> {
    let (mut file, mut directory) = (Vec::new(), Vec::new());
    for (name, content) in entries {
        let mut packed = DeflateEncoder::new(Vec::new(), Compression::fast());
        packed.write_all(content).unwrap();
        let packed = if deflate {
            packed.finish().unwrap()
        } else {
            content.clone()
        };
        let mut crc = flate2::Crc::new();
        crc.update(content);
        let mut common = vec![20, 0, 0, 0, if deflate { 8 } else { 0 }, 0, 0, 0, 0, 0];
        [crc.sum(), packed.len() as u32, content.len() as u32]
            .iter()
            .for_each(|v| common.extend(v.to_le_bytes()));
        common.extend((name.len() as u16).to_le_bytes());
        directory.extend(
            [
                b"PK\x01\x02\x14\x00",
                &common[..],
                &[0; 12],
                &(file.len() as u32).to_le_bytes(),
                name.as_bytes(),
            ]
            .concat(),
        );
        // The entry's own header has an extra field that the directory has not, as NumPy's have.
        file.extend(
            [
                b"PK\x03\x04",
                &common[..],
                &[4, 0],
                name.as_bytes(),
                &[9, 9, 0, 0],
                &packed,
            ]
            .concat(),
        );
    }
    let (n, start) = (entries.len() as u16, file.len() as u32);
    let end = [
        b"PK\x05\x06",
        &[0; 4][..],
        &n.to_le_bytes(),
        &n.to_le_bytes(),
        &(directory.len() as u32).to_le_bytes(),
        &start.to_le_bytes(),
        &[0; 2],
    ];
    [file, directory, end.concat()].concat()
}

/// An archive as NumPy writes it, deflated.
pub(crate) fn npz(entries: &[(&str, Vec<u8>)]) -> Vec<u8> {
    let names: Vec<String> = entries.iter().map(|(name, _)| format!("{name}.npy")).collect();
    let entries: Vec<_> = names
        .iter()
        .map(String::as_str)
        .zip(entries.iter().map(|(_, content)| content.clone()))
        .collect();
    zip(&entries, true)
}

/// A folder of small images a.png, b.png, ...
pub(crate) fn images(names: &[&str]) -> TempDir {
    let dir = tempdir().unwrap();
    for (i, name) in names.iter().enumerate() {
        let path = dir.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        image::save_buffer(&path, &[i as u8; 4], 2, 2, image::ColorType::L8).unwrap();
    }
    dir
}
