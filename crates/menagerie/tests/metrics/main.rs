//! Metrics: beside the packages that others use, and as `evaluate` asks for them.
mod hmmer;
mod judged;
mod references;
