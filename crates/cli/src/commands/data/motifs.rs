use super::DataArgs;
use crate::output;
use menagerie::data::{Kind, Source};
use menagerie::error::{Error, Result, shown};
use menagerie::metrics::motifs::{Holding, held, parse};
use serde_json::json;
use std::path::{Path, PathBuf};

/// Bytes of a file of motifs at most; all of JASPAR is below 4 MB.
const LARGEST: u64 = 64 << 20;
/// Sequences of each side that are looked at, where no limit says otherwise.
const MOST: usize = 20_000;
/// Motifs that are expected by chance more often than so, in as many sequences, are not shown.
const CHANCE: f64 = 0.05;

/// Arguments of `menagerie data motifs`.
#[derive(clap::Args)]
#[command(after_help = "Examples:
  menagerie data motifs your/promoters.fasta --motifs your/motifs.jaspar --against dna
  menagerie data motifs your/promoters.fasta --motifs your/motifs.jaspar --against dna --json")]
pub(super) struct Args {
    /// Sequences of nucleotides: a known source or a path
    source: String,
    /// Motifs in JASPAR's format, such as https://jaspar.elixir.no/downloads/ has them
    #[arg(long, value_name = "FILE")]
    motifs: PathBuf,
    /// Sequences to compare with, such as those that were learned from
    #[arg(long, value_name = "SOURCE")]
    against: String,
    /// A window holds a motif where its score is among this share of all windows of even letters
    #[arg(long, value_name = "SHARE", default_value_t = 1e-4)]
    share: f64,
    /// Look at the strand alone that is written (RNA has no other)
    #[arg(long)]
    single_strand: bool,
    /// Print JSON, with all motifs
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    prepare: Box<DataArgs>,
}

impl Args {
    /// Which motifs the sequences of one source hold more often than those of another.
    pub(super) fn run(mut self) -> Result<()> {
        if !(self.share > 0.0 && self.share < 1.0) {
            let problem = format!("--share {} is no share of windows", self.share);
            return Err(Error::usage(problem, "give one between 0 and 1, such as 1e-4"));
        }
        let motifs = parse(&text(&self.motifs)?, &self.motifs)?;
        super::named(&mut self.prepare, self.source.clone(), "motifs")?;
        let (own, rna) = sequences(&super::source(&self.prepare)?)?;
        self.prepare.data = Some(self.against.clone());
        let (others, _) = sequences(&super::source(&self.prepare)?)?;
        let found = held(&motifs, [&own, &others], self.share, !(self.single_strand || rna));
        if self.json {
            output::json(&found.iter().map(object).collect::<Vec<_>>().into());
            return Ok(());
        }
        output::line(format_args!(
            "{} motifs in {} sequences of {}, and in {} of {}:",
            motifs.len(),
            output::grouped(own.len()),
            shown(&self.source),
            output::grouped(others.len()),
            shown(&self.against)
        ));
        let telling: Vec<&Holding> = found.iter().filter(|h| h.expected < CHANCE).collect();
        if telling.is_empty() {
            output::line("no motif is more frequent than chance has it");
            return Ok(());
        }
        let head = [
            "motif",
            "name",
            "places",
            "held by",
            "of the others",
            "expected by chance",
        ]
        .map(String::from);
        let rows = telling.iter().map(|h| {
            vec![
                shown(&h.motif.id).into_owned(),
                shown(&h.motif.name).into_owned(),
                h.motif.width().to_string(),
                format!("{:.1} %", h.share * 100.0),
                format!("{:.1} %", h.beside * 100.0),
                format!("{:.1e}", h.expected),
            ]
        });
        output::columns(&[head.to_vec()].into_iter().chain(rows).collect::<Vec<_>>());
        Ok(())
    }
}

fn object(h: &Holding) -> serde_json::Value {
    json!({
        "id": h.motif.id,
        "name": h.motif.name,
        "places": h.motif.width(),
        "share": h.share,
        "against": h.beside,
        "expected": h.expected,
    })
}

/// A file of motifs.
fn text(path: &Path) -> Result<String> {
    let bytes = std::fs::metadata(path).map_err(Error::io("read", path))?.len();
    if bytes > LARGEST {
        let problem = format!(
            "{} bytes are too many for a list of motifs",
            output::grouped(bytes as usize)
        );
        return Err(Error::data(path, problem, "give one of JASPAR's files"));
    }
    let bytes = std::fs::read(path).map_err(Error::io("read", path))?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

/// The letters of a source's sequences, and whether they are RNA's.
fn sequences(source: &Source) -> Result<(Vec<String>, bool)> {
    let opened = source.open()?;
    for w in &opened.warnings {
        output::tell(format_args!("warning: {w}"));
    }
    let info = opened.dataset.info();
    let nucleotides = info.alphabet.chars().all(|c| "ACGTUN-*.".contains(c));
    if info.kind != Kind::Sequence || !nucleotides {
        let what = match info.kind {
            Kind::Sequence => format!("sequences of {:?}", info.alphabet),
            kind => kind.plural().to_string(),
        };
        let problem = format!(
            "{} holds {what}, and motifs are of nucleotides",
            shown(&info.source)
        );
        return Err(Error::usage(problem, "give sequences of A, C, G and T (or U)"));
    }
    let mut values = Vec::new();
    for i in 0..info.count.min(MOST) {
        opened.dataset.get(i)?.values.extend(info.kind, &mut values);
    }
    Ok((info.letters(&values), info.alphabet.contains('U')))
}
