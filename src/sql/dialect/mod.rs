//! How each engine spells what the planner means.

mod duckdb;
mod kind;
mod mysql;
mod postgres;
mod sqlite;

pub use duckdb::Duckdb;
pub use kind::{Dialect, DialectKind, UnknownDialect};
pub use mysql::Mysql;
pub use postgres::Postgres;
pub use sqlite::Sqlite;
