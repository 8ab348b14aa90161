//! Sequences as FASTA, Stockholm, SMILES and lines of text have them.
use crate::support::{fails, source};
use menagerie_data::{Dataset, Kind, Opened, Source};
use std::fs;
use std::sync::Arc;
use tempfile::{TempDir, tempdir};

/// A file of that name and text.
fn file(name: &str, text: &str) -> (TempDir, Source) {
    let dir = tempdir().unwrap();
    let path = dir.path().join(name);
    fs::write(&path, text).unwrap();
    let source = source(&path);
    (dir, source)
}

fn read(name: &str, text: &str, change: impl Fn(&mut Source)) -> (Arc<dyn Dataset>, String) {
    let (_dir, mut source) = file(name, text);
    change(&mut source);
    let Opened { dataset, warnings } = source.open().map_err(|e| e.to_string()).unwrap();
    (dataset, warnings.join("\n"))
}

fn refused(name: &str, text: &str, change: impl Fn(&mut Source), parts: &[&str]) {
    let (_dir, mut source) = file(name, text);
    change(&mut source);
    fails(&source, parts);
}

/// All sequences as letters.
fn letters(set: &dyn Dataset) -> Vec<String> {
    let one = |i| {
        let mut values = Vec::new();
        set.get(i).unwrap().values.extend(Kind::Sequence, &mut values);
        set.info().letters(&values).swap_remove(0)
    };
    (0..set.info().count).map(one).collect()
}

#[test]
fn fasta_is_read_with_its_numbers() {
    let text = "; a comment\n>a activity=0.5 x=y\nacg\nT AC\n\n>b activity=-1\nTTTTTT\n";
    let (set, said) = read("x.fasta", text, |_| ());
    let info = set.info();
    assert_eq!(
        (info.kind, &info.shape[..], info.count),
        (Kind::Sequence, &[6, 4][..], 2)
    );
    assert_eq!((&info.alphabet[..], &said[..]), ("ACGT", ""));
    assert_eq!(letters(&*set), ["ACGTAC", "TTTTTT"]);
    assert_eq!(info.attributes, ["activity"]);
    assert_eq!(set.get(1).unwrap().attributes, [-1.0]);
}

#[test]
fn alignments_keep_their_gaps_and_ragged_ones_are_refused() {
    let aligned = ">a\nMK.v\n>b\nM-RW\n";
    let (set, _) = read("x.afa", aligned, |_| ());
    assert_eq!(set.info().alphabet, "ACDEFGHIKLMNPQRSTVWY-");
    assert_eq!(letters(&*set), ["MK-V", "M-RW"]);
    let ragged = ">a\nMK-V\n>second\nM-RWW\n";
    let parts = [
        "is no alignment",
        "`second` (line 3)",
        "has 5 letters, the first 4",
        "data.aligned=no",
    ];
    refused("x.fa", ragged, |_| (), &parts);
    let (set, _) = read("x.fa", ragged, |s| s.aligned = "no".into());
    assert_eq!(set.info().alphabet, "ACDEFGHIKLMNPQRSTVWY*");
    assert_eq!(
        (letters(&*set), set.info().shape[0]),
        (vec!["MKV".to_string(), "MRWW".into()], 4)
    );
    // Without gaps nothing promises an alignment, unless somebody does.
    let unequal = ">a\nMKV\n>b\nMRWW\n";
    assert_eq!(letters(&*read("x.fa", unequal, |_| ()).0), ["MKV", "MRWW"]);
    refused(
        "x.fa",
        unequal,
        |s| s.aligned = "yes".into(),
        &["is no alignment"],
    );
}

