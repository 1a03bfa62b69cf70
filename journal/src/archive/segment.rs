//! A segment: one file with a run of whole frames, and the bodies that they keep outside of
//! themselves. It never changes once it has its name.
//!
//! Layout: title (16) · blocks · foot. The foot, integers little-endian: mark (4) · first and last
//! position (8, 8) · frames (8) · hash of the frame before (32) · hash of the last frame (32) ·
//! Merkle root over the contents of the blocks (32) · bytes before the foot (8) · crc32 of all of
//! this (4).

use super::block::{self, Kind};
use super::error::{ArchiveError, Fault};
use super::frames::RawFrame;
use crate::datadir::sync_dir;
use crate::journal::Span;
use crate::merkle;
use crate::record::{Hash, Position, hex};
use std::collections::HashSet;
use std::fs::{self, File};
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

pub(super) const TITLE: &[u8; 16] = b"vanna segment 1\n";
const MARK: [u8; 4] = *b"VSF1";
/// Bytes of the foot.
pub(super) const FOOT: usize = 4 + 8 + 8 + 8 + 32 + 32 + 32 + 8 + 4;
/// Bytes of frames in one block, if one frame is not more: a damaged block costs no more than this.
const BLOCK: usize = 128 << 10;
/// How the file of a segment ends.
pub(super) const ENDING: &str = "seg";
/// How a file ends that is not finished.
pub(super) const UNFINISHED: &str = "new";

/// What a segment says about itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Foot {
    pub(crate) span: Span<Position>,
    pub(crate) frames: u64,
    /// Hash of the frame before the first; zeros at the beginning of the journal.
    pub(crate) previous: Hash,
    /// Hash of the last frame.
    pub(crate) end: Hash,
    pub(crate) root: Hash,
    /// Bytes before the foot.
    pub(super) length: u64,
}

impl Foot {
    /// The name of its file: range and root.
    pub(super) fn name(&self) -> String {
        let root = hex(&self.root);
        let root = root.get(..16).unwrap_or_default();
        format!("{:016}-{:016}-{root}.{ENDING}", self.span.first, self.span.last)
    }

    fn encode(&self) -> Vec<u8> {
        let mut bytes = [
            &MARK[..],
            &self.span.first.to_le_bytes(),
            &self.span.last.to_le_bytes(),
            &self.frames.to_le_bytes(),
            &self.previous,
            &self.end,
            &self.root,
            &self.length.to_le_bytes(),
        ]
        .concat();
        let crc = crc32fast::hash(&bytes);
        bytes.extend_from_slice(&crc.to_le_bytes());
        bytes
    }

    /// What the last bytes of a segment say; nothing when they are not exactly that.
    pub(super) fn decode(bytes: &[u8]) -> Option<Self> {
        let (sealed, crc) = bytes.split_last_chunk::<4>()?;
        if bytes.len() != FOOT || crc32fast::hash(sealed) != u32::from_le_bytes(*crc) {
            return None;
        }
        let (first, rest) = sealed.strip_prefix(&MARK)?.split_first_chunk()?;
        let (last, rest) = rest.split_first_chunk()?;
        let (frames, rest) = rest.split_first_chunk()?;
        let (previous, rest) = rest.split_first_chunk()?;
        let (end, rest) = rest.split_first_chunk()?;
        let (root, rest) = rest.split_first_chunk()?;
        Some(Self {
            span: Span { first: u64::from_le_bytes(*first), last: u64::from_le_bytes(*last) },
            frames: u64::from_le_bytes(*frames),
            previous: *previous,
            end: *end,
            root: *root,
            length: u64::from_le_bytes(*rest.first_chunk()?),
        })
    }
}

/// The range that the name of a segment's file tells; nothing for other files.
pub(super) fn span_of_name(path: &Path) -> Option<Span<Position>> {
    let name = path.file_name()?.to_str()?.strip_suffix(&format!(".{ENDING}"))?;
    let words: Vec<&str> = name.split('-').collect();
    let [first, last, root] = words[..] else { return None };
    let span = Span { first: first.parse().ok()?, last: last.parse().ok()? };
    (root.len() == 16 && span.first >= 1 && span.first <= span.last).then_some(span)
}

/// A segment in the making. What is not finished is removed when it is dropped.
pub(super) struct SegmentWriter {
    new: PathBuf,
    file: Option<BufWriter<File>>,
    foot: Foot,
    hashes: Vec<Hash>,
    bodies: HashSet<Hash>,
    pending: Vec<u8>,
    pending_first: Position,
    /// Bytes of frames and bodies so far.
    pub(super) content: u64,
}

