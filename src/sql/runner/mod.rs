//! Runners: read-only statements on real engines, with limits that hold whatever the statement says.

mod sqlite;

pub use sqlite::{SourceError, SqliteSource};
