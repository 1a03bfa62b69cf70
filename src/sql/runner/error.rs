//! Why a database cannot be a source, in words that never quote the engine.

use std::io;
use std::path::{Path, PathBuf};
use vanna_actors::ports::sql::Failure;

/// Why a database cannot be a source.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SourceError {
    /// There is no such file.
    #[error("there is no database file at {}; check the path", .0.display())]
    Missing(PathBuf),
    /// A folder or device.
    #[error("{} is not a file; name a database file", .0.display())]
    NotAFile(PathBuf),
    /// The process may not read it.
    #[error("no permission to read {}; let this user read the file", .0.display())]
    NoPermission(PathBuf),
    /// The file holds something else, or is damaged.
    #[error("{} is not a database of this kind, or it is damaged or encrypted", .0.display())]
    NotADatabase(PathBuf),
    /// Another version of its engine wrote it.
    #[error(
        "{} was written by a version of its engine that this one does not read; use a library of that version, \
         or write the file in an older format", .0.display()
    )]
    OtherVersion(PathBuf),
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
            Self::OtherVersion(_) => "source_version",
            Self::Unreadable(_) => "source_unreadable",
            Self::ConnectionString => "source_connection_string",
            Self::Unusable(_) => "source_unavailable",
        }
    }

    /// What a failed look at the file means.
    pub(super) fn from_io(path: &Path, error: &io::Error) -> Self {
        let path = path.to_owned();
        match error.kind() {
            io::ErrorKind::NotFound | io::ErrorKind::NotADirectory => Self::Missing(path),
            io::ErrorKind::PermissionDenied => Self::NoPermission(path),
            io::ErrorKind::IsADirectory => Self::NotAFile(path),
            _ => Self::Unreadable(path),
        }
    }

    /// As a failure of a run. It names no path: those who ask questions need not know it.
    pub(super) fn failure(&self) -> Failure {
        let (what, retryable) = match self {
            Self::Missing(_) => ("its file is gone; put it back or configure another source", false),
            Self::NotAFile(_) => ("its path is no longer a file; configure the source again", false),
            Self::NoPermission(_) => ("its file may not be read; give the service permission", false),
            Self::NotADatabase(_) => ("its file is not a database of its kind, or it is damaged", false),
            Self::OtherVersion(_) => ("another version of its engine wrote its file", false),
            Self::Unreadable(_) | Self::ConnectionString | Self::Unusable(_) => {
                ("it cannot be read now; try again later", true)
            }
        };
        Failure::new("source_unavailable", format!("The source is not available: {what}."), retryable)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_may_not_be_read_is_told_from_one_that_is_missing() {
        let path = Path::new("x.sqlite");
        let told = |kind: io::ErrorKind| SourceError::from_io(path, &kind.into()).code();
        assert_eq!(told(io::ErrorKind::PermissionDenied), "source_no_permission");
        assert_eq!(told(io::ErrorKind::NotFound), "source_missing");
        assert_eq!(told(io::ErrorKind::Other), "source_unreadable");
    }
}
