//! Ways of playing: who is in the cast, and what a step does.
pub mod anomaly;
pub mod contrastive;
pub mod cycle;
pub mod described;
pub mod domains;
pub mod duel;
pub mod joint;
pub mod paired;
pub mod perturb;
mod pool;
pub mod target;

pub use anomaly::Detector;
pub use contrastive::Contrastive;
pub use cycle::Cycle;
pub use domains::Domains;
pub use duel::Duel;
pub use joint::Joint;
pub use paired::Paired;
pub use perturb::Perturbing;
