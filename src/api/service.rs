//! What the HTTP layer asks of the product: the one trait that every route calls.

use crate::projections::wire::v2::Features;
use async_trait::async_trait;
use futures::stream::BoxStream;
use jiff::civil::Date;
use std::collections::BTreeMap;
use std::time::Duration;
use vanna_actors::ports::memory::Memory;

/// Who is calling.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Caller {
    /// The tenant; streams are keyed by it.
    pub tenant: String,
    /// The person or program within the tenant.
    pub principal: String,
    /// Whether they look after the service itself, and may learn of all tenants together.
    pub operator: bool,
}

/// One question.
#[derive(Clone, Debug, PartialEq)]
pub struct Ask {
    /// The question as written; never blank.
    pub message: String,
    /// The conversation to go on with; none begins a new one.
    pub conversation_id: Option<String>,
    /// Names the execution within its conversation; none gets a new one.
    pub request_id: Option<String>,
    /// The source to ask; none leaves the choice to the service.
    pub source: Option<String>,
    /// Whatever the client sent along; always an object.
    pub metadata: serde_json::Value,
    /// The day that "today" means; none takes the service's.
    pub as_of: Option<Date>,
}

/// A question that is in the journal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Accepted {
    /// Its conversation.
    pub conversation_id: String,
    /// Its request.
    pub request_id: String,
    /// Version of its first fact in the conversation; the request's replay starts there.
    pub first_version: u64,
}

/// A rendered event, ready to send: the same live and on replay.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rendered {
    /// Opaque cursor of the event within its conversation.
    pub id: String,
    /// Name of the event.
    pub event: &'static str,
    /// The exact JSON text.
    pub data: String,
    /// The request that it belongs to.
    pub request_id: Option<String>,
    /// Whether nothing follows for its request.
    pub terminal: bool,
}

/// How recorded facts are rendered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReplayFormat {
    /// v3 events.
    V3,
    /// Events of the AG-UI protocol.
    AgUi,
    /// Chunks of version 2, for a reader with these features.
    V2(Features),
    /// The facts themselves.
    Facts,
}

/// Which events of a conversation are wanted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Replay {
    /// Only what follows the event with this id.
    pub after: Option<String>,
    /// Only this request.
    pub request_id: Option<String>,
    /// Whether to go on live after the last recorded event.
    pub follow: bool,
    /// How they are rendered.
    pub format: ReplayFormat,
}

/// What a subscription covers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Subscribe {
    /// One conversation; none means all that the caller may see.
    pub conversation: Option<String>,
    /// Only what follows this cursor of the same kind of subscription.
    pub after: Option<String>,
}

/// One step of a subscription.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Signal {
    /// An event, and where to go on after it.
    Event {
        /// Opaque.
        cursor: String,
        /// The event.
        event: Rendered,
    },
    /// What was recorded has ended; from here on it is live. Comes once.
    CaughtUp {
        /// Where to go on; none while nothing has happened.
        cursor: Option<String>,
    },
}

/// Signals in order. After an error nothing follows.
pub type SignalStream = BoxStream<'static, Result<Signal, ServiceError>>;

/// Events in order. After an error nothing follows.
pub type EventStream = BoxStream<'static, Result<Rendered, ServiceError>>;

/// A memory in a list.
#[derive(Clone, Debug, PartialEq)]
pub struct ListedMemory {
    /// The memory.
    pub memory: Memory,
    /// Why its statement works on no source any more; it is not offered to models meanwhile.
    pub broken: Option<String>,
}

/// What may be asked about the schemas of sources.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SchemaQuestion {
    /// Read them now.
    Sync {
        /// Only this source.
        source: Option<String>,
        /// Who wants it.
        principal: String,
    },
    /// How they stand.
    Status,
    /// All snapshots.
    Snapshots,
    /// One of them, whole.
    Snapshot {
        /// Which.
        id: String,
    },
    /// What is different.
    Diff {
        /// The snapshot before.
        from: String,
        /// The snapshot after; none: the one that is served now.
        to: Option<String>,
    },
}

/// What may be asked of the semantic layer itself.
#[derive(Clone, Debug, PartialEq)]
pub enum SemanticQuestion {
    /// What can be measured, and by what.
    Model {
        /// Of which source; none: the default one.
        source: Option<String>,
    },
    /// How a question is read.
    Read {
        /// The question in words.
        question: String,
        /// About which source.
        source: Option<String>,
        /// The day that "today" means; none takes the service's.
        as_of: Option<Date>,
    },
    /// How a semantic query is computed.
    Plan {
        /// The query.
        query: serde_json::Value,
        /// On which source.
        source: Option<String>,
    },
    /// The rows of a semantic query.
    Run {
        /// The query.
        query: serde_json::Value,
        /// On which source.
        source: Option<String>,
    },
}

/// Figures for monitoring.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Figures {
    /// The newest position of the journal.
    pub position: u64,
    /// Facts recorded since the start, by name of their kind.
    pub facts: BTreeMap<&'static str, u64>,
    /// Records that each projection has not taken in yet.
    pub lags: BTreeMap<String, u64>,
}

