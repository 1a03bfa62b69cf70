//! Memory: what was learnt from earlier questions, and who may find it.

mod journaled;

pub use journaled::JournaledMemory;
