//! How a host learns what its stream holds: from memory where memory suffices, else from disk.

use super::{Entity, Handle, Settings, SnapshotStore, SystemClock, SystemIds};
use crate::conversation::{Adapters, Ask, Asked, Command, Conversation, Reply};
use crate::events::{ConversationEvent as Event, QuestionAsked, TextProduced, TurnFinished, encode};
use crate::json::Json;
use crate::ports::planner::{Plan, PlanRequest, Planner};
use crate::ports::sql::{Failure, Limits};
use crate::ports::tools::Caller;
use async_trait::async_trait;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use tokio::sync::watch;
use vanna_journal::admin::Report;
use vanna_journal::{
    Append, AppendError, Appended, Expect, Health, Journal, MemoryJournal, Position, ReadError, Record, Span,
    Stats, StreamId, Version,
};

/// Records that one read of the disk gives.
const SHORT: usize = 100;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Read {
    Memory(Version),
    Disk(Version),
}

/// A journal whose memory reaches back only so far, and that remembers how it was read.
pub(super) struct Forgetful {
    pub(super) inner: MemoryJournal,
    oldest: Version,
    pub(super) reads: Mutex<Vec<Read>>,
}

#[async_trait]
impl Journal for Forgetful {
    async fn append(&self, append: Append) -> Result<Appended, AppendError> {
        self.inner.append(append).await
    }

    fn read_stream(&self, stream: &StreamId, after: Version, limit: usize) -> Result<Vec<Record>, ReadError> {
        self.reads.lock().unwrap().push(Read::Disk(after));
        self.inner.read_stream(stream, after, limit.min(SHORT))
    }

    fn recent_stream(&self, stream: &StreamId, after: Version, limit: usize) -> Option<Vec<Record>> {
        self.reads.lock().unwrap().push(Read::Memory(after));
        if after < self.oldest { None } else { self.inner.recent_stream(stream, after, limit) }
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

struct Idle;

#[async_trait]
impl Planner for Idle {
    async fn plan(&self, _: &Caller, _request: &PlanRequest) -> Result<Plan, Failure> {
        std::future::pending().await
    }
}

pub(super) fn stream() -> StreamId {
    StreamId::new(Conversation::KIND, "default", "c1")
}

fn question() -> QuestionAsked {
    QuestionAsked {
        principal: "ann".into(),
        message: "revenue".into(),
        source: None,
        metadata: Json::new(&serde_json::json!({})),
        as_of: "2025-12-31".into(),
    }
}

/// A journal that holds one long conversation: a finished turn of `length` facts.
pub(super) async fn long(length: usize, oldest: Version) -> Arc<Forgetful> {
    let inner = MemoryJournal::new();
    let text = Event::TextProduced(TextProduced { text: "word".into(), delta: true });
    let mut facts = vec![Event::QuestionAsked(question())];
    facts.extend(std::iter::repeat_n(text, length - 2));
    facts.push(Event::TurnFinished(TurnFinished {}));
    for part in facts.chunks(200) {
        let records = part.iter().map(|event| encode(event, 0, Some("r1")).unwrap()).collect();
        let append = Append { stream: stream(), expect: Expect::Any, request: None, records };
        inner.append(append).await.unwrap();
    }
    Arc::new(Forgetful { inner, oldest, reads: Mutex::default() })
}

/// Starts a runtime over a journal.
pub(super) async fn start(
    journal: &Arc<Forgetful>,
    snapshots: Option<Arc<dyn SnapshotStore>>,
) -> Handle<Conversation> {
    let clock = Arc::new(SystemClock);
    let adapters = Adapters {
        planner: Arc::new(Idle),
        sources: BTreeMap::new(),
        agent: None,
        limits: Limits::default(),
        clock: clock.clone(),
    };
    let settings = Settings { snapshot_every: 3, snapshot_least: 1, ..Settings::default() };
    let journal: Arc<dyn Journal> = journal.clone();
    Handle::start_with(journal, clock, Arc::new(SystemIds), adapters, settings, snapshots).await.unwrap()
}

/// Asks in the long conversation, whether anew or again.
pub(super) async fn ask(handle: &Handle<Conversation>, request: &str) -> Reply {
    let QuestionAsked { principal, message, source, metadata, as_of } = question();
    let ask = Ask { request_id: request.into(), principal, message, source, metadata, as_of };
    handle.send(stream(), Command::Ask(Box::new(ask))).await.unwrap()
}

async fn asked_without_snapshots(journal: &Arc<Forgetful>, request: &str) -> Reply {
    ask(&start(journal, None).await, request).await
}

#[tokio::test]
async fn a_stream_in_memory_is_never_read_from_disk() {
    let journal = long(1_300, 0).await;
    let asked = Reply::Asked(Asked { first_version: 1, fresh: false });
    assert_eq!(asked_without_snapshots(&journal, "r1").await, asked);
    assert_eq!(*journal.reads.lock().unwrap(), [0, 512, 1_024].map(Read::Memory));
}

#[tokio::test]
async fn what_memory_has_forgotten_comes_from_disk_and_the_rest_from_memory() {
    let journal = long(900, 250).await;
    let asked = Reply::Asked(Asked { first_version: 901, fresh: true });
    assert_eq!(
        asked_without_snapshots(&journal, "r2").await,
        asked,
        "every record was taken in, short pages or not"
    );
    let both = |after| [Read::Memory(after), Read::Disk(after)];
    let forgotten = [0, 100, 200].into_iter().flat_map(both);
    let expected: Vec<Read> = forgotten.chain([300, 812].map(Read::Memory)).collect();
    assert_eq!(*journal.reads.lock().unwrap(), expected);
}
