//! A journal without a disk, for tests and simulation.

use crate::admin::Report;
use crate::frame::Frame;
use crate::health::Health;
use crate::journal::{Append, AppendError, Appended, Journal, ReadError, Span, Stats};
use crate::live::Live;
use crate::order::{Batch, History, Prepared};
use crate::record::{Hash, Position, Record, StreamId, Version};
use crate::tail::Tail;
use async_trait::async_trait;
use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::{oneshot, watch};

/// Appends that may wait while commits are held.
const QUEUE: usize = 1024;

type Reply = oneshot::Sender<Result<Appended, AppendError>>;
type Requests = HashMap<(StreamId, String), Span<Version>>;

/// A journal that lives as long as its value, with injected faults.
pub struct MemoryJournal {
    live: Live,
    health: watch::Sender<Health>,
    inner: Mutex<Inner>,
}

#[derive(Default)]
struct Inner {
    entries: Vec<crate::frame::Entry>,
    requests: Requests,
    head: Position,
    hash: Hash,
    body_bytes: u64,
    fail_next_sync: bool,
    disk_full: bool,
    closed: bool,
    held: Option<VecDeque<(Prepared, Reply)>>,
}

impl Default for MemoryJournal {
    fn default() -> Self {
        Self::new()
    }
}

impl MemoryJournal {
    /// An empty journal.
    pub fn new() -> Self {
        let live = Live::new(BTreeMap::new(), 0, Tail::new(usize::MAX, usize::MAX));
        Self { live, health: watch::Sender::default(), inner: Mutex::default() }
    }

    /// Makes the sync of the next append fail: it is not written, and the journal is poisoned.
    pub fn fail_next_sync(&self) {
        self.lock().fail_next_sync = true;
    }

    /// Fills the disk, or makes space again.
    pub fn set_disk_full(&self, full: bool) {
        self.lock().disk_full = full;
        if !full {
            self.health.send_if_modified(|health| {
                let healed = *health == Health::DiskFull;
                if healed {
                    *health = Health::Well;
                }
                healed
            });
        }
    }

    /// Holds commits from here on: appends wait, in their order, and are not durable.
    pub fn hold_commits(&self) {
        self.lock().held.get_or_insert_default();
    }

    /// Commits what is held, in its order, and goes on without holding.
    pub fn release_commits(&self) {
        let mut inner = self.lock();
        for (append, reply) in inner.held.take().unwrap_or_default() {
            // Nobody waits any more: the append stands all the same.
            let _ = reply.send(self.commit(&mut inner, append));
        }
    }

    /// What a new process would find: the durable records, nothing that was held, no fault.
    pub fn restart(&self) -> Self {
        let mut old = self.lock();
        old.closed = true;
        old.held = None;
        self.live.close();
        let new = Self::new();
        let mut inner = new.lock();
        for entry in &old.entries {
            let frame = Frame::seal(0, inner.head + 1, inner.hash, vec![entry.clone()]);
            new.keep(&mut inner, frame);
        }
        drop(inner);
        new
    }

    fn commit(&self, inner: &mut Inner, append: Prepared) -> Result<Appended, AppendError> {
        if let Health::Poisoned(text) = &*self.health.borrow() {
            return Err(AppendError::Poisoned(text.clone()));
        }
        let mut batch = Batch::new(inner.head + 1);
        let known = Known { live: &self.live, requests: &inner.requests };
        let decided = batch.decide(&append, &known);
        let first = match decided.map_err(|error| AppendError::Poisoned(error.to_string()))? {
            Ok(first) => first,
            Err(answer) => return answer,
        };
        let answer = Ok(batch.accept(append, first));
        if inner.disk_full {
            self.health.send_replace(Health::DiskFull);
            return Err(AppendError::DiskFull);
        }
        if std::mem::take(&mut inner.fail_next_sync) {
            let text = "the sync failed: injected".to_owned();
            self.health.send_replace(Health::Poisoned(text.clone()));
            return Err(AppendError::Poisoned(text));
        }
        let frame = Frame::seal(0, inner.head + 1, inner.hash, batch.into_entries());
        self.keep(inner, frame);
        answer
    }

    fn keep(&self, inner: &mut Inner, frame: Frame) {
        inner.hash = frame.head.hash();
        inner.head = frame.last();
        let mut records = Vec::new();
        for (position, entry) in frame.placed() {
            inner.body_bytes += entry.records.iter().map(|record| record.body.len()).sum::<u64>();
            if let Some(request) = &entry.request {
                inner.requests.insert((entry.stream.clone(), request.clone()), entry.versions());
            }
            let found = (0..entry.records.len()).filter_map(|index| entry.record(position, index));
            records.extend(found.map(Arc::new));
        }
        inner.entries.extend(frame.entries);
        self.live.publish(&records);
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn open(&self) -> Result<(), ReadError> {
        if self.lock().closed { Err(ReadError::Closed) } else { Ok(()) }
    }
}

struct Known<'a> {
    live: &'a Live,
    requests: &'a Requests,
}

impl History for Known<'_> {
    fn version_of(&self, stream: &StreamId) -> Version {
        self.live.version_of(stream)
    }

    fn find_request(&self, stream: &StreamId, request: &str) -> Result<Option<Span<Version>>, ReadError> {
        Ok(self.requests.get(&(stream.clone(), request.to_owned())).copied())
    }
}

