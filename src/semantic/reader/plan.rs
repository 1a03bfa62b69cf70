//! A reading as the JSON object of the command line and of the routes.

use super::read::Reader;
use jiff::civil::Date;
use serde_json::{Value, json};
use vanna_actors::ports::planner::Coverage;

/// Reads a question and says everything about it in one JSON object: `coverage`, `needs_clarification`,
/// `query`, `missing`, `alternatives`, `covered`, `uncovered`, `assumptions`, `candidates`, `reading`, `message`.
#[must_use]
pub fn plan_json(reader: &Reader, question: &str, as_of: Date) -> Value {
    let reading = reader.read(question, as_of);
    coverage_json(&reading.coverage, &json!(reading.query), &reading.words, &reading.message)
}

/// The same of what was read already.
#[must_use]
pub fn coverage_json(coverage: &Coverage, query: &Value, reading: &str, message: &str) -> Value {
    let missing: Vec<&str> = coverage.uncovered.iter().map(|u| u.text.as_str()).collect();
    let mut alternatives: Vec<&str> =
        coverage.uncovered.iter().flat_map(|u| &u.suggestions).map(String::as_str).collect();
    alternatives.extend(coverage.candidates.iter().map(String::as_str));
    json!({
        "coverage": coverage.status,
        "needs_clarification": coverage.needs_clarification,
        "query": query,
        "missing": missing,
        "alternatives": alternatives,
        "covered": coverage.covered,
        "uncovered": coverage.uncovered,
        "assumptions": coverage.assumptions,
        "candidates": coverage.candidates,
        "reading": reading,
        "message": message,
    })
}
