//! Results on standard output, everything else on standard error. Names of files and classes may hold anything: control
//! characters are shown, not sent to the terminal.
use menagerie::processes;
use std::fmt::Write as _;
use std::io::{ErrorKind, Write as _};

/// Prints lines of results.
pub(crate) fn line(text: impl std::fmt::Display) {
    raw(visible(&text.to_string()));
}

/// Prints a line as it is, only for text whose names are [`visible`] already. Where it cannot be written the program ends with
/// status 1: quietly if its reader has gone (`| head`), else with a word.
pub(crate) fn raw(text: impl std::fmt::Display) {
    if processes::only_helps() {
        return;
    }
    let mut out = std::io::stdout();
    if let Err(e) = writeln!(out, "{text}").and_then(|()| out.flush()) {
        if e.kind() != ErrorKind::BrokenPipe {
            tell(format_args!("error: standard output: cannot write: {e}"));
        }
        std::process::exit(1);
    }
}

/// Prints rows with their columns under each other; the last column is as long as it is.
pub(crate) fn columns(rows: &[Vec<String>]) {
    let letters = |s: &String| s.chars().count();
    let count = rows.iter().map(Vec::len).max().unwrap_or(0);
    let widths: Vec<usize> = (0..count)
        .map(|i| {
            rows.iter()
                .filter_map(|r| r.get(i))
                .map(letters)
                .max()
                .unwrap_or(0)
        })
        .collect();
    for row in rows {
        let padded = row
            .iter()
            .zip(&widths)
            .map(|(cell, width)| format!("{cell}{}", " ".repeat(width - letters(cell))));
        line(padded.collect::<Vec<_>>().join("  ").trim_end());
    }
}

/// Prints rows, the first being the head, as a table of Markdown.
pub(crate) fn markdown(rows: &[Vec<String>]) {
    for (i, row) in rows.iter().enumerate() {
        let cells: Vec<String> = row.iter().map(|c| c.replace('|', "\\|")).collect();
        line(format_args!("| {} |", cells.join(" | ")));
        if i == 0 {
            line(format_args!("|{}", "---|".repeat(row.len())));
        }
    }
}

/// Prints a line on standard error, if it can be.
pub(crate) fn tell(text: std::fmt::Arguments) {
    let text = visible(&text.to_string()) + "\n";
    std::io::stderr().write_all(text.as_bytes()).ok();
}

/// A text with its control characters written as JSON escapes them, but for the ends of lines and tabs: a name cannot move the
/// cursor, change colours, or turn the direction of writing.
pub(crate) fn visible(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        let turns = matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
        if turns || c.is_control() && !matches!(c, '\n' | '\t') {
            let _ = write!(out, "\\u{:04x}", u32::from(c));
        } else {
            out.push(c);
        }
    }
    out
}

/// Prints a JSON value for programs.
pub(crate) fn json(value: &serde_json::Value) {
    line(format_args!("{value:#}"));
}

/// A number with thousands separated.
pub(crate) fn grouped(n: usize) -> String {
    let digits = n.to_string();
    let mut out = String::new();
    for (i, c) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            out.push(',');
        }
        out.push(c);
    }
    out
}

/// Seconds as a person says them.
pub(crate) fn duration(seconds: f64) -> String {
    let s = seconds.max(0.0).round() as u64;
    match s {
        0..60 => format!("{s} s"),
        60..3600 => format!("{} min {:02} s", s / 60, s % 60),
        _ => format!("{} h {:02} min", s / 3600, s % 3600 / 60),
    }
}

/// Four digits that tell.
pub(crate) fn number(v: f64) -> String {
    match v.abs() {
        0.0 => "0".into(),
        a if a >= 1000.0 => format!("{v:.0}"),
        a if a >= 0.01 => {
            let digits = (3 - a.log10().floor() as i32).clamp(0, 6) as usize;
            format!("{v:.digits$}")
        }
        _ => format!("{v:.3e}"),
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn no_name_commands_the_terminal() {
        assert_eq!(
            super::visible("a\u{1b}[2Jb\r\u{9b}c\td\n\u{202e}é"),
            "a\\u001b[2Jb\\u000d\\u009bc\td\n\\u202eé"
        );
        let value = serde_json::json!({"label": "x\u{9b}y"});
        let shown = super::visible(&format!("{value:#}"));
        assert_eq!(serde_json::from_str::<serde_json::Value>(&shown).unwrap(), value);
    }

    #[test]
    fn numbers_for_people() {
        assert_eq!(super::grouped(1234567), "1,234,567");
        assert_eq!(super::grouped(123), "123");
        assert_eq!(super::duration(59.6), "1 min 00 s");
        assert_eq!(super::duration(7384.0), "2 h 03 min");
        assert_eq!(
            [0.0, 12345.6, 12.345, -0.5, 0.00123].map(super::number),
            ["0", "12346", "12.35", "-0.5000", "1.230e-3"]
        );
    }
}
