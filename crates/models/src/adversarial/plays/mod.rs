//! Ways of playing: who is in the cast, and what a step does.
pub mod anomaly;
pub mod bicycle;
pub mod boosted;
pub mod coded;
pub mod context;
pub mod contrastive;
pub mod crossed;
pub mod cycle;
mod descent;
pub mod described;
pub mod design;
pub mod domains;
pub mod duel;
pub mod edited;
mod identity;

pub mod introspective;
pub mod inverse;
pub mod joint;
pub mod matching;
pub mod output;
pub mod paired;
pub mod perceptual;
pub mod perturb;
mod pool;

pub mod pyramid;
pub mod ranked;
pub mod target;
pub mod teachers;
mod ternary;
mod told;
pub mod transferred;

pub use anomaly::Detector;
pub use bicycle::Bicycle;
pub use boosted::Boosted;
pub use coded::Coded;
pub use context::Context;
pub use contrastive::Contrastive;
pub use crossed::Crossed;
pub use cycle::Cycle;
pub use design::Designer;
pub use domains::Domains;
pub use duel::Duel;
pub use edited::Edited;

pub use introspective::Introspective;
pub use inverse::Inverse;
pub use joint::Joint;
pub use matching::Matching;
pub use paired::Paired;
pub use perturb::Perturbing;
pub use pyramid::Pyramid;
pub use ranked::Ranked;
pub use teachers::Teachers;
pub use transferred::Transferred;
