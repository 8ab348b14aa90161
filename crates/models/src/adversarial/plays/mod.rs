//! Ways of playing: who is in the cast, and what a step does.
pub mod cycle;
pub mod duel;
pub mod joint;
pub mod paired;
mod pool;

pub use cycle::Cycle;
pub use duel::Duel;
pub use joint::Joint;
pub use paired::Paired;
