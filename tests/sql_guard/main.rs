//! What the SQL guard promises, on its public face: what passes, what is refused, what runs.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

mod engine;
mod fixtures;
mod fuzz;
mod lineage;
mod literals;
mod policies;
mod random;
mod sizes;
