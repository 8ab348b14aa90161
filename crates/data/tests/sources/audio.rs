//! Sounds on disk: good files read back exactly, bad ones named in one line.
use crate::support::{fails, floats, opened};
use menagerie_data::{Kind, Source, wav};
use std::fs;
use std::path::Path;

fn source(path: &Path, length: usize) -> Source {
    Source {
        length,
        ..Source::parse(path.to_str().unwrap())
    }
}

/// A folder of WAV files, each of some channels and a rate.
fn folder(files: &[(&str, &[f32], usize, u32)]) -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    for (name, values, channels, rate) in files {
        let path = dir.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, wav(values, *rate, *channels).unwrap()).unwrap();
    }
    dir
}

fn ramp(n: usize) -> Vec<f32> {
    (1..=n).map(|i| i as f32 / 32768.0).collect()
}

fn sine(hz: f64, rate: u32, n: usize) -> Vec<f32> {
    (0..n)
        .map(|i| (0.5 * (std::f64::consts::TAU * hz * i as f64 / rate as f64).sin()) as f32)
        .collect()
}

#[test]
fn windows_cover_every_sample_and_sub_folders_are_labels() {
    let dir = folder(&[
        ("a/long.wav", &ramp(250), 1, 8000),
        ("b/whole.wav", &ramp(200), 1, 8000),
        ("b/short.wav", &ramp(99), 1, 8000),
    ]);
    let (set, warnings) = opened(&source(dir.path(), 100));
    let info = set.info();
    assert_eq!(
        (info.kind, &info.shape[..], info.count, info.rate),
        (Kind::Audio, &[100, 1][..], 5, 8000)
    );
    assert_eq!(info.labels, ["a", "b"]);
    for (i, (from, label)) in [(0, 0), (75, 0), (150, 0), (0, 1), (100, 1)]
        .into_iter()
        .enumerate()
    {
        assert_eq!(
            floats(set.get(i).unwrap()),
            ramp(250)[from..from + 100],
            "window {i}"
        );
        assert_eq!(set.get(i).unwrap().label, Some(label));
    }
    assert!(
        warnings.contains("1 of 3 sounds are shorter than a window of 100 samples")
            && warnings.contains("short.wav"),
        "{warnings}"
    );
    // One file alone; a limit; a second's windows where no length is given.
    let (one, _) = opened(&source(&dir.path().join("b/whole.wav"), 50));
    assert_eq!(
        (one.info().count, floats(one.get(1).unwrap())),
        (4, ramp(250)[50..100].to_vec())
    );
    assert_eq!(
        opened(&Source {
            limit: 2,
            ..source(dir.path(), 100)
        })
        .0
        .info()
        .count,
        2
    );
    fails(
        &source(dir.path(), 0),
        &["no sound is as long as a window of 8000 samples", "--length"],
    );
    fails(
        &Source {
            split: "test".into(),
            ..source(dir.path(), 100)
        },
        &["has no test split"],
    );
}

#[test]
fn flac_is_read_and_channels_are_mixed_down() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/ramp.flac");
    let (set, warnings) = opened(&source(&path, 3000));
    assert_eq!((set.info().rate, set.info().count), (11025, 1));
    assert!(
        warnings.contains("mixed down to one channel") && warnings.contains("of 2 channels"),
        "{warnings}"
    );
    for (n, v) in floats(set.get(0).unwrap()).iter().enumerate() {
        // The mean of 8 n - 12000 and 2000 - 4 n.
        assert_eq!(*v, (2 * n as i32 - 5000) as f32 / 32768.0);
    }
}

