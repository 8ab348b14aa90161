//! Ways of playing: who is in the cast, and what a step does.
pub mod bicycle;
pub mod coded;
pub mod contrastive;
pub mod crossed;
pub mod cycle;
pub mod described;
pub mod domains;
pub mod duel;
pub mod joint;
pub mod paired;
mod pool;

pub use bicycle::Bicycle;
pub use coded::Coded;
pub use contrastive::Contrastive;
pub use crossed::Crossed;
pub use cycle::Cycle;
pub use domains::Domains;
pub use duel::Duel;
pub use joint::Joint;
pub use paired::Paired;
