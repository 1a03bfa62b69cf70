//! Contents of snapshots: packed into facts, and found there again.

use crate::catalog::snapshot::Snapshot;
use vanna_actors::drift::SourceSchema;
use vanna_actors::events::drift::{self, DriftEvent};
use vanna_actors::packed::Packed;
use vanna_journal::Journal;

/// Compression that costs little; contents are written once.
const LEVEL: i32 = 3;
/// Largest content, unpacked: what a damaged one claims is not believed.
const LARGEST: usize = 512 << 20;
/// Facts read at a time.
const PAGE: usize = 256;

/// A content that cannot be kept or read.
#[derive(Debug, thiserror::Error)]
pub enum ContentError {
    /// It cannot be packed.
    #[error("the snapshot cannot be packed: {0}")]
    Pack(String),
    /// It cannot be unpacked.
    #[error("a kept snapshot cannot be read: {0}; `vanna journal verify` tells whether the journal is whole")]
    Unpack(String),
    /// The journal cannot be read.
    #[error("{0}")]
    Journal(#[from] vanna_journal::ReadError),
}

impl ContentError {
    /// The stable code.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Pack(_) => "snapshot_pack",
            Self::Unpack(_) => "snapshot_unpack",
            Self::Journal(_) => "snapshot_journal",
        }
    }
}

/// A snapshot as facts keep it.
///
/// # Errors
/// [`ContentError::Pack`].
pub fn pack(snapshot: &Snapshot) -> Result<Packed, ContentError> {
    let failed = |error: String| ContentError::Pack(error);
    let mut encoder = zstd::Encoder::new(Vec::new(), LEVEL).map_err(|e| failed(e.to_string()))?;
    serde_json::to_writer(&mut encoder, snapshot).map_err(|e| failed(e.to_string()))?;
    encoder.finish().map(Packed).map_err(|e| failed(e.to_string()))
}

/// The snapshot that a fact keeps.
///
/// # Errors
/// [`ContentError::Unpack`].
pub fn unpack(packed: &Packed) -> Result<Snapshot, ContentError> {
    let bytes = zstd::bulk::decompress(&packed.0, capacity(&packed.0));
    let bytes = bytes.map_err(|error| ContentError::Unpack(error.to_string()))?;
    serde_json::from_slice(&bytes).map_err(|error| ContentError::Unpack(error.to_string()))
}

fn capacity(packed: &[u8]) -> usize {
    let claimed = zstd::bulk::Decompressor::upper_bound(packed);
    claimed.unwrap_or(LARGEST).min(LARGEST)
}

/// A snapshot of a source by its id; blocks on the journal.
///
/// # Errors
/// [`ContentError`].
pub fn find(journal: &dyn Journal, source: &str, id: &str) -> Result<Option<Snapshot>, ContentError> {
    let stream = SourceSchema::stream(source);
    let mut after = 0;
    loop {
        let records = journal.read_stream(&stream, after, PAGE)?;
        let Some(last) = records.last() else { return Ok(None) };
        after = last.version;
        for record in &records {
            let event = drift::decode(record).map_err(|error| ContentError::Unpack(error.to_string()))?;
            if let DriftEvent::SyncFinished(finished) = event
                && finished.mark.snapshot_id == id
                && let Some(content) = &finished.content
            {
                return unpack(content).map(Some);
            }
        }
    }
}
