//! The memory of one tenant: what its conversations have had kept, found again by likeness.

mod book;
pub mod event;
mod search;
mod state;
#[cfg(test)]
mod tests;

pub use book::{Command, MemoryBook, NoEffects, Refusal, Reply};
pub use state::State;
