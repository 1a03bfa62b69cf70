//! SQL: how each dialect writes a statement, and how statements are run without harm.

pub mod dialect;
pub mod guard;
pub mod runner;
