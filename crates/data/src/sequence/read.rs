//! Files of sequences: FASTA, Stockholm, and lines of text, of which SMILES are the first word.
use super::{GAP, STOP, Sequences, alphabet, describe};
use crate::damage;
use crate::error::{Error, Result};
use crate::limits::affordable;
use crate::source::Source;
use std::collections::HashMap;
use std::path::Path;

/// How files of sequences end, and what they are.
const ENDS: [(&str, &[&str]); 4] = [
    ("fasta", &["fasta", "fa", "fas", "fna", "faa", "afa", "mfa"]),
    ("stockholm", &["stockholm", "sto", "stk"]),
    ("smiles", &["smi", "smiles"]),
    ("text", &["txt"]),
];
/// So many bad sequences are named at most.
const NAMED: usize = 1000;
/// Letters of a sequence at most.
const LONGEST: usize = 1 << 20;

/// The format of a file whose name ends so.
pub(crate) fn extension_of(extension: &str) -> Option<&'static str> {
    ENDS.iter()
        .find(|(_, ends)| ends.contains(&extension))
        .map(|(format, _)| *format)
}

/// A sequence as it stands in a file.
struct Record {
    /// as the file calls it; empty for a line
    name: String,
    /// where it begins
    line: usize,
    letters: String,
    /// what its header says beside its name, `activity=0.7`
    numbers: Vec<(String, f32)>,
}

impl Record {
    /// As messages call it.
    fn place(&self) -> String {
        match self.name.is_empty() {
            true => format!("line {}", self.line),
            false => format!(
                "sequence `{}` (line {})",
                self.name.chars().take(40).collect::<String>(),
                self.line
            ),
        }
    }
}

/// The sequences of a file.
///
/// # Errors
/// [`Error::Data`] for a file that is none of its kind or empty, an alignment that is ragged, and too many letters that are not of
/// the alphabet.
pub(crate) fn open(
    path: &Path,
    format: &str,
    source: &Source,
    warnings: &mut Vec<String>,
) -> Result<Sequences> {
    let bytes = std::fs::metadata(path).map_err(Error::io("read", path))?.len();
    let fix = "split the file, or take a part of it";
    affordable(
        &format!("{}: its letters", path.display()),
        &[bytes as usize],
        fix,
    )?;
    let text = std::fs::read(path).map_err(Error::io("read", path))?;
    let text = String::from_utf8(text)
        .map_err(|_| Error::data(path, "is no text in UTF-8", "give a file of text"))?;
    let text = text.strip_prefix('\u{feff}').unwrap_or(&text);
    let is_text = matches!(format, "text" | "smiles");
    let mut records = match format {
        "fasta" => fasta(path, text)?,
        "stockholm" => stockholm(path, text)?,
        _ => lines(text, format == "smiles"),
    };
    if records.is_empty() {
        return Err(Error::data(
            path,
            "holds no sequences",
            "give a file with some in it",
        ));
    }
    if !is_text {
        let folds = alphabet::folds(&source.alphabet);
        records
            .iter_mut()
            .for_each(|r| r.letters = tidied(&r.letters, folds));
    }
    let aligned = is_aligned(path, &records, format, source)?;
    if !is_text && !aligned {
        records.iter_mut().for_each(|r| r.letters.retain(|c| c != GAP));
    }
    encoded(path, records, source, (is_text, aligned), warnings)
}

/// Letters as the alphabets have them: large ones, with hyphens for gaps, without what stands at the end of a translation.
fn tidied(letters: &str, folds: bool) -> String {
    let one = |c: char| match c {
        '.' | '~' => GAP,
        c if folds => c.to_ascii_uppercase(),
        c => c,
    };
    letters.trim_end_matches(STOP).chars().map(one).collect()
}

