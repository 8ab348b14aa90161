//! Videos and pairs of images: drawn, made of still images, and from disk; whole and damaged.
use crate::support::{bytes, fails, open};
use image::codecs::gif::GifEncoder;
use image::{Delay, Frame, RgbaImage};
use menagerie_data::picture::{Picture, film_strips, halves, save_animation};
use menagerie_data::{Batch, Kind, Source};
use std::fs;
use std::path::Path;
use tempfile::tempdir;

fn source(path: &Path, format: &str) -> Source {
    Source {
        format: format.into(),
        ..Source::parse(path.to_str().unwrap())
    }
}

/// An image of one colour, a little different in every pixel.
fn pixels(h: u32, w: u32, seed: u8) -> Vec<u8> {
    (0..h * w * 3)
        .map(|i| seed.wrapping_mul(17).wrapping_add((i * 5) as u8))
        .collect()
}

fn png(path: &Path, h: u32, w: u32, seed: u8) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    image::save_buffer(path, &pixels(h, w, seed), w, h, image::ColorType::Rgb8).unwrap();
}

/// An animation whose frames have few colours, so that a palette holds them exactly.
fn gif(colours: &[[u8; 3]]) -> Vec<u8> {
    let mut out = Vec::new();
    let mut encoder = GifEncoder::new(&mut out);
    for c in colours {
        let buffer = RgbaImage::from_pixel(6, 4, image::Rgba([c[0], c[1], c[2], 255]));
        encoder
            .encode_frame(Frame::from_parts(
                buffer,
                0,
                0,
                Delay::from_numer_denom_ms(100, 1),
            ))
            .unwrap();
    }
    drop(encoder);
    out
}

#[test]
fn folders_of_frames_in_the_order_of_their_numbers() {
    let dir = tempdir().unwrap();
    for (class, video) in [("run", "a"), ("run", "b"), ("walk", "c")] {
        for t in 0..11 {
            png(
                &dir.path().join(format!("{class}/{video}/frame{t}.png")),
                4,
                6,
                t as u8 + video.as_bytes()[0],
            );
        }
    }
    let set = open(&source(dir.path(), "video"));
    let info = set.info();
    assert_eq!(
        (info.kind, &info.shape[..], info.count),
        (Kind::Video, &[11, 4, 6, 3][..], 3)
    );
    assert_eq!(
        (&info.labels[..], set.get(2).unwrap().label),
        (&["run".to_string(), "walk".to_string()][..], Some(1))
    );
    // Frame 10 comes last, not after frame 1.
    let want: Vec<u8> = (0..11).flat_map(|t| pixels(4, 6, t + b'b')).collect();
    assert_eq!(bytes(set.get(1).unwrap()), want);
    // Asked for frames, a folder is a folder of videos; their first frames are taken.
    let few = open(&Source {
        frames: 3,
        ..source(dir.path(), "auto")
    });
    assert_eq!(
        (few.info().kind, bytes(few.get(1).unwrap())),
        (Kind::Video, want[..3 * 72].to_vec())
    );
    let small = open(&Source {
        frames: 3,
        size: vec![2, 3],
        channels: 1,
        ..source(dir.path(), "auto")
    });
    assert_eq!(small.info().shape, [3, 2, 3, 1]);
    assert_eq!(bytes(small.get(0).unwrap()).len(), 18);
    let batch = Batch::of(&*few, &[2, 0]).unwrap();
    assert_eq!(batch.shape, [2, 3, 4, 6, 3]);
    assert!(batch.values.iter().all(|v| (-1.0..=1.0).contains(v)));
}

#[test]
fn too_few_frames_and_mixed_sizes_are_said() {
    let dir = tempdir().unwrap();
    for (video, n) in [("long", 5), ("short", 3)] {
        (0..n).for_each(|t| png(&dir.path().join(format!("{video}/{t}.png")), 4, 6, t));
    }
    let s = source(dir.path(), "video");
    let opened = s.open().unwrap_or_else(|e| panic!("{e}"));
    assert_eq!(opened.dataset.info().shape[0], 3, "the shortest decides");
    assert!(
        opened.warnings[0].contains("3 to 5 frames"),
        "{:?}",
        opened.warnings
    );
    fails(
        &Source {
            frames: 4,
            ..s.clone()
        },
        &["short", "has 3 frames where 4 were asked for"],
    );
    fails(
        &Source {
            frames: 9,
            ..s.clone()
        },
        &["all 2 videos", "has 5 frames where 9 were asked for"],
    );
    assert_eq!(
        open(&Source {
            frames: 4,
            max_bad: 0.5,
            ..s.clone()
        })
        .info()
        .count,
        1
    );
    fails(
        &Source {
            frames: 1_000_000_000,
            ..s.clone()
        },
        &["data.frames", "more than a video may have"],
    );
    fails(
        &Source {
            frames: 4,
            ..Source::parse("digits")
        },
        &["data.frames", "holds images, not videos"],
    );
    fails(
        &Source {
            frames: 4096,
            size: vec![4096],
            ..Source::parse("portraits:video")
        },
        &["data.frames", "numbers"],
    );
    png(&dir.path().join("short/1.png"), 5, 6, 1);
    fails(&s, &["short", "frames differ in size", "4x6", "5x6", "--size"]);
    assert_eq!(open(&Source { size: vec![4], ..s }).info().shape, [3, 4, 4, 3]);
}

