//! Writing files so that nothing is ever half there.
use crate::error::{Error, Result};
use std::fs::File;
use std::io::Write;
use std::path::Path;

/// Writes a file so that it is either the old or the new one, whatever happens meanwhile.
pub fn write_atomically(path: &Path, bytes: &[u8]) -> Result<()> {
    let beside = path.with_file_name(format!(
        ".{}.part",
        path.file_name().unwrap_or_default().to_string_lossy()
    ));
    let write = || {
        let mut f = File::create(&beside)?;
        f.write_all(bytes)?;
        f.sync_all()?;
        std::fs::rename(&beside, path)
    };
    write().map_err(|e| {
        std::fs::remove_file(&beside).ok();
        Error::io("write", path)(e)
    })
}

/// A name from a file as a field of a table (RFC 4180): in quotes where it needs them. A name that a spreadsheet would take
/// for a formula begins with an apostrophe; numbers stay numbers.
pub fn csv_field(text: &str) -> String {
    let formula = text.starts_with(['=', '+', '-', '@', '\t', '\r']) && text.parse::<f64>().is_err();
    let text = format!("{}{text}", if formula { "'" } else { "" });
    match text.contains([',', '"', '\n', '\r']) {
        true => format!("\"{}\"", text.replace('"', "\"\"")),
        false => text,
    }
}

#[cfg(test)]
mod csv_tests {
    use super::*;

    #[test]
    fn names_are_fields_and_no_formulas() {
        for (name, field) in [
            ("cat", "cat"),
            ("a,b", "\"a,b\""),
            ("say \"x\"", "\"say \"\"x\"\"\""),
            ("two\nlines", "\"two\nlines\""),
            ("=1+2", "'=1+2"),
            ("-1", "-1"),
            ("-cmd", "'-cmd"),
            ("@a,b", "\"'@a,b\""),
        ] {
            assert_eq!(csv_field(name), field);
        }
    }
}
