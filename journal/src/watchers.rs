//! Wake-ups per stream, for those streams that someone watches.

use crate::record::{StreamId, Version};
use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use tokio::sync::watch;

/// Watched streams up to which no sweep for abandoned ones is made.
const SWEEP_FROM: usize = 256;

/// The watched streams; costs nothing for streams that nobody watches.
pub(crate) struct Watchers {
    inner: Mutex<Inner>,
}

struct Inner {
    senders: HashMap<StreamId, watch::Sender<Version>>,
    sweep_at: usize,
    closed: bool,
}

impl Watchers {
    pub(crate) fn new() -> Self {
        Self { inner: Mutex::new(Inner { senders: HashMap::new(), sweep_at: SWEEP_FROM, closed: false }) }
    }

    /// Watches a stream. `version` is asked for under the lock: a move after it is not missed.
    pub(crate) fn watch(
        &self,
        stream: &StreamId,
        version: impl FnOnce() -> Version,
    ) -> watch::Receiver<Version> {
        let mut inner = self.lock();
        if let Some(sender) = inner.senders.get(stream) {
            return sender.subscribe();
        }
        let (sender, receiver) = watch::channel(version());
        if !inner.closed {
            if inner.senders.len() >= inner.sweep_at {
                inner.senders.retain(|_, sender| sender.receiver_count() > 0);
                inner.sweep_at = SWEEP_FROM.max(inner.senders.len() * 2);
            }
            inner.senders.insert(stream.clone(), sender);
        }
        receiver
    }

    /// Wakes the watchers of streams that moved.
    pub(crate) fn moved<'a>(&self, streams: impl Iterator<Item = (&'a StreamId, Version)>) {
        let mut inner = self.lock();
        if inner.senders.is_empty() {
            return;
        }
        for (stream, version) in streams {
            let Some(sender) = inner.senders.get(stream) else { continue };
            if sender.receiver_count() == 0 {
                inner.senders.remove(stream);
            } else {
                sender.send_if_modified(|known| {
                    let moved = *known < version;
                    *known = version.max(*known);
                    moved
                });
            }
        }
    }

    /// Ends all channels, those that are asked for later too.
    pub(crate) fn close(&self) {
        let mut inner = self.lock();
        inner.closed = true;
        inner.senders.clear();
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stream(n: usize) -> StreamId {
        StreamId::new("s", "t", n.to_string())
    }

    #[test]
    fn watchers_that_went_away_leave_nothing_behind() {
        let watchers = Watchers::new();
        let kept = watchers.watch(&stream(0), || 1);
        for n in 1..10 * SWEEP_FROM {
            drop(watchers.watch(&stream(n), || 1));
        }
        assert!(watchers.lock().senders.len() <= SWEEP_FROM);
        watchers.moved([(&stream(0), 2)].into_iter());
        assert_eq!(*kept.borrow(), 2);
        drop(kept);
        watchers.moved([(&stream(0), 3)].into_iter());
        assert!(!watchers.lock().senders.contains_key(&stream(0)));
    }

    #[test]
    fn a_version_never_goes_back() {
        let watchers = Watchers::new();
        let mut receiver = watchers.watch(&stream(0), || 5);
        watchers.moved([(&stream(0), 4)].into_iter());
        assert_eq!(*receiver.borrow_and_update(), 5);
        assert_eq!(receiver.has_changed().ok(), Some(false));
    }

    #[test]
    fn closing_ends_every_channel() {
        let watchers = Watchers::new();
        let before = watchers.watch(&stream(0), || 1);
        watchers.close();
        let after = watchers.watch(&stream(1), || 1);
        assert!(before.has_changed().is_err() && after.has_changed().is_err());
    }
}
