//! Ways through a latent space: what to decode.
mod arithmetic;
mod breed;
mod effects;
mod sweep;
mod walk;

pub use arithmetic::{Term, arithmetic, around, parse};
pub use breed::{Crossing, breed};
pub use effects::{Effects, effects};
pub use sweep::{sweep, sweep_plane};
pub use walk::{Walk, walk};
