//! Frames of an open journal as they are stored, byte for byte.

use super::shared::Shared;
use crate::SledJournal;
use crate::archive::{ArchiveError, Fault, FrameSource, RawFrame};
use crate::journal::{ReadError, Span};
use crate::record::{Hash, Position};
use std::collections::VecDeque;
use std::sync::Arc;

/// Frames that are read at once.
const CHUNK: usize = 16;

/// The frames of a span of positions, in their order.
pub(crate) struct RawFrames {
    shared: Arc<Shared>,
    next: Position,
    until: Position,
    ready: VecDeque<RawFrame>,
}

impl SledJournal {
    /// The frames of a span of durable positions; it has to begin and end where frames do.
    pub(crate) fn raw_frames(&self, span: Span<Position>) -> RawFrames {
        RawFrames { shared: self.shared.clone(), next: span.first, until: span.last, ready: VecDeque::new() }
    }

    /// The frame that holds a position.
    pub(crate) fn raw_frame_at(&self, position: Position) -> Result<Option<RawFrame>, ReadError> {
        let first = self.shared.with_store(|store| store.frame_at(position))?.map(|frame| frame.head.first);
        let Some(first) = first else { return Ok(None) };
        Ok(self.shared.with_store(|store| store.raw_from(first, 1))?.pop())
    }

    /// The first frame that begins at or after a position.
    pub(crate) fn raw_frame_from(&self, position: Position) -> Result<Option<RawFrame>, ReadError> {
        Ok(self.shared.with_store(|store| store.raw_from(position, 1))?.pop())
    }

    /// Where the first frame begins at or after a position, whole or not.
    pub(crate) fn next_first(&self, position: Position) -> Result<Option<Position>, ReadError> {
        self.shared.with_store(|store| store.next_first(position))
    }

    /// A body that a frame keeps outside of itself.
    pub(crate) fn large_body(&self, hash: &Hash) -> Result<Vec<u8>, ReadError> {
        self.shared.blobs.get(hash)
    }

    /// How far the journal is, its bytes of bodies, and the hash of its last frame.
    pub(crate) fn extent(&self) -> (Position, u64, Hash) {
        let (figures, hash) = self.shared.figures();
        (figures.position, figures.body_bytes, hash)
    }
}

impl FrameSource for RawFrames {
    fn next_frame(&mut self) -> Result<Option<RawFrame>, ArchiveError> {
        if self.next > self.until {
            return Ok(None);
        }
        if self.ready.is_empty() {
            let next = self.next;
            // What cannot be read together is read one by one, up to the very frame that is damaged.
            let frames = self.shared.with_store(|store| {
                store.raw_from(next, CHUNK).or_else(|_damaged| store.raw_from(next, 1))
            })?;
            self.ready = frames.into();
        }
        match self.ready.pop_front().filter(|raw| raw.frame.last() <= self.until) {
            Some(raw) => {
                self.next = raw.frame.last() + 1;
                Ok(Some(raw))
            }
            None => Err(Fault::new(format!("position {}", self.next), "no frame begins there").into()),
        }
    }

    fn body(&mut self, hash: &Hash) -> Result<Vec<u8>, ArchiveError> {
        Ok(self.shared.blobs.get(hash)?)
    }
}
