//! The contract of a journal, whatever stands behind it.

use crate::admin::Report;
use crate::health::Health;
use crate::record::{Hash, Position, Record, StreamId, Version};
use async_trait::async_trait;
use tokio::sync::watch;

/// A fact to append; the journal adds position, version and hash.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewRecord {
    /// Number of the kind of fact.
    pub kind: u16,
    /// Number of the payload's shape within the kind.
    pub schema: u16,
    /// When it was recorded: microseconds since the Unix epoch, UTC.
    pub at: i64,
    /// The request that it belongs to, if any.
    pub request_id: Option<String>,
    /// Position of the record that caused it, if any.
    pub causation: Option<Position>,
    /// The encoded payload.
    pub body: Vec<u8>,
}

/// What the writer of an append believes about its stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Expect {
    /// The stream holds nothing yet.
    NoStream,
    /// The stream's last version is this one.
    Exact(Version),
    /// No belief.
    Any,
}

/// Records to append to one stream: all of them, or none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Append {
    /// Where to.
    pub stream: StreamId,
    /// What must hold.
    pub expect: Expect,
    /// The request that this append accepts. A second append of the same stream and request
    /// writes nothing and answers [`Appended::Duplicate`]. `None`: no such check.
    pub request: Option<String>,
    /// What to write, at least one.
    pub records: Vec<NewRecord>,
}

/// First and last of a run, both included.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span<T> {
    /// First of the run.
    pub first: T,
    /// Last of the run.
    pub last: T,
}

/// The answer to an append that did no harm. It is given only when the records are durable.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Appended {
    /// Written and synced.
    Written {
        /// Where in the journal.
        positions: Span<Position>,
        /// Where in the stream.
        versions: Span<Version>,
    },
    /// The request was accepted before, by the records of this run of versions.
    Duplicate(Span<Version>),
}

/// Why nothing was written.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AppendError {
    /// The expectation did not hold.
    #[error("the stream is at version {actual}, not where the writer believed")]
    Conflict {
        /// The stream's last version; 0 when it holds nothing.
        actual: Version,
    },
    /// Another process owns the journal now.
    #[error("another process has taken over this journal")]
    Fenced,
    /// A write or sync failed before; nothing is accepted until the process starts again.
    #[error("the journal stopped after a failed write: {0}")]
    Poisoned(String),
    /// The input queue is full; try again later.
    #[error("the journal's queue is full")]
    Busy,
    /// There is no space left; reads go on, and appends resume when there is space.
    #[error("the disk that holds the journal is full")]
    DiskFull,
    /// The append is empty or a record exceeds the limit.
    #[error("the append was refused: {0}")]
    Invalid(String),
    /// The journal is closed.
    #[error("the journal is closed")]
    Closed,
}

/// Why a read gave nothing.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ReadError {
    /// What is stored does not agree with its checksums or its order.
    #[error("the journal is damaged at {place}: {found}")]
    Damaged {
        /// Position, frame or file.
        place: String,
        /// What was found there.
        found: String,
    },
    /// The storage could not be read.
    #[error("the journal could not be read: {0}")]
    Storage(String),
    /// The journal is closed; there is nothing more to wait for.
    #[error("the journal is closed")]
    Closed,
}

impl AppendError {
    /// A stable code for whoever has to tell the refusals apart.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Conflict { .. } => "journal_conflict",
            Self::Fenced => "journal_fenced",
            Self::Poisoned(_) => "journal_poisoned",
            Self::Busy => "journal_busy",
            Self::DiskFull => "journal_disk_full",
            Self::Invalid(_) => "journal_invalid_append",
            Self::Closed => "journal_closed",
        }
    }
}

impl ReadError {
    /// A stable code for whoever has to tell the failures apart.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Damaged { .. } => "journal_damaged",
            Self::Storage(_) => "journal_unreadable",
            Self::Closed => "journal_closed",
        }
    }
}

