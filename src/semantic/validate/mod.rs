//! Checks that a model holds together.

mod check;
mod datasets;
mod metrics;
mod names;
mod saved;
#[cfg(test)]
mod tests;
mod verified;

pub use check::check;
