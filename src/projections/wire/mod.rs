//! Wire formats: the shapes in which projections leave the process.

pub mod v3;
