//! Runners: read-only statements on real engines, with limits that hold whatever the statement says.

mod guarded;
mod sqlite;

pub use guarded::GuardedSource;
pub use sqlite::{SourceError, SqliteSource};
