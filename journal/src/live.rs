//! What every reader of a running journal shares: stream heads, the recent tail, and wake-ups.

use crate::record::{Position, Record, StreamId, Version};
use crate::tail::Tail;
use crate::watchers::Watchers;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::ops::Bound;
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use tokio::sync::watch;

/// The durable state of a journal, as far as it is in memory. Only the writer publishes.
pub(crate) struct Live {
    heads: RwLock<Heads>,
    tail: RwLock<Tail>,
    watchers: Watchers,
    head: watch::Receiver<Position>,
    mover: Mutex<Option<watch::Sender<Position>>>,
}

/// The last version of every stream.
struct Heads {
    versions: HashMap<StreamId, Version>,
    /// The streams in their order.
    order: BTreeSet<StreamId>,
}

impl Heads {
    fn moved(&mut self, stream: &StreamId, version: Version) {
        match self.versions.get_mut(stream) {
            Some(head) => *head = version,
            None => {
                self.versions.insert(stream.clone(), version);
                self.order.insert(stream.clone());
            }
        }
    }
}

impl Live {
    /// State as it was found at the start.
    pub(crate) fn new(heads: BTreeMap<StreamId, Version>, head: Position, tail: Tail) -> Self {
        let (mover, head) = watch::channel(head);
        let order = heads.keys().cloned().collect();
        let heads = Heads { versions: heads.into_iter().collect(), order };
        Self {
            heads: RwLock::new(heads),
            tail: RwLock::new(tail),
            watchers: Watchers::new(),
            head,
            mover: Mutex::new(Some(mover)),
        }
    }

    /// Makes records visible, in this order: they can be found before anyone is woken for them.
    pub(crate) fn publish(&self, records: &[Arc<Record>]) {
        {
            let mut tail = self.tail.write().unwrap_or_else(PoisonError::into_inner);
            records.iter().for_each(|record| tail.push(record.clone()));
        }
        // The last record of each run of one stream.
        let moved = || {
            let runs = records.chunk_by(|one, next| one.stream == next.stream);
            runs.filter_map(|run| run.last()).map(|record| (&record.stream, record.version))
        };
        {
            let mut heads = self.heads.write().unwrap_or_else(PoisonError::into_inner);
            moved().for_each(|(stream, version)| heads.moved(stream, version));
        }
        self.watchers.moved(moved());
        let mover = self.mover.lock().unwrap_or_else(PoisonError::into_inner);
        if let (Some(mover), Some(last)) = (mover.as_ref(), records.last()) {
            mover.send_replace(last.position);
        }
    }

    /// The last version of a stream; 0 when it holds nothing.
    pub(crate) fn version_of(&self, stream: &StreamId) -> Version {
        self.heads.read().unwrap_or_else(PoisonError::into_inner).versions.get(stream).copied().unwrap_or(0)
    }

    /// Streams of a kind, ordered.
    pub(crate) fn streams(
        &self,
        kind: &str,
        after: Option<&StreamId>,
        limit: usize,
    ) -> Vec<(StreamId, Version)> {
        let start = StreamId::new(kind, "", "");
        let from = match after {
            Some(after) if *after >= start => Bound::Excluded(after),
            _ => Bound::Included(&start),
        };
        let heads = self.heads.read().unwrap_or_else(PoisonError::into_inner);
        heads
            .order
            .range((from, Bound::Unbounded))
            .take_while(|stream| stream.kind() == kind)
            .take(limit)
            .map(|stream| (stream.clone(), heads.versions.get(stream).copied().unwrap_or(0)))
            .collect()
    }

    /// How many streams there are.
    pub(crate) fn stream_count(&self) -> u64 {
        self.heads.read().unwrap_or_else(PoisonError::into_inner).order.len() as u64
    }

    /// The last position.
    pub(crate) fn position(&self) -> Position {
        *self.head.borrow()
    }

    /// The last position and its moves.
    pub(crate) fn head(&self) -> watch::Receiver<Position> {
        self.head.clone()
    }

    /// The last version of a stream and its moves.
    pub(crate) fn watch_stream(&self, stream: &StreamId) -> watch::Receiver<Version> {
        self.watchers.watch(stream, || self.version_of(stream))
    }

    /// Records above a position, if memory holds them all.
    pub(crate) fn recent_all(&self, after: Position, limit: usize) -> Option<Vec<Record>> {
        if after >= self.position() {
            return Some(Vec::new());
        }
        let found = self.tail.read().unwrap_or_else(PoisonError::into_inner).all(after, limit);
        found.map(own)
    }

    /// Records of a stream above a version, if memory holds them all.
    pub(crate) fn recent_stream(
        &self,
        stream: &StreamId,
        after: Version,
        limit: usize,
    ) -> Option<Vec<Record>> {
        if after >= self.version_of(stream) {
            return Some(Vec::new());
        }
        let found = self.tail.read().unwrap_or_else(PoisonError::into_inner).stream(stream, after, limit);
        found.map(own)
    }

    /// Ends all channels.
    pub(crate) fn close(&self) {
        self.watchers.close();
        self.mover.lock().unwrap_or_else(PoisonError::into_inner).take();
    }
}

fn own(records: Vec<Arc<Record>>) -> Vec<Record> {
    records.iter().map(|record| Record::clone(record)).collect()
}
