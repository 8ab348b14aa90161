//! The same results, bit for bit, on any number of threads. The number is fixed once for a process,
//! so every count runs in a process of its own: this test starts itself again.
mod conv_support;

use conv_support::{Case, PASSES};
use menagerie_kernels::conv::{Epilogue, Path, Shape, winograd};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::process::Command;

const PRINTS_DIGESTS: &str = "MENAGERIE_TEST_PRINTS_DIGESTS";

fn shapes() -> Vec<Shape> {
    let new = |batch, input, channels, kernel: usize, stride: usize, padding: usize| {
        Shape::new(batch, input, channels, [kernel; 2], [stride; 2], [padding; 2]).expect("a valid shape")
    };
    vec![
        new(8, [32, 32], [3, 64], 4, 2, 1),
        new(5, [16, 16], [64, 128], 4, 2, 1),
        new(24, [32, 32], [32, 48], 4, 2, 1),
        new(2, [8, 8], [272, 256], 4, 2, 1),
        new(40, [4, 4], [128, 1], 4, 1, 0),
        new(6, [17, 13], [40, 72], 3, 1, 1),
        new(3, [15, 15], [20, 50], 5, 2, 2),
        new(4, [9, 9], [48, 48], 1, 1, 0),
        Shape {
            groups: 4,
            ..new(4, [9, 9], [48, 48], 3, 1, 1)
        },
        Shape {
            groups: 48,
            ..new(4, [9, 9], [48, 48], 3, 1, 1)
        },
        Shape::new(2, [1, 700], [9, 33], [1, 25], [1, 4], [0, 11]).expect("a valid shape"),
    ]
}

/// One line for each shape, path and pass.
fn digests() -> String {
    let mut lines = String::new();
    for (i, s) in shapes().into_iter().enumerate() {
        let case = Case::new(s, i as u64);
        let paths = [Path::Direct, Path::Winograd(2), Path::Winograd(4)];
        for path in &paths[..if winograd::possible(&s) { 3 } else { 1 }] {
            for pass in PASSES {
                let mut hash = DefaultHasher::new();
                case.run(pass, *path, Epilogue::default())
                    .iter()
                    .for_each(|v| v.to_bits().hash(&mut hash));
                lines += &format!("digest {i} {path:?} {pass:?} {:016x}\n", hash.finish());
            }
        }
    }
    lines
}

#[test]
fn threads_do_not_change_results() {
    if std::env::var_os(PRINTS_DIGESTS).is_some() {
        println!("{}threads {}", digests(), menagerie_kernels::threads());
        return;
    }
    let outputs = [1, 2, 4].map(|threads: usize| {
        let this = std::env::current_exe().expect("the test knows its own path");
        let out = Command::new(this)
            .args(["--exact", "threads_do_not_change_results", "--nocapture"])
            .env(PRINTS_DIGESTS, "1")
            .env("MENAGERIE_THREADS", threads.to_string())
            .output()
            .expect("the test runs again");
        let out = String::from_utf8(out.stdout).expect("text");
        assert!(out.contains(&format!("threads {threads}")), "{out}");
        out.lines()
            .filter_map(|l| l.find("digest ").map(|at| l[at..].to_string()))
            .collect::<Vec<_>>()
    });
    assert!(outputs[0].len() > 3 * shapes().len());
    assert_eq!(outputs[0], outputs[1]);
    assert_eq!(outputs[0], outputs[2]);
}
