//! A foreground covers no more of a video than moves (Vondrick, Pirsiavash, Torralba 2016, Generating Videos with Scene Dynamics,
//! arXiv:1609.02612, section 3.1, "Learning": a sparse mask leaves what stands still to the background).
use serde::{Deserialize, Serialize};

/// `[penalty.foreground]`: weight E |m(z)|, m(z) being the mask of what is in front, the mean over pixels and frames.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Foreground {
    /// its weight (paper: 0.1)
    pub weight: f64,
}

impl Default for Foreground {
    fn default() -> Self {
        Foreground { weight: 0.1 }
    }
}
