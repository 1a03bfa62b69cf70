//! Snapshots: everything that a source declares at one moment, and its hash.

mod hash;
mod model;
#[cfg(test)]
mod tests;

pub use hash::{SchemaHash, schema_hash, table_hash};
pub use model::{
    ColumnRecord, Constraint, EnumType, Extra, Identity, IndexRecord, Namespace, Snapshot, Table,
};
