//! Whether a journal accepts appends, told to whoever watches.

use crate::journal::AppendError;

/// Whether appends are accepted, and why not.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Health {
    /// They are.
    #[default]
    Well,
    /// The disk is full. Reads go on; the journal looks for space by itself and is well again when
    /// there is some.
    DiskFull,
    /// A write or sync failed, with this text: nothing more is accepted in this process.
    Poisoned(String),
}

impl Health {
    /// What an append is told; nothing while appends are accepted.
    pub fn refusal(&self) -> Option<AppendError> {
        match self {
            Self::Well => None,
            Self::DiskFull => Some(AppendError::DiskFull),
            Self::Poisoned(text) => Some(AppendError::Poisoned(text.clone())),
        }
    }
}
