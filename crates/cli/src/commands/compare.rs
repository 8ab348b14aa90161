use crate::output::{self, grouped, number};
use menagerie::error::Result;
use menagerie::judge::{label, metric};
use menagerie::run::compare::{Column, Comparison};
use std::io::IsTerminal;
use std::path::PathBuf;

/// Arguments of `menagerie compare`.
#[derive(clap::Args)]
#[command(
    after_help = "Figures are ranked only where their definitions are the same: data, number of samples, extractor.

Examples:
  menagerie compare runs/dcgan-001 runs/vae-001
  menagerie compare runs/* --markdown > table.md
  menagerie compare runs/dcgan-001 runs/dcgan-002 --metrics fid,recall
  menagerie compare runs/lsgan-001 runs/wgan_gp-001 --metrics fid --figure quality.png"
)]
pub(crate) struct Args {
    /// Run folders
    #[arg(required = true, value_name = "RUN")]
    runs: Vec<PathBuf>,
    /// Only these metrics, separated by commas [default: all that were worked out]
    #[arg(long, value_name = "A,B", value_delimiter = ',')]
    metrics: Vec<String>,
    /// A table for Markdown, the best in bold
    #[arg(long, conflicts_with = "json")]
    markdown: bool,
    /// Print JSON, with every definition
    #[arg(long)]
    json: bool,
    /// Draw each metric against seconds of training, over every checkpoint that was evaluated
    #[arg(long, value_name = "FILE.png")]
    figure: Option<PathBuf>,
}

/// Compares runs.
pub(crate) fn run(args: Args) -> Result<()> {
    args.metrics
        .iter()
        .try_for_each(|m| metric(m.split('/').next().unwrap_or(m)).map(drop))?;
    for run in &args.runs {
        let damage = menagerie::run::history::damage(&menagerie::run::Run::open(run)?)?;
        damage.iter().for_each(|w| eprintln!("warning: {w}"));
    }
    let compared = Comparison::of(&args.runs, &args.metrics)?;
    // Before anything is printed: standard output stays empty where a command fails.
    let drawn = args
        .figure
        .as_deref()
        .map(|path| compared.draw(path))
        .transpose()?;
    match args.json {
        true => output::json(&compared.to_json()),
        false => table(&compared, args.markdown),
    }
    compared.warnings().iter().for_each(|w| eprintln!("warning: {w}"));
    compared.notes().iter().for_each(|n| eprintln!("note: {n}"));
    for row in compared.rows.iter().filter(|r| !r.is_evaluated()) {
        let metrics = compared.metrics_for(row);
        let asked = if metrics.is_empty() {
            String::new()
        } else {
            format!(" --metrics {}", metrics.join(","))
        };
        eprintln!(
            "note: {} has not been evaluated yet: menagerie evaluate {}{asked}",
            row.run, row.run
        );
    }
    if let (Some(drawn), Some(path)) = (drawn, &args.figure) {
        eprintln!("{} over time in {}", drawn.join(", "), path.display());
    }
    Ok(())
}

/// Columns of words, which stand to the left.
const WORDS: usize = 3;

fn table(compared: &Comparison, markdown: bool) {
    let arrow = |c: &Column| match c.higher_is_better {
        Some(true) => format!("{} ↑", c.label()),
        Some(false) => format!("{} ↓", c.label()),
        None => c.label(),
    };
    let mut head: Vec<String> = ["run", "model", "family", "parameters", "images", "seconds"]
        .map(String::from)
        .into();
    head.extend(compared.columns.iter().map(arrow));
    let dash = || "-".to_string();
    let mut rows = Vec::new();
    for (i, r) in compared.rows.iter().enumerate() {
        let mut cells = vec![
            (output::visible(&r.run), false),
            (r.model.clone(), false),
            (r.family.to_string(), false),
        ];
        cells.push((r.parameters().map_or_else(dash, grouped), false));
        cells.push((
            r.latest
                .as_ref()
                .map_or_else(dash, |e| grouped(e.images as usize)),
            false,
        ));
        cells.push((r.latest.as_ref().map_or_else(dash, |e| number(e.seconds)), false));
        for c in &compared.columns {
            let text = c.figures.get(&i).and_then(|f| {
                let error = f.error.map_or(String::new(), |e| format!(" ± {}", number(e)));
                // Where extractors differ, each figure carries its own.
                let own = label("", &f.definition);
                let own = if c.label().ends_with(&own) {
                    "".into()
                } else {
                    format!(" {own}")
                };
                Some(format!("{}{error}{own}", number(f.value?)))
            });
            cells.push((text.unwrap_or_else(dash), c.best.contains(&i)));
        }
        rows.push(cells);
    }
    if markdown {
        let escaped = |s: &str| s.replace('|', "\\|");
        let line = |cells: Vec<String>| output::line(format_args!("| {} |", cells.join(" | ")));
        line(head.iter().map(|h| escaped(h)).collect());
        line(
            (0..head.len())
                .map(|i| if i < WORDS { "---".into() } else { "---:".into() })
                .collect(),
        );
        for row in rows {
            line(
                row.into_iter()
                    .map(|(t, best)| {
                        if best {
                            format!("**{}**", escaped(&t))
                        } else {
                            escaped(&t)
                        }
                    })
                    .collect(),
            );
        }
        return;
    }
    let bold = std::io::stdout().is_terminal();
    let letters = |s: &str| s.chars().count();
    let widths: Vec<usize> = (0..head.len())
        .map(|i| {
            rows.iter()
                .map(|r| letters(&r[i].0))
                .chain([letters(&head[i])])
                .max()
                .unwrap_or(0)
        })
        .collect();
    let line = |cells: Vec<(String, bool)>| {
        let padded = cells.into_iter().enumerate().map(|(i, (text, best))| {
            let room = " ".repeat(widths[i] - letters(&text));
            let text = if best && bold {
                format!("\x1b[1m{text}\x1b[0m")
            } else {
                text
            };
            if i < WORDS {
                format!("{text}{room}")
            } else {
                format!("{room}{text}")
            }
        });
        output::raw(padded.collect::<Vec<_>>().join("  ").trim_end());
    };
    line(head.iter().map(|h| (h.clone(), false)).collect());
    rows.into_iter().for_each(line);
}
