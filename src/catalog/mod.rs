//! The catalog: what tables and columns a source has, a hash that tells whether they changed, what
//! changed, and which statements that touches.

pub mod ddl;
pub mod diff;
pub mod engines;
pub mod impact;
mod model;
pub mod snapshot;
mod sqlite;
pub mod sync;

pub use model::{Catalog, Column, Reference, Relation, RelationKind};
pub use sqlite::read_sqlite;
