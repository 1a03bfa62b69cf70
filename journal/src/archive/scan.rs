//! Reading a segment that may be damaged: everything whole is found, everything else is named.

use super::block::{self, BlockHead, Kind};
use super::error::{ArchiveError, Fault};
use super::frames::{Chain, FrameSource, RawFrame};
use super::segment::{FOOT, Foot, TITLE, frames_of, span_of_name};
use crate::journal::Span;
use crate::merkle;
use crate::record::{Hash, Position, hex};
use std::collections::{HashMap, VecDeque};
use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

/// Bytes that are searched at once for the next block after a damaged one.
const WINDOW: usize = 1 << 20;

/// An open segment.
pub(crate) struct Segment {
    pub(crate) path: PathBuf,
    file: File,
    pub(crate) foot: Option<Foot>,
    /// Blocks in their order, with the byte at which their packed bytes begin.
    blocks: Vec<(u64, BlockHead)>,
    bodies: HashMap<Hash, usize>,
    /// What is damaged, as far as the heads of the blocks tell.
    pub(crate) faults: Vec<Fault>,
    next_block: usize,
    ready: VecDeque<RawFrame>,
}

impl Segment {
    /// Opens a segment and reads the heads of its blocks.
    ///
    /// # Errors
    /// [`ArchiveError::Io`]; damage is in `faults`.
    pub(crate) fn scan(path: &Path) -> Result<Self, ArchiveError> {
        let io = ArchiveError::io(path);
        let file = File::open(path).map_err(&io)?;
        let (foot, blocks, bodies, faults) = (None, Vec::new(), HashMap::new(), Vec::new());
        let (path, next_block, ready) = (path.to_path_buf(), 0, VecDeque::new());
        let mut segment = Self { path, file, foot, blocks, bodies, faults, next_block, ready };
        segment.read_heads().map_err(&io)?;
        Ok(segment)
    }

    /// Opens a segment that has to be whole, as far as the heads of its blocks tell.
    ///
    /// # Errors
    /// [`ArchiveError::Damaged`] names the first damage.
    pub(crate) fn open(path: &Path) -> Result<(Self, Foot), ArchiveError> {
        let segment = Self::scan(path)?;
        match (segment.faults.first(), segment.foot) {
            (None, Some(foot)) => Ok((segment, foot)),
            (Some(fault), _) => Err(fault.clone().into()),
            (None, None) => Err(Fault::of_file(&segment.path, "it has no foot").into()),
        }
    }

    fn read_heads(&mut self) -> io::Result<()> {
        let size = self.file.metadata()?.len();
        let mut title = [0; TITLE.len()];
        if size < (TITLE.len() + FOOT) as u64 {
            self.fault(0, format!("a file of {size} bytes is cut off"));
            return Ok(());
        }
        self.file.read_exact(&mut title)?;
        if title != *TITLE {
            self.fault(0, "it does not begin with the title of a segment".into());
        }
        let end = size - FOOT as u64;
        self.file.seek(SeekFrom::Start(end))?;
        let mut foot = vec![0; FOOT];
        self.file.read_exact(&mut foot)?;
        self.foot = Foot::decode(&foot).filter(|foot| foot.length == end);
        let mut offset = TITLE.len() as u64;
        while offset < end {
            offset = match self.head_at(offset)? {
                Some(head) if offset + block::HEAD as u64 + u64::from(head.packed) <= end => {
                    let packed = offset + block::HEAD as u64;
                    if head.kind == Kind::Body {
                        self.bodies.insert(head.hash, self.blocks.len());
                    }
                    self.blocks.push((packed, head));
                    packed + u64::from(head.packed)
                }
                _ => {
                    let next = self.find_head(offset + 1, end)?;
                    self.lost(offset, next)?;
                    next
                }
            };
        }
        if self.foot.is_none() {
            self.fault(end, "the foot does not match its checksum, or the file is cut off".into());
        }
        self.check_root();
        Ok(())
    }

