//! The longest whole chain that an archive and a damaged data directory give together.

use super::carve::Carved;
use super::error::{ArchiveError, Fault};
use super::folder::Folder;
use super::frames::{FrameSource, RawFrame, is_whole};
use super::scan::Segment;
use crate::blobs::Blobs;
use crate::journal::Span;
use crate::record::{Hash, Position, hex};
use std::collections::VecDeque;
use std::path::PathBuf;

/// A run of positions and where its frames came from.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Piece {
    /// First position.
    pub first: Position,
    /// Last position.
    pub last: Position,
    /// The file or the archive that it came from.
    pub origin: String,
}

/// Frames from the archive where it is whole, else from what is left of the journal.
pub(super) struct Merged {
    pub(super) archive: Option<Folder>,
    pub(super) carved: Carved,
    pub(super) blobs: Option<Blobs>,
    pub(super) position: Position,
    hash: Hash,
    segment: Option<Segment>,
    ready: VecDeque<RawFrame>,
    pub(super) pieces: Vec<Piece>,
    /// Damage that was met in the archive.
    pub(super) faults: Vec<Fault>,
}

impl Merged {
    pub(super) fn new(archive: Option<Folder>, carved: Carved, blobs: Option<PathBuf>) -> Self {
        let blobs = blobs.map(Blobs::new);
        let (segment, ready, pieces, faults) = (None, VecDeque::new(), Vec::new(), Vec::new());
        Self { archive, carved, blobs, position: 0, hash: [0; 32], segment, ready, pieces, faults }
    }

    /// The last position that anything tells of.
    pub(super) fn known(&self) -> Position {
        let archived = self.archive.iter().flat_map(|folder| &folder.segments);
        archived.map(|(span, _)| span.last).max().unwrap_or(0).max(self.carved.last())
    }

    fn continues(&self, raw: &RawFrame) -> bool {
        raw.frame.head.follows(self.position, &self.hash).is_ok() && is_whole(&raw.frame).is_ok()
    }

    fn archived(&mut self) -> Result<Option<RawFrame>, ArchiveError> {
        let next = self.position + 1;
        if self.ready.front().is_none_or(|raw| raw.frame.head.first != next) {
            self.ready.clear();
            self.fill(next)?;
        }
        Ok(self.ready.pop_front().filter(|raw| self.continues(raw)))
    }

    /// Reads the block that holds a position, if there is a whole one.
    fn fill(&mut self, next: Position) -> Result<(), ArchiveError> {
        let holds = |span: Span<Position>| span.first <= next && next <= span.last;
        if !self.segment.as_ref().is_some_and(|segment| segment.range().is_some_and(holds)) {
            let found =
                self.archive.iter().flat_map(|folder| &folder.segments).find(|(span, _)| holds(*span));
            let Some((_, path)) = found else { return Ok(()) };
            let segment = Segment::scan(path)?;
            segment.faults.iter().for_each(|fault| note(&mut self.faults, fault));
            self.segment = Some(segment);
        }
        let Some(segment) = &mut self.segment else { return Ok(()) };
        segment.seek(next);
        match segment.next_block() {
            Ok(block) => {
                self.ready = block.unwrap_or_default().into();
                self.ready.retain(|raw| raw.frame.head.first >= next);
                Ok(())
            }
            Err(ArchiveError::Damaged(fault)) => {
                note(&mut self.faults, &fault);
                Ok(())
            }
            Err(error) => Err(error),
        }
    }

    fn took(&mut self, raw: &RawFrame, origin: String) {
        let span = raw.span();
        match self.pieces.last_mut() {
            Some(piece) if piece.origin == origin => piece.last = span.last,
            _ => self.pieces.push(Piece { first: span.first, last: span.last, origin }),
        }
        self.position = span.last;
        self.hash = raw.frame.head.hash();
    }
}

fn note(faults: &mut Vec<Fault>, fault: &Fault) {
    if !faults.contains(fault) {
        faults.push(fault.clone());
    }
}

impl FrameSource for Merged {
    fn next_frame(&mut self) -> Result<Option<RawFrame>, ArchiveError> {
        if let Some(raw) = self.archived()? {
            let origin =
                self.archive.as_ref().map_or_else(String::new, |folder| folder.dir.display().to_string());
            self.took(&raw, origin);
            return Ok(Some(raw));
        }
        let found = self.carved.next(self.position, &self.hash);
        let Some((raw, origin)) = found.map(|(raw, path)| (raw, path.display().to_string())) else {
            return Ok(None);
        };
        self.took(&raw, origin);
        Ok(Some(raw))
    }

    fn body(&mut self, hash: &Hash) -> Result<Vec<u8>, ArchiveError> {
        let archived = match self.segment.as_mut().map(|segment| segment.body(hash)) {
            Some(Ok(body)) => return Ok(body),
            Some(Err(error)) => Some(error),
            None => None,
        };
        match (&self.blobs, archived) {
            (Some(blobs), _) => Ok(blobs.get(hash)?),
            (None, Some(error)) => Err(error),
            (None, None) => Err(Fault::new(format!("blob {}", hex(hash)), "the file is missing").into()),
        }
    }
}
