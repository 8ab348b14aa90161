//! Every operation against its default body in f64, and its gradients against finite differences of that.
mod ops_cases;
