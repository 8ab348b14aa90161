//! Ways through a latent space: what to decode.
mod sweep;
mod walk;

pub use sweep::{sweep, sweep_plane};
pub use walk::{Walk, walk};
