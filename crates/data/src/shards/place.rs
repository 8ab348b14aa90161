//! Where a shard lies.
use crate::error::{Error, Result};
use std::fs::File;
use std::path::PathBuf;

/// The place of a shard.
pub(super) enum Place {
    /// a file of this machine
    Here(PathBuf),
    /// an object elsewhere, fetched into the cache when it is needed
    #[cfg(feature = "cloud")]
    There(super::cloud::Remote),
}

impl Place {
    /// What it is called in messages.
    pub(super) fn name(&self) -> String {
        match self {
            Place::Here(path) => path.display().to_string(),
            #[cfg(feature = "cloud")]
            Place::There(remote) => remote.name(),
        }
    }

    /// Its bytes, where it lies elsewhere.
    #[cfg(feature = "cloud")]
    pub(super) fn size(&self) -> u64 {
        match self {
            Place::Here(_) => 0,
            Place::There(remote) => remote.size(),
        }
    }

    /// Whether it lies on this machine for good, so that it may be held open.
    pub(super) fn stays(&self) -> bool {
        matches!(self, Place::Here(_))
    }

    /// It, open for reading.
    ///
    /// # Errors
    /// [`Error::Io`] when it cannot be opened; [`Error::Unreachable`] when it cannot be fetched.
    pub(super) fn open(&self) -> Result<File> {
        match self {
            Place::Here(path) => File::open(path).map_err(Error::io("open", path)),
            #[cfg(feature = "cloud")]
            Place::There(remote) => remote.open(),
        }
    }
}
