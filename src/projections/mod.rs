//! Projections: everything that clients see, as pure functions of the journaled facts.

pub mod conversations;
pub mod lineage;
pub mod open_turns;
mod registry;
pub mod transcript;
pub mod wire;

pub use registry::registry;

#[cfg(test)]
pub(crate) mod facts_for_tests;
