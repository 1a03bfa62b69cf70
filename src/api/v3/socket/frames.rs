//! What goes over the socket: one JSON object a frame, `op` first.

use crate::api::problem::{Code, Problem};
use serde::Deserialize;
use serde_json::{Map, Value, json};

/// What a client sends.
#[derive(Debug, Deserialize)]
#[serde(tag = "op", rename_all = "snake_case", deny_unknown_fields)]
pub(super) enum Operation {
    /// Deliver events from here on, under this id.
    Subscribe {
        id: String,
        conversation_id: Option<String>,
        event_types: Option<Vec<String>>,
        after: Option<String>,
        /// Events that may be sent before more credit comes; without it there is no such bound.
        credit: Option<u32>,
    },
    /// So many more events may be sent.
    Credit { id: String, n: u32 },
    /// Deliver nothing more.
    Unsubscribe { id: String },
    /// Ask, and deliver the events of the turn under this id.
    Ask {
        id: String,
        message: String,
        conversation_id: Option<String>,
        request_id: Option<String>,
        source: Option<String>,
        metadata: Option<Map<String, Value>>,
    },
    /// Cancel the turn that was asked under this id.
    Cancel { id: String },
    /// Answer with a pong.
    Ping {},
}

/// Why a subscription or a question under an id is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reason {
    /// The client said so.
    Unsubscribed,
    /// The turn has ended.
    Completed,
    /// The service ends.
    ShuttingDown,
    /// What was to be delivered cannot be read on.
    Interrupted,
}

impl Reason {
    fn name(self) -> &'static str {
        match self {
            Reason::Unsubscribed => "unsubscribed",
            Reason::Completed => "completed",
            Reason::ShuttingDown => "shutting_down",
            Reason::Interrupted => "interrupted",
        }
    }
}

/// Reads a frame of the client.
pub(super) fn parse(text: &str) -> Result<Operation, Problem> {
    serde_json::from_str(text).map_err(|error| {
        let known = "subscribe, credit, unsubscribe, ask, cancel, ping";
        Problem::invalid(format!("The frame is no operation ({known}): {error}."))
    })
}

/// An event, as the exact text that every other way of reading it gives.
pub(super) fn event(id: &str, cursor: &str, event: &str) -> String {
    format!(r#"{{"op":"event","id":{},"cursor":{},"event":{event}}}"#, json!(id), json!(cursor))
}

/// History has ended, live begins.
pub(super) fn caught_up(id: &str, cursor: Option<&str>) -> String {
    format!(r#"{{"op":"caught_up","id":{},"cursor":{}}}"#, json!(id), json!(cursor))
}

/// Nothing more comes under this id.
pub(super) fn closed(id: &str, reason: Reason) -> String {
    format!(r#"{{"op":"closed","id":{},"reason":"{}"}}"#, json!(id), reason.name())
}

/// A refusal; without an id when it belongs to none.
pub(super) fn error(id: Option<&str>, problem: &Problem, correlation_id: &str) -> String {
    if problem.code == Code::InternalError {
        tracing::error!(correlation_id, cause = problem.cause.as_deref(), "a socket met a fault");
    }
    let error = problem.member(correlation_id);
    match id {
        Some(id) => format!(r#"{{"op":"error","id":{},"error":{error}}}"#, json!(id)),
        None => format!(r#"{{"op":"error","error":{error}}}"#),
    }
}

/// The answer to a ping.
pub(super) fn pong() -> String {
    r#"{"op":"pong"}"#.to_owned()
}
