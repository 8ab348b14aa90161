//! Ways of playing: who is in the cast, and what a step does.
pub mod anomaly;
pub mod boosted;
pub mod context;
pub mod contrastive;
pub mod cycle;
pub mod described;
pub mod domains;
pub mod duel;
pub mod inverse;
pub mod joint;
pub mod matching;
pub mod paired;
pub mod perturb;
pub mod output;
pub mod paired;
pub mod perceptual;
mod pool;
pub mod target;

pub use anomaly::Detector;
pub mod pyramid;
pub mod ranked;
pub mod teachers;

pub use boosted::Boosted;
pub use context::Context;
pub use contrastive::Contrastive;
pub use cycle::Cycle;
pub use domains::Domains;
pub use duel::Duel;
pub use inverse::Inverse;
pub use joint::Joint;
pub use matching::Matching;
pub use paired::Paired;
pub use perturb::Perturbing;
pub use pyramid::Pyramid;
pub use ranked::Ranked;
pub use teachers::Teachers;
