//! Schemas of real engines: what is read, what a change does, what the command line says of it.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "a test fails by panicking")]

mod cli;
mod cluster;
mod judged;
mod postgres;
mod scenarios;