#[async_trait]
impl Journal for MemoryJournal {
    async fn append(&self, append: Append) -> Result<Appended, AppendError> {
        let append = Prepared::new(append)?;
        let answer = {
            let mut inner = self.lock();
            if inner.closed {
                return Err(AppendError::Closed);
            }
            match &mut inner.held {
                None => return self.commit(&mut inner, append),
                Some(held) if held.len() >= QUEUE => return Err(AppendError::Busy),
                Some(held) => {
                    let (reply, answer) = oneshot::channel();
                    held.push_back((append, reply));
                    answer
                }
            }
        };
        answer.await.unwrap_or(Err(AppendError::Closed))
    }

    fn read_stream(&self, stream: &StreamId, after: Version, limit: usize) -> Result<Vec<Record>, ReadError> {
        self.open()?;
        Ok(self.live.recent_stream(stream, after, limit).unwrap_or_default())
    }

    fn read_all(&self, after: Position, limit: usize) -> Result<Vec<Record>, ReadError> {
        self.open()?;
        Ok(self.live.recent_all(after, limit).unwrap_or_default())
    }

    fn find_request(&self, stream: &StreamId, request: &str) -> Result<Option<Span<Version>>, ReadError> {
        self.open()?;
        Ok(self.lock().requests.get(&(stream.clone(), request.to_owned())).copied())
    }

    fn version_of(&self, stream: &StreamId) -> Version {
        self.live.version_of(stream)
    }

    fn head(&self) -> watch::Receiver<Position> {
        self.live.head()
    }

    fn watch_stream(&self, stream: &StreamId) -> watch::Receiver<Version> {
        self.live.watch_stream(stream)
    }

    fn health(&self) -> watch::Receiver<Health> {
        self.health.subscribe()
    }

    fn streams(
        &self,
        kind: &str,
        after: Option<&StreamId>,
        limit: usize,
    ) -> Result<Vec<(StreamId, Version)>, ReadError> {
        Ok(self.live.streams(kind, after, limit))
    }

    fn recent_stream(&self, stream: &StreamId, after: Version, limit: usize) -> Option<Vec<Record>> {
        self.read_stream(stream, after, limit).ok()
    }

    fn recent_all(&self, after: Position, limit: usize) -> Option<Vec<Record>> {
        self.read_all(after, limit).ok()
    }

    fn stats(&self) -> Result<Stats, ReadError> {
        let inner = self.lock();
        Ok(Stats {
            records: inner.head,
            frames: inner.entries.len() as u64,
            streams: self.live.stream_count(),
            body_bytes: inner.body_bytes,
            disk_bytes: 0,
            head_hash: inner.hash,
        })
    }

    fn verify(&self) -> Report {
        let inner = self.lock();
        let frames = inner.entries.len() as u64;
        Report { records: inner.head, frames, signed_heads: 0, head_hash: inner.hash, damage: None }
    }

    async fn close(&self) {
        self.release_commits();
        self.lock().closed = true;
        self.live.close();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::conformance::{append_to, body};

    #[tokio::test]
    async fn a_failed_sync_poisons_and_a_restart_heals() {
        let journal = MemoryJournal::new();
        journal.append(append_to("a", 2)).await.unwrap();
        journal.fail_next_sync();
        assert!(matches!(journal.append(append_to("a", 1)).await, Err(AppendError::Poisoned(_))));
        assert!(matches!(*journal.health().borrow(), Health::Poisoned(_)));
        assert!(matches!(journal.append(append_to("a", 1)).await, Err(AppendError::Poisoned(_))));
        assert_eq!(journal.read_all(0, 10).unwrap().len(), 2);
        let before = journal.stats().unwrap();
        let journal = journal.restart();
        assert_eq!(journal.stats().unwrap(), before);
        journal.append(append_to("a", 1)).await.unwrap();
        assert_eq!(journal.read_all(0, 10).unwrap().len(), 3);
    }

    #[tokio::test]
    async fn a_full_disk_refuses_appends_until_there_is_space() {
        let journal = MemoryJournal::new();
        journal.append(append_to("a", 1)).await.unwrap();
        journal.set_disk_full(true);
        assert_eq!(journal.append(append_to("a", 1)).await, Err(AppendError::DiskFull));
        assert_eq!(*journal.health().borrow(), Health::DiskFull);
        assert_eq!(journal.read_all(0, 10).unwrap()[0].body, body(0));
        journal.set_disk_full(false);
        assert_eq!(*journal.health().borrow(), Health::Well);
        journal.append(append_to("a", 1)).await.unwrap();
    }

    #[tokio::test]
    async fn held_commits_are_not_seen_and_die_with_the_process() {
        let journal = Arc::new(MemoryJournal::new());
        journal.hold_commits();
        let writer = journal.clone();
        let append = tokio::spawn(async move { writer.append(append_to("a", 1)).await });
        tokio::task::yield_now().await;
        assert_eq!(journal.position(), 0);
        journal.release_commits();
        assert!(matches!(append.await.unwrap(), Ok(Appended::Written { .. })));
        journal.hold_commits();
        let writer = journal.clone();
        let append = tokio::spawn(async move { writer.append(append_to("a", 1)).await });
        tokio::task::yield_now().await;
        assert_eq!(journal.restart().stats().unwrap().records, 1);
        assert_eq!(append.await.unwrap(), Err(AppendError::Closed));
    }
}
