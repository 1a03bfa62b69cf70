//! Frames that are still whole somewhere in the files of a damaged journal.
//!
//! The storage engine may refuse to open what is damaged, and opening changes it. A frame has a mark
//! and a checksum of its own, so it is found in the bytes; the chain tells where it belongs.

use super::error::ArchiveError;
use super::frames::{RawFrame, is_whole};
use crate::frame::{Frame, FrameHead, MAGIC};
use crate::record::{Hash, Position};
use std::collections::HashMap;
use std::fs::{self, File};
use std::io::{Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

/// Bytes that are searched at once, and the most that a frame has.
const WINDOW: usize = 4 << 20;
const FRAME: usize = 256 << 10;

/// A frame that was found.
struct Found {
    file: usize,
    offset: u64,
    length: usize,
    head: FrameHead,
}

/// All frames that were found, by the frame that they follow.
#[derive(Default)]
pub(super) struct Carved {
    files: Vec<PathBuf>,
    found: Vec<Found>,
    after: HashMap<Hash, Vec<usize>>,
    /// The last position that is reached from each frame.
    reach: HashMap<Hash, Position>,
    mark: Option<(Position, Hash, bool)>,
}

impl Carved {
    /// Searches the files of a journal, which `mark` tells how far it got.
    ///
    /// # Errors
    /// [`ArchiveError::Io`] when a file cannot be read.
    pub(super) fn search(
        dirs: &[PathBuf],
        mark: Option<(Position, Hash, bool)>,
    ) -> Result<Self, ArchiveError> {
        let mut carved = Self { mark, ..Self::default() };
        for dir in dirs {
            for path in files(dir) {
                carved.file(&path).map_err(ArchiveError::io(&path))?;
            }
        }
        carved.found.sort_by_key(|found| found.head.first);
        carved.link();
        Ok(carved)
    }

    fn file(&mut self, path: &Path) -> std::io::Result<()> {
        let mut file = File::open(path)?;
        let index = self.files.len();
        self.files.push(path.to_path_buf());
        let mut start = 0_u64;
        loop {
            file.seek(SeekFrom::Start(start))?;
            let mut window = Vec::new();
            (&mut file).take((WINDOW + FRAME) as u64).read_to_end(&mut window)?;
            let marks = window.windows(MAGIC.len()).enumerate().take(WINDOW);
            for (at, _) in marks.filter(|(_, bytes)| **bytes == MAGIC) {
                let rest = window.get(at..).unwrap_or_default();
                let Some(bytes) = Frame::length_of(rest).and_then(|length| rest.get(..length)) else {
                    continue;
                };
                let Ok(frame) = Frame::decode(bytes) else { continue };
                let (offset, length) = (start + at as u64, bytes.len());
                self.found.push(Found { file: index, offset, length, head: frame.head });
            }
            if window.len() < WINDOW + FRAME {
                return Ok(());
            }
            start += WINDOW as u64;
        }
    }

    /// From the last to the first: how far each frame leads.
    fn link(&mut self) {
        for (index, found) in self.found.iter().enumerate().rev() {
            let hash = found.head.hash();
            let beyond = self.after.get(&hash).into_iter().flatten();
            let beyond = beyond.filter_map(|next| self.found.get(*next)).map(|next| next.head.hash());
            let reach = beyond.filter_map(|next| self.reach.get(&next).copied()).max();
            let reach = reach.unwrap_or(0).max(found.head.last());
            if self.reach.insert(hash, reach).is_none() {
                self.after.entry(found.head.previous).or_default().push(index);
            } else if let Some(same) = self.after.get_mut(&found.head.previous) {
                // Another copy of the same frame: one of them may turn out unreadable.
                same.push(index);
            }
        }
    }

    /// The last position that was found anywhere.
    pub(super) fn last(&self) -> Position {
        self.found
            .iter()
            .map(|found| found.head.last())
            .filter(|last| !self.is_refused(*last))
            .max()
            .unwrap_or(0)
    }

    /// Frames above a position.
    pub(super) fn frames_above(&self, position: Position) -> usize {
        let above = self.found.iter().filter(|found| found.head.first > position);
        above.map(|found| found.head.hash()).collect::<std::collections::HashSet<_>>().len()
    }

    /// The frame that follows another one, and the file that it is in: of several, the one that
    /// leads furthest, or that was marked as written. Nothing when that leaves it open.
    pub(super) fn next(&self, position: Position, hash: &Hash) -> Option<(RawFrame, &Path)> {
        let follows =
            |found: &&Found| found.head.first == position + 1 && !self.is_refused(found.head.last());
        let copies = self.after.get(hash)?.iter().filter_map(|index| self.found.get(*index)).filter(follows);
        let weigh = |found: &Found| {
            let hash = found.head.hash();
            let marked = self.mark.is_some_and(|(_, mark, _)| mark == hash);
            (self.reach.get(&hash).copied().unwrap_or(0), marked)
        };
        let copies: Vec<&Found> = copies.collect();
        let best = copies.iter().map(|found| weigh(found)).max()?;
        let mut best = copies.into_iter().filter(|found| weigh(found) == best).peekable();
        let chosen = best.peek()?.head.hash();
        let best: Vec<&Found> = best.collect();
        if best.iter().any(|found| found.head.hash() != chosen) {
            return None;
        }
        best.into_iter().find_map(|found| self.read(found))
    }

    /// What lies above the mark was refused, and its writers know it.
    fn is_refused(&self, last: Position) -> bool {
        self.mark.is_some_and(|(position, _, refused_above)| refused_above && last > position)
    }

    fn read(&self, found: &Found) -> Option<(RawFrame, &Path)> {
        let path = self.files.get(found.file)?;
        let mut file = File::open(path).ok()?;
        file.seek(SeekFrom::Start(found.offset)).ok()?;
        let mut bytes = Vec::new();
        file.take(found.length as u64).read_to_end(&mut bytes).ok()?;
        let raw = RawFrame::decode(bytes).ok().filter(|raw| is_whole(&raw.frame).is_ok())?;
        Some((raw, path))
    }
}

/// The files of a directory and of those in it; none when it is not there.
fn files(dir: &Path) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(dir) else { return Vec::new() };
    let mut files = Vec::new();
    for path in entries.filter_map(Result::ok).map(|entry| entry.path()) {
        if path.is_dir() { files.extend(self::files(&path)) } else { files.push(path) }
    }
    files.sort();
    files
}
