//! Vanna.
fn main() {}
