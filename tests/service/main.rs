//! The product as its users meet it: the real binary, real processes, real files.

#![allow(
    clippy::expect_used,
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    clippy::missing_panics_doc,
    reason = "a test says what it expects, and fails where it does not find it"
)]

mod bad_input;
mod cli;
mod disconnects;
mod faults;
mod formats;
mod journal;
mod metrics;
mod model;
mod policies;
mod projections;
mod replay;
mod semantic;
mod socket;
#[allow(dead_code, reason = "what other suites use of it")]
#[path = "../support/mod.rs"]
mod support;
mod v2;
mod v2_recordings;
mod verified;
