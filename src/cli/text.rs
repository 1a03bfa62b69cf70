//! A conversation for people: question, answer, rows and the evidence, from v3 events.

use super::answer::rows_as_table;
use serde_json::Value as JsonValue;
use std::io::{self, Write};
use vanna_actors::ports::sql::ColumnType;

/// Rows that are printed; all of them are in the JSON and in the journal.
const MOST_ROWS: usize = 25;

/// Prints one event; what only programs want is left out.
pub(super) fn print(out: &mut impl Write, event: &JsonValue) -> io::Result<()> {
    let Some(payload) = event.get("payload") else { return Ok(()) };
    let text = |name: &str| payload.get(name).and_then(JsonValue::as_str).unwrap_or_default();
    match event.get("event_type").and_then(JsonValue::as_str).unwrap_or_default() {
        // The whole text follows the pieces.
        "assistant_text" if payload.get("delta") == Some(&JsonValue::Bool(true)) => Ok(()),
        "assistant_text" if text("text").is_empty() => Ok(()),
        "assistant_text" => writeln!(out, "{}\n", clean(text("text"))),
        "table_result" => writeln!(out, "{}", rows(payload)),
        "lineage" => evidence(out, payload.get("evidence").unwrap_or(payload)),
        // What is not covered is told by the answer itself.
        "warning"
            if ["semantic_partial", "semantic_missing", "needs_clarification"].contains(&text("code")) =>
        {
            Ok(())
        }
        "warning" => writeln!(out, "Note ({}): {}\n", text("code"), clean(text("message"))),
        "error" => writeln!(out, "Failed ({}): {}", text("code"), clean(text("message"))),
        _ => Ok(()),
    }
}

fn rows(payload: &JsonValue) -> String {
    let types = payload.get("column_types");
    let columns: Vec<(String, ColumnType)> = list(payload, "columns")
        .filter_map(JsonValue::as_str)
        .map(|name| {
            let kind = types.and_then(|types| types.get(name)).cloned().unwrap_or_default();
            (name.to_owned(), serde_json::from_value(kind).unwrap_or(ColumnType::String))
        })
        .collect();
    let rows: Vec<Vec<JsonValue>> = list(payload, "rows")
        .map(|row| columns.iter().map(|(name, _)| row.get(name).cloned().unwrap_or_default()).collect())
        .collect();
    rows_as_table(&columns, &rows, MOST_ROWS)
}

fn evidence(out: &mut impl Write, evidence: &JsonValue) -> io::Result<()> {
    let at = |path: &str| evidence.pointer(path).and_then(JsonValue::as_str).unwrap_or("-");
    writeln!(out, "Evidence")?;
    let signals: Vec<&str> = evidence
        .pointer("/confidence/signals")
        .into_iter()
        .flat_map(items)
        .filter_map(JsonValue::as_str)
        .collect();
    writeln!(out, "  confidence  {} ({})", at("/confidence/tier"), signals.join(", "))?;
    writeln!(out, "  coverage    {}", at("/semantic/coverage"))?;
    for run in list(evidence, "executed_sql") {
        let field = |name: &str| run.get(name).and_then(JsonValue::as_str).unwrap_or("-");
        let rows = run.get("row_count").cloned().unwrap_or_default();
        writeln!(out, "  ran         on {} ({}), {rows} rows", field("source"), field("dialect"))?;
        for line in field("sql").lines() {
            writeln!(out, "              {}", clean(line))?;
        }
        let policies: Vec<&str> = list(run, "policies").filter_map(JsonValue::as_str).collect();
        if !policies.is_empty() {
            writeln!(out, "  policy      {}", policies.join(", "))?;
        }
    }
    for check in list(evidence, "validation_checks") {
        let passed = check.get("passed").and_then(JsonValue::as_bool).unwrap_or(false);
        let name = check.get("name").and_then(JsonValue::as_str).unwrap_or("-");
        writeln!(out, "  check       {} {name}", if passed { "ok    " } else { "FAILED" })?;
    }
    let version = |name: &str| evidence.pointer(&format!("/journal/{name}")).cloned().unwrap_or_default();
    let (first, last) = (version("first_version"), version("last_version"));
    writeln!(out, "  journal     {} versions {first} to {last}", at("/journal/stream"))?;
    writeln!(out, "              {}", at("/journal/head_hash"))
}

fn list<'a>(value: &'a JsonValue, name: &str) -> impl Iterator<Item = &'a JsonValue> {
    value.get(name).into_iter().flat_map(items)
}

fn items(value: &JsonValue) -> impl Iterator<Item = &JsonValue> {
    value.as_array().into_iter().flatten()
}

/// What came from questions and data must not steer a terminal.
pub(super) fn clean(text: &str) -> String {
    text.chars().map(|c| if c.is_control() && c != '\n' { '\u{fffd}' } else { c }).collect()
}
