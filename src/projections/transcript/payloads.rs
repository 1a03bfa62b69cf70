//! Payloads that depend on one fact alone.

use super::words;
use crate::projections::lineage::{Call, fallback_reason, millis};
use crate::projections::wire::v3::{
    AssistantText, Done, DoneStatus, ErrorPayload, Fallback, Payload, Stage, Status, TableResult, ToolResult,
    ToolStart, Warning, rows,
};
use vanna_actors::events::{
    ConversationEvent, SqlRunFailed, SqlRunFinished, TextProduced, ToolFinished, ToolRefused, WarningRaised,
};
use vanna_actors::ports::planner::Plan;
use vanna_actors::ports::sql::ResultSet;

pub(super) fn status(stage: Stage, message: impl Into<String>) -> Payload {
    Payload::Status(Status { stage, message: message.into() })
}

/// What the plan covers, with a warning where that is not everything; `handed_over` to a model or not.
pub(super) fn planned(plan: &Plan, handed_over: bool) -> Vec<Payload> {
    let mut payloads = vec![status(Stage::Semantic, words::coverage(plan))];
    let coverage = &plan.coverage;
    if let Some(code) = fallback_reason(coverage.status, coverage.needs_clarification) {
        let goes_on = handed_over || plan.statement.is_some();
        let fallback = if goes_on { Fallback::Sql } else { Fallback::None };
        let message = if handed_over { words::handed_over(plan) } else { words::not_covered(plan) };
        payloads.push(Payload::Warning(Warning { code: code.to_owned(), message, fallback: Some(fallback) }));
    }
    payloads
}

pub(super) fn tool_start(call: &Call) -> Payload {
    Payload::ToolStart(ToolStart {
        tool_call_id: call.tool_call_id.clone(),
        name: call.name.clone(),
        arguments: call.arguments.clone(),
    })
}

/// How a call ended.
pub(super) struct CallEnd {
    duration_ms: f64,
    summary: String,
    outcome: Result<Option<u64>, String>,
}

impl CallEnd {
    pub(super) fn finished(outcome: &SqlRunFinished) -> Self {
        Self {
            duration_ms: millis(outcome.micros),
            summary: words::rows(outcome.row_count),
            outcome: Ok(Some(outcome.row_count)),
        }
    }

    pub(super) fn failed(outcome: &SqlRunFailed) -> Self {
        Self {
            duration_ms: millis(outcome.micros),
            summary: outcome.failure.message.clone(),
            outcome: Err(words::code(&outcome.failure.code)),
        }
    }

    pub(super) fn used(outcome: &ToolFinished) -> Self {
        let failed = outcome.error_code.as_ref().map(|code| words::code(code));
        Self {
            duration_ms: millis(outcome.micros),
            summary: outcome.summary.clone(),
            outcome: failed.map_or(Ok(outcome.row_count), Err),
        }
    }

    pub(super) fn refused(refused: &ToolRefused) -> Self {
        let outcome = Err(words::code(&refused.code));
        Self { duration_ms: 0.0, summary: refused.message.clone(), outcome }
    }

    /// `code` is `interrupted` or `cancelled`.
    pub(super) fn cut_off(code: &str, duration_ms: f64) -> Self {
        Self { duration_ms, summary: words::cut_off(code), outcome: Err(code.to_owned()) }
    }
}

pub(super) fn tool_result(call: &Call, end: CallEnd) -> Payload {
    Payload::ToolResult(ToolResult {
        tool_call_id: call.tool_call_id.clone(),
        name: call.name.clone(),
        success: end.outcome.is_ok(),
        duration_ms: end.duration_ms,
        summary: end.summary,
        row_count: end.outcome.as_ref().ok().copied().flatten(),
        error_code: end.outcome.err(),
    })
}

pub(super) fn table(result: &ResultSet) -> Payload {
    Payload::TableResult(TableResult {
        columns: result.columns.iter().map(|column| column.name.clone()).collect(),
        column_types: result.columns.iter().map(|column| (column.name.clone(), column.kind)).collect(),
        rows: rows(result),
        row_count: result.row_count,
        truncated: result.truncated,
    })
}

pub(super) fn text(said: &TextProduced) -> Payload {
    spoken(said.text.clone(), said.delta)
}

pub(super) fn spoken(text: String, delta: bool) -> Payload {
    Payload::AssistantText(AssistantText { text, delta })
}

pub(super) fn warning(raised: &WarningRaised) -> Payload {
    let fallback = match raised.fallback.as_deref() {
        Some("sql") => Some(Fallback::Sql),
        Some("none") => Some(Fallback::None),
        _ => None,
    };
    Payload::Warning(Warning { code: words::code(&raised.code), message: raised.message.clone(), fallback })
}

/// The last payload of a turn; `sequence` is its own.
pub(super) fn terminal(event: &ConversationEvent, sequence: u64) -> Option<Payload> {
    Some(match event {
        ConversationEvent::TurnFinished(_) => {
            Payload::Done(Done { status: DoneStatus::Completed, event_count: sequence + 1 })
        }
        ConversationEvent::TurnFailed(failed) => Payload::Error(ErrorPayload {
            code: words::code(&failed.failure.code),
            message: failed.failure.message.clone(),
            correlation_id: failed.correlation_id.clone(),
            retryable: failed.failure.retryable,
        }),
        ConversationEvent::TurnCancelled(cancelled) => Payload::Error(ErrorPayload {
            code: "cancelled".to_owned(),
            message: words::CANCELLED.to_owned(),
            correlation_id: cancelled.correlation_id.clone(),
            retryable: false,
        }),
        _ => return None,
    })
}
