//! What is remembered of a source's schema.

use super::event::{Reason, Token};
use super::schedule::Schedule;
use crate::ports::sql::{Failure, SchemaMark};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Attempts of one sync before it is given up.
pub(super) const ATTEMPTS: u32 = 3;

/// What is remembered of a source's schema.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct State {
    /// When it is read; none: nobody has said.
    pub schedule: Option<Schedule>,
    /// When it is due next, microseconds since the Unix epoch.
    pub next_due: i64,
    /// The schema that is served.
    pub current: Option<Current>,
    /// The sync that runs.
    pub open: Option<Open>,
    /// Whether another one follows it.
    pub queued: bool,
    /// Versions of the facts that hold contents, by snapshot.
    pub contents: BTreeMap<String, u64>,
    /// Failures since the last success.
    pub failures: u32,
    /// The last of them.
    pub failure: Option<Failure>,
    /// The last token that was given out.
    pub last_token: Token,
    /// Kind and schema of a fact that a newer build wrote: what is remembered may be half of it.
    pub newer: Option<(u16, u16)>,
}

/// A schema that was read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Current {
    /// Its mark.
    pub mark: SchemaMark,
    /// What the probe said of it.
    pub probe: Option<String>,
    /// Version of the fact that says so.
    pub version: u64,
    /// What reading it took, microseconds.
    pub micros: u64,
    /// Tables, views and the like.
    pub relations: u64,
    /// Columns of all of them.
    pub columns: u64,
}

/// A sync without an outcome.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Open {
    /// Pairs it with its outcome.
    pub token: Token,
    /// Which try it is.
    pub attempt: u32,
    /// Why.
    pub reason: Reason,
}