#[test]
fn animations_are_read_and_their_damage_found() {
    let dir = tempdir().unwrap();
    let colours = [[255, 0, 0], [0, 255, 0], [0, 0, 255], [9, 9, 9]];
    let whole = gif(&colours);
    fs::write(dir.path().join("a.gif"), &whole).unwrap();
    let s = source(dir.path(), "video");
    let set = open(&s);
    assert_eq!(
        (set.info().kind, &set.info().shape[..]),
        (Kind::Video, &[4, 4, 6, 3][..])
    );
    assert_eq!(
        bytes(set.get(0).unwrap()),
        colours.iter().flat_map(|c| c.repeat(24)).collect::<Vec<u8>>()
    );
    // Cut short anywhere behind its header, it is damaged, and the message says after how many frames.
    for cut in [whole.len() - 1, whole.len() - 9, whole.len() / 2, 30] {
        fs::write(dir.path().join("a.gif"), &whole[..cut]).unwrap();
        fails(&s, &["a.gif"]);
    }
    fs::write(dir.path().join("a.gif"), &whole[..whole.len() - 4]).unwrap();
    fails(&s, &["a.gif", "ends early or is damaged after 3 frames"]);
}

#[test]
fn what_is_written_as_an_animation_is_read_back() {
    let dir = tempdir().unwrap();
    let grey = [-1.0, -0.2, 0.6, 1.0];
    let values: Vec<f32> = grey.iter().flat_map(|&g| vec![g; 512 * 2]).collect();
    save_animation(&values, [1, 4, 2, 512, 1], 1, &dir.path().join("a.gif")).unwrap();
    let set = open(&source(dir.path(), "video"));
    // A grid of one, with a white line around it.
    assert_eq!(set.info().shape, [4, 4, 514, 3]);
    let read = bytes(set.get(0).unwrap());
    for (t, g) in grey.iter().enumerate() {
        let middle = read[t * 4 * 514 * 3 + (514 + 256) * 3] as f32;
        assert!(
            (middle - (g + 1.0) * 127.5).abs() < 3.0,
            "frame {t}: {middle} for {g}"
        );
    }
}

#[test]
fn pairs_in_one_image_and_in_two_folders() {
    let dir = tempdir().unwrap();
    for i in 0..3 {
        let (left, right) = (pixels(4, 5, i), pixels(4, 5, 100 + i));
        let both: Vec<u8> = left
            .chunks(15)
            .zip(right.chunks(15))
            .flat_map(|(a, b)| [a, b].concat())
            .collect();
        fs::create_dir_all(dir.path().join("one")).unwrap();
        image::save_buffer(
            dir.path().join(format!("one/{i}.png")),
            &both,
            10,
            4,
            image::ColorType::Rgb8,
        )
        .unwrap();
        png(&dir.path().join(format!("two/edges/{i}.png")), 4, 5, i);
        png(&dir.path().join(format!("two/photos/{i}.png")), 4, 5, 100 + i);
        png(&dir.path().join(format!("pix/trainA/{i}.png")), 4, 5, i);
        png(&dir.path().join(format!("pix/trainB/{i}.png")), 4, 5, 100 + i);
        png(&dir.path().join(format!("pix/testA/{i}.png")), 4, 5, 50 + i);
        png(&dir.path().join(format!("pix/testB/{i}.png")), 4, 5, 150 + i);
    }
    let want: Vec<u8> = pixels(4, 5, 1)
        .chunks(3)
        .zip(pixels(4, 5, 101).chunks(3))
        .flat_map(|(a, b)| [a, b].concat())
        .collect();
    for folder in ["one", "two", "pix"] {
        let set = open(&source(&dir.path().join(folder), "pairs"));
        let info = set.info();
        assert_eq!(
            (info.kind, &info.shape[..], info.count),
            (Kind::Pair, &[4, 5, 6][..], 3),
            "{folder}"
        );
        assert_eq!(bytes(set.get(1).unwrap()), want, "{folder}");
    }
    let test = open(&Source {
        split: "test".into(),
        ..source(&dir.path().join("pix"), "pairs")
    });
    assert_eq!(
        (test.info().count, &bytes(test.get(0).unwrap())[..3]),
        (3, &pixels(4, 5, 50)[..3])
    );
    let grey = open(&Source {
        channels: 1,
        size: vec![2],
        ..source(&dir.path().join("two"), "pairs")
    });
    assert_eq!(grey.info().shape, [2, 2, 2]);
    let both = halves(&[1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0], 4);
    assert_eq!(both, [1.0, 2.0, 5.0, 6.0, 3.0, 4.0, 7.0, 8.0]);
}

