//! The profile of a family beside HMMER's (hmmer.org), where that is installed.
use menagerie::data::{Batch, Source};
use menagerie::metrics::sequences::Family;
use menagerie::random::Key;
use std::fmt::Write;
use std::path::Path;
use std::process::{Command, Stdio};

const FAMILY: usize = 400;
const ASKED: usize = 200;

fn runs(dir: &Path, program: &str, args: &[&str]) {
    let done = Command::new(program)
        .args(args)
        .current_dir(dir)
        .stdout(Stdio::null())
        .status();
    assert!(done.unwrap().success(), "{program} {args:?}");
}

/// Bits of each asked sequence by a profile that `hmmbuild` makes of the family; those that are not found at all have none.
fn bits(dir: &Path, family: &[String], asked: &[String]) -> Vec<Option<f64>> {
    let mut alignment = String::from("# STOCKHOLM 1.0\n");
    for (i, s) in family.iter().enumerate() {
        writeln!(alignment, "member{i} {s}").unwrap();
    }
    std::fs::write(dir.join("family.sto"), alignment + "//\n").unwrap();
    let fasta: String = asked
        .iter()
        .enumerate()
        .map(|(i, s)| format!(">{i}\n{}\n", s.replace('-', "")))
        .collect();
    std::fs::write(dir.join("asked.fasta"), fasta).unwrap();
    runs(dir, "hmmbuild", &["--amino", "family.hmm", "family.sto"]);
    let search = [
        "--max",
        "--nonull2",
        "-T",
        "-200",
        "--tblout",
        "found.txt",
        "family.hmm",
        "asked.fasta",
    ];
    runs(dir, "hmmsearch", &search);
    let mut found = vec![None; asked.len()];
    let table = std::fs::read_to_string(dir.join("found.txt")).unwrap();
    for line in table.lines().filter(|l| !l.starts_with('#')) {
        // The first column is the sequence, the sixth its bits.
        let mut words = line.split_whitespace();
        let which: usize = words.next().unwrap().parse().unwrap();
        found[which] = words.nth(4).map(|w| w.parse().unwrap());
    }
    found
}

fn ranks(values: &[f64]) -> Vec<f64> {
    let of = |v: &f64| values.iter().filter(|w| *w < v).count() as f64;
    values.iter().map(of).collect()
}

fn correlation(a: &[f64], b: &[f64]) -> f64 {
    let mean = |v: &[f64]| v.iter().sum::<f64>() / v.len() as f64;
    let (p, q) = (mean(a), mean(b));
    let sum = |f: &dyn Fn(f64, f64) -> f64| a.iter().zip(b).map(|(x, y)| f(x - p, y - q)).sum::<f64>();
    sum(&|x, y| x * y) / (sum(&|x, _| x * x) * sum(&|_, y| y * y)).sqrt()
}

/// Members of the family, more and more of whose letters are drawn anew: both profiles put them into nearly the same order, and what is left of
/// the family high above what is not.
#[test]
fn the_profile_ranks_as_hmmer_does() {
    let installed = |program: &str| {
        Command::new(program)
            .arg("-h")
            .stdout(Stdio::null())
            .status()
            .is_ok()
    };
    if !installed("hmmbuild") || !installed("hmmsearch") {
        return;
    }
    let source = Source {
        limit: FAMILY + ASKED,
        ..Source::parse("proteins")
    };
    let set = source.open().unwrap().dataset;
    let info = set.info().clone();
    let (length, letters) = (info.shape[0], info.shape[1]);
    let all = Batch::of(&*set, &(0..(FAMILY + ASKED) as u32).collect::<Vec<_>>()).unwrap();
    let mut symbols: Vec<u8> = all
        .values
        .chunks_exact(letters)
        .map(|place| place.iter().position(|v| *v == 1.0).unwrap() as u8)
        .collect();
    let mut rng = Key::new(1).rng();
    let gap = info.alphabet.find('-').unwrap() as u8;
    let (family, asked) = symbols.split_at_mut(FAMILY * length);
    for (i, sequence) in asked.chunks_exact_mut(length).enumerate() {
        for s in sequence.iter_mut().filter(|s| **s != gap) {
            if rng.chance(0.2 * (i % 5) as f64) {
                *s = (rng.below(letters - 1) as u8 + gap + 1) % letters as u8;
            }
        }
    }
    let of = |symbols| Family {
        symbols,
        length,
        letters,
    };
    let own = of(&*asked).log_odds(&of(&*family));
    let written = |symbols: &[u8]| -> Vec<String> {
        let text = |s: &[u8]| {
            s.iter()
                .map(|k| info.alphabet.as_bytes()[*k as usize] as char)
                .collect()
        };
        symbols.chunks_exact(length).map(text).collect()
    };
    let dir = tempfile::tempdir().unwrap();
    let theirs = bits(dir.path(), &written(family), &written(asked));
    let known: Vec<(usize, f64)> = theirs
        .iter()
        .enumerate()
        .filter_map(|(i, b)| Some((i, (*b)?)))
        .collect();
    assert!(known.len() > ASKED * 9 / 10, "{} were found", known.len());
    let (a, b): (Vec<f64>, Vec<f64>) = known.iter().map(|(i, bits)| (own[*i], *bits)).unzip();
    let agree = correlation(&ranks(&a), &ranks(&b));
    assert!(agree > 0.88, "rank correlation {agree}");
    // Members as they are, and letters of which four fifths are drawn.
    let mean = |values: &dyn Fn(usize) -> f64, left: usize| {
        let some: Vec<f64> = known
            .iter()
            .filter(|(i, _)| i % 5 == left)
            .map(|(i, _)| values(*i))
            .collect();
        some.iter().sum::<f64>() / some.len() as f64
    };
    let hmmer = |i: usize| theirs[i].unwrap_or_default();
    assert!(mean(&|i| own[i], 0) > mean(&|i| own[i], 4) + 20.0);
    assert!(mean(&hmmer, 0) > mean(&hmmer, 4) + 10.0);
}
