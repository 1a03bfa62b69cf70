//! Exports: one JSON line per record, which hold all that it takes to make the same frames again.
//!
//! The first line of a frame has `frame`, the first of an append `append`, and the very first
//! `export`, which tells where the last one has to end. Other fields are for readers: what is not
//! named here is not read back.

use super::error::{ArchiveError, Fault};
use super::frames::{Chain, FrameSource, RawFrame, next_of};
use super::restore::{Restored, restore_frames};
use crate::SledJournal;
use crate::chain::{FrameHead, hex_text};
use crate::frame::{Body, Bytes, Entry, Frame, Stored};
use crate::journal::Span;
use crate::record::{Hash, Position, Record, StreamId, Version, body_hash, hex};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};
use std::collections::HashMap;
use std::io::BufRead;
use std::path::Path;

/// Bytes of one line, at most: a body of the largest size, twice over.
const LINE: u64 = 128 << 20;
/// Format of the exports that this version makes and reads.
const FORMAT: u32 = 1;

/// One line of an export.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the fields are those of `Record` and of the frame")]
pub struct Line {
    pub position: Position,
    pub stream: StreamId,
    pub version: Version,
    pub kind: u16,
    pub schema: u16,
    /// Microseconds since the Unix epoch, UTC.
    pub at_us: i64,
    pub request_id: Option<String>,
    pub causation: Option<Position>,
    pub key_id: u32,
    #[serde(with = "hex_text")]
    pub record_hash: Hash,
    #[serde(with = "hex_text")]
    pub body_hash: Hash,
    /// Base64.
    pub body: String,
    /// Whether the body is in a file of its own.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub blob: bool,
    /// On the first record of an append.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub append: Option<LineAppend>,
    /// On the first record of a frame.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub frame: Option<LineFrame>,
    /// On the first line of an export.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub export: Option<LineExport>,
}

/// An append, as its first record's line tells.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LineAppend {
    /// Records of it.
    pub records: usize,
    /// The request that it accepted.
    pub request: Option<String>,
}

/// A frame, as its first record's line tells.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LineFrame {
    /// What the frame says about itself.
    pub head: FrameHead,
    /// BLAKE3 of the bytes that it is stored as.
    #[serde(with = "hex_text")]
    pub bytes: Hash,
}

/// What an export holds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LineExport {
    /// Format of the lines.
    pub format: u32,
    /// Records, and with it lines, of the whole export.
    pub records: Position,
    /// Hash of the last frame.
    #[serde(with = "hex_text")]
    pub head_hash: Hash,
}

impl Line {
    /// The record that the line tells of.
    pub fn record(&self, body: Vec<u8>) -> Record {
        Record {
            position: self.position,
            stream: self.stream.clone(),
            version: self.version,
            kind: self.kind,
            schema: self.schema,
            at: self.at_us,
            request_id: self.request_id.clone(),
            causation: self.causation,
            key_id: self.key_id,
            body_hash: self.body_hash,
            body,
        }
    }
}

/// Gives the lines of all records above a position, with the records; `whole` says that the first
/// of them begins an export.
///
/// # Errors
/// [`ArchiveError`] of the journal or of `visit`.
pub fn export(
    journal: &SledJournal,
    after: Position,
    whole: bool,
    mut visit: impl FnMut(Line, &Record) -> std::io::Result<()>,
) -> Result<(), ArchiveError> {
    let (head, _, head_hash) = journal.extent();
    let first = match journal.raw_frame_at(after + 1)? {
        Some(raw) if raw.frame.last() > after => raw.frame.head.first,
        _ => return Ok(()),
    };
    let mut opening = whole.then_some(LineExport { format: FORMAT, records: head, head_hash });
    let mut source = journal.raw_frames(Span { first, last: head });
    let written = |error| ArchiveError::Io { path: "the export".into(), error };
    while let Some(raw) = source.next_frame()? {
        let bodies = raw.bodies().into_iter().map(|hash| Ok((hash, source.body(&hash)?)));
        let bodies = bodies.collect::<Result<HashMap<_, _>, ArchiveError>>()?;
        for (mut line, record) in lines_of(&raw, &bodies) {
            if record.position > after {
                line.export = opening.take();
                visit(line, &record).map_err(written)?;
            }
        }
    }
    Ok(())
}

