//! Promises of the HTTP side, kept against a scripted service.

mod contract;
mod fake;
mod gate;
mod harness;
mod input;
mod server;
mod streams;
mod v2;
