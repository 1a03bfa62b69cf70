//! A directory of segments: an archive beside the journal, or a backup elsewhere.
//!
//! `*.seg` are the segments, `heads.log` the signed heads, `head.pub` the public keys that signed
//! them, `manifest.json` says what there is. Only the segments count; the rest can be made anew.

use super::error::{ArchiveError, Fault};
use super::frames::{FrameSource, RawFrame};
use super::scan::Segment;
use super::segment::{ENDING, Foot, UNFINISHED, span_of_name};
use crate::chain::hex_text;
use crate::datadir::sync_dir;
use crate::journal::Span;
use crate::record::{Hash, Position, hex};
use serde::{Deserialize, Serialize};
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

const MANIFEST: &str = "manifest.json";
pub(super) const HEADS: &str = "heads.log";
pub(super) const KEYS: &str = "head.pub";
const FORMAT: &str = "vanna archive 1";

/// What `manifest.json` says; for people and scripts, nothing is believed of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manifest {
    /// `vanna archive 1`.
    pub format: String,
    /// The last position that is in it.
    pub position: Position,
    /// Hash of the frame that ends there.
    #[serde(with = "hex_text")]
    pub head_hash: Hash,
    /// Its segments, in their order.
    pub segments: Vec<ManifestSegment>,
}

/// One segment of a manifest.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the fields say it")]
pub struct ManifestSegment {
    pub file: String,
    pub first: Position,
    pub last: Position,
    pub bytes: u64,
    #[serde(with = "hex_text")]
    pub root: Hash,
}

/// The segments of a directory, by the ranges that their names tell.
#[derive(Clone, Debug)]
pub(crate) struct Folder {
    pub(crate) dir: PathBuf,
    /// In the order of their positions.
    pub(crate) segments: Vec<(Span<Position>, PathBuf)>,
}

impl Folder {
    /// Takes a directory to write to, creating it when there is none; what was not finished is removed.
    ///
    /// # Errors
    /// Whatever the file system says.
    pub(crate) fn take(dir: &Path) -> Result<Self, ArchiveError> {
        let take = || {
            if !dir.is_dir() {
                fs::create_dir_all(dir)?;
                sync_dir(dir.parent().filter(|parent| parent.is_dir()).unwrap_or(Path::new(".")))?;
            }
            for path in entries(dir)? {
                if path.extension().is_some_and(|ending| ending == UNFINISHED) {
                    fs::remove_file(path)?;
                }
            }
            Ok(())
        };
        take().map_err(ArchiveError::io(dir))?;
        Self::read(dir)
    }

    /// Looks at a directory without changing it.
    ///
    /// # Errors
    /// Whatever the file system says.
    pub(crate) fn read(dir: &Path) -> Result<Self, ArchiveError> {
        let found = entries(dir).map_err(ArchiveError::io(dir))?;
        let mut segments: Vec<_> =
            found.into_iter().filter_map(|path| Some((span_of_name(&path)?, path))).collect();
        segments.sort_by_key(|(span, path)| (span.first, span.last, path.clone()));
        Ok(Self { dir: dir.to_path_buf(), segments })
    }

    /// The runs of positions up to `head` that no segment holds.
    pub(crate) fn missing(&self, head: Position) -> Vec<Span<Position>> {
        let mut missing = Vec::new();
        let mut next = 1;
        for (span, _) in &self.segments {
            if span.first > next && next <= head {
                missing.push(Span { first: next, last: (span.first - 1).min(head) });
            }
            next = next.max(span.last + 1);
        }
        if next <= head {
            missing.push(Span { first: next, last: head });
        }
        missing
    }

    /// What is wrong with the names and files that are there: overlaps and unreadable names.
    pub(crate) fn faults_of_names(&self) -> Result<Vec<Fault>, ArchiveError> {
        let mut faults = Vec::new();
        for path in entries(&self.dir).map_err(ArchiveError::io(&self.dir))? {
            let is_segment = path.extension().is_some_and(|ending| ending == ENDING);
            if is_segment && span_of_name(&path).is_none() {
                faults.push(Fault::of_file(&path, "its name does not tell a range"));
            }
        }
        for pair in self.segments.windows(2) {
            let [(before, _), (span, path)] = pair else { continue };
            if span.first <= before.last {
                faults.push(Fault::of_file(
                    path,
                    format!("position {} is in the segment before it, too", span.first),
                ));
            }
        }
        Ok(faults)
    }

