//! A frame in the making: what can be hashed and encoded before the frame before it is on disk is.

use crate::codec::{self, CodecError};
use crate::frame::{CRC, Entry, FrameHead, HEAD, acceptance, covered};
use crate::merkle;
use crate::record::{Hash, Position};
use crate::wire;

/// Entries, hashed and encoded as they come.
pub(crate) struct Sealing {
    first: Position,
    next: Position,
    leaves: Vec<Hash>,
    entries: u64,
    bytes: Vec<u8>,
    /// Room to work in.
    buffer: Vec<u8>,
}

impl Sealing {
    /// A frame without entries whose first record will be at `first`.
    pub(crate) fn new(first: Position) -> Self {
        let buffer = Vec::with_capacity(512);
        Self { first, next: first, leaves: Vec::new(), entries: 0, bytes: Vec::new(), buffer }
    }

    /// Adds the entry that comes next.
    pub(crate) fn push(&mut self, entry: &Entry) {
        self.leaves.extend(acceptance(self.next, entry).map(|hash| merkle::leaf(&hash)));
        for index in 0..entry.records.len() {
            let hash = covered(self.next, entry, index).map(|covered| covered.hash_in(&mut self.buffer));
            self.leaves.extend(hash.map(|hash| merkle::leaf(&hash)));
        }
        self.next = self.next.saturating_add(entry.records.len() as u64);
        self.entries += 1;
        wire::put_entry(&mut self.bytes, entry);
    }

    /// The finished frame: its head, and its bytes as [`crate::frame::Frame::encode`] makes them.
    ///
    /// # Errors
    /// [`CodecError::Encode`] when the frame is too large for its own length field.
    pub(crate) fn seal(self, epoch: u64, previous: Hash) -> Result<(FrameHead, Vec<u8>), CodecError> {
        let count = u32::try_from(self.next.saturating_sub(self.first)).unwrap_or(u32::MAX);
        let root = merkle::over(self.leaves);
        let head = FrameHead { epoch, first: self.first, count, previous, root };
        Ok((head, whole(&head, self.entries, &self.bytes)?))
    }
}

/// The bytes of a frame, from its head and its encoded entries.
///
/// # Errors
/// [`CodecError::Encode`] when the frame is too large for its own length field.
pub(crate) fn whole(head: &FrameHead, entries: u64, encoded: &[u8]) -> Result<Vec<u8>, CodecError> {
    let mut count = vec![codec::FORMAT];
    wire::put_number(&mut count, entries);
    let length = u32::try_from(count.len() + encoded.len());
    let length = length.map_err(|error| CodecError::Encode(error.to_string()))?;
    let mut bytes = Vec::with_capacity(HEAD + 4 + count.len() + encoded.len() + CRC);
    for part in [&head.encode()[..], &length.to_le_bytes(), &count, encoded] {
        bytes.extend_from_slice(part);
    }
    let crc = crc32fast::hash(&bytes);
    bytes.extend_from_slice(&crc.to_le_bytes());
    Ok(bytes)
}