impl SegmentWriter {
    /// Begins a file, which gets its name when it is finished.
    ///
    /// # Errors
    /// Whatever the file system says.
    pub(super) fn create(new: PathBuf, first: Position, previous: Hash) -> Result<Self, ArchiveError> {
        let create = || {
            let mut file = BufWriter::new(File::create(&new)?);
            file.write_all(TITLE).map(|()| file)
        };
        let file = Some(create().map_err(ArchiveError::io(&new))?);
        let span = Span { first, last: first - 1 };
        let foot =
            Foot { span, frames: 0, previous, end: previous, root: [0; 32], length: TITLE.len() as u64 };
        let (hashes, bodies, pending) = (Vec::new(), HashSet::new(), Vec::new());
        Ok(Self { new, file, foot, hashes, bodies, pending, pending_first: first, content: 0 })
    }

    /// Frames so far.
    pub(super) fn frames(&self) -> u64 {
        self.foot.frames
    }

    /// Adds the next frame, after the bodies that it keeps outside of itself.
    ///
    /// # Errors
    /// Whatever the file system or `body` says.
    pub(super) fn add(
        &mut self,
        raw: &RawFrame,
        mut body: impl FnMut(&Hash) -> Result<Vec<u8>, ArchiveError>,
    ) -> Result<(), ArchiveError> {
        for hash in raw.bodies() {
            if self.bodies.insert(hash) {
                let content = body(&hash)?;
                self.content += content.len() as u64;
                self.block(Kind::Body, raw.span(), &content)?;
            }
        }
        let length = u32::try_from(raw.bytes.len()).unwrap_or(u32::MAX);
        self.pending.extend_from_slice(&length.to_le_bytes());
        self.pending.extend_from_slice(&raw.bytes);
        self.content += raw.bytes.len() as u64;
        self.foot.span.last = raw.frame.last();
        self.foot.frames += 1;
        self.foot.end = raw.frame.head.hash();
        if self.pending.len() >= BLOCK { self.flush() } else { Ok(()) }
    }

    fn flush(&mut self) -> Result<(), ArchiveError> {
        if self.pending.is_empty() {
            return Ok(());
        }
        let content = std::mem::take(&mut self.pending);
        let span = Span { first: self.pending_first, last: self.foot.span.last };
        self.pending_first = span.last + 1;
        self.block(Kind::Frames, span, &content)
    }

    fn block(&mut self, kind: Kind, span: Span<Position>, content: &[u8]) -> Result<(), ArchiveError> {
        let Some(file) = &mut self.file else { return Ok(()) };
        let mut write = || {
            let (head, packed) = block::pack(kind, span, content)?;
            file.write_all(&head.encode())?;
            file.write_all(&packed)?;
            Ok(head)
        };
        let head = write().map_err(ArchiveError::io(&self.new))?;
        self.hashes.push(head.hash);
        self.foot.length += block::HEAD as u64 + u64::from(head.packed);
        Ok(())
    }

    /// Ends the segment, durably, and gives it its name in `dir`, or `name` when there is one.
    ///
    /// # Errors
    /// Whatever the file system says; there is no such segment then.
    pub(super) fn finish(mut self, dir: &Path, name: Option<&Path>) -> Result<(PathBuf, Foot), ArchiveError> {
        self.flush()?;
        self.foot.root = merkle::root(self.hashes.iter().copied());
        let path = name.map_or_else(|| dir.join(self.foot.name()), Path::to_path_buf);
        let foot = self.foot;
        let end = |file: Option<BufWriter<File>>| {
            if let Some(mut file) = file {
                file.write_all(&foot.encode())?;
                file.into_inner().map_err(|error| error.into_error())?.sync_all()?;
            }
            fs::rename(&self.new, &path)?;
            sync_dir(dir)
        };
        end(self.file.take()).map_err(ArchiveError::io(&path))?;
        Ok((path, foot))
    }
}

impl Drop for SegmentWriter {
    fn drop(&mut self) {
        // What has its name is not there any more under this one.
        let _ = fs::remove_file(&self.new);
    }
}

/// The frames of a block's content.
///
/// # Errors
/// [`Fault`] without a place when it is not a run of frames.
pub(super) fn frames_of(mut content: &[u8]) -> Result<Vec<RawFrame>, Fault> {
    let mut frames = Vec::new();
    let cut = || Fault::new("", "a frame is cut off");
    while !content.is_empty() {
        let (length, rest) = content.split_first_chunk().ok_or_else(cut)?;
        let (bytes, rest) = rest.split_at_checked(u32::from_le_bytes(*length) as usize).ok_or_else(cut)?;
        frames.push(RawFrame::decode(bytes.to_vec()).map_err(|error| Fault::new("", error.to_string()))?);
        content = rest;
    }
    Ok(frames)
}
