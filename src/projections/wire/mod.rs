//! Wire formats: the shapes in which projections leave the process.

pub mod v2;
pub mod v3;
