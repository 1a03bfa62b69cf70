//! What the writer thread and the readers share: the store, the live state, the overlay.

use super::highwater::Mark;
use super::index::{self, Checkpoint, Run};
use super::overlay::Overlay;
use super::recover::follows;
use super::slot::Slot;
use super::store::Store;
use crate::blobs::Blobs;
use crate::chain::Heads;
use crate::datadir::DataDir;
use crate::frame::{Body, Frame};
use crate::health::Health;
use crate::journal::{ReadError, Span};
use crate::live::Live;
use crate::order::{History, READ_BYTES};
use crate::record::{Hash, Position, Record, StreamId, Version};
use std::sync::atomic::AtomicUsize;
use std::sync::{Mutex, PoisonError};
use tokio::sync::watch;

/// Frames that a reader takes at once.
const CHUNK: usize = 8;

/// An open journal, as its readers see it.
pub(super) struct Shared {
    pub(super) slot: Slot,
    pub(super) dir: Mutex<Option<DataDir>>,
    pub(super) live: Live,
    pub(super) health: watch::Sender<Health>,
    pub(super) overlay: Overlay,
    pub(super) blobs: Blobs,
    pub(super) figures: Mutex<(Checkpoint, Hash)>,
    pub(super) heads: Mutex<Heads>,
    /// Bytes of bodies that wait for the writer.
    pub(super) waiting: AtomicUsize,
}

impl Shared {
    /// Runs a read on the store; see [`Slot::read`].
    pub(super) fn with_store<T>(
        &self,
        read: impl Fn(&Store) -> Result<T, ReadError>,
    ) -> Result<T, ReadError> {
        self.slot.read((|| self.mark(), &self.overlay), read)
    }

    /// Where the durable records end.
    pub(super) fn mark(&self) -> Mark {
        let (figures, hash) = self.figures();
        Mark { position: figures.position, hash, refused_above: false }
    }

    /// Gives the storage back.
    pub(super) fn release(&self) {
        self.slot.close();
        self.live.close();
        self.dir.lock().unwrap_or_else(PoisonError::into_inner).take();
    }

    /// What memory alone can answer; nothing once the journal is closed.
    pub(super) fn recent(&self, read: impl FnOnce(&Live) -> Option<Vec<Record>>) -> Option<Vec<Record>> {
        if self.slot.is_closed() { None } else { read(&self.live) }
    }

    /// Figures about all durable records, and the hash of the last frame.
    pub(super) fn figures(&self) -> (Checkpoint, Hash) {
        *self.figures.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// See [`crate::Journal::read_stream`].
    pub(super) fn read_stream(
        &self,
        stream: &StreamId,
        after: Version,
        limit: usize,
    ) -> Result<Vec<Record>, ReadError> {
        if self.slot.is_closed() {
            return Err(ReadError::Closed);
        }
        if let Some(records) = self.live.recent_stream(stream, after, limit) {
            return Ok(records);
        }
        let last = self.live.version_of(stream);
        self.with_store(|store| {
            // The overlay before the index: what moves meanwhile is found twice, not never.
            let newer = self.overlay.runs(stream, after, limit);
            let boundary = newer.first().map_or(Version::MAX, |run| run.first_version);
            let mut runs = Vec::new();
            if boundary > after.saturating_add(1) {
                runs = index::runs(store, stream, after, limit)?;
                runs.retain(|run| run.first_version < boundary);
            }
            runs.extend(newer);
            let mut reader = RunReader { store, blobs: &self.blobs, stream, frame: None, bytes: 0 };
            let records = reader.collect(after, limit, &runs)?;
            let end = records.last().map_or(after, |record| record.version);
            if end < last && records.len() < limit && reader.bytes < READ_BYTES {
                return Err(damaged(stream, format!("it ends at version {end}, not at {last}")));
            }
            Ok(records)
        })
    }

    /// See [`crate::Journal::read_all`].
    pub(super) fn read_all(&self, after: Position, limit: usize) -> Result<Vec<Record>, ReadError> {
        if self.slot.is_closed() {
            return Err(ReadError::Closed);
        }
        if let Some(records) = self.live.recent_all(after, limit) {
            return Ok(records);
        }
        let head = self.live.position();
        self.with_store(|store| {
            let mut records: Vec<Record> = Vec::new();
            let mut bytes = 0;
            let mut before: Option<Frame> = None;
            let mut frames = Vec::from_iter(store.frame_at(after.saturating_add(1))?);
            loop {
                for frame in frames {
                    if before.is_some() {
                        follows(before.as_ref(), &frame.head)?;
                    }
                    let here = places(&frame).filter(|(position, ..)| *position > after && *position <= head);
                    for (_, entry_at, index, entry) in here {
                        if records.len() == limit || bytes >= READ_BYTES {
                            return Ok(records);
                        }
                        let record = whole(&self.blobs, entry, entry_at, index)?;
                        bytes += record.body.len();
                        records.push(record);
                    }
                    before = Some(frame);
                }
                let end = before.as_ref().map_or(after, Frame::last);
                if end >= head {
                    return Ok(records);
                }
                frames = store.frames_from(end + 1, CHUNK)?;
                if frames.is_empty() || before.is_none() {
                    let place = format!("position {}", end + 1);
                    return Err(ReadError::Damaged { place, found: "there is no frame".into() });
                }
            }
        })
    }

    /// See [`crate::Journal::find_request`].
    pub(super) fn request(
        &self,
        stream: &StreamId,
        request: &str,
    ) -> Result<Option<Span<Version>>, ReadError> {
        self.with_store(|store| match self.overlay.request(stream, request) {
            Some(span) => Ok(Some(span)),
            None => index::request(store, stream, request),
        })
    }
}

impl History for Shared {
    fn version_of(&self, stream: &StreamId) -> Version {
        self.live.version_of(stream)
    }

