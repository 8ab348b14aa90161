//! The fields of a source, and what they ask of stored images.
use crate::support::{bytes, fails, open};
use menagerie_data::Source;

#[test]
fn fields_of_a_source_are_checked() {
    let digits = Source::parse("digits");
    fails(
        &Source {
            split: "tset".into(),
            ..digits.clone()
        },
        &["data.split", "did you mean `test`?"],
    );
    fails(
        &Source {
            filter: "lanzcos".into(),
            ..digits.clone()
        },
        &["data.filter", "did you mean `lanczos`?"],
    );
    fails(
        &Source {
            format: "cvs".into(),
            ..digits.clone()
        },
        &["data.format", "did you mean `csv`?"],
    );
    fails(
        &Source {
            channels: 2,
            ..digits.clone()
        },
        &["data.channels"],
    );
    fails(
        &Source {
            size: vec![1, 2, 3],
            ..digits.clone()
        },
        &["data.size"],
    );
    fails(
        &Source {
            size: vec![0],
            ..digits.clone()
        },
        &["data.size"],
    );
    fails(
        &Source {
            max_bad: 2.0,
            ..digits.clone()
        },
        &["data.max_bad"],
    );
    fails(
        &Source {
            alpha: "pink".into(),
            ..digits
        },
        &["data.alpha"],
    );
    assert_eq!(Source::parse_size("48x64").unwrap(), [48, 64]);
    assert_eq!(Source::parse_size("32").unwrap(), [32]);
    for bad in ["", "x", "0", "3x", "1x2x3", "-4"] {
        assert!(Source::parse_size(bad).is_err(), "{bad}");
    }
}

#[test]
fn stored_images_are_resized_and_converted() {
    let set = open(&Source {
        size: vec![4, 2],
        channels: 3,
        limit: 5,
        ..Source::parse("digits")
    });
    assert_eq!((&set.info().shape[..], set.info().count), (&[4, 2, 3][..], 5));
    let whole = open(&Source::parse("digits"));
    let (small, big) = (bytes(set.get(2).unwrap()), bytes(whole.get(2).unwrap()));
    // Cut to columns 2 to 5 (an aspect of 4 to 2), then boxes of 2x2.
    for (i, pixel) in small.chunks(3).enumerate() {
        let (y, x) = (2 * (i / 2), 2 + 2 * (i % 2));
        let sum: u32 = [y * 8 + x, y * 8 + x + 1, y * 8 + x + 8, y * 8 + x + 9]
            .iter()
            .map(|&k| big[k] as u32)
            .sum();
        assert_eq!(pixel, [((sum as f32 / 4.0) + 0.5) as u8; 3]);
    }
    let stacked = open(&Source {
        limit: 0,
        size: vec![40, 40],
        ..Source::parse("portraits")
    });
    assert_eq!(stacked.info().shape, [40, 40, 3]);
    assert!(stacked.get(0).unwrap().caption.is_some());
}

#[test]
fn recipes_of_sets_that_are_elsewhere_say_where() {
    fails(
        &Source::parse("mnist"),
        &[
            "MNIST does not come with the program",
            "--data FOLDER",
            "https://",
        ],
    );
    fails(
        &Source::parse("fashion-mnist"),
        &["Fashion-MNIST", "--data FOLDER"],
    );
}
