//! Projections: everything that clients see, as pure functions of the journaled facts.

pub mod conversations;
pub mod lineage;
pub mod transcript;
pub mod wire;

#[cfg(test)]
pub(crate) mod facts_for_tests;
