//! Why an archive, a backup or a restore did not come about.

use crate::journal::{ReadError, Span};
use crate::open::{OpenError, is_full};
use crate::record::Position;
use std::io;
use std::path::{Path, PathBuf};

/// Damage at one place, with the way out of it.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Fault {
    /// File, or part of the data directory.
    pub place: String,
    /// Byte of the file where it begins, when it is known.
    pub offset: Option<u64>,
    /// First position that it touches, when it is known.
    pub first: Option<Position>,
    /// Last position that it touches, when it is known.
    pub last: Option<Position>,
    /// What was found.
    pub found: String,
    /// What to do.
    pub remedy: String,
}

impl Fault {
    pub(crate) fn new(place: impl Into<String>, found: impl Into<String>) -> Self {
        let (place, found) = (place.into(), found.into());
        Self { place, offset: None, first: None, last: None, found, remedy: String::new() }
    }

    pub(crate) fn of_file(path: &Path, found: impl Into<String>) -> Self {
        Self::new(path.display().to_string(), found)
    }

    pub(crate) fn at(mut self, offset: u64) -> Self {
        self.offset = Some(offset);
        self
    }

    pub(crate) fn positions(mut self, span: Span<Position>) -> Self {
        (self.first, self.last) = (Some(span.first), Some(span.last));
        self
    }

    pub(crate) fn remedy(mut self, text: &str) -> Self {
        self.remedy = text.into();
        self
    }

    pub(crate) fn of_read(error: ReadError) -> Self {
        match error {
            ReadError::Damaged { place, found } => Self::new(place, found),
            other => Self::new("the journal", other.to_string()),
        }
    }
}

impl std::fmt::Display for Fault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.place)?;
        if let Some(offset) = self.offset {
            write!(f, ", byte {offset}")?;
        }
        match (self.first, self.last) {
            (Some(first), Some(last)) if first == last => write!(f, ", position {first}")?,
            (Some(first), Some(last)) => write!(f, ", positions {first} to {last}")?,
            _ => {}
        }
        write!(f, ": {}", self.found)?;
        if self.remedy.is_empty() { Ok(()) } else { write!(f, "; {}", self.remedy) }
    }
}

/// Why something with an archive was not done. Nothing half-done is left in its place.
#[derive(Debug, thiserror::Error)]
pub enum ArchiveError {
    /// What is stored does not agree with its checksums or its order.
    #[error("damaged: {0}")]
    Damaged(Box<Fault>),
    /// A directory that has to be new or empty holds something.
    #[error("{} is not empty; name a new or an empty directory", .0.display())]
    NotEmpty(PathBuf),
    /// There is no archive, segment or export there.
    #[error("{} holds {found}; name a backup, an archive, a segment or an export", path.display())]
    NothingThere {
        /// Where it was looked for.
        path: PathBuf,
        /// What is there.
        found: String,
    },
    /// The archive tells another history than the journal.
    #[error(
        "the archive {} belongs to another journal, or to another history of this one: {found}; name \
         another directory, or move it aside", dir.display()
    )]
    OtherJournal {
        /// The archive.
        dir: PathBuf,
        /// Where they part.
        found: String,
    },
    /// The data directory could not be opened.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// The journal could not be read.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// There is not enough space; nothing was changed.
    #[error("{} has {free} bytes free and {needed} are needed: free some space first; nothing was changed", dir.display())]
    NoSpace {
        /// Where the space is needed.
        dir: PathBuf,
        /// Bytes that are needed.
        needed: u64,
        /// Bytes that are free.
        free: u64,
    },
    /// The file system refused.
    #[error("{}: {error}", path.display())]
    Io {
        /// What was read or written.
        path: PathBuf,
        /// Why not.
        error: io::Error,
    },
}

impl ArchiveError {
    /// A stable code.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Damaged(_) => "archive_damaged",
            Self::NotEmpty(_) => "archive_not_empty",
            Self::NothingThere { .. } => "archive_missing",
            Self::OtherJournal { .. } => "archive_other_journal",
            Self::Open(error) => error.code(),
            Self::Read(error) => error.code(),
            Self::NoSpace { .. } => "archive_no_space",
            Self::Io { error, .. } if is_full(error) => "archive_disk_full",
            Self::Io { .. } => "archive_io",
        }
    }

    /// Whether the bytes that were given are at fault, not the machine.
    pub fn is_damage(&self) -> bool {
        matches!(
            self,
            Self::Damaged(_) | Self::Open(OpenError::Damaged { .. }) | Self::Read(ReadError::Damaged { .. })
        )
    }

    pub(crate) fn io(path: &Path) -> impl Fn(io::Error) -> Self + '_ {
        move |error| Self::Io { path: path.to_path_buf(), error }
    }
}

impl From<Fault> for ArchiveError {
    fn from(fault: Fault) -> Self {
        Self::Damaged(Box::new(fault))
    }
}
