//! Results on standard output. A reader that goes away (`| head`) ends the program quietly.
use std::io::Write;

/// Prints a line of results.
pub fn line(text: impl std::fmt::Display) {
    if writeln!(std::io::stdout(), "{text}").is_err() {
        std::process::exit(0);
    }
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

#[cfg(test)]
mod tests {
    #[test]
    fn numbers_for_people() {
        assert_eq!(super::grouped(1234567), "1,234,567");
        assert_eq!(super::grouped(123), "123");
        assert_eq!(super::duration(59.6), "1 min 00 s");
        assert_eq!(super::duration(7384.0), "2 h 03 min");
    }
}
