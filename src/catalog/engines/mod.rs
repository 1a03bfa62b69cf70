//! Readers of whole schemas, one per engine.

pub(crate) mod mysql;
mod postgres;
mod sqlite;
mod sqlite_text;

pub use mysql::{MysqlCatalog, MysqlError};
pub(crate) use postgres::PostgresServer;
pub use postgres::{POSTGRES_READS, PostgresCatalog, PostgresError, PostgresNotices};
pub use sqlite::snapshot_sqlite;
pub(crate) use sqlite_text::query_of;
