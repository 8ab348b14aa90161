//! How much damage is borne, and what is said about it.
use crate::error::{Error, Result};
use std::path::Path;

/// An error names so many damaged items.
const SHOWN: usize = 5;

/// How many of `total` items may be damaged.
pub(super) fn tolerated(total: usize, max_bad: f64) -> usize {
    // A hair more, so that a share computed as n / total always lets n pass.
    (max_bad * total as f64 + 1e-6).floor() as usize
}

/// An error that names the first of the damaged items `bad` among `total` when they are more than a share of
/// `max_bad`, or all.
pub(super) fn bear(place: &Path, what: &str, bad: &[String], total: usize, max_bad: f64) -> Result<()> {
    bear_counted(place, what, bad, bad.len(), total, max_bad)
}

/// The same of `count` damaged items, of which `bad` names the first.
pub(super) fn bear_counted(
    place: &Path,
    what: &str,
    bad: &[String],
    count: usize,
    total: usize,
    max_bad: f64,
) -> Result<()> {
    if count <= tolerated(total, max_bad) && count < total {
        return Ok(());
    }
    // A file that was named alone lies in this folder.
    let place = if place.as_os_str().is_empty() {
        Path::new(".")
    } else {
        place
    };
    let mut named = bad[..bad.len().min(SHOWN)].join("; ");
    if count > SHOWN {
        named += &format!("; and {} more", count - SHOWN);
    }
    let problem = format!(
        "{count} of {total} {what} are damaged, more than {} %: {named}",
        max_bad * 100.0
    );
    if count == total {
        return Err(Error::data(
            place,
            format!("all {total} {what} are damaged: {named}"),
            "give other data",
        ));
    }
    let share = (1000.0 * count as f64 / total as f64).ceil() / 1000.0;
    Err(Error::data(
        place,
        problem,
        format!("mend or remove them, or go on without them by --max-bad {share}"),
    ))
}
