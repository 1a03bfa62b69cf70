//! Which reader a file of SQL needs, and what it gives.

use super::sqlite;
use crate::catalog::snapshot::Snapshot;

/// A schema as a file declares it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Declared {
    /// What is declared.
    pub snapshot: Snapshot,
    /// Statements that were passed over because they are not understood, with their beginning.
    pub not_read: Vec<String>,
}

/// A file of SQL that cannot be read as a schema.
#[derive(Debug, thiserror::Error)]
pub enum DdlError {
    /// No reader for this dialect.
    #[error("a schema can be read from statements of sqlite or postgres, not of `{0}`; use a snapshot")]
    Dialect(String),
    /// SQLite refuses a statement.
    #[error("SQLite refuses the statements: {0}")]
    Sqlite(#[from] rusqlite::Error),
    /// The text cannot be parsed.
    #[error("the statements cannot be read as {dialect}: {reason}")]
    Syntax {
        /// The dialect that was tried.
        dialect: &'static str,
        /// What the parser says.
        reason: String,
    },
    /// A statement contradicts those before it.
    #[error("{0}; statements must stand in the order in which they are run")]
    Order(String),
}

impl DdlError {
    /// The stable code.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Dialect(_) => "ddl_dialect_unknown",
            Self::Sqlite(_) => "ddl_refused",
            Self::Syntax { .. } => "ddl_syntax",
            Self::Order(_) => "ddl_order",
        }
    }
}

/// Reads a schema from the statements that make it.
///
/// # Errors
/// [`DdlError`].
pub fn read(text: &str, dialect: Option<&str>) -> Result<Declared, DdlError> {
    match dialect {
        Some("sqlite") | None => sqlite::read(text),
        Some(other) => Err(DdlError::Dialect(other.to_owned())),
    }
}
