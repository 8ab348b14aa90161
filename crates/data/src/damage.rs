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
    if bad.len() <= tolerated(total, max_bad) && bad.len() < total {
        return Ok(());
    }
    let mut named = bad[..bad.len().min(SHOWN)].join("; ");
    if bad.len() > SHOWN {
        named += &format!("; and {} more", bad.len() - SHOWN);
    }
    let problem = format!(
        "{} of {total} {what} are damaged, more than {} %: {named}",
        bad.len(),
        max_bad * 100.0
    );
    if bad.len() == total {
        return Err(Error::data(
            place,
            format!("all {total} {what} are damaged: {named}"),
            "give other data",
        ));
    }
    let share = (1000.0 * bad.len() as f64 / total as f64).ceil() / 1000.0;
    Err(Error::data(
        place,
        problem,
        format!("mend or remove them, or go on without them by --max-bad {share}"),
    ))
}