/// Whether places of different sequences belong together.
///
/// # Errors
/// [`Error::Data`] where they should, and the sequences have different lengths.
fn is_aligned(path: &Path, records: &[Record], format: &str, source: &Source) -> Result<bool> {
    let text = matches!(format, "text" | "smiles");
    let gaps = !text && records.iter().any(|r| r.letters.contains(GAP));
    let promised = match &source.aligned[..] {
        "no" => return Ok(false),
        "yes" => true,
        _ => gaps || format == "stockholm",
    };
    let length = |r: &Record| r.letters.chars().count();
    let Some(off) = records.iter().find(|r| length(r) != length(&records[0])) else {
        return Ok(!text || promised);
    };
    if !promised {
        return Ok(false);
    }
    let problem = format!(
        "is no alignment: {} has {} letters, the first {}",
        off.place(),
        length(off),
        length(&records[0])
    );
    let fix = match text {
        true => "leave data.aligned out: lines are padded to the longest",
        false => "align them, or set data.aligned=no, which takes gaps out and pads to the longest",
    };
    Err(Error::data(path, problem, fix))
}

/// Records as places in an alphabet; those with other letters, or too long, are named and left out.
fn encoded(
    path: &Path,
    records: Vec<Record>,
    source: &Source,
    (text, aligned): (bool, bool),
    warnings: &mut Vec<String>,
) -> Result<Sequences> {
    let words: Vec<&str> = records.iter().map(|r| &r.letters[..]).collect();
    let lengths: Vec<usize> = words.iter().map(|w| w.chars().count()).collect();
    let longest = lengths.iter().copied().max().unwrap_or(0);
    let length = if source.length == 0 {
        longest
    } else {
        source.length
    };
    let ragged = lengths.iter().any(|n| *n < length);
    if aligned && length > longest {
        let problem = format!("{length} places were asked for, and the alignment has {longest}");
        return Err(Error::recipe("data.length", problem, "leave it out"));
    }
    let alphabet = alphabet::choose(&source.alphabet, &words, text, ragged)
        .map_err(|problem| Error::data(path, problem, "name the letters with data.alphabet"))?;
    let letters: HashMap<char, u8> = alphabet.chars().zip(0..).collect();
    let info = describe(&path.display().to_string(), alphabet, length, 0);
    let end = info.end_symbol();
    let fix = "take fewer or shorter sequences (data.length)";
    affordable("these sequences", &[records.len().div_ceil(4), length], fix)?;
    let one = |r: &Record, n: usize| -> Result<Vec<u8>, String> {
        if n == 0 {
            return Err("has no letters".into());
        }
        if n > length.min(LONGEST) {
            return Err(format!(
                "has {n} letters, and {} are the most",
                length.min(LONGEST)
            ));
        }
        let mut symbols = Vec::with_capacity(length);
        for (at, c) in r.letters.chars().enumerate() {
            let known = letters.get(&c).filter(|s| Some(**s) != end);
            symbols
                .push(*known.ok_or_else(|| {
                    format!("letter {} is `{c}`, which the alphabet does not have", at + 1)
                })?);
        }
        symbols.resize(length, end.unwrap_or(0));
        Ok(symbols)
    };
    let (mut symbols, mut bad, mut kept) = (Vec::new(), Vec::new(), Vec::new());
    for (r, n) in records.iter().zip(lengths) {
        match one(r, n) {
            Ok(s) => {
                symbols.extend(s);
                kept.push(r);
            }
            Err(problem) if bad.len() < NAMED => {
                bad.push(format!("{} {}: {problem}", path.display(), r.place()))
            }
            Err(_) => {}
        }
    }
    let total = records.len();
    damage::bear_counted(path, "sequences", &bad, total - kept.len(), total, source.max_bad)?;
    let unnamed = total - kept.len() - bad.len();
    warnings.extend(bad);
    if unnamed > 0 {
        warnings.push(format!(
            "{}: {unnamed} more sequences are damaged",
            path.display()
        ));
    }
    let (names, attributes) = attributes(&kept);
    Ok(Sequences {
        info: crate::DataInfo {
            count: kept.len(),
            attributes: names,
            ..info
        },
        symbols,
        attributes,
    })
}

