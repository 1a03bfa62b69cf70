//! SQL: running it on sources.

pub mod runner;
