//! The catalog: what tables and columns a source has, and a hash that tells whether they changed.

mod model;
mod sqlite;

pub use model::{Catalog, Column, Index, Reference, Relation, RelationKind};
pub use sqlite::read_sqlite;