    /// The end of the run of segments that begins with the first record, opened and its foot read;
    /// nothing when there is none.
    ///
    /// # Errors
    /// [`ArchiveError::Damaged`] when the last of them is not whole.
    pub(crate) fn end(&self) -> Result<Option<Foot>, ArchiveError> {
        let head = self.segments.last().map_or(0, |(span, _)| span.last);
        let end = self.missing(head).first().map_or(head, |gap| gap.first - 1);
        let last = self.segments.iter().find(|(span, _)| span.last == end);
        last.map(|(_, path)| Segment::open(path).map(|(_, foot)| foot)).transpose()
    }

    /// Writes what there is to know about it.
    ///
    /// # Errors
    /// Whatever the file system says.
    pub(crate) fn describe(&self) -> Result<Manifest, ArchiveError> {
        let (mut position, mut head_hash, mut segments) = (0, [0; 32], Vec::new());
        for (span, path) in &self.segments {
            let (_, foot) = Segment::open(path)?;
            if span.first == position + 1 {
                (position, head_hash) = (span.last, foot.end);
            }
            let bytes = fs::metadata(path).map_err(ArchiveError::io(path))?.len();
            let file = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            segments.push(ManifestSegment {
                file,
                first: span.first,
                last: span.last,
                bytes,
                root: foot.root,
            });
        }
        let manifest = Manifest { format: FORMAT.into(), position, head_hash, segments };
        let text = serde_json::to_string_pretty(&manifest).unwrap_or_default();
        replace(&self.dir, MANIFEST, format!("{text}\n").as_bytes())?;
        Ok(manifest)
    }
}

/// Writes a small file of a directory, durably, all of it or none.
///
/// # Errors
/// Whatever the file system says.
pub(super) fn replace(dir: &Path, name: &str, bytes: &[u8]) -> Result<(), ArchiveError> {
    let (path, new) = (dir.join(name), dir.join(format!("{name}.{UNFINISHED}")));
    let write = || {
        if fs::read(&path).is_ok_and(|found| found == bytes) {
            return Ok(());
        }
        let mut file = File::create(&new)?;
        file.write_all(bytes)?;
        file.sync_all()?;
        fs::rename(&new, &path)?;
        sync_dir(dir)
    };
    write().map_err(|error| {
        // What is left of it is of no use.
        let _ = fs::remove_file(&new);
        ArchiveError::Io { path: path.clone(), error }
    })
}

fn entries(dir: &Path) -> io::Result<Vec<PathBuf>> {
    fs::read_dir(dir)?.map(|entry| Ok(entry?.path())).collect()
}

/// The frames of a run of segments that has to be whole, from a position on.
pub(crate) struct FolderFrames {
    folder: Folder,
    next: Position,
    until: Position,
    current: Option<Segment>,
}

impl FolderFrames {
    /// Frames of the positions of a span; it has to begin and to end where frames do.
    pub(crate) fn new(folder: Folder, span: Span<Position>) -> Self {
        Self { folder, next: span.first, until: span.last, current: None }
    }

    fn open(&mut self) -> Result<&mut Segment, ArchiveError> {
        let next = self.next;
        let holds =
            |span: Option<Span<Position>>| span.is_some_and(|span| span.first <= next && next <= span.last);
        let kept = self.current.take().filter(|segment| holds(segment.range()));
        let segment = match kept {
            Some(segment) => segment,
            None => {
                let found = self.folder.segments.iter().find(|(span, _)| holds(Some(*span)));
                let missing =
                    || Fault::of_file(&self.folder.dir, format!("no segment holds position {next}"));
                let mut segment = Segment::open(&found.ok_or_else(missing)?.1)?.0;
                segment.seek(next);
                segment
            }
        };
        Ok(self.current.insert(segment))
    }
}

impl FrameSource for FolderFrames {
    fn next_frame(&mut self) -> Result<Option<RawFrame>, ArchiveError> {
        while self.next <= self.until {
            let next = self.next;
            let segment = self.open()?;
            let place = segment.path.clone();
            let Some(raw) = segment.next_frame()? else {
                return Err(Fault::of_file(&place, format!("no frame begins at position {next}")).into());
            };
            // Frames of the same block that come before where one begins to read.
            if raw.frame.last() < next {
                continue;
            }
            self.next = raw.frame.last() + 1;
            return Ok(Some(raw));
        }
        Ok(None)
    }

    fn body(&mut self, hash: &Hash) -> Result<Vec<u8>, ArchiveError> {
        let missing = || Fault::of_file(&self.folder.dir, format!("the body {} is missing", hex(hash)));
        self.current.as_mut().ok_or_else(missing)?.body(hash)
    }
}