fn lines_of(raw: &RawFrame, bodies: &HashMap<Hash, Vec<u8>>) -> Vec<(Line, Record)> {
    let mut lines = Vec::new();
    for (at, entry) in raw.frame.placed() {
        for (index, stored) in entry.records.iter().enumerate() {
            let Some(mut record) = entry.record(at, index) else { continue };
            let blob = matches!(stored.body, Body::Blob(_));
            if let Some(body) = bodies.get(&record.body_hash).filter(|_| blob) {
                record.body.clone_from(body);
            }
            let append = LineAppend { records: entry.records.len(), request: entry.request.clone() };
            let frame = || LineFrame { head: raw.frame.head, bytes: body_hash(&raw.bytes) };
            let line = Line {
                position: record.position,
                stream: record.stream.clone(),
                version: record.version,
                kind: record.kind,
                schema: record.schema,
                at_us: record.at,
                request_id: record.request_id.clone(),
                causation: record.causation,
                key_id: record.key_id,
                record_hash: record.hash(),
                body_hash: record.body_hash,
                body: STANDARD.encode(&record.body),
                blob,
                append: (index == 0).then_some(append),
                frame: lines.is_empty().then(frame),
                export: None,
            };
            lines.push((line, record));
        }
    }
    lines
}

/// Makes a data directory, new or empty, from an export; `place` is what the export is called.
/// Blocks.
///
/// # Errors
/// [`ArchiveError`] names the line and the position; there is no new directory then.
pub fn import(
    lines: impl BufRead,
    place: &str,
    to: &Path,
    visit: &mut dyn FnMut(Position),
) -> Result<Restored, ArchiveError> {
    let mut lines = Lines {
        lines,
        place: place.into(),
        number: 0,
        next: None,
        export: None,
        bodies: HashMap::new(),
        end: (0, [0; 32]),
    };
    let mut restored = restore_frames(&mut lines, to, visit)?;
    restored.pieces = vec![super::Piece { first: 1, last: restored.position, origin: place.into() }];
    Ok(restored)
}

/// Frames that are made of lines.
struct Lines<R> {
    lines: R,
    place: String,
    /// The line that was read last, counted from 1.
    number: u64,
    /// A line that was read and belongs to the next frame.
    next: Option<Line>,
    export: Option<LineExport>,
    /// Bodies of the frame that was given last.
    bodies: HashMap<Hash, Vec<u8>>,
    /// Where the frames end so far.
    end: (Position, Hash),
}

impl<R: BufRead> Lines<R> {
    fn wrong(&self, position: Option<Position>, found: impl Into<String>) -> ArchiveError {
        let fault = Fault::new(format!("{} line {}", self.place, self.number), found);
        let fault = fault.remedy("nothing was made of it; take another copy, or export again");
        position.map_or(fault.clone(), |at| fault.positions(Span { first: at, last: at })).into()
    }

    fn read(&mut self) -> Result<Option<Line>, ArchiveError> {
        if let Some(line) = self.next.take() {
            return Ok(Some(line));
        }
        let mut text = Vec::new();
        let io = |error| ArchiveError::Io { path: self.place.clone().into(), error };
        std::io::Read::take(&mut self.lines, LINE).read_until(b'\n', &mut text).map_err(io)?;
        if text.is_empty() {
            return Ok(None);
        }
        self.number += 1;
        if text.last() != Some(&b'\n') {
            return Err(self.wrong(None, "the line is cut off"));
        }
        let line: Line = serde_json::from_slice(&text)
            .map_err(|error| self.wrong(None, format!("it is not a line of an export: {error}")))?;
        if self.number == 1 {
            match line.export.clone() {
                Some(export) if export.format == FORMAT => self.export = Some(export),
                Some(export) => {
                    return Err(
                        self.wrong(None, format!("format {} is newer than this version", export.format))
                    );
                }
                None => {
                    return Err(self
                        .wrong(None, "it does not say what the export holds; it is the beginning of none"));
                }
            }
        }
        Ok(Some(line))
    }

    /// The record of a line, as a frame stores it.
    fn stored(&mut self, line: &Line) -> Result<Stored, ArchiveError> {
        let at = Some(line.position);
        let body =
            STANDARD.decode(&line.body).map_err(|error| self.wrong(at, format!("the body: {error}")))?;
        if body_hash(&body) != line.body_hash {
            return Err(self.wrong(at, "the body does not have its hash"));
        }
        if line.record(Vec::new()).hash() != line.record_hash {
            return Err(self.wrong(at, "the record does not have its hash"));
        }
        let body = if line.blob {
            let length = body.len() as u64;
            self.bodies.insert(line.body_hash, body);
            Body::Blob(length)
        } else {
            Body::Inline(Bytes(body))
        };
        Ok(Stored {
            kind: line.kind,
            schema: line.schema,
            at: line.at_us,
            request_id: line.request_id.clone(),
            causation: line.causation,
            key_id: line.key_id,
            body_hash: line.body_hash,
            body,
        })
    }

