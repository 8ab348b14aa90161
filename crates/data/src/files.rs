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
