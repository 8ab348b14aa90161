//! Ways through a latent space: what to decode.
mod arithmetic;
mod breed;
mod by_traits;

mod descent;
mod directions;
mod edit;
mod effects;
mod project;
mod reading;
mod space;
mod sweep;
mod tiles;
mod under_classes;
mod walk;

pub use crate::data::Trait;
pub use arithmetic::{Term, arithmetic, around, parse};
pub use breed::{Crossing, breed, breed_layers, mix};
pub use by_traits::{ByTraits, by_traits};
pub use directions::{
    Direction, Directions, Followed, by_importance, first_weights, follow, of_traits, principal, sefa,
};
pub use edit::{Constraint, EditSettings, Edited, Transferred, colour, edit, transfer};
pub use effects::{Effects, effects};
pub use project::{Projection, ProjectionSettings, project, project_from};
pub use reading::Reader;
pub use space::{Space, SpaceName, rows};
pub use sweep::{sweep, sweep_plane};
pub use tiles::in_tiles;
pub use under_classes::UnderClasses;
pub use walk::{Walk, through, walk};
