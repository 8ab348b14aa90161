//! Metrics, one a file, as functions of plain numbers: no networks, no files.
pub mod attributes;
pub mod boosting;
pub mod clusters;
pub mod dci;
pub mod discrete;
pub mod eigen;
pub mod fairness;
pub mod features;
pub mod fid;
pub mod frequency;
pub mod identification;
pub mod imputation;
pub mod inception_score;
pub mod inference;
pub mod kid;
pub mod linear_probe;
pub mod logistic;
pub mod markov;
pub mod mig;
pub mod moments;
pub mod neighbours;
pub mod path_length;
pub mod points;
pub mod prdc;
pub mod ranking;
pub mod sequences;
pub mod shapes;
pub mod smiles;

pub mod ssim;
pub mod stacked;
pub mod swd;
mod symmetric;
pub mod transport;
pub mod video;

pub use eigen::{eigen, leading};
pub use features::{Features, Figure};
