//! The image sets that lie in the program itself. Their notices and the script that made them are beside the files.
use super::idx;
use super::memory::Stored;
use crate::error::Result;

/// The gzipped IDX files of one part of a set: images and labels.
type Part = (&'static [u8], &'static [u8]);

macro_rules! part {
    ($name:literal) => {
        (
            include_bytes!(concat!("../data/", $name, "-images-idx3-ubyte.gz")),
            include_bytes!(concat!("../data/", $name, "-labels-idx1-ubyte.gz")),
        )
    };
}

const DIGITS: [Part; 2] = [part!("digits-train"), part!("digits-t10k")];
const FASHION: [Part; 2] = [part!("fashion-train"), part!("fashion-t10k")];
/// The classes of Fashion-MNIST (Xiao et al. 2017, table 2).
pub(super) const CLOTHES: [&str; 10] = [
    "t-shirt",
    "trouser",
    "pullover",
    "dress",
    "coat",
    "sandal",
    "shirt",
    "sneaker",
    "bag",
    "ankle boot",
];

/// `digits` or `fashion`, its training part, its test part, or both one after the other.
pub(super) fn open(name: &str, split: &str) -> Result<Stored> {
    let parts = if name == "digits" { DIGITS } else { FASHION };
    let chosen = match split {
        "train" => &parts[..1],
        "test" => &parts[1..],
        _ => &parts[..],
    };
    let place = name.as_ref();
    let mut set = Vec::new();
    for (images, labels) in chosen {
        set.push((idx::images(place, images)?, Some(idx::labels(place, labels)?)));
    }
    let mut elsewhere = Vec::new();
    for (_, labels) in parts {
        elsewhere.extend(idx::labels(place, labels)?);
    }
    idx::join(place, set, &elsewhere, |n| match CLOTHES.get(n as usize) {
        Some(clothes) if name == "fashion" => clothes.to_string(),
        _ => n.to_string(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Dataset, Values};

    #[test]
    fn parts_have_their_sizes_and_balanced_classes() {
        for (name, split, count, classes) in [
            ("digits", "train", 1437, 10),
            ("digits", "test", 360, 10),
            ("fashion", "train", 6000, 10),
            ("fashion", "test", 1000, 10),
            ("fashion", "all", 7000, 10),
        ] {
            let set = open(name, split).unwrap();
            assert_eq!((set.info.count, set.info.labels.len()), (count, classes));
            let mut seen = [0; 10];
            for i in 0..count {
                seen[set.get(i).unwrap().label.unwrap() as usize] += 1;
            }
            if name == "fashion" {
                assert_eq!(seen, [count / 10; 10]);
            }
            assert!(
                seen.iter().all(|&n| n > count / 12 && n < count / 8),
                "{name} {split} {seen:?}"
            );
        }
    }

    #[test]
    fn the_first_digit_is_the_published_zero() {
        // First row of the UCI file, 0 to 16: 0 0 5 13 9 1 0 0 / 0 0 13 15 10 15 5 0 / ...
        let item = open("digits", "train").unwrap().get(0).unwrap();
        let Values::Bytes(v) = item.values else {
            panic!("bytes")
        };
        let scaled: Vec<u8> = [0u32, 0, 5, 13, 9, 1, 0, 0, 0, 0, 13, 15, 10, 15, 5, 0]
            .iter()
            .map(|v| ((v * 255 + 8) / 16) as u8)
            .collect();
        assert_eq!(v[..16], scaled[..]);
        assert_eq!(item.label, Some(0));
    }
}
