//! Runners: read-only statements on real engines, with limits that hold whatever the statement says.

mod engine;
mod error;
mod governed;
mod guarded;
mod kept;
mod mysql;
mod names;
mod postgres;
mod server;
mod sqlite;
mod words;

pub use engine::{Engine, Estimate};
pub use error::SourceError;
pub use governed::{Governance, Permit};
pub use guarded::{CostLimits, GuardedSource};
pub(crate) use kept::Kept;
pub use mysql::MysqlSource;
pub use postgres::PostgresSource;
pub use sqlite::SqliteSource;
