//! What is written and not yet in the index: found in memory until it is.

use super::index::{Indexed, Run};
use crate::journal::Span;
use crate::record::{StreamId, Version};
use std::collections::{HashMap, VecDeque};
use std::sync::{PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

/// Entries between the index's checkpoint and the head.
#[derive(Default)]
pub(super) struct Overlay {
    inner: RwLock<Inner>,
}

#[derive(Default)]
struct Inner {
    pending: VecDeque<Indexed>,
    runs: HashMap<StreamId, VecDeque<Run>>,
    requests: HashMap<StreamId, HashMap<String, Span<Version>>>,
}

impl Overlay {
    /// Adds the entries that follow the newest one.
    pub(super) fn extend(&self, entries: impl IntoIterator<Item = Indexed>) {
        let mut inner = self.write();
        for entry in entries {
            inner.runs.entry(entry.stream.clone()).or_default().push_back(entry.run);
            if let Some(request) = &entry.request {
                let requests = inner.requests.entry(entry.stream.clone()).or_default();
                requests.insert(request.clone(), entry.run.versions());
            }
            inner.pending.push_back(entry);
        }
    }

    /// How many entries there are.
    pub(super) fn len(&self) -> usize {
        self.read().pending.len()
    }

    /// The oldest entries, at most `limit`.
    pub(super) fn oldest(&self, limit: usize) -> Vec<Indexed> {
        self.read().pending.iter().take(limit).cloned().collect()
    }

    /// Forgets the oldest entries, which the index has now.
    pub(super) fn forget(&self, count: usize) {
        let mut inner = self.write();
        let Inner { pending, runs, requests } = &mut *inner;
        for entry in pending.drain(..count.min(pending.len())) {
            if let Some(own) = runs.get_mut(&entry.stream) {
                own.pop_front();
                if own.is_empty() {
                    runs.remove(&entry.stream);
                }
            }
            if let (Some(request), Some(own)) = (&entry.request, requests.get_mut(&entry.stream)) {
                own.remove(request);
                if own.is_empty() {
                    requests.remove(&entry.stream);
                }
            }
        }
    }

    /// Forgets everything.
    pub(super) fn clear(&self) {
        *self.write() = Inner::default();
    }

    /// Runs of a stream that reach above a version, oldest first, at most `limit`.
    pub(super) fn runs(&self, stream: &StreamId, after: Version, limit: usize) -> Vec<Run> {
        let inner = self.read();
        let Some(runs) = inner.runs.get(stream) else { return Vec::new() };
        let skip = runs.partition_point(|run| run.versions().last <= after);
        runs.range(skip..).take(limit).copied().collect()
    }

    /// The versions that accepted a request.
    pub(super) fn request(&self, stream: &StreamId, request: &str) -> Option<Span<Version>> {
        self.read().requests.get(stream)?.get(request).copied()
    }

    fn read(&self) -> RwLockReadGuard<'_, Inner> {
        self.inner.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, Inner> {
        self.inner.write().unwrap_or_else(PoisonError::into_inner)
    }
}
