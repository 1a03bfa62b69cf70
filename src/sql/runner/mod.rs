//! Runners: read-only statements on real engines, with limits that hold whatever the statement says.

mod engine;
mod error;
mod guarded;
mod names;
mod postgres;
mod sqlite;

pub use engine::Engine;
pub use error::SourceError;
pub use guarded::GuardedSource;
pub use postgres::PostgresSource;
pub use sqlite::SqliteSource;