/// Figures about a journal.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize)]
pub struct Stats {
    /// Records written since the beginning.
    pub records: u64,
    /// Commit frames that hold them.
    pub frames: u64,
    /// Streams that hold at least one record.
    pub streams: u64,
    /// Bytes of bodies.
    pub body_bytes: u64,
    /// Bytes on disk; 0 in memory.
    pub disk_bytes: u64,
    /// Hash of the last frame, the end of the hash chain.
    pub head_hash: Hash,
}

/// A durable, ordered log of records.
///
/// Reads are synchronous and bounded by `limit`; async callers go through a subscription, which
/// leaves the runtime's threads alone. A reader sees a record only when it is durable.
///
/// A read ends early when its bodies exceed 32 MiB: an empty answer means that there is no more,
/// a short one does not.
#[async_trait]
pub trait Journal: Send + Sync + 'static {
    /// Appends records to one stream, atomically; answers when they are durable.
    ///
    /// At most 256 records, each of at most 32 MiB, names and request ids of at most 512 bytes. A
    /// caller that goes away before the answer does not take its append back.
    async fn append(&self, append: Append) -> Result<Appended, AppendError>;

    /// Records of one stream with a version above `after`, oldest first, at most `limit`.
    fn read_stream(&self, stream: &StreamId, after: Version, limit: usize) -> Result<Vec<Record>, ReadError>;

    /// Records of all streams with a position above `after`, oldest first, at most `limit`.
    fn read_all(&self, after: Position, limit: usize) -> Result<Vec<Record>, ReadError>;

    /// The run of versions that the append which accepted `request` wrote, if there was one.
    fn find_request(&self, stream: &StreamId, request: &str) -> Result<Option<Span<Version>>, ReadError>;

    /// The last durable version of a stream; 0 when it holds nothing.
    fn version_of(&self, stream: &StreamId) -> Version;

    /// The last durable position, and a wake-up whenever it moves.
    fn head(&self) -> watch::Receiver<Position>;

    /// The last durable position, as it is now. A borrowed [`Self::head`] keeps every writer waiting
    /// until it is dropped, which inside of an expression is later than it looks.
    fn position(&self) -> Position {
        *self.head().borrow()
    }

    /// The last durable version of one stream, and a wake-up whenever that stream moves:
    /// thousands of watchers of quiet streams cost a busy stream nothing.
    fn watch_stream(&self, stream: &StreamId) -> watch::Receiver<Version>;

    /// Whether appends are accepted, and a wake-up whenever that changes: also when a failure met
    /// somebody else's append, and when a full disk has space again.
    fn health(&self) -> watch::Receiver<Health>;

    /// Streams of one kind, of all tenants, that come after `after`, ordered, at most `limit`, each
    /// with its last durable version.
    fn streams(
        &self,
        kind: &str,
        after: Option<&StreamId>,
        limit: usize,
    ) -> Result<Vec<(StreamId, Version)>, ReadError>;

    /// What [`Journal::read_stream`] would answer, if memory alone can answer it without waiting
    /// for a disk; `None` when it cannot.
    fn recent_stream(&self, _stream: &StreamId, _after: Version, _limit: usize) -> Option<Vec<Record>> {
        None
    }

    /// What [`Journal::read_all`] would answer, if memory alone can answer it without waiting for
    /// a disk; `None` when it cannot.
    fn recent_all(&self, _after: Position, _limit: usize) -> Option<Vec<Record>> {
        None
    }

    /// Figures about the journal.
    fn stats(&self) -> Result<Stats, ReadError>;

    /// Reads everything up to the present head and checks all that can be checked. Blocks; appends
    /// go on meanwhile.
    fn verify(&self) -> Report;

    /// Refuses further appends, writes what is queued, syncs and gives the storage back. Watchers
    /// see their channel close; reads answer [`ReadError::Closed`].
    async fn close(&self);
}
