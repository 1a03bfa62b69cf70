//! Who may read what: relations, columns, rows, masks, limits.

mod bound;
mod limit;
mod model;

pub(crate) use bound::{BoundPolicy, Permission};
pub(crate) use limit::limit_rows;
pub use model::{Policy, Principal};
