//! Tools that a language model may call: what they are asked, what comes of it, who refuses.

use super::memory::{Memory, Note};
use super::model::{ToolCall, ToolSpec};
use super::sql::{AppliedPolicy, Check, ResultSet, SchemaMark, Statement};
use crate::json::Json;
use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use std::time::Duration;
use vanna_journal::StreamId;

/// On whose behalf a tool works.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Caller {
    /// The conversation; its tenant is the caller's.
    pub conversation: StreamId,
    /// The caller's name within the tenant.
    pub principal: String,
}

/// A call that the model wants, looked at before anything is done about it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RequestedCall {
    /// Names the call in facts, events and messages; unique within the conversation.
    pub tool_call_id: String,
    /// The call as the model wrote it; its own id is unique only within one answer.
    pub call: ToolCall,
    /// Its arguments without values that the caller may not see.
    pub shown: Json,
    /// Why it is not made; none: it is.
    pub refusal: Option<ToolRefusal>,
}

/// Why a call is not made.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ToolRefusal {
    /// Stable code: `unknown_tool`, `tool_access_denied`, `invalid_arguments`, `tool_limit` …
    pub code: String,
    /// What is wrong and what to do, for people and for the model.
    pub message: String,
}

impl ToolRefusal {
    /// Describes a refusal.
    pub fn new(code: impl Into<String>, message: impl Into<String>) -> Self {
        Self { code: code.into(), message: message.into() }
    }
}

/// What is said of a call before it is made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verdict {
    /// Its arguments without values that the caller may not see.
    pub shown: Json,
    /// Why it must not be made.
    pub refusal: Option<ToolRefusal>,
}

/// A result that a conversation has recorded and that tools may read again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NamedResult {
    /// Name that the model knows it by, such as `query_results_1a2b3c4d.csv`. There is no such file.
    pub file: String,
    /// The call that produced it.
    pub tool_call_id: String,
    /// Version of the fact that holds it.
    pub version: u64,
}

/// A call that is to be made.
#[derive(Clone, Debug, PartialEq)]
pub struct ToolUse {
    /// On whose behalf.
    pub caller: Caller,
    /// Names the call within the conversation; the same in every attempt, so that what must not be done
    /// twice can be told.
    pub tool_call_id: String,
    /// Name of the tool.
    pub tool: String,
    /// Arguments: one JSON object.
    pub arguments: Json,
    /// Source that the turn answers from.
    pub source: String,
    /// The question.
    pub question: String,
    /// The day that "today" means, `YYYY-MM-DD`.
    pub as_of: String,
    /// Rows that the call may still record.
    pub rows: u64,
    /// What was recorded so far, oldest first.
    pub results: Vec<NamedResult>,
    /// Version at which the running turn began: results after it are of this turn.
    pub turn_version: u64,
}

/// A statement that a tool ran to its end.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Executed {
    /// What ran.
    pub statement: Statement,
    /// Time in the engine, microseconds.
    pub micros: u64,
    /// Rows of the source.
    pub row_count: u64,
    /// Schema that it ran against.
    pub schema: SchemaMark,
}

/// A picture of a recorded result.
#[derive(Clone, Debug, PartialEq)]
pub struct Drawn {
    /// The call that recorded the result.
    pub of: String,
    /// Name that the model knows the result by.
    pub file: String,
    /// Title that the model gave.
    pub title: Option<String>,
    /// The result itself, when it is of an earlier turn.
    pub earlier: Option<ResultSet>,
    /// How it is drawn; none: there is no picture for such columns.
    pub picture: Option<Picture>,
}

/// How a result is drawn.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Picture {
    /// The kind of picture.
    pub kind: PictureKind,
    /// Columns that are drawn, in the order in which they are used: first the horizontal axis.
    pub columns: Vec<String>,
}

/// Kinds of pictures.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PictureKind {
    /// A number over time.
    Line,
    /// A number for each text.
    Bar,
    /// How often which numbers occur.
    Histogram,
    /// One number against another.
    Scatter,
    /// How numbers go together.
    HeatMap,
    /// How often pairs of texts occur.
    GroupedBar,
    /// Rows and columns.
    Table,
}

/// What came of a call.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ToolOutcome {
    /// Stable code of what went wrong; none: it did what it was called for.
    pub error_code: Option<String>,
    /// What came of it in a few words, for people.
    pub summary: String,
    /// What the model is told: bounded, and marked as data where it is.
    pub content: String,
    /// Rows of the source.
    pub row_count: Option<u64>,
    /// The statement that ran.
    pub executed: Option<Executed>,
    /// What the caller's policy made of it.
    pub applied: Option<AppliedPolicy>,
    /// What was checked.
    pub checks: Vec<Check>,
    /// Rows to record and to show.
    pub result: Option<ResultSet>,
    /// A picture to show.
    pub drawn: Option<Drawn>,
    /// What was found in memory, where the call looked there.
    pub found: Option<Vec<Memory>>,
    /// What was kept in memory.
    pub noted: Option<Note>,
}

impl ToolOutcome {
    /// A call that did not work; people and the model are told the same.
    pub fn failed(code: impl Into<String>, message: impl Into<String>) -> Self {
        let message = message.into();
        Self {
            error_code: Some(code.into()),
            summary: message.clone(),
            content: format!("Error: {message}"),
            ..Self::default()
        }
    }

    /// A call that worked and shows nothing.
    pub fn told(summary: impl Into<String>, content: impl Into<String>) -> Self {
        Self { summary: summary.into(), content: content.into(), ..Self::default() }
    }
}

/// The tools that there are.
#[async_trait]
pub trait Tools: Send + Sync + 'static {
    /// What a caller may use, as models are told.
    fn offered(&self, caller: &Caller) -> Vec<ToolSpec>;

    /// Looks at a call before it is made: known, allowed, with arguments of the right form.
    fn judge(&self, caller: &Caller, call: &ToolCall) -> Verdict;

    /// Longest time that a tool may take.
    fn time(&self, tool: &str) -> Duration;

    /// Makes a call. It may be made again under the same `tool_call_id` when a crash cut it off, so
    /// what it changes, it changes once per id. Dropping the future stops the work at its source.
    async fn call(&self, call: &ToolUse) -> ToolOutcome;
}
