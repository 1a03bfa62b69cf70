//! The facts of a source's schema.
//!
//! Payloads are encoded without type information: never reorder or change the fields of a
//! released one; give it a new schema number in the table of kinds and keep the old struct.

use super::schedule::Schedule;
use crate::json::Json;
use crate::kinds::Opaque;
use crate::packed::Packed;
use crate::ports::sql::{Failure, SchemaMark};
use serde::{Deserialize, Serialize};

/// Pairs an intent with its outcome; a late outcome of an older attempt carries an older token.
pub type Token = u64;

/// Why a schema is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reason {
    /// Nothing is known of it yet.
    First,
    /// It is time.
    Due,
    /// The probe says that it changed.
    Changed,
    /// Somebody asked for it.
    Requested,
}

/// When the schema is read from now on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SyncScheduled {
    /// The schedule.
    pub schedule: Schedule,
    /// When it is due next, microseconds since the Unix epoch.
    pub next_due: i64,
}

/// Intent: the schema is going to be read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SyncStarted {
    /// Pairs with the outcome.
    pub token: Token,
    /// 1 for the first try.
    pub attempt: u32,
    /// Why.
    pub reason: Reason,
}

/// Somebody asked for a sync while one was running: it is done once more, for all who ask meanwhile.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SyncQueued {
    /// Who asked first.
    pub principal: String,
}

/// Outcome: this is the schema now.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SyncFinished {
    /// Of which intent.
    pub token: Token,
    /// What it took, microseconds.
    pub micros: u64,
    /// The schema.
    pub mark: SchemaMark,
    /// What the probe said of it.
    pub probe: Option<String>,
    /// Tables, views and the like.
    pub relations: u64,
    /// Columns of all of them.
    pub columns: u64,
    /// All of it, when this source never had this content before.
    pub content: Option<Packed>,
    /// What it is different from.
    pub before: Option<SchemaMark>,
    /// How bad the worst difference is.
    pub severity: Option<String>,
    /// How many differences there are.
    pub changes: u64,
    /// The differences, and what of the semantic layer they touch.
    pub report: Option<Json>,
    /// When it is due next, microseconds since the Unix epoch.
    pub next_due: i64,
}

/// Outcome: the schema could not be read; what was known stays.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SyncFailed {
    /// Of which intent.
    pub token: Token,
    /// Why.
    pub failure: Failure,
    /// When it is due next, microseconds since the Unix epoch.
    pub next_due: i64,
}

/// Outcome of an intent that a crash or a restart cut off.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SyncInterrupted {
    /// Of which intent.
    pub token: Token,
}

/// A fact of a source's schema.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "fact", content = "payload", rename_all = "snake_case")]
#[expect(missing_docs, reason = "each variant is its payload, documented there")]
pub enum DriftEvent {
    SyncScheduled(SyncScheduled),
    SyncStarted(SyncStarted),
    SyncQueued(SyncQueued),
    SyncFinished(Box<SyncFinished>),
    SyncFailed(SyncFailed),
    SyncInterrupted(SyncInterrupted),
    /// A newer build wrote it.
    Unknown(Opaque),
}
