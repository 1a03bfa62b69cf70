//! Derived state: tables of rows that are functions of the journal, and can be lost.
//!
//! It stands beside the journal in a storage of its own: whatever happens to it costs time, and no
//! failure of it reaches an append.

mod memory;
mod store;

#[cfg(test)]
mod tests;

pub use crate::sled::SledDerived;
pub use memory::MemoryDerived;
pub(crate) use memory::is_empty;
pub(crate) use store::check;
pub use store::{Derived, DerivedError, MOST_CHANGES, MOST_VALUE, Row, Rows, Table};
