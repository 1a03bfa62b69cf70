//! Why a journal could not be opened, in words that say what to do.

use std::io;
use std::path::{Path, PathBuf};

/// How to open a journal that is kept on disk.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OpenOptions {
    /// One word that tells others what this process does with the journal, such as `serve`.
    pub purpose: String,
    /// Appends that may wait; one more is answered with `Busy`.
    pub queue: usize,
}

/// Why a journal could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// Another process has the directory.
    #[error(
        "the data directory {} is in use by process {pid} ({purpose}): stop it, or choose another \
         directory with --data, or ask that process with --server",
        dir.display()
    )]
    Held {
        /// The directory.
        dir: PathBuf,
        /// Who holds it; 0 when it has not said yet.
        pid: u32,
        /// What the holder does.
        purpose: String,
    },
    /// The directory holds something else.
    #[error("{} is not a journal's data directory: {found}; choose an empty or a new one with --data", dir.display())]
    NotOurs {
        /// The directory.
        dir: PathBuf,
        /// What was found there.
        found: String,
    },
    /// What is stored does not agree with its checksums or its order.
    #[error("the journal is damaged at {place}: {found}; {remedy}")]
    Damaged {
        /// Position, frame or file.
        place: String,
        /// What was found there.
        found: String,
        /// What to do.
        remedy: String,
    },
    /// There is no space left to open it.
    #[error("the disk that holds {} is full: free some space and start again", dir.display())]
    DiskFull {
        /// The directory.
        dir: PathBuf,
    },
    /// The file system refused.
    #[error("{} could not be opened: {error}", path.display())]
    Io {
        /// What was opened.
        path: PathBuf,
        /// Why not.
        error: io::Error,
    },
    /// A newer version wrote it.
    #[error(
        "the journal in {} has format {found}; this version reads up to {supported}: use the newer \
         version that wrote it",
        dir.display()
    )]
    NewerFormat {
        /// The directory.
        dir: PathBuf,
        /// Its format.
        found: u32,
        /// The newest format that can be read.
        supported: u32,
    },
}

/// The way out of damage; [`OpenError::in_dir`] puts the directory in.
const RESTORE: &str = "nothing was changed; `vanna journal scrub --data THIS_DIRECTORY` names all damage, and \
                       `vanna journal restore --salvage THIS_DIRECTORY --data NEW_DIRECTORY` builds a whole one \
                       from the archive and from what can still be read";

/// Stands for the data directory in a remedy.
pub(crate) const THIS_DIRECTORY: &str = "THIS_DIRECTORY";

impl OpenError {
    /// A stable code.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Held { .. } => "journal_held",
            Self::NotOurs { .. } => "journal_not_ours",
            Self::Damaged { .. } => "journal_damaged",
            Self::DiskFull { .. } => "journal_disk_full",
            Self::Io { .. } => "journal_io",
            Self::NewerFormat { .. } => "journal_newer_format",
        }
    }

    pub(crate) fn damaged(place: impl Into<String>, found: impl Into<String>) -> Self {
        Self::Damaged { place: place.into(), found: found.into(), remedy: RESTORE.into() }
    }

    /// The same, with the directory in its commands.
    pub(crate) fn in_dir(mut self, dir: &Path) -> Self {
        if let Self::Damaged { remedy, .. } = &mut self {
            *remedy = remedy.replace(THIS_DIRECTORY, &dir.display().to_string());
        }
        self
    }

    pub(crate) fn io(path: &Path, error: io::Error) -> Self {
        if is_full(&error) {
            return Self::DiskFull { dir: path.to_path_buf() };
        }
        Self::Io { path: path.to_path_buf(), error }
    }
}

impl From<crate::journal::ReadError> for OpenError {
    fn from(error: crate::journal::ReadError) -> Self {
        match error {
            crate::journal::ReadError::Damaged { place, found } => Self::damaged(place, found),
            other => Self::damaged("the journal", other.to_string()),
        }
    }
}

/// Whether the disk or a quota is exhausted.
pub(crate) fn is_full(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded)
}
