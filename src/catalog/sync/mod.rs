//! Readers of schemas behind the port of the actors, and the contents that they leave in the journal.

mod contents;
mod dependents;
#[cfg(feature = "duckdb")]
mod duckdb;
mod mysql;
mod observer;
mod postgres;
mod sqlite;

pub use contents::{ContentError, find, pack, unpack};
pub use dependents::{Affected, Dependent, affected, dependents, remembered};
#[cfg(feature = "duckdb")]
pub use duckdb::DuckdbSchema;
pub use mysql::MysqlSchema;
pub use observer::{Report, report};
pub use postgres::PostgresSchema;
pub use sqlite::SqliteSchema;
