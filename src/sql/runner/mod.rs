//! Runners: read-only statements on real engines, with limits that hold whatever the statement says.

mod engine;
mod error;
mod guarded;
mod mysql;
mod names;
mod postgres;
mod server;
mod sqlite;
mod words;

pub use engine::Engine;
pub use error::SourceError;
pub use guarded::GuardedSource;
pub use mysql::MysqlSource;
pub use postgres::PostgresSource;
pub use sqlite::SqliteSource;
