//! Schemas of real engines: what is read, what a change does, what the command line says of it.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stdout,
    clippy::missing_panics_doc,
    reason = "a test fails by panicking"
)]

mod actor;
mod cli;
mod cluster;
mod judged;
mod postgres;
mod scenarios;
mod service;
#[allow(dead_code, reason = "what other suites use of it")]
#[path = "../support/mod.rs"]
mod support;
