//! The sentences of the transcript. They are part of what is replayed: the same facts, the same words.

use vanna_actors::ports::planner::{CoverageStatus, Plan};
use vanna_actors::ports::sql::{Check, ResultSet};

pub(super) const ACCEPTED: &str = "The question is recorded.";
pub(super) const CANCELLED: &str = "The request was cancelled. Ask again to get an answer.";

pub(super) fn planning(attempt: u32) -> String {
    again("Reading the question", attempt)
}

pub(super) fn running(source: &str, attempt: u32) -> String {
    again(&format!("Running a statement on {source}"), attempt)
}

fn again(what: &str, attempt: u32) -> String {
    if attempt > 1 { format!("{what}, attempt {attempt}.") } else { format!("{what}.") }
}

/// What the semantic model covers, and how the question was read.
pub(super) fn coverage(plan: &Plan) -> String {
    let covered = match plan.coverage.status {
        CoverageStatus::Full => "The semantic model covers the whole question",
        CoverageStatus::Partial if plan.coverage.needs_clarification => {
            "The question has more than one reading"
        }
        CoverageStatus::Partial => "The semantic model covers a part of the question",
        CoverageStatus::Missing => "The semantic model does not cover the question",
        CoverageStatus::NotApplicable => "The semantic model was not asked",
    };
    if plan.reading.is_empty() { format!("{covered}.") } else { format!("{covered}: {}.", plan.reading) }
}

pub(super) fn asking(model: &str, attempt: u32) -> String {
    again(&format!("Asking the language model {model}"), attempt)
}

pub(super) fn calling(tool: &str, attempt: u32) -> String {
    again(&format!("Calling {tool}"), attempt)
}

/// What a language model goes on with, outside of the semantic layer.
pub(super) fn handed_over(plan: &Plan) -> String {
    if plan.coverage.status == CoverageStatus::NotApplicable {
        return "This source has no semantic model: a language model answers, outside of it.".to_owned();
    }
    let words: Vec<&str> = plan.coverage.uncovered.iter().map(|part| part.text.as_str()).collect();
    let why = match words.as_slice() {
        [] if plan.coverage.needs_clarification => "The question has more than one reading".to_owned(),
        [] => "The semantic model does not cover the question".to_owned(),
        words => format!("The semantic model does not cover: {}", words.join(", ")),
    };
    format!("{why}. A language model goes on, outside of the semantic layer.")
}

/// What is missing: in the planner's words, else as a list.
pub(super) fn not_covered(plan: &Plan) -> String {
    if !plan.message.is_empty() {
        return plan.message.clone();
    }
    let coverage = &plan.coverage;
    if coverage.needs_clarification && !coverage.candidates.is_empty() {
        return format!("Please choose one of: {}.", coverage.candidates.join(", "));
    }
    let words: Vec<&str> = coverage.uncovered.iter().map(|part| part.text.as_str()).collect();
    if words.is_empty() {
        return "The semantic model does not cover the question.".to_owned();
    }
    format!("Not understood: {}.", words.join(", "))
}

pub(super) fn checks(checks: &[Check]) -> String {
    let failed: Vec<&str> = checks.iter().filter(|c| !c.passed).map(|c| c.name.as_str()).collect();
    if failed.is_empty() {
        format!("All {} checks passed.", checks.len())
    } else {
        format!("{} of {} checks failed: {}.", failed.len(), checks.len(), failed.join(", "))
    }
}

pub(super) fn rows(count: u64) -> String {
    if count == 1 { "1 row".to_owned() } else { format!("{count} rows") }
}

pub(super) fn showing(result: &ResultSet) -> String {
    let shown = rows(result.rows.len() as u64);
    if result.truncated { format!("Showing the first {shown}.") } else { format!("Showing {shown}.") }
}

/// What cut a call off; `code` is `interrupted` or `cancelled`.
pub(super) fn cut_off(code: &str) -> String {
    format!("The call was {code} before its end.")
}

/// A code as clients may rely on it: what has not the form of one is an internal matter.
pub(super) fn code(code: &str) -> String {
    let mut letters = code.bytes();
    let first = letters.next().is_some_and(|b| b.is_ascii_lowercase());
    let rest = letters.all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_');
    if first && rest { code.to_owned() } else { "internal_error".to_owned() }
}