    /// Names what lies between two whole blocks.
    fn lost(&mut self, offset: u64, next: u64) -> io::Result<()> {
        let before = self.blocks.last().map(|(_, head)| head.span.last);
        let first = before.map_or_else(|| self.range().map(|span| span.first), |last| Some(last + 1));
        let last = match self.head_at(next)? {
            Some(head) => Some(head.span.first.saturating_sub(1)),
            None => self.range().map(|span| span.last),
        };
        let found = format!("{} bytes are not a block", next - offset);
        let mut fault = Fault::of_file(&self.path, found).at(offset);
        // A damaged body block touches the positions of the blocks around it.
        if let (Some(first), Some(last)) = (first, last) {
            fault = fault.positions(Span { first: first.min(last.max(1)), last: last.max(first) });
        }
        self.faults.push(fault);
        Ok(())
    }

    /// The range, from the foot or the name.
    pub(crate) fn range(&self) -> Option<Span<Position>> {
        self.foot.map(|foot| foot.span).or_else(|| span_of_name(&self.path))
    }

    fn head_at(&mut self, offset: u64) -> io::Result<Option<BlockHead>> {
        self.file.seek(SeekFrom::Start(offset))?;
        let mut head = Vec::new();
        (&mut self.file).take(block::HEAD as u64).read_to_end(&mut head)?;
        Ok(BlockHead::decode(&head))
    }

    /// Where the next block begins, at or after `from`; `end` when there is none.
    fn find_head(&mut self, mut from: u64, end: u64) -> io::Result<u64> {
        while from < end {
            self.file.seek(SeekFrom::Start(from))?;
            let mut window = Vec::new();
            (&mut self.file).take((WINDOW as u64).min(end - from)).read_to_end(&mut window)?;
            let marks = window.windows(block::MARK.len()).enumerate();
            for (at, _) in marks.filter(|(_, bytes)| **bytes == block::MARK) {
                if self.head_at(from + at as u64)?.is_some() {
                    return Ok(from + at as u64);
                }
            }
            if window.len() < WINDOW {
                break;
            }
            from += (WINDOW - block::HEAD) as u64;
        }
        Ok(end)
    }

    fn check_root(&mut self) {
        let Some(foot) = self.foot.filter(|_| self.faults.is_empty()) else { return };
        let root = merkle::root(self.blocks.iter().map(|(_, head)| head.hash));
        if root != foot.root {
            self.fault(
                foot.length,
                format!("the blocks have the root {}, the foot says {}", hex(&root), hex(&foot.root)),
            );
        } else if span_of_name(&self.path).is_some()
            && self.path.file_name().is_none_or(|name| name != foot.name().as_str())
        {
            self.fault(0, format!("by its content its name is {}", foot.name()));
        }
    }

    fn fault(&mut self, offset: u64, found: String) {
        let mut fault = Fault::of_file(&self.path, found).at(offset);
        if let Some(span) = self.range() {
            fault = fault.positions(span);
        }
        self.faults.push(fault);
    }

    fn content(&mut self, index: usize) -> Result<Vec<u8>, ArchiveError> {
        let missing = || Fault::of_file(&self.path, "there is no such block");
        let (offset, head) = *self.blocks.get(index).ok_or_else(missing)?;
        let mut packed = Vec::new();
        let read = self.file.seek(SeekFrom::Start(offset));
        let read = read.and_then(|_| (&mut self.file).take(u64::from(head.packed)).read_to_end(&mut packed));
        read.map_err(ArchiveError::io(&self.path))?;
        let fault = |found: &str| Fault::of_file(&self.path, found).at(offset).positions(head.span);
        Ok(block::unpack(&head, &packed).map_err(fault)?)
    }

    /// The frames of the next block of frames; nothing at the end. After an error it goes on with
    /// the block after the damaged one.
    ///
    /// # Errors
    /// [`ArchiveError::Damaged`] names the block.
    pub(crate) fn next_block(&mut self) -> Result<Option<Vec<RawFrame>>, ArchiveError> {
        while let Some((offset, head)) = self.blocks.get(self.next_block).copied() {
            self.next_block += 1;
            if head.kind == Kind::Frames {
                let content = self.content(self.next_block - 1)?;
                let placed =
                    |fault: Fault| Fault::of_file(&self.path, fault.found).at(offset).positions(head.span);
                return Ok(Some(frames_of(&content).map_err(placed)?));
            }
        }
        Ok(None)
    }

