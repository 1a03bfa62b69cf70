//! Why a database cannot be a source, in words that never quote the engine.

use std::path::PathBuf;

/// Why a database cannot be a source.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SourceError {
    /// There is no such file.
    #[error("there is no database file at {}; check the path", .0.display())]
    Missing(PathBuf),
    /// A folder or device.
    #[error("{} is not a file; name a SQLite database file", .0.display())]
    NotAFile(PathBuf),
    /// The process may not read it.
    #[error("no permission to read {}; let this user read the file", .0.display())]
    NoPermission(PathBuf),
    /// The file holds something else, or is damaged.
    #[error("{} is not a SQLite database, or it is damaged or encrypted", .0.display())]
    NotADatabase(PathBuf),
    /// Anything else: locked, disk error.
    #[error("the database at {} cannot be read now; see that no program locks it and the disk works", .0.display())]
    Unreadable(PathBuf),
    /// What names a server is not understood.
    #[error(
        "the connection string is not understood; write postgres://user:password@host/database or \
             mysql://user:password@host/database"
    )]
    ConnectionString,
    /// A server that cannot be used.
    #[error("{0}")]
    Unusable(String),
}

impl SourceError {
    /// The stable code.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Missing(_) => "source_missing",
            Self::NotAFile(_) => "source_not_a_file",
            Self::NoPermission(_) => "source_no_permission",
            Self::NotADatabase(_) => "source_not_a_database",
            Self::Unreadable(_) => "source_unreadable",
            Self::ConnectionString => "source_connection_string",
            Self::Unusable(_) => "source_unavailable",
        }
    }
}
