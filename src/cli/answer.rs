//! One answer, gathered from the facts of its request: as JSON for programs, as text for people.

use super::table;
use crate::projections::wire::v3::cell;
use serde_json::{Map, Value as JsonValue, json};
use vanna_actors::events::ConversationEvent as Event;
use vanna_actors::ports::planner::Plan;
use vanna_actors::ports::sql::{ColumnType, Failure, ResultSet};

/// What a request came to.
#[derive(Debug, Default)]
pub(super) struct Answer {
    pub(super) conversation_id: String,
    pub(super) request_id: String,
    plan: Option<Plan>,
    /// The statement that a language model had run last.
    sql: Option<String>,
    result: Option<ResultSet>,
    text: String,
    failure: Option<Failure>,
}

impl Answer {
    pub(super) fn new(conversation_id: &str, request_id: &str) -> Self {
        Self {
            conversation_id: conversation_id.to_owned(),
            request_id: request_id.to_owned(),
            ..Self::default()
        }
    }

    pub(super) fn take_in(&mut self, event: Event) {
        match event {
            Event::PlanMade(made) => self.plan = Some(made.plan),
            Event::ToolFinished(tool) => {
                self.sql = tool.executed.map(|executed| executed.statement.sql).or(self.sql.take());
            }
            Event::ResultRecorded(recorded) => self.result = Some(recorded.result),
            Event::TextProduced(produced) if produced.delta => self.text.push_str(&produced.text),
            Event::TextProduced(produced) => self.text = produced.text,
            Event::TurnFailed(failed) => self.failure = Some(failed.failure),
            _ => {}
        }
    }

    pub(super) fn failed(&self) -> bool {
        self.failure.is_some()
    }

    /// The answer as one JSON object.
    pub(super) fn json(&self) -> JsonValue {
        let mut out = Map::new();
        if let Some(plan) = &self.plan {
            let coverage = &plan.coverage;
            out.insert("coverage".into(), json!(coverage.status));
            out.insert("needs_clarification".into(), json!(coverage.needs_clarification));
            out.insert("candidates".into(), json!(coverage.candidates));
            out.insert("covered".into(), json!(coverage.covered));
            out.insert("uncovered".into(), json!(coverage.uncovered));
            out.insert("assumptions".into(), json!(coverage.assumptions));
            out.insert("reading".into(), json!(plan.reading));
            out.insert("semantic_query".into(), plan.query.as_ref().map_or(JsonValue::Null, |q| q.value()));
            let planned = plan.statement.as_ref().map(|statement| &statement.sql);
            if let Some(sql) = planned.or(self.sql.as_ref()) {
                out.insert("sql".into(), json!(sql));
            }
        }
        if let Some(result) = &self.result {
            let columns: Vec<&str> = result.columns.iter().map(|c| c.name.as_str()).collect();
            let rows: Vec<Vec<JsonValue>> =
                result.rows.iter().map(|row| row.iter().map(cell).collect()).collect();
            out.insert("columns".into(), json!(columns));
            out.insert("rows".into(), json!(rows));
            out.insert("row_count".into(), json!(result.row_count));
            out.insert("truncated".into(), json!(result.truncated));
        }
        out.insert("message".into(), json!(self.text));
        if let Some(failure) = &self.failure {
            let error =
                json!({"code": failure.code, "message": failure.message, "retryable": failure.retryable});
            out.insert("error".into(), error);
        }
        out.insert("conversation_id".into(), json!(self.conversation_id));
        out.insert("request_id".into(), json!(self.request_id));
        JsonValue::Object(out)
    }
}

/// A result as a plain text table, at most so many rows.
pub(super) fn rows_as_table(
    columns: &[(String, ColumnType)],
    rows: &[Vec<JsonValue>],
    most: usize,
) -> String {
    let names: Vec<String> = columns.iter().map(|(name, _)| name.clone()).collect();
    let numeric: Vec<bool> =
        columns.iter().map(|(_, kind)| matches!(kind, ColumnType::Integer | ColumnType::Number)).collect();
    let show = |value: &JsonValue| match value {
        JsonValue::Null => String::new(),
        JsonValue::String(text) => text.clone(),
        JsonValue::Number(number) => shorten(number),
        other => other.to_string(),
    };
    let cells: Vec<Vec<String>> = rows.iter().take(most).map(|row| row.iter().map(show).collect()).collect();
    let mut text = table::render(&names, &cells, &numeric);
    if rows.len() > most {
        text.push_str(&format!("… {} more rows\n", rows.len() - most));
    }
    text
}

/// Sums of prices carry binary noise that no one wants to read.
fn shorten(number: &serde_json::Number) -> String {
    let exact = number.to_string();
    match number.as_f64() {
        Some(x) if number.is_f64() && exact.len() > 12 => {
            let rounded = format!("{x:.4}");
            rounded.trim_end_matches('0').trim_end_matches('.').to_owned()
        }
        _ => exact,
    }
}