    /// Goes to the block that holds a position, or that comes after it.
    pub(crate) fn seek(&mut self, position: Position) {
        let before = |(_, head): &&(u64, BlockHead)| head.kind == Kind::Body || head.span.last < position;
        self.next_block = self.blocks.iter().take_while(before).count();
        self.ready.clear();
    }

    /// Reads all of it and names everything that is damaged; gives the frames to `visit` as far as
    /// they are whole in themselves.
    ///
    /// # Errors
    /// [`ArchiveError::Io`] when it cannot be read at all.
    pub(crate) fn check(&mut self, mut visit: impl FnMut(&RawFrame)) -> Result<Vec<Fault>, ArchiveError> {
        let mut faults = self.faults.clone();
        let mut note = |found: Result<(), ArchiveError>| match found {
            Err(ArchiveError::Damaged(fault)) => {
                faults.push(*fault);
                Ok(())
            }
            other => other,
        };
        for index in 0..self.blocks.len() {
            if self.blocks.get(index).is_some_and(|(_, head)| head.kind == Kind::Body) {
                note(self.content(index).map(drop))?;
            }
        }
        let mut chain: Option<Chain> = None;
        let (mut frames, mut whole) = (0, true);
        loop {
            let block = match self.next_block() {
                Ok(None) => break,
                Ok(Some(block)) => block,
                Err(error) => {
                    (chain, whole) = (None, false);
                    note(Err(error))?;
                    continue;
                }
            };
            for raw in &block {
                frames += 1;
                note(self.frame(raw, &mut chain))?;
                visit(raw);
            }
        }
        if let (true, Some(foot), Some(chain)) = (whole && faults.is_empty(), self.foot, chain)
            && (foot.frames, foot.end, foot.span.last) != (frames, chain.hash, chain.position)
        {
            faults.push(
                Fault::of_file(&self.path, "its foot tells of other frames")
                    .at(foot.length)
                    .positions(foot.span),
            );
        }
        Ok(faults)
    }

    fn frame(&self, raw: &RawFrame, chain: &mut Option<Chain>) -> Result<(), ArchiveError> {
        let first = self.foot.filter(|foot| foot.span.first == raw.span().first);
        let previous = first.map_or(raw.frame.head.previous, |foot| foot.previous);
        let chain = chain.get_or_insert_with(|| Chain::after(raw.span().first - 1, previous));
        let place =
            |fault: Fault| Fault { place: format!("{}, {}", self.path.display(), fault.place), ..fault };
        let damaged = |error| place(Fault::of_read(error)).positions(raw.span());
        if let Err(error) = chain.extend(&raw.frame) {
            *chain = Chain::after(raw.frame.last(), raw.frame.head.hash());
            return Err(damaged(error).into());
        }
        match raw.bodies().iter().find(|hash| !self.bodies.contains_key(*hash)) {
            Some(hash) => Err(Fault::of_file(&self.path, format!("the body {} is missing", hex(hash)))
                .positions(raw.span())
                .into()),
            None => Ok(()),
        }
    }
}

impl FrameSource for Segment {
    fn next_frame(&mut self) -> Result<Option<RawFrame>, ArchiveError> {
        while self.ready.is_empty() {
            match self.next_block()? {
                Some(block) => self.ready = block.into(),
                None => return Ok(None),
            }
        }
        Ok(self.ready.pop_front())
    }

    fn body(&mut self, hash: &Hash) -> Result<Vec<u8>, ArchiveError> {
        let missing = || Fault::of_file(&self.path, format!("the body {} is missing", hex(hash)));
        let index = *self.bodies.get(hash).ok_or_else(missing)?;
        self.content(index)
    }
}
