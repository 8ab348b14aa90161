//! A trained model for other programs: its functions recorded as graphs, and the graphs written down.
//!
//! A network is written once, as tensor code; here it is run once more on a device that records what is done
//! ([`capture()`]), simplified, and written as ONNX ([`onnx()`]) or as PyTorch's Python ([`pytorch()`]). [`export`] does so
//! for a run, into a folder.
mod capture;
mod ends;
mod eval;
mod folder;
mod graph;
mod onnx;
pub mod proto;
mod pytorch;
mod shipped;
mod simplify;
mod web;

pub use capture::capture;
pub use eval::evaluate;
pub use folder::{Format, Layout, Options, export, graphs};
pub use graph::{Array, Binary, Cut, Data, Dim, Graph, Id, Kind, Node, Op, Reduction, Unary, Value, Windows};
pub use onnx::onnx;
pub use pytorch::pytorch;
pub(crate) use shipped::permuted;
pub use shipped::{is_exported, open};

use simplify::simplify;
