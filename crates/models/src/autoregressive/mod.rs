//! Autoregressive models: p(x) = prod_i p(x_i | x_1, ..., x_{i-1}), a factor a number, in a fixed order.
mod affine;
mod conditionals;
mod discrete;
mod draw;
pub mod fvbn;
pub mod gated_pixel_cnn;
pub mod made;
pub mod nade;
pub mod pixel_cnn;
pub mod pixel_rnn;
mod pixels;
pub mod wavenet;

pub use conditionals::{Autoregressive, Conditionals, Factors, Grid, Items};
pub use discrete::Discrete;
pub use draw::{Drawing, Walk, Walker};

use crate::Entry;

/// The family's name in the taxonomy.
pub(crate) const FAMILY: &str = "autoregressive";
/// Its models.
pub(crate) const ENTRIES: &[&Entry] = &[
    &fvbn::ENTRY,
    &nade::ENTRY,
    &made::ENTRY,
    &pixel_cnn::ENTRY,
    &gated_pixel_cnn::ENTRY,
    &pixel_rnn::ENTRY,
    &wavenet::ENTRY,
];
