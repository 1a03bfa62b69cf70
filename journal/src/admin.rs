//! Looking after a journal: the full check, for operators and for tests.

use crate::open::{OpenError, OpenOptions};
use crate::record::{Hash, Position};
use crate::{Journal, SledJournal};
use std::path::Path;

/// What a full check found.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Report {
    /// Records that are whole, from the beginning.
    pub records: u64,
    /// Frames that hold them.
    pub frames: u64,
    /// Signed heads that lie on the chain of these frames.
    pub signed_heads: u64,
    /// Hash of the last whole frame; zeros when there is none.
    pub head_hash: Hash,
    /// The first damage, if there is any.
    pub damage: Option<Damage>,
}

/// Where stored data stop to agree with their checksums or their order.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Damage {
    /// The first position that is not known to be whole.
    pub position: Position,
    /// What was found.
    pub found: String,
}

/// Opens the journal in `dir`, checks all of it, and closes it again. Blocks.
///
/// # Errors
/// [`OpenError`] when it cannot be opened, which is where most damage shows already.
pub fn verify(dir: &Path) -> Result<Report, OpenError> {
    let journal = SledJournal::open(dir, OpenOptions { purpose: "verify".into(), queue: 1 })?;
    Ok(journal.verify())
}
