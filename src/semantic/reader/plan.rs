//! A reading as the JSON object of the command line.

use super::read::Reader;
use jiff::civil::Date;
use serde_json::{Value, json};
use vanna_actors::ports::planner::CoverageStatus;

/// Reads a question and says everything about it in one JSON object: `coverage`, `needs_clarification`,
/// `query`, `missing`, `alternatives`, `covered`, `uncovered`, `assumptions`, `candidates`, `reading`, `message`.
#[must_use]
pub fn plan_json(reader: &Reader, question: &str, as_of: Date) -> Value {
    let reading = reader.read(question, as_of);
    let coverage = reading.coverage;
    let status = match coverage.status {
        CoverageStatus::Full => "full",
        CoverageStatus::Partial => "partial",
        CoverageStatus::Missing => "missing",
        CoverageStatus::NotApplicable => "not_applicable",
    };
    let missing: Vec<&str> = coverage.uncovered.iter().map(|u| u.text.as_str()).collect();
    let mut alternatives: Vec<&str> =
        coverage.uncovered.iter().flat_map(|u| &u.suggestions).map(String::as_str).collect();
    alternatives.extend(coverage.candidates.iter().map(String::as_str));
    json!({
        "coverage": status,
        "needs_clarification": coverage.needs_clarification,
        "query": reading.query,
        "missing": missing,
        "alternatives": alternatives,
        "covered": coverage.covered,
        "uncovered": coverage.uncovered,
        "assumptions": coverage.assumptions,
        "candidates": coverage.candidates,
        "reading": reading.words,
        "message": reading.message,
    })
}