#[test]
fn another_rate_is_resampled_and_said() {
    let dir = folder(&[
        ("a.wav", &sine(440.0, 8000, 4000), 1, 8000),
        ("b.wav", &sine(440.0, 22_050, 11_025), 1, 22_050),
    ]);
    let (set, warnings) = opened(&source(dir.path(), 4000));
    assert!(
        warnings.contains("1 of 2 sounds are resampled to 8000 Hz, first b.wav of 22050 Hz"),
        "{warnings}"
    );
    let (a, b) = (floats(set.get(0).unwrap()), floats(set.get(1).unwrap()));
    let worst = (200..3800).map(|i| (a[i] - b[i]).abs()).fold(0f32, f32::max);
    assert!(worst < 2e-3, "the same tone at both rates: {worst}");
    let (set, _) = opened(&Source {
        rate: 16_000,
        ..source(dir.path(), 4000)
    });
    assert_eq!((set.info().rate, set.info().count), (16_000, 4));
}

#[test]
fn damaged_and_silent_files_are_named_and_borne_up_to_a_share() {
    let good = ramp(100);
    let dir = folder(&[
        ("a.wav", &good, 1, 8000),
        ("b.wav", &[0.0; 100], 1, 8000),
        ("c.wav", &good, 1, 8000),
    ]);
    let bytes = wav(&good, 8000, 1).unwrap();
    fs::write(dir.path().join("c.wav"), &bytes[..bytes.len() - 31]).unwrap();
    fs::write(
        dir.path().join("d.wav"),
        b"RIFF\xff\xff\xff\xffWAVEgarbage that is no chunk",
    )
    .unwrap();
    fs::write(dir.path().join("e.flac"), b"fLaC and then nothing").unwrap();
    let flac = fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/ramp.flac")).unwrap();
    fs::write(dir.path().join("f.flac"), &flac[..flac.len() / 2]).unwrap();
    fails(
        &source(dir.path(), 50),
        &["5 of 6 sounds are damaged", "--max-bad"],
    );
    let (set, warnings) = opened(&Source {
        max_bad: 0.9,
        ..source(dir.path(), 50)
    });
    assert_eq!(set.info().count, 2);
    for said in [
        "b.wav: is silent",
        "c.wav: is cut off after 84 of 100 samples",
        "d.wav: is not a WAV",
        "e.flac: is not a FLAC",
        "f.flac: ",
    ] {
        assert!(warnings.contains(said), "`{said}` is not in {warnings}");
    }
    // Whatever bytes are changed, there is an error or a sound.
    for at in 0..bytes.len().min(60) {
        for value in [0, 1, 0x7f, 0xff] {
            let mut bad = bytes.clone();
            bad[at] = value;
            fs::write(dir.path().join("c.wav"), bad).unwrap();
            let _ = source(&dir.path().join("c.wav"), 10).open();
        }
    }
    for at in 0..flac.len().min(120) {
        let mut bad = flac.clone();
        bad[at] ^= 0xff;
        fs::write(dir.path().join("f.flac"), bad).unwrap();
        let _ = source(&dir.path().join("f.flac"), 10).open();
    }
}

#[test]
fn what_is_no_sound_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("notes.txt"), "la la").unwrap();
    fails(
        &Source {
            format: "audio".into(),
            ..source(dir.path(), 0)
        },
        &["has no sounds among its 1 files", "wav, flac"],
    );
    fails(
        &Source {
            length: 100,
            ..Source::parse("digits")
        },
        &["data.length", "holds images, not sounds"],
    );
    fails(
        &Source {
            rate: 8000,
            ..Source::parse("ring8")
        },
        &["data.rate", "holds points, not sounds"],
    );
    fails(
        &Source {
            size: vec![8],
            ..Source::parse("tones")
        },
        &["data.size", "holds sounds, not images"],
    );
    fails(
        &Source {
            rate: 7,
            ..Source::parse("tones")
        },
        &["data.rate", "1000 to 384000"],
    );
    fails(
        &Source {
            length: 1 << 30,
            ..Source::parse("tones")
        },
        &["data.length", "too long"],
    );
    assert!(wav(&[0.0; 3], 8000, 2).is_err() && wav(&[0.0], 0, 1).is_err());
}