/// The product as the HTTP layer sees it.
///
/// Any of these futures may be dropped when the client goes away. That never cancels a turn: a
/// dropped `ask` has either been accepted or left no trace.
#[async_trait]
pub trait Service: Send + Sync + 'static {
    /// Accept a question. Sent again with the same ids it attaches to the same execution.
    async fn ask(&self, caller: &Caller, ask: Ask) -> Result<Accepted, ServiceError>;

    /// Events of one conversation. Ends at the last recorded event unless `follow`; with
    /// `request_id` and `follow` it ends after that request's terminal event.
    async fn replay(
        &self,
        caller: &Caller,
        conversation: &str,
        replay: Replay,
    ) -> Result<EventStream, ServiceError>;

    /// Recorded events and live ones, without an end, of one conversation or of all of the caller's.
    async fn subscribe(&self, caller: &Caller, subscribe: Subscribe) -> Result<SignalStream, ServiceError>;

    /// Cancel a running turn. Fine when it has ended already.
    async fn cancel(&self, caller: &Caller, conversation: &str, request: &str) -> Result<(), ServiceError>;

    /// One page of the caller's conversations, newest first:
    /// `{"conversations":[{"conversation_id","title",…}],"next":cursor|null}`.
    async fn conversations(
        &self,
        caller: &Caller,
        after: Option<String>,
        limit: usize,
    ) -> Result<serde_json::Value, ServiceError>;

    /// One conversation: `{"conversation_id","title","turns":[{"request_id","message",…}],…}`.
    async fn conversation(&self, caller: &Caller, id: &str) -> Result<serde_json::Value, ServiceError>;

    /// Figures about the journal.
    async fn journal(&self) -> Result<serde_json::Value, ServiceError>;

    /// How all projections stand.
    fn projections(&self) -> Result<serde_json::Value, ServiceError>;

    /// Begins to fold a projection anew, while it serves.
    fn rebuild_projection(&self, name: &str) -> Result<serde_json::Value, ServiceError>;

    /// Checks all of the journal, one such check at a time.
    async fn verify_journal(&self) -> Result<serde_json::Value, ServiceError>;

    /// The newest memories that the caller may see, newest first.
    async fn memories(&self, caller: &Caller, limit: usize) -> Result<Vec<ListedMemory>, ServiceError>;

    /// Has a memory forgotten: one's own, or anybody's for those who look after the tenant's.
    async fn forget(&self, caller: &Caller, id: &str) -> Result<(), ServiceError>;

    /// Answers a question about the schemas of sources.
    async fn schema(&self, asked: SchemaQuestion) -> Result<serde_json::Value, ServiceError>;

    /// Answers a question about semantic models, out of what the caller may read.
    async fn semantic(
        &self,
        caller: &Caller,
        asked: SemanticQuestion,
    ) -> Result<serde_json::Value, ServiceError>;

    /// The time, microseconds since the Unix epoch.
    fn now(&self) -> i64;

    /// Names of the sources that can be asked, in order.
    fn sources(&self) -> Vec<String>;

    /// Names of the tools that a caller's questions may be answered with, in order.
    fn tools(&self, caller: &Caller) -> Vec<String>;

    /// Figures for monitoring; they cost next to nothing.
    fn figures(&self) -> Figures;

    /// Whether questions are taken now; otherwise why not.
    fn ready(&self) -> Result<(), String>;
}

/// Why a call was refused. Messages go to people as they are, except of `Internal`.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ServiceError {
    /// The request itself is wrong: 400.
    #[error("{0}")]
    InvalidRequest(String),
    /// Nobody known is calling: 401.
    #[error("{0}")]
    AuthenticationRequired(String),
    /// The conversation belongs to someone else: 403.
    #[error("{0}")]
    ConversationAccessDenied(String),
    /// The caller may not read what this needs: 403.
    #[error("{0}")]
    AccessDenied(String),
    /// There is no such thing: 404.
    #[error("{0}")]
    NotFound(String),
    /// The request id already names another question: 409.
    #[error("{0}")]
    RequestConflict(String),
    /// A newer version has written in the conversation, and only that one can go on: 409.
    #[error("{0}")]
    NewerFacts(String),
    /// More than is taken: 413.
    #[error("{0}")]
    PayloadTooLarge(String),
    /// Well-formed, but nothing can be done with it: 422.
    #[error("{0}")]
    Unprocessable(String),
    /// A semantic query that does not fit its model: 422.
    #[error("{message}")]
    NotComputable {
        /// What is wrong and what to do.
        message: String,
        /// The same for programs: `coverage`, `code`, `name`, `suggestions`.
        why: serde_json::Value,
    },
    /// Too much at once: 429.
    #[error("{message}")]
    RateLimited {
        /// What there is too much of.
        message: String,
        /// When to try again.
        retry_after: Duration,
    },
    /// Not now (the journal does not take more, the disk is full, shutting down): 503.
    #[error("{message}")]
    Unavailable {
        /// Why, for people.
        message: String,
        /// When to try again, if that is known.
        retry_after: Option<Duration>,
    },
    /// A fault of ours: 500. The text is only logged; the client gets a correlation id.
    #[error("{0}")]
    Internal(String),
}