#[test]
fn pairs_that_do_not_fit_are_refused() {
    let dir = tempdir().unwrap();
    png(&dir.path().join("odd/0.png"), 4, 7, 1);
    fails(
        &source(&dir.path().join("odd"), "pairs"),
        &["0.png", "4x7", "odd width"],
    );
    for side in ["a", "b"] {
        png(&dir.path().join(format!("two/{side}/0.png")), 4, 5, 1);
    }
    png(&dir.path().join("two/b/0.png"), 4, 6, 1);
    fails(
        &source(&dir.path().join("two"), "pairs"),
        &["4x5", "4x6", "one size"],
    );
    png(&dir.path().join("two/b/0.png"), 4, 5, 1);
    png(&dir.path().join("two/b/1.png"), 4, 5, 1);
    fails(
        &source(&dir.path().join("two"), "pairs"),
        &["1.png", "has no partner in `a`"],
    );
    fs::remove_file(dir.path().join("two/b/0.png")).unwrap();
    fails(
        &source(&dir.path().join("two"), "pairs"),
        &["0.png", "has no partner in `b`"],
    );
    // Three sides are no pairs, and no pictures of two halves.
    for side in ["a", "b", "c"] {
        png(&dir.path().join(format!("three/{side}/0.png")), 4, 4, 1);
    }
    fails(
        &source(&dir.path().join("three"), "pairs"),
        &["same names in 3 folders: a, b, c", "keep two"],
    );
}

#[test]
fn images_of_any_source_move() {
    let dir = tempdir().unwrap();
    let mut idx = vec![0, 0, 8, 3, 0, 0, 0, 2, 0, 0, 0, 7, 0, 0, 0, 7];
    idx.extend([255u8; 98]);
    let path = dir.path().join("train-images-idx3-ubyte");
    fs::write(&path, idx).unwrap();
    let moving = |s: &str| Source {
        frames: 6,
        limit: 4,
        ..Source::parse(s)
    };
    let set = open(&moving(&format!("moving:{}", path.display())));
    assert_eq!(
        (set.info().kind, &set.info().shape[..], set.info().count),
        (Kind::Video, &[6, 16, 16, 1][..], 4)
    );
    // Two white squares of 7x7 on black, whole in every frame.
    for frame in bytes(set.get(3).unwrap()).chunks(256) {
        assert!((49..=98).contains(&frame.iter().filter(|&&v| v == 255).count()));
    }
    assert_eq!(
        bytes(open(&moving("moving:digits")).get(2).unwrap()),
        bytes(open(&moving("moving:digits")).get(2).unwrap())
    );
    assert_ne!(
        bytes(open(&moving("moving:digits")).get(2).unwrap()),
        bytes(
            open(&Source {
                seed: 1,
                ..moving("moving:digits")
            })
            .get(2)
            .unwrap()
        )
    );
    let large = open(&Source {
        size: vec![32, 24],
        channels: 3,
        ..moving("moving:digits")
    });
    assert_eq!(large.info().shape, [6, 32, 24, 3]);
    fails(
        &Source {
            size: vec![4],
            ..moving("moving:digits")
        },
        &["data.size", "8x8", "4x4"],
    );
    fails(&moving("moving:ring8"), &["moving:ring8", "no 8-bit images"]);
    fails(&moving("moving:digitz"), &["did you mean `digits`?"]);
}

#[test]
fn portraits_move_at_any_size() {
    let s = Source {
        frames: 5,
        size: vec![12, 16],
        limit: 6,
        ..Source::parse("portraits:video")
    };
    let set = open(&s);
    assert_eq!(
        (&set.info().shape[..], set.info().count),
        (&[5, 12, 16, 3][..], 6)
    );
    assert_eq!(bytes(set.get(4).unwrap()), bytes(open(&s).get(4).unwrap()));
    let grey = open(&Source { channels: 1, ..s });
    assert_eq!(
        (&grey.info().shape[..], bytes(grey.get(4).unwrap()).len()),
        (&[5, 12, 16, 1][..], 960)
    );
    let strips = film_strips(&vec![0.5; 2 * 5 * 12 * 16], [2, 5, 12, 16, 1]);
    // Enlarged to at least 512: two rows of five frames, with lines between.
    let times = 512usize.div_ceil(5 * 17 + 1);
    assert_eq!(
        (strips.width, strips.height),
        ((5 * 17 + 1) * times, (2 * 13 + 1) * times)
    );
    let dir = tempdir().unwrap();
    strips.save(&dir.path().join("s.png")).unwrap();
    assert_eq!(
        Picture::read(dir.path().join("s.png")).unwrap().bytes,
        strips.bytes
    );
}
