//! Sealing: frames become segments, from where the last one ends up to a position.

use super::error::{ArchiveError, Fault};
use super::folder::Folder;
use super::frames::{Chain, FrameSource};
use super::scan::Segment;
use super::segment::{ENDING, SegmentWriter, UNFINISHED};
use crate::journal::Span;
use crate::record::{Hash, Position};
use std::path::PathBuf;

/// When a segment is full.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SegmentSize {
    /// Bytes of frames and bodies.
    pub bytes: u64,
    /// Frames.
    pub frames: u64,
}

impl Default for SegmentSize {
    fn default() -> Self {
        Self { bytes: 4 << 20, frames: 4096 }
    }
}

/// Gives the frames of a span of positions.
pub(crate) type Frames<'a> = dyn FnMut(Span<Position>) -> Box<dyn FrameSource> + 'a;

/// What was sealed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize)]
pub struct Sealed {
    /// The last position that is in the archive.
    pub position: Position,
    /// Segments that were written now.
    pub segments: u64,
    /// Bytes of them.
    pub bytes: u64,
}

/// Writes segments for everything up to `head` that no segment holds yet. `visit` is told the
/// position after each frame.
///
/// # Errors
/// [`ArchiveError`]; segments that are finished stay.
pub(crate) fn seal(
    folder: &mut Folder,
    size: SegmentSize,
    head: Position,
    frames: &mut Frames<'_>,
    visit: &mut dyn FnMut(Position),
) -> Result<Sealed, ArchiveError> {
    let mut sealed = Sealed::default();
    for gap in folder.missing(head) {
        let chain = before(folder, gap.first)?;
        let mut source = frames(gap);
        let mut run = Run { dir: folder.dir.clone(), size, chain, sealed: &mut sealed };
        let end = run.write(&mut *source, visit)?;
        joins(folder, gap, &end)?;
        *folder = Folder::read(&folder.dir)?;
    }
    sealed.position = folder.segments.last().map_or(0, |(span, _)| span.last);
    Ok(sealed)
}

/// The chain up to where a gap begins.
fn before(folder: &Folder, first: Position) -> Result<Chain, ArchiveError> {
    let Some((_, path)) = folder.segments.iter().find(|(span, _)| span.last + 1 == first) else {
        return Ok(Chain::after(0, [0; 32]));
    };
    let (_, foot) = Segment::open(path)?;
    Ok(Chain::after(first - 1, foot.end))
}

/// What fills a gap has to lead to the segment after it.
fn joins(folder: &Folder, gap: Span<Position>, end: &Hash) -> Result<(), ArchiveError> {
    let Some((_, path)) = folder.segments.iter().find(|(span, _)| span.first == gap.last + 1) else {
        return Ok(());
    };
    let (_, foot) = Segment::open(path)?;
    if foot.previous == *end {
        return Ok(());
    }
    let found = format!("the segment after position {} does not continue the journal's frames", gap.last);
    Err(ArchiveError::OtherJournal { dir: folder.dir.clone(), found })
}

/// One gap on its way into segments.
struct Run<'a> {
    dir: PathBuf,
    size: SegmentSize,
    chain: Chain,
    sealed: &'a mut Sealed,
}

impl Run<'_> {
    /// Gives the hash of the last frame.
    fn write(
        &mut self,
        source: &mut dyn FrameSource,
        visit: &mut dyn FnMut(Position),
    ) -> Result<Hash, ArchiveError> {
        let mut open: Option<SegmentWriter> = None;
        loop {
            let (position, hash) = (self.chain.position, self.chain.hash);
            let Some(raw) = source.next_frame()? else { break };
            if raw.frame.head.first == position + 1 && raw.frame.head.previous != hash {
                let found = format!("the frame at position {} follows another one", position + 1);
                return Err(ArchiveError::OtherJournal { dir: self.dir.clone(), found });
            }
            self.chain.extend(&raw.frame).map_err(|error| Fault::of_read(error).positions(raw.span()))?;
            let mut writer = match open.take() {
                Some(writer) => writer,
                None => {
                    let new = self.dir.join(format!("{:016}.{ENDING}.{UNFINISHED}", position + 1));
                    SegmentWriter::create(new, position + 1, hash)?
                }
            };
            writer.add(&raw, |hash| source.body(hash))?;
            visit(self.chain.position);
            if writer.content >= self.size.bytes || writer.frames() >= self.size.frames {
                self.finish(writer)?;
            } else {
                open = Some(writer);
            }
        }
        open.map_or(Ok(()), |writer| self.finish(writer))?;
        Ok(self.chain.hash)
    }

    fn finish(&mut self, writer: SegmentWriter) -> Result<(), ArchiveError> {
        let (path, _) = writer.finish(&self.dir, None)?;
        self.sealed.segments += 1;
        self.sealed.bytes += std::fs::metadata(&path).map_err(ArchiveError::io(&path))?.len();
        Ok(())
    }
}