#[test]
fn stockholm_comes_in_blocks() {
    let text =
        "# STOCKHOLM 1.0\n#=GF ID x\n\nseq/1-2  AC.\nother  GGU\n#=GC SS ...\n\nseq/1-2  GU\nother  A-\n//\n";
    let (set, _) = read("x.sto", text, |_| ());
    assert_eq!(
        (letters(&*set), &set.info().alphabet[..]),
        (vec!["AC-GU".into(), "GGUA-".into()], "ACGU-")
    );
    refused(
        "x.sto",
        ">a\nAC\n",
        |_| (),
        &["does not begin with `# STOCKHOLM 1.0`"],
    );
    refused(
        "x.stk",
        &format!("{text}# STOCKHOLM 1.0\n"),
        |_| (),
        &["has a second alignment"],
    );
    refused(
        "x.sto",
        "# STOCKHOLM 1.0\na AC\nb A\n",
        |_| (),
        &["is no alignment", "`b` (line 3)"],
    );
    refused("x.sto", "# STOCKHOLM 1.0\n//\n", |_| (), &["holds no sequences"]);
}

#[test]
fn lines_are_padded_and_smiles_are_their_first_word() {
    let (set, _) = read("x.smi", "CC(=O)O acetic acid\r\nC\n\nN#C\n", |_| ());
    assert_eq!(
        (&set.info().alphabet[..], &set.info().shape[..]),
        ("#()=CNO\n", &[7, 8][..])
    );
    assert_eq!(letters(&*set), ["CC(=O)O", "C", "N#C"]);
    let (set, _) = read("x.txt", "to be\nor not\n", |_| ());
    assert_eq!(letters(&*set), ["to be", "or not"]);
    // A run's own letters and length.
    let (set, _) = read("x.txt", "ab\nb\n", |s| {
        s.alphabet = "abc\n".into();
        s.length = 5;
    });
    assert_eq!(
        (&set.info().shape[..], letters(&*set)),
        (&[5, 4][..], vec!["ab".into(), "b".to_string()])
    );
}

#[test]
fn letters_that_are_none_are_named() {
    let many = ">a\nACGT\n".repeat(99);
    let (set, said) = read("x.fa", &format!("{many}>odd\nACNT\n"), |_| ());
    assert_eq!(set.info().count, 99);
    assert!(said.contains("`odd` (line 199): letter 3 is `N`"), "{said}");
    refused(
        "x.fa",
        ">a\nACGTACGTACGTACGTAC\n>b\nACGTACGTACGTACGTAX\n",
        |_| (),
        &["1 of 2 sequences are damaged", "letter 18 is `X`", "--max-bad"],
    );
    refused(
        "x.fa",
        ">a\nACGT\n>b\n>c\nAC\n",
        |_| (),
        &["sequence `b` (line 3): has no letters"],
    );
    refused(
        "x.smi",
        "CC\nCCCC\n",
        |s| s.length = 3,
        &["has 4 letters, and 3 are the most"],
    );
    refused(
        "x.fa",
        ">a\nACGT\n",
        |s| s.alphabet = "ACA".into(),
        &["data.alphabet", "`A` twice"],
    );
    refused(
        "x.fa",
        ">a\nACGT\n",
        |s| s.aligned = "maybe".into(),
        &["data.aligned"],
    );
}

#[test]
fn empty_and_other_files_get_a_line() {
    refused("x.fasta", "", |_| (), &["holds no sequences"]);
    refused("x.txt", "\n \n", |_| (), &["holds no sequences"]);
    refused(
        "x.fasta",
        "ACGT\n",
        |_| (),
        &["line 1 has letters before the first header"],
    );
    let dir = tempdir().unwrap();
    let path = dir.path().join("x.fasta");
    fs::write(&path, [b'>', 0xff, 0xfe]).unwrap();
    fails(&source(&path), &["is no text in UTF-8"]);
    let letters = Source {
        alphabet: "dna".into(),
        ..Source::parse("digits")
    };
    fails(&letters, &["data.alphabet", "`digits` holds images"]);
    let longer = Source {
        length: 50,
        ..Source::parse("dna")
    };
    fails(&longer, &["data.length", "sequences that are drawn"]);
}
