//! How each engine spells what the planner means.

mod kind;
mod sqlite;

pub use kind::{Dialect, DialectKind, UnknownDialect};
pub use sqlite::Sqlite;
