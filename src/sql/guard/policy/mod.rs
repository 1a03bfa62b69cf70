//! Who may read what: relations, columns, rows, masks, limits.

mod binds;
mod bound;
mod faults;
mod groups;
mod limit;
mod model;

pub(crate) use binds::Binds;
pub(crate) use bound::{BoundPolicy, Permission};
pub use groups::{Policies, PolicyFileError};
pub(crate) use limit::limit_rows;
pub use model::{Policy, Principal};
