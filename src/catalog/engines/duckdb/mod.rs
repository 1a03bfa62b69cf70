//! The schema of a DuckDB file, and how the file is opened: by a database instance that can change nothing.

mod file;
mod join;
mod queries;
mod read;

pub(crate) use file::{DuckdbFile, FileMark};
pub use read::snapshot_duckdb;
