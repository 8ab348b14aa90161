use super::DataArgs;
use crate::output;
use menagerie::data::{self, PartStats};
use menagerie::error::{Result, shown};
use serde_json::json;

/// Arguments of `menagerie data stats`.
#[derive(clap::Args)]
#[command(after_help = "Examples:
  menagerie data stats digits
  menagerie data stats your/photos --json")]
pub(super) struct Args {
    /// A known source or a path
    source: String,
    /// Print JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    prepare: DataArgs,
}

impl Args {
    /// Reads every item and says what there is.
    pub(super) fn run(mut self) -> Result<()> {
        let splits = super::pack::splits(&self.prepare);
        super::named(&mut self.prepare, self.source, "stats")?;
        let source = super::source(&self.prepare)?;
        let splits: Vec<&str> = splits.iter().map(String::as_str).collect();
        let stats = data::stats(&source, &splits)?;
        for w in &stats.warnings {
            output::tell(format_args!("warning: {w}"));
        }
        if self.json {
            output::json(&json!(stats));
            return Ok(());
        }
        output::line(format_args!("{}: {}", shown(&stats.source), stats.kind.plural()));
        stats.parts.iter().for_each(say);
        if stats.parts.len() > 1 {
            output::line(format_args!(
                "{} test items are training items, too",
                output::grouped(stats.shared)
            ));
        }
        Ok(())
    }
}

/// The lines of a part.
fn say(part: &PartStats) {
    let axes = |size: &[usize]| size.iter().map(usize::to_string).collect::<Vec<_>>().join("x");
    output::line(format_args!(
        "{}: {} items",
        part.split,
        output::grouped(part.count)
    ));
    let sizes: Vec<String> = part
        .sizes
        .iter()
        .take(5)
        .map(|s| format!("{} ({})", axes(&s.size), output::grouped(s.count)))
        .collect();
    let more = if part.different_sizes > 5 { ", ..." } else { "" };
    let range = match &part.extremes {
        Some([a, b]) if a != b => format!("; from {} to {}", axes(a), axes(b)),
        _ => String::new(),
    };
    output::line(format_args!("  sizes: {}{more}{range}", sizes.join(", ")));
    if !part.channels.is_empty() {
        let channels: Vec<String> = part
            .channels
            .iter()
            .map(|(c, n)| format!("{c} ({})", output::grouped(*n)))
            .collect();
        output::line(format_args!("  channels: {}", channels.join(", ")));
    }
    if !part.labels.is_empty() {
        let labels: Vec<String> = part
            .labels
            .iter()
            .take(40)
            .map(|l| {
                format!(
                    "{} {} ({:.1} %)",
                    shown(&l.name),
                    output::grouped(l.count),
                    l.share * 100.0
                )
            })
            .collect();
        let more = if part.labels.len() > 40 { "; ..." } else { "" };
        output::line(format_args!(
            "  {} labels: {}{more}",
            part.labels.len(),
            labels.join("; ")
        ));
        if part.unlabelled > 0 {
            output::line(format_args!(
                "  {} without a label",
                output::grouped(part.unlabelled)
            ));
        }
    }
    if part.captions > 0 {
        output::line(format_args!(
            "  {} with a caption",
            output::grouped(part.captions)
        ));
    }
    if !part.attributes.is_empty() {
        let names: Vec<_> = part.attributes.iter().take(40).map(|a| shown(a)).collect();
        output::line(format_args!(
            "  {} attributes: {}",
            part.attributes.len(),
            names.join("; ")
        ));
    }
    let d = &part.duplicates;
    let contradictory = match d.contradictory {
        0 => String::new(),
        n => format!(", {n} groups of them with different labels"),
    };
    output::line(format_args!(
        "  {} duplicates{contradictory}",
        output::grouped(d.count)
    ));
    for group in d.groups.iter().take(5) {
        let names: Vec<_> = group.iter().map(|n| shown(n)).collect();
        output::line(format_args!("    {}", names.join(" = ")));
    }
    output::line(format_args!("  {} damaged", output::grouped(part.damaged.count)));
    for named in part.damaged.named.iter().take(5) {
        output::line(format_args!("    {}", shown(named)));
    }
}
