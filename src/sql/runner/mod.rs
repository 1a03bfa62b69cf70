//! Runners: read-only statements on real engines, with limits that hold whatever the statement says.

mod checks;
mod sqlite;

pub use checks::result_checks;
pub use sqlite::{SourceError, SqliteSource};