    fn find_request(&self, stream: &StreamId, request: &str) -> Result<Option<Span<Version>>, ReadError> {
        self.request(stream, request)
    }
}

/// Position, position of the entry, index in the entry, and the entry, of each record.
fn places(frame: &Frame) -> impl Iterator<Item = (Position, Position, usize, &crate::frame::Entry)> {
    frame.placed().flat_map(|(at, entry)| {
        (0..entry.records.len()).map(move |index| (at + index as u64, at, index, entry))
    })
}

/// A record with its body, wherever that is.
pub(super) fn whole(
    blobs: &Blobs,
    entry: &crate::frame::Entry,
    at: Position,
    index: usize,
) -> Result<Record, ReadError> {
    let missing =
        || ReadError::Damaged { place: format!("position {at}"), found: "a record is missing".into() };
    let mut record = entry.record(at, index).ok_or_else(missing)?;
    if let Some(Body::Blob(_)) = entry.records.get(index).map(|stored| &stored.body) {
        record.body = blobs.get(&record.body_hash)?;
    }
    Ok(record)
}

fn damaged(stream: &StreamId, found: String) -> ReadError {
    ReadError::Damaged { place: format!("stream {stream}"), found }
}

/// Reads the records that runs point at, and believes none of the pointers.
struct RunReader<'a> {
    store: &'a Store,
    blobs: &'a Blobs,
    stream: &'a StreamId,
    frame: Option<Frame>,
    bytes: usize,
}

impl RunReader<'_> {
    fn collect(&mut self, after: Version, limit: usize, runs: &[Run]) -> Result<Vec<Record>, ReadError> {
        let mut records = Vec::new();
        let mut next = after + 1;
        for run in runs {
            let versions = run.versions();
            if records.len() == limit {
                break;
            }
            if versions.first > next {
                return Err(damaged(self.stream, format!("version {next} is not in the index")));
            }
            while next <= versions.last {
                if records.len() == limit || self.bytes >= READ_BYTES {
                    return Ok(records);
                }
                let record = self.record(run.position + (next - versions.first), next)?;
                self.bytes += record.body.len();
                records.push(record);
                next += 1;
            }
        }
        Ok(records)
    }

    fn record(&mut self, position: Position, version: Version) -> Result<Record, ReadError> {
        let holds = |frame: &Frame| frame.head.first <= position && position <= frame.last();
        if !self.frame.as_ref().is_some_and(holds) {
            self.frame = self.store.frame_at(position)?;
        }
        let found = self.frame.iter().flat_map(places).find(|(here, ..)| *here == position);
        match found {
            Some((_, at, index, entry))
                if entry.stream == *self.stream && entry.first_version + index as u64 == version =>
            {
                whole(self.blobs, entry, at, index)
            }
            _ => Err(damaged(self.stream, format!("version {version} is not at position {position}"))),
        }
    }
}
