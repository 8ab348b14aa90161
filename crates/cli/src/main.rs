//! The command `menagerie`.
fn main() {}
