//! Autoregressive models: p(x) = prod_i p(x_i | x_1, ..., x_{i-1}), a factor a number, in a fixed order.
mod affine;
pub mod discrete;
pub mod wavenet;
