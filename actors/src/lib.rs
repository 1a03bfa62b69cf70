//! Conversations as durable actors: what is decided, what is remembered, and the runtime that hosts it.
//!
//! This crate knows no HTTP, no SQL parser, no database driver and no wire format. It reaches the
//! world through the traits in [`ports`] and writes only through the journal.

pub mod conversation;
pub mod drift;
pub mod events;
pub mod json;
pub mod kinds;
pub mod memory;
pub mod packed;
pub mod ports;
pub mod runtime;
#[cfg(test)]
mod shape_tests;