    /// The frame that begins with a line.
    fn frame(&mut self, mut line: Line) -> Result<RawFrame, ArchiveError> {
        let Some(LineFrame { head, bytes: hash }) = line.frame.clone() else {
            return Err(self.wrong(Some(line.position), "the record before it is the last of its frame"));
        };
        let mut entries: Vec<Entry> = Vec::new();
        let mut left = 0;
        self.bodies.clear();
        for position in head.first..=head.last() {
            if line.position != position || (position > head.first && line.frame.is_some()) {
                return Err(self.wrong(Some(line.position), format!("position {position} is missing")));
            }
            let stored = self.stored(&line)?;
            match (line.append.take(), entries.last_mut().filter(|_| left > 0)) {
                (None, Some(entry))
                    if entry.stream == line.stream && entry.versions().last + 1 == line.version =>
                {
                    entry.records.push(stored);
                    left -= 1;
                }
                (Some(LineAppend { records, request }), None) if records > 0 => {
                    left = records - 1;
                    let (stream, records) = (line.stream.clone(), vec![stored]);
                    entries.push(Entry { stream, first_version: line.version, request, records });
                }
                _ => return Err(self.wrong(Some(position), "it does not continue its append")),
            }
            if position < head.last() {
                let next = self.read()?;
                line = next.ok_or_else(|| self.wrong(Some(position), "the export ends within a frame"))?;
            }
        }
        let frame = Frame { head, entries };
        let bytes = frame.encode().map_err(|error| self.wrong(Some(head.first), error.to_string()))?;
        if left > 0 || body_hash(&bytes) != hash {
            return Err(self.wrong(Some(head.first), "the lines do not make the frame that they tell of"));
        }
        Ok(RawFrame { bytes, frame })
    }
}

impl<R: BufRead> FrameSource for Lines<R> {
    fn next_frame(&mut self) -> Result<Option<RawFrame>, ArchiveError> {
        if let Some(line) = self.read()? {
            let raw = self.frame(line)?;
            self.end = (raw.frame.last(), raw.frame.head.hash());
            return Ok(Some(raw));
        }
        let Some(export) = &self.export else { return Err(self.wrong(None, "it is empty")) };
        if self.end == (export.records, export.head_hash) {
            return Ok(None);
        }
        let found = format!("the export ends here and has {} records", export.records);
        Err(self.wrong(Some(self.end.0), found))
    }

    fn body(&mut self, hash: &Hash) -> Result<Vec<u8>, ArchiveError> {
        let missing = || Fault::new(self.place.clone(), format!("the body {} is missing", hex(hash)));
        Ok(self.bodies.get(hash).cloned().ok_or_else(missing)?)
    }
}

/// Writes everything into one segment, whatever its size, under a name of one's own. Blocks.
///
/// # Errors
/// [`ArchiveError`]; there is no such file then.
pub fn export_segment(
    journal: &SledJournal,
    file: &Path,
    visit: &mut dyn FnMut(Position),
) -> Result<Position, ArchiveError> {
    let (head, _, _) = journal.extent();
    if head == 0 {
        let found = "nothing yet".into();
        return Err(ArchiveError::NothingThere { path: "the journal".into(), found });
    }
    let mut name = file.as_os_str().to_owned();
    name.push(".new");
    let mut writer = super::segment::SegmentWriter::create(name.into(), 1, [0; 32])?;
    let mut source = journal.raw_frames(Span { first: 1, last: head });
    let mut chain = Chain::beginning();
    while let Some(raw) = next_of(&mut source, &mut chain)? {
        writer.add(&raw, |hash| source.body(hash))?;
        visit(chain.position);
    }
    let dir = file.parent().filter(|dir| dir.is_dir()).unwrap_or(Path::new("."));
    writer.finish(dir, Some(file))?;
    Ok(head)
}

/// Whether a file begins as a segment does.
pub fn is_segment(file: &Path) -> bool {
    let mut start = [0; super::segment::TITLE.len()];
    let read =
        std::fs::File::open(file).and_then(|mut file| std::io::Read::read_exact(&mut file, &mut start));
    read.is_ok() && start == *super::segment::TITLE
}
