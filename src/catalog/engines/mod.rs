//! Readers of whole schemas, one per engine.

#[cfg(feature = "duckdb")]
mod duckdb;
pub(crate) mod mysql;
mod postgres;
mod sqlite;
mod sqlite_text;

#[cfg(feature = "duckdb")]
pub use duckdb::snapshot_duckdb;
#[cfg(feature = "duckdb")]
pub(crate) use duckdb::{DuckdbFile, FileMark};
pub use mysql::{MysqlCatalog, MysqlError};
pub(crate) use postgres::PostgresServer;
pub use postgres::{POSTGRES_READS, PostgresCatalog, PostgresError, PostgresNotices};
pub use sqlite::snapshot_sqlite;
pub(crate) use sqlite_text::query_of;
