//! Runners: read-only statements on real engines, with limits that hold whatever the statement says.

#[cfg(feature = "duckdb")]
mod duckdb;
mod engine;
mod error;
mod governed;
mod guarded;
mod kept;
mod mysql;
mod names;
mod postgres;
mod samples;
mod server;
mod sqlite;
mod words;

#[cfg(feature = "duckdb")]
pub use duckdb::DuckdbSource;
pub use engine::{Engine, Estimate};
pub use error::SourceError;
pub use governed::{Governance, Permit};
pub use guarded::{CostLimits, GuardedSource};
pub(crate) use kept::Kept;
pub use mysql::MysqlSource;
pub use postgres::PostgresSource;
pub use sqlite::SqliteSource;
