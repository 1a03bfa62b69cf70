//! What a conversation remembers: who owns it, which requests it knows, and the turn that runs.

use super::history::History;
use super::work::Work;
use crate::conversation::event::Token;
use crate::ports::model::ModelMark;
use crate::ports::planner::Plan;
use crate::ports::sql::Statement;
use crate::ports::tools::{NamedResult, RequestedCall};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Attempts of one effect before the turn is given up.
pub(super) const ATTEMPTS: u32 = 3;

/// What a conversation remembers.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct State {
    /// Who asked first.
    pub owner: Option<String>,
    /// Requests that were accepted.
    pub requests: BTreeMap<String, Accepted>,
    /// The turn that runs.
    pub turn: Option<Turn>,
    /// The last token that was given out.
    pub last_token: Token,
    /// What was said in earlier turns, for a model.
    pub history: History,
    /// The newest results, for tools.
    pub results: Vec<NamedResult>,
    /// Kind and schema of a fact that a newer build wrote: what is remembered may be half of it.
    pub newer: Option<(u16, u16)>,
}

/// A request that was accepted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Accepted {
    /// Version of its first event.
    pub first_version: u64,
    /// Hash of its message, to tell a retry from a conflict.
    pub message: [u8; 32],
}

/// A running turn.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Turn {
    /// Its request.
    pub request_id: String,
    /// The question.
    pub message: String,
    /// Source that the asker named.
    pub source: Option<String>,
    /// The day that "today" means.
    pub as_of: String,
    /// Version of its first event.
    pub version: u64,
    /// The plan, once there is one.
    pub plan: Option<Plan>,
    /// A model at work, when one has taken the question over.
    pub work: Option<Box<Work>>,
    /// The answer, once there is one.
    pub said: String,
    /// The intent that has no outcome yet.
    pub open: Option<Open>,
}

/// An intent without an outcome.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Open {
    /// Pairs it with its outcome.
    pub token: Token,
    /// Which try it is.
    pub attempt: u32,
    /// What is being tried.
    pub step: Step,
}

/// What an intent is about.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Step {
    /// Making a plan.
    Plan,
    /// Running a statement.
    Run {
        /// The call as clients see it.
        tool_call_id: String,
        /// The statement.
        statement: Box<Statement>,
    },
    /// Calling a model.
    Model {
        /// Which call of the turn it is.
        number: u32,
        /// Who is asked first, and what.
        mark: ModelMark,
    },
    /// Calling a tool, as the model wants it.
    Tool(Box<RequestedCall>),
}

impl State {
    /// The running turn, if `token` is its open intent.
    pub(super) fn waiting_for(&self, token: Token) -> Option<(&Turn, &Open)> {
        let turn = self.turn.as_ref()?;
        let open = turn.open.as_ref().filter(|open| open.token == token)?;
        Some((turn, open))
    }
}

/// Hash that tells one message from another.
pub(super) fn digest(message: &str) -> [u8; 32] {
    *blake3::hash(message.as_bytes()).as_bytes()
}

#[cfg(test)]
#[path = "state_tests.rs"]
mod tests;
