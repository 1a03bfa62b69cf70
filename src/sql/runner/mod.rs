//! Runners: read-only statements on real engines, with limits that hold whatever the statement says.

mod engine;
mod error;
mod governed;
mod guarded;
mod kept;
mod names;
mod postgres;
mod sqlite;

pub use engine::{Engine, Estimate};
pub use error::SourceError;
pub use governed::{Governance, Permit};
pub use guarded::{CostLimits, GuardedSource};
pub(crate) use kept::Kept;
pub use postgres::PostgresSource;
pub use sqlite::SqliteSource;
