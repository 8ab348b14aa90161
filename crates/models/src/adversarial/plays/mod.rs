//! Ways of playing: who is in the cast, and what a step does.
pub mod anomaly;
pub mod boosted;
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
mod pool;
pub mod target;

pub use anomaly::Detector;
pub mod pyramid;
pub mod ranked;
pub mod teachers;

pub use boosted::Boosted;
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
