//! Snapshots of schemas that are written down as SQL, without a database.

mod postgres;
mod postgres_alter;
mod postgres_table;
mod postgres_types;
mod read;
mod sqlite;
#[cfg(test)]
mod tests;

pub use read::{DdlError, Declared, align, read};
