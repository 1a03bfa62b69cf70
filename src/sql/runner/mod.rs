//! Runners: read-only statements on real engines, with limits that hold whatever the statement says.

mod engine;
mod error;
mod governed;
mod guarded;
mod names;
mod postgres;
mod sqlite;

pub use engine::{Engine, Estimate};
pub use error::SourceError;
pub use governed::{Governance, Permit};
pub use guarded::{CostLimits, GuardedSource};
pub use postgres::PostgresSource;
pub use sqlite::SqliteSource;
