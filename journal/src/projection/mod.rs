//! Projections: rows that are a function of the journal, kept up to date, rebuilt while they serve.
//!
//! Each version of a projection has a table of its own, which holds its rows and how far it has come,
//! changed in one batch. A new version is folded into a new table while the old one serves; then the
//! pointer to the live table moves, in one write.

mod contract;
mod engine;
mod entry;
mod error;
mod fold;
mod rebuild;

#[cfg(test)]
mod tests;

pub use contract::{Projection, Registered, View, Working};
pub use engine::{Pace, Projections, State, Status, Verdict};
pub use entry::Progress;
pub use error::ProjectionError;
