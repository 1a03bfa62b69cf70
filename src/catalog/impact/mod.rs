//! What a diff means for statements: broken, suspect or unaffected, and why.
//!
//! Each statement is resolved by the guard against the schema before and after; what it reads is compared
//! with what changed. Engines that mind types are asked about types as well.

mod arms;
mod families;
mod grouping;
mod judge;
mod reads;
mod rough;
mod simple;
#[cfg(test)]
mod tests;
mod typing;

pub use judge::{Impact, Judge, Judgement};
pub use reads::{ReadSet, Reader};
