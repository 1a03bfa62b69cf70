//! What the SQL guard promises, on its public face: what passes, what is refused, what runs.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "a test fails by panicking and says how to repeat it"
)]

mod engine;
mod fixtures;
mod fuzz;
mod lineage;
mod literals;
mod policies;
mod random;
mod sizes;
