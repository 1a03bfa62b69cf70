//! What a compaction did.

use crate::chain::hex_text;
use crate::record::{Hash, Position};

/// Figures of a compaction.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Compacted {
    /// Records of the journal, before and after.
    pub records: Position,
    /// Hash of the last frame, before and after.
    #[serde(with = "hex_text")]
    pub head_hash: Hash,
    /// Bytes of the storage before.
    pub before: u64,
    /// Bytes of the storage after; its index is built at the next start.
    pub after: u64,
    /// Large bodies that no frame referred to.
    pub removed_bodies: u64,
}
