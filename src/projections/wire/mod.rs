//! Wire formats: the shapes in which projections leave the process.

pub mod agui;
pub mod openai;
pub mod v2;
pub mod v3;
