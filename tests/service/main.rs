//! The product as its users meet it: the real binary, real processes, real files.

mod bad_input;
mod cli;
mod faults;
mod journal;
mod replay;
#[allow(dead_code, reason = "what other suites use of it")]
#[path = "../support/mod.rs"]
mod support;