/// The numbers that every sequence's header has, by name, and those of all sequences one after the other.
fn attributes(records: &[&Record]) -> (Vec<String>, Vec<f32>) {
    let of = |r: &Record, name: &str| r.numbers.iter().find(|(n, _)| n == name).map(|(_, v)| *v);
    let first = records.first().map_or(&[][..], |r| &r.numbers[..]);
    let everywhere = |name: &&String| records.iter().all(|r| of(r, name).is_some());
    let names: Vec<String> = first.iter().map(|(n, _)| n).filter(everywhere).cloned().collect();
    let values = records.iter().flat_map(|r| names.iter().filter_map(|n| of(r, n)));
    let values = values.collect();
    (names, values)
}

/// `>name number=0.7 ...`, then letters over any number of lines.
fn fasta(path: &Path, text: &str) -> Result<Vec<Record>> {
    let mut records: Vec<Record> = Vec::new();
    for (i, line) in text.lines().enumerate() {
        let line = line.trim();
        if let Some(header) = line.strip_prefix('>') {
            let mut words = header.split_whitespace();
            let name = words.next().unwrap_or("?").to_string();
            let number = |w: &str| {
                let (name, value) = w.split_once('=')?;
                let value = value.parse::<f32>().ok().filter(|v| v.is_finite())?;
                Some((name.to_string(), value))
            };
            records.push(Record {
                name,
                line: i + 1,
                letters: String::new(),
                numbers: words.filter_map(number).collect(),
            });
        } else if !line.is_empty() && !line.starts_with([';', '#']) {
            let Some(last) = records.last_mut() else {
                let problem = format!("line {} has letters before the first header", i + 1);
                return Err(Error::data(
                    path,
                    problem,
                    "begin each sequence with a line `>name`",
                ));
            };
            last.letters.extend(line.chars().filter(|c| !c.is_whitespace()));
        }
    }
    Ok(records)
}

/// `# STOCKHOLM 1.0`, then lines `name letters`, in blocks, until `//`.
fn stockholm(path: &Path, text: &str) -> Result<Vec<Record>> {
    let mut lines = text
        .lines()
        .enumerate()
        .map(|(i, l)| (i + 1, l.trim()))
        .filter(|(_, l)| !l.is_empty());
    match lines.next() {
        None => return Ok(vec![]),
        Some((_, first)) if first.starts_with("# STOCKHOLM") => {}
        Some(_) => {
            let problem = "does not begin with `# STOCKHOLM 1.0`";
            return Err(Error::data(
                path,
                problem,
                "name its format with --data-format, such as fasta",
            ));
        }
    }
    let (mut records, mut at, mut ended) = (Vec::<Record>::new(), HashMap::<String, usize>::new(), false);
    for (i, line) in lines {
        if ended {
            let problem = format!("has a second alignment (line {i})");
            return Err(Error::data(
                path,
                problem,
                "give each alignment a file of its own",
            ));
        }
        if line == "//" {
            ended = true;
        } else if !line.starts_with('#') {
            let Some((name, letters)) = line.split_once(char::is_whitespace) else {
                let problem = format!(
                    "line {i} is no name and letters: `{}`",
                    line.chars().take(40).collect::<String>()
                );
                return Err(Error::data(path, problem, "give lines `name letters`"));
            };
            let place = *at.entry(name.to_string()).or_insert(records.len());
            if place == records.len() {
                records.push(Record {
                    name: name.to_string(),
                    line: i,
                    letters: String::new(),
                    numbers: vec![],
                });
            }
            records[place]
                .letters
                .extend(letters.chars().filter(|c| !c.is_whitespace()));
        }
    }
    Ok(records)
}

/// A sequence a line; of SMILES the first word, since a name may follow.
fn lines(text: &str, first_word: bool) -> Vec<Record> {
    let one = |(i, line): (usize, &str)| {
        let line = if first_word {
            line.split_whitespace().next()?
        } else {
            line.trim_end()
        };
        (!line.is_empty()).then(|| Record {
            name: String::new(),
            line: i + 1,
            letters: line.to_string(),
            numbers: vec![],
        })
    };
    text.lines().enumerate().filter_map(one).collect()
}
