//! Ways of playing: who is in the cast, and what a step does.
pub mod duel;
pub mod joint;

pub use duel::Duel;
pub use joint::Joint;
