//! Ways of playing: who is in the cast, and what a step does.
pub mod context;
pub mod contrastive;
pub mod cycle;
pub mod described;
pub mod domains;
pub mod duel;
pub mod joint;
pub mod output;
pub mod paired;
pub mod perceptual;
mod pool;

pub use context::Context;
pub use contrastive::Contrastive;
pub use cycle::Cycle;
pub use domains::Domains;
pub use duel::Duel;
pub use joint::Joint;
pub use paired::Paired;
