//! Results on standard output, everything else on standard error. Names of files and classes may hold anything: control
//! characters are shown, not sent to the terminal.
use std::io::{ErrorKind, Write};

/// Prints a line of results. Where it cannot be written the program ends with status 1: quietly if its reader has gone
/// (`| head`), else with a word.
pub fn line(text: impl std::fmt::Display) {
    let mut out = std::io::stdout();
    let printed = writeln!(out, "{}", visible(&text.to_string())).and_then(|()| out.flush());
    if let Err(e) = printed {
        if e.kind() != ErrorKind::BrokenPipe {
            tell(format_args!("error: standard output: cannot write: {e}"));
        }
        std::process::exit(1);
    }
}

/// Prints a line on standard error, if it can be.
pub fn tell(text: std::fmt::Arguments) {
    let text = visible(&text.to_string()) + "\n";
    std::io::stderr().write_all(text.as_bytes()).ok();
}

/// A text with its control characters written out, but for the ends of lines and tabs.
pub fn visible(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\n' | '\t' => out.push(c),
            c if c.is_control() => out.extend(c.escape_default()),
            c => out.push(c),
        }
    }
    out
}

/// Prints a JSON value for programs.
pub fn json(value: &serde_json::Value) {
    line(format_args!("{value:#}"));
}

/// A number with thousands separated.
pub fn grouped(n: usize) -> String {
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
pub fn duration(seconds: f64) -> String {
    let s = seconds.max(0.0).round() as u64;
    match s {
        0..60 => format!("{s} s"),
        60..3600 => format!("{} min {:02} s", s / 60, s % 60),
        _ => format!("{} h {:02} min", s / 3600, s % 3600 / 60),
    }
}

/// Four digits that tell.
pub fn number(v: f64) -> String {
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
        let name = "a\u{1b}]0;x\u{7}\r\u{9b}b\t\u{e9}\n";
        assert_eq!(super::visible(name), "a\\u{1b}]0;x\\u{7}\\r\\u{9b}b\t\u{e9}\n");
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
