//! Ways through a latent space: what to decode.
mod effects;
mod sweep;
mod walk;

pub use effects::{Effects, effects};
pub use sweep::{sweep, sweep_plane};
pub use walk::{Walk, walk};
