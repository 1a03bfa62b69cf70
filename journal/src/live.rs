//! What every reader of a running journal shares: stream heads, the recent tail, and wake-ups.

use crate::record::{Position, Record, StreamId, Version};
use crate::tail::Tail;
use crate::watchers::Watchers;
use std::collections::BTreeMap;
use std::ops::Bound;
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use tokio::sync::watch;

/// The durable state of a journal, as far as it is in memory. Only the writer publishes.
pub(crate) struct Live {
    heads: RwLock<BTreeMap<StreamId, Version>>,
    tail: RwLock<Tail>,
    watchers: Watchers,
    head: watch::Receiver<Position>,
    mover: Mutex<Option<watch::Sender<Position>>>,
}

impl Live {
    /// State as it was found at the start.
    pub(crate) fn new(heads: BTreeMap<StreamId, Version>, head: Position, tail: Tail) -> Self {
        let (mover, head) = watch::channel(head);
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
        let mut moved: BTreeMap<&StreamId, Version> = BTreeMap::new();
        {
            let mut tail = self.tail.write().unwrap_or_else(PoisonError::into_inner);
            for record in records {
                moved.insert(&record.stream, record.version);
                tail.push(record.clone());
            }
        }
        {
            let mut heads = self.heads.write().unwrap_or_else(PoisonError::into_inner);
            for (stream, version) in &moved {
                match heads.get_mut(*stream) {
                    Some(head) => *head = *version,
                    None => drop(heads.insert((*stream).clone(), *version)),
                }
            }
        }
        for (stream, version) in moved {
            self.watchers.moved(stream, version);
        }
        let mover = self.mover.lock().unwrap_or_else(PoisonError::into_inner);
        if let (Some(mover), Some(last)) = (mover.as_ref(), records.last()) {
            mover.send_replace(last.position);
        }
    }

    /// The last version of a stream; 0 when it holds nothing.
    pub(crate) fn version_of(&self, stream: &StreamId) -> Version {
        self.heads.read().unwrap_or_else(PoisonError::into_inner).get(stream).copied().unwrap_or(0)
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
            .range((from, Bound::Unbounded))
            .take_while(|(stream, _)| stream.kind == kind)
            .take(limit)
            .map(|(stream, version)| (stream.clone(), *version))
            .collect()
    }

    /// How many streams there are.
    pub(crate) fn stream_count(&self) -> u64 {
        self.heads.read().unwrap_or_else(PoisonError::into_inner).len() as u64
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
