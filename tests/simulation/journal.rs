//! The journal as the simulation sees it: every append is a tick, and a process can die at any of them.

use crate::bug::Bug;
use crate::stage;
use async_trait::async_trait;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use tokio::sync::watch;
use vanna_journal::admin::Report;
use vanna_journal::{
    Append, AppendError, Appended, Health, Journal, MemoryJournal, Position, ReadError, Record, Span, Stats,
    StreamId, Version,
};

/// The memory journal of one process, watched.
pub(crate) struct Watched {
    inner: Arc<MemoryJournal>,
    /// Appends until the process dies: that one is durable, and nobody is told. 0: it lives on.
    fuse: AtomicU64,
    dead: AtomicBool,
}

impl Watched {
    pub(crate) fn new(inner: MemoryJournal) -> Arc<Self> {
        Arc::new(Self { inner: Arc::new(inner), fuse: AtomicU64::new(0), dead: AtomicBool::new(false) })
    }

    /// The plain journal, with its faults.
    pub(crate) fn memory(&self) -> &Arc<MemoryJournal> {
        &self.inner
    }

    /// What the next process finds.
    pub(crate) fn restart(&self) -> Arc<Self> {
        Self::new(self.inner.restart())
    }

    /// Lets the process die with the append number `appends` from now.
    pub(crate) fn die_after(&self, appends: u64) {
        self.fuse.store(appends, Relaxed);
    }

    /// Whether the process has died of [`Self::die_after`].
    pub(crate) fn is_dead(&self) -> bool {
        self.dead.load(Relaxed)
    }

    async fn commit(&self, append: Append) -> Result<Appended, AppendError> {
        let bug = stage::planted();
        let first = self.inner.version_of(&append.stream) + 1;
        let last = first + append.records.len() as u64 - 1;
        let claimed =
            Appended::Written { positions: Span { first: 1, last: 1 }, versions: Span { first, last } };
        match bug {
            Some(Bug::LosesAcknowledged) if last.is_multiple_of(3) => Ok(claimed),
            Some(Bug::TearsAppends) if append.records.len() > 2 => {
                let mut append = append;
                append.records.pop();
                self.inner.append(append).await.map(|_| claimed)
            }
            Some(Bug::AnswersTooEarly) => {
                let inner = Arc::clone(&self.inner);
                tokio::spawn(async move { inner.append(append).await });
                Ok(claimed)
            }
            _ => self.inner.append(append).await,
        }
    }

    /// A dead process hears nothing until it is gone.
    async fn never(&self) -> Result<Appended, AppendError> {
        let mut head = self.inner.head();
        while head.changed().await.is_ok() {}
        Err(AppendError::Closed)
    }
}

#[async_trait]
impl Journal for Watched {
    async fn append(&self, append: Append) -> Result<Appended, AppendError> {
        if self.is_dead() {
            return self.never().await;
        }
        let given = append.clone();
        let answer = self.commit(append).await;
        stage::oracle(|oracle| {
            oracle.observe();
            oracle.acknowledged(&self.inner, &given, &answer);
        });
        if self.fuse.load(Relaxed) > 0 && self.fuse.fetch_sub(1, Relaxed) == 1 {
            self.dead.store(true, Relaxed);
            return self.never().await;
        }
        answer
    }

    fn read_stream(&self, stream: &StreamId, after: Version, limit: usize) -> Result<Vec<Record>, ReadError> {
        self.inner.read_stream(stream, after, limit)
    }

    fn read_all(&self, after: Position, limit: usize) -> Result<Vec<Record>, ReadError> {
        self.inner.read_all(after, limit)
    }

    fn find_request(&self, stream: &StreamId, request: &str) -> Result<Option<Span<Version>>, ReadError> {
        self.inner.find_request(stream, request)
    }

    fn version_of(&self, stream: &StreamId) -> Version {
        self.inner.version_of(stream)
    }

    fn head(&self) -> watch::Receiver<Position> {
        self.inner.head()
    }

    fn watch_stream(&self, stream: &StreamId) -> watch::Receiver<Version> {
        self.inner.watch_stream(stream)
    }

    fn health(&self) -> watch::Receiver<Health> {
        self.inner.health()
    }

    fn streams(
        &self,
        kind: &str,
        after: Option<&StreamId>,
        limit: usize,
    ) -> Result<Vec<(StreamId, Version)>, ReadError> {
        self.inner.streams(kind, after, limit)
    }

    fn recent_stream(&self, stream: &StreamId, after: Version, limit: usize) -> Option<Vec<Record>> {
        self.inner.recent_stream(stream, after, limit)
    }

    fn recent_all(&self, after: Position, limit: usize) -> Option<Vec<Record>> {
        self.inner.recent_all(after, limit)
    }

    fn stats(&self) -> Result<Stats, ReadError> {
        self.inner.stats()
    }

    fn verify(&self) -> Report {
        self.inner.verify()
    }

    async fn close(&self) {
        self.inner.close().await;
    }
}
