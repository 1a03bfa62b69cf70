//! Frames on their way from one place to another, byte for byte, and what holds them together.

use super::error::{ArchiveError, Fault};
use crate::frame::{Body, Frame, FrameError, FrameHead};
use crate::journal::{ReadError, Span};
use crate::record::{Hash, Position, StreamId, Version, body_hash, hex};
use std::collections::HashMap;

/// A frame and the bytes that it is stored as.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct RawFrame {
    pub(crate) bytes: Vec<u8>,
    pub(crate) frame: Frame,
}

impl RawFrame {
    /// # Errors
    /// [`FrameError`] for whatever is not exactly a frame.
    pub(crate) fn decode(bytes: Vec<u8>) -> Result<Self, FrameError> {
        Frame::decode(&bytes).map(|frame| Self { bytes, frame })
    }

    pub(crate) fn span(&self) -> Span<Position> {
        Span { first: self.frame.head.first, last: self.frame.last() }
    }

    /// Hashes of the bodies that it keeps outside of itself, each once.
    pub(crate) fn bodies(&self) -> Vec<Hash> {
        let stored = self.frame.entries.iter().flat_map(|entry| &entry.records);
        let outside = stored.filter(|stored| matches!(stored.body, Body::Blob(_)));
        let mut hashes: Vec<Hash> = outside.map(|stored| stored.body_hash).collect();
        hashes.sort_unstable();
        hashes.dedup();
        hashes
    }
}

/// Where frames come from, in their order.
pub(crate) trait FrameSource {
    /// The next frame; nothing at the end.
    ///
    /// # Errors
    /// [`ArchiveError`] when it cannot be read or is not whole.
    fn next_frame(&mut self) -> Result<Option<RawFrame>, ArchiveError>;

    /// A body that the frame given last keeps outside of itself.
    ///
    /// # Errors
    /// [`ArchiveError`] when it is missing or not whole.
    fn body(&mut self, hash: &Hash) -> Result<Vec<u8>, ArchiveError>;
}

/// The end of a chain of frames, to which the next one is held.
#[derive(Clone, Debug, Default)]
pub(crate) struct Chain {
    pub(crate) position: Position,
    pub(crate) hash: Hash,
    pub(crate) frames: u64,
    versions: HashMap<StreamId, Version>,
    from_the_beginning: bool,
}

impl Chain {
    /// A chain from the first record on: versions are checked, too.
    pub(crate) fn beginning() -> Self {
        Self { from_the_beginning: true, ..Self::default() }
    }

    /// A chain that goes on after a frame.
    pub(crate) fn after(position: Position, hash: Hash) -> Self {
        Self { position, hash, ..Self::default() }
    }

    /// Holds a frame to the chain, and its records to their hashes; it is the end of the chain then.
    ///
    /// # Errors
    /// [`ReadError::Damaged`] when it does not continue the chain or is not whole.
    pub(crate) fn extend(&mut self, frame: &Frame) -> Result<(), ReadError> {
        frame.head.follows(self.position, &self.hash)?;
        is_whole(frame)?;
        if self.from_the_beginning {
            self.versions(frame)?;
        }
        self.position = frame.last();
        self.hash = frame.head.hash();
        self.frames += 1;
        Ok(())
    }

    fn versions(&mut self, frame: &Frame) -> Result<(), ReadError> {
        for (position, entry) in frame.placed() {
            let version = self.versions.entry(entry.stream.clone()).or_default();
            if entry.first_version != *version + 1 {
                let found =
                    format!("{} goes from version {version} to {}", entry.stream, entry.first_version);
                return Err(damaged(position, found));
            }
            *version = entry.versions().last;
        }
        Ok(())
    }
}

/// Whether the records of a frame are those that its root stands for, bodies inside it included.
///
/// # Errors
/// [`ReadError::Damaged`] when they are not.
pub(crate) fn is_whole(frame: &Frame) -> Result<(), ReadError> {
    let root = frame.computed_root();
    if root != frame.head.root {
        let found =
            format!("the records have the root {}, the frame says {}", hex(&root), hex(&frame.head.root));
        return Err(damaged(frame.head.first, found));
    }
    for (position, entry) in frame.placed() {
        for (stored, position) in entry.records.iter().zip(position..) {
            if let Body::Inline(body) = &stored.body
                && body_hash(&body.0) != stored.body_hash
            {
                return Err(damaged(position, "the body does not have its hash".into()));
            }
        }
    }
    Ok(())
}

/// The next frame of a source, held to the chain.
///
/// # Errors
/// [`ArchiveError`] when it cannot be read, is not whole or does not follow.
pub(crate) fn next_of(
    source: &mut dyn FrameSource,
    chain: &mut Chain,
) -> Result<Option<RawFrame>, ArchiveError> {
    let Some(raw) = source.next_frame()? else { return Ok(None) };
    chain.extend(&raw.frame).map_err(|error| Fault::of_read(error).positions(raw.span()))?;
    Ok(Some(raw))
}

fn damaged(position: Position, found: String) -> ReadError {
    ReadError::Damaged { place: format!("position {position}"), found }
}

impl FrameHead {
    /// Checks that the frame continues the one that ends at `end` and has this hash; zeros when it
    /// is the first.
    ///
    /// # Errors
    /// [`ReadError::Damaged`] when it does not.
    pub(crate) fn follows(&self, end: Position, hash: &Hash) -> Result<(), ReadError> {
        let found = if self.first != end + 1 {
            format!("it follows position {end}")
        } else if self.previous != *hash {
            format!("it names {} as the frame before it, which is {}", hex(&self.previous), hex(hash))
        } else {
            return Ok(());
        };
        Err(ReadError::Damaged { place: format!("the frame at position {}", self.first), found })
    }
}
