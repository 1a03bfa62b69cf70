//! What the writer thread and the readers share: the store, the live state, the overlay.

use super::highwater::Mark;
use super::index::{self, Checkpoint, Run};
use super::overlay::Overlay;
use super::recover::follows;
use super::slot::Slot;
use super::store::{Store, StoredFrame};
use crate::blobs::Blobs;
use crate::chain::Heads;
use crate::codec::CodecError;
use crate::datadir::DataDir;
use crate::frame::{Body, FrameHead};
use crate::health::Health;
use crate::journal::{ReadError, Span};
use crate::live::Live;
use crate::order::{History, READ_BYTES};
use crate::record::{Hash, Position, Record, StreamId, Version};
use crate::view::{EntryView, FrameView, StoredView};
use std::sync::atomic::AtomicUsize;
use std::sync::{Mutex, PoisonError};
use tokio::sync::watch;

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
            let mut reader = RunReader { store, stream, page: Page::new(&self.blobs, limit) };
            reader.collect(after, &runs)?;
            let Page { records, bytes, .. } = reader.page;
            let end = records.last().map_or(after, |record| record.version);
            if end < last && records.len() < limit && bytes < READ_BYTES {
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
            let mut page = Page::new(&self.blobs, limit);
            let mut before: Option<FrameHead> = None;
            for stored in store.stored_from(after.saturating_add(1))? {
                let stored = stored?;
                let frame = stored.view()?;
                if before.is_some() {
                    follows(before.as_ref(), &frame.head)?;
                }
                for (at, entry) in frame.placed() {
                    let stream = page.name(entry)?;
                    for ((position, version), stored) in
                        (at..).zip(entry.first_version..).zip(entry.records())
                    {
                        if position > head || page.is_full() {
                            return Ok(page.records);
                        }
                        if position > after {
                            page.push(&stored, &stream, position, version)?;
                        }
                    }
                }
                if frame.head.last() >= head {
                    return Ok(page.records);
                }
                before = Some(frame.head);
            }
            let place = format!("position {}", before.map_or(after, |before| before.last()) + 1);
            Err(ReadError::Damaged { place, found: "there is no frame".into() })
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

/// Records that one read gathers, up to its bounds.
struct Page<'a> {
    blobs: &'a Blobs,
    limit: usize,
    records: Vec<Record>,
    bytes: usize,
    /// Room to work in.
    buffer: String,
}

impl<'a> Page<'a> {
    fn new(blobs: &'a Blobs, limit: usize) -> Self {
        Self { blobs, limit, records: Vec::new(), bytes: 0, buffer: String::new() }
    }

    fn is_full(&self) -> bool {
        self.records.len() >= self.limit || self.bytes >= READ_BYTES
    }

    /// The stream of an entry; neighbours share one name.
    fn name(&mut self, entry: &EntryView<'_>) -> Result<StreamId, ReadError> {
        match self.records.last() {
            Some(last) if entry.is_of(&last.stream) => Ok(last.stream.clone()),
            _ => entry.stream(&mut self.buffer).map_err(|error| undecodable(&error)),
        }
    }

    /// Adds a record.
    fn push(
        &mut self,
        stored: &StoredView<'_>,
        stream: &StreamId,
        position: Position,
        version: Version,
    ) -> Result<(), ReadError> {
        let found = stored.record(stream.clone(), position, version);
        let (mut record, here) = found.map_err(|error| undecodable(&error))?;
        if !here {
            record.body = self.blobs.get(&record.body_hash)?;
        }
        self.bytes += record.body.len();
        self.records.push(record);
        Ok(())
    }
}

fn undecodable(error: &CodecError) -> ReadError {
    ReadError::Damaged { place: "a frame".into(), found: error.to_string() }
}

fn missing(at: Position) -> ReadError {
    ReadError::Damaged { place: format!("position {at}"), found: "a record is missing".into() }
}

/// A record with its body, wherever that is.
pub(super) fn whole(
    blobs: &Blobs,
    entry: &crate::frame::Entry,
    at: Position,
    index: usize,
) -> Result<Record, ReadError> {
    let mut record = entry.record(at, index).ok_or_else(|| missing(at))?;
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
    stream: &'a StreamId,
    page: Page<'a>,
}

impl RunReader<'_> {
    fn collect(&mut self, after: Version, runs: &[Run]) -> Result<(), ReadError> {
        let mut next = after.saturating_add(1);
        let mut runs = runs.iter().peekable();
        while let Some(run) = runs.next() {
            if self.page.is_full() {
                break;
            }
            let stored = self.store.stored_at(run.position)?;
            let frame = stored.as_ref().map(StoredFrame::view).transpose()?;
            next = self.take(frame.as_ref(), run, next)?;
            let last = frame.as_ref().map_or(0, |frame| frame.head.last());
            while let Some(run) = runs.next_if(|run| run.position <= last) {
                next = self.take(frame.as_ref(), run, next)?;
            }
        }
        Ok(())
    }

    /// Takes the records of one run from version `next` on; gives the version that comes then.
    fn take(
        &mut self,
        frame: Option<&FrameView<'_>>,
        run: &Run,
        next: Version,
    ) -> Result<Version, ReadError> {
        let versions = run.versions();
        if self.page.is_full() || versions.last < next {
            return Ok(next);
        }
        if versions.first > next {
            return Err(damaged(self.stream, format!("version {next} is not in the index")));
        }
        let astray = || {
            damaged(self.stream, format!("version {} is not at position {}", versions.first, run.position))
        };
        let (at, entry) = frame.and_then(|frame| frame.entry_at(run.position)).ok_or_else(astray)?;
        let skipped = run.position - at;
        if !entry.is_of(self.stream) || entry.first_version.saturating_add(skipped) != versions.first {
            return Err(astray());
        }
        let mut version = next;
        for ((position, held), stored) in (at..).zip(entry.first_version..).zip(entry.records()) {
            if held > versions.last || self.page.is_full() {
                return Ok(version);
            }
            if held == version {
                self.page.push(&stored, self.stream, position, version)?;
                version += 1;
            }
        }
        if version > versions.last { Ok(version) } else { Err(astray()) }
    }
}
