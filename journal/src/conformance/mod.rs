//! What every journal promises, as functions that any backend can be held to.
//!
//! `conformance_suite!(backend)` makes one test of each promise. A backend makes journals, and
//! opens the same one again.

#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "a broken promise fails the test that asks for it"
)]

mod backend;
mod promises;
mod reading;
mod suite;
mod writers;

pub use self::backend::{Backend, Draw, append_to, body, new_record, stream};
pub use self::promises::*;
pub use self::reading::*;
pub use self::writers::*;
