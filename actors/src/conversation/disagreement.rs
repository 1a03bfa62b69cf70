//! Whether two semantic queries ask for the same, however they are written.

use crate::conversation::event::WarningRaised;
use crate::ports::planner::{CoverageStatus, Plan};
use jiff::ToSpan;
use jiff::civil::Date;
use serde::Serialize;
use serde_json::Value;
use std::collections::BTreeSet;

/// The tool that answers from the semantic model.
const SEMANTIC: &str = "semantic_query";
/// Code of the warning.
pub(super) const DISAGREEMENT: &str = "readings_disagree";
/// The name of time in a query.
const TIME: &str = "metric_time";

/// What is told when a model asked the semantic model for something else than a covered question was read as.
pub(super) fn warning(plan: Option<&Plan>, tool: &str, arguments: &Value) -> Option<WarningRaised> {
    let plan = plan.filter(|plan| plan.coverage.status == CoverageStatus::Full && tool == SEMANTIC)?;
    let read = plan.query.as_ref()?.value();
    if canonical_hash(&read) == canonical_hash(arguments) {
        return None;
    }
    let message = format!(
        "The question was read as \"{}\", and the language model asked the semantic model for something else. \
         Compare the two queries before relying on the answer.",
        plan.reading
    );
    Some(WarningRaised { code: DISAGREEMENT.to_owned(), message, fallback: None })
}

/// A semantic query without what makes no difference to its numbers: the order of names and conditions, and of
/// rows unless a limit cuts them, names of datasets before fields, and the ways to write a period.
#[derive(Serialize)]
struct Asked {
    metrics: BTreeSet<String>,
    dimensions: BTreeSet<String>,
    conditions: BTreeSet<String>,
    order: Vec<(String, bool)>,
    limit: Option<u64>,
}

/// Equal for queries that ask for the same.
pub(super) fn canonical_hash(query: &Value) -> String {
    let bytes = serde_json::to_vec(&asked(query)).unwrap_or_default();
    blake3::hash(&bytes).to_hex().to_string()
}

fn asked(query: &Value) -> Asked {
    let single = query.get("metric").and_then(Value::as_str);
    let metrics = items(query, "metrics").iter().filter_map(Value::as_str).chain(single);
    let mut dimensions: BTreeSet<String> = items(query, "dimensions").iter().filter_map(dimension).collect();
    if let Some(grain) = query.get("time_grain").and_then(Value::as_str) {
        dimensions.remove(TIME);
        dimensions.insert(format!("{TIME}:{grain}"));
    }
    let mut conditions: BTreeSet<String> = items(query, "filters").iter().flat_map(filter).collect();
    let range = query.get("time_range").unwrap_or(&Value::Null);
    conditions.extend(range.get("start").and_then(day).map(|start| bound(">=", start)));
    conditions.extend(range.get("end").and_then(after).map(|end| bound("<", end)));
    let limit = query.get("limit").and_then(Value::as_u64);
    let keys = items(query, "order_by").iter().filter(|_| limit.is_some());
    let order = keys.filter_map(|key| {
        let descending = key.get("direction").and_then(Value::as_str) == Some("desc");
        Some((own_name(key.get("field")?.as_str()?), descending))
    });
    Asked { metrics: metrics.map(own_name).collect(), dimensions, conditions, order: order.collect(), limit }
}

fn items<'a>(query: &'a Value, key: &str) -> &'a [Value] {
    query.get(key).and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

/// A name without its dataset, and a grain that is part of the name as grains are written here.
fn own_name(name: &str) -> String {
    let name = name.rsplit_once('.').map_or(name, |(_, own)| own);
    match name.strip_prefix(TIME).and_then(|rest| rest.strip_prefix("__")) {
        Some(grain) => format!("{TIME}:{grain}"),
        None => name.to_owned(),
    }
}

fn dimension(value: &Value) -> Option<String> {
    if let Some(name) = value.as_str() {
        return Some(own_name(name));
    }
    let (name, grain) = (value.get("name")?.as_str()?, value.get("grain").and_then(Value::as_str));
    Some(grain.map_or_else(|| own_name(name), |grain| format!("{}:{grain}", own_name(name))))
}

/// What one filter demands.
fn filter(filter: &Value) -> Vec<String> {
    let text = |key: &str| filter.get(key).and_then(Value::as_str).unwrap_or_default();
    let (field, op) = (own_name(text("field")), text("op"));
    let value = filter.get("value").unwrap_or(&Value::Null);
    let pair = value.as_array().map(Vec::as_slice);
    let days = match (field.as_str(), op, pair) {
        (TIME, ">=", _) => vec![day(value).map(|day| bound(">=", day))],
        (TIME, "<", _) => vec![day(value).map(|day| bound("<", day))],
        (TIME, ">", _) => vec![after(value).map(|day| bound(">=", day))],
        (TIME, "<=", _) => vec![after(value).map(|day| bound("<", day))],
        (TIME, "between", Some([first, last])) => {
            vec![day(first).map(|day| bound(">=", day)), after(last).map(|day| bound("<", day))]
        }
        _ => vec![None],
    };
    if let Some(days) = days.into_iter().collect::<Option<Vec<String>>>() {
        return days;
    }
    let mut values: Vec<String> =
        pair.map_or_else(|| vec![scalar(value)], |all| all.iter().map(scalar).collect());
    let op = match (op, values.len()) {
        ("in", 1) => "=",
        ("not_in", 1) => "!=",
        ("is_not_null", _) => "not_null",
        (op, _) => op,
    };
    if matches!(op, "in" | "not_in") {
        values.sort();
        values.dedup();
    }
    let sql = filter.get("sql").map(Value::to_string).unwrap_or_default();
    vec![format!("{field} {op} {} {sql}", values.join(", "))]
}

fn bound(op: &str, day: Date) -> String {
    format!("{TIME} {op} {day}")
}

fn day(value: &Value) -> Option<Date> {
    value.as_str()?.parse().ok()
}

fn after(value: &Value) -> Option<Date> {
    day(value)?.checked_add(1.day()).ok()
}

fn scalar(value: &Value) -> String {
    value.as_f64().map_or_else(|| value.to_string(), |number| number.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn the_same_question_in_other_writing_has_the_same_hash() {
        let one = json!({"metrics": ["revenue", "orders"], "dimensions": ["country"], "time_grain": "month",
            "filters": [{"field": "metric_time", "op": ">=", "value": "2024-01-01"},
                        {"field": "metric_time", "op": "<", "value": "2025-01-01"},
                        {"field": "genre", "op": "in", "value": ["Rock"]},
                        {"field": "revenue", "op": ">", "value": 100}],
            "order_by": [], "limit": null});
        for other in [
            json!({"metrics": ["orders"], "metric": "revenue", "dimensions": ["customer.country", "metric_time__month"],
                "filters": [{"field": "genre", "op": "=", "value": "Rock"}, {"field": "revenue", "op": ">", "value": 100.0}],
                "time_range": {"start": "2024-01-01", "end": "2024-12-31"}}),
            json!({"metrics": ["revenue", "orders"],
                "dimensions": [{"name": "metric_time", "grain": "month"}, "country"],
                "filters": [{"field": "metric_time", "op": "between", "value": ["2024-01-01", "2024-12-31"]},
                            {"field": "revenue", "op": ">", "value": 100}, {"field": "genre", "op": "=", "value": "Rock"}],
                "order_by": [{"field": "revenue", "direction": "desc"}]}),
        ] {
            assert_eq!(canonical_hash(&one), canonical_hash(&other), "{other}");
        }
    }

    #[test]
    fn another_number_has_another_hash() {
        let one = json!({"metrics": ["revenue"], "dimensions": ["country"], "limit": 5,
            "order_by": [{"field": "revenue", "direction": "desc"}],
            "filters": [{"field": "genre", "op": "=", "value": "Rock"}]});
        for (place, other) in [
            ("/metrics", json!(["orders"])),
            ("/dimensions", json!(["city"])),
            ("/dimensions", json!([])),
            ("/limit", json!(6)),
            ("/limit", json!(null)),
            ("/order_by/0/direction", json!("asc")),
            ("/filters/0/value", json!("Jazz")),
            ("/filters/0/op", json!("!=")),
            ("/filters", json!([])),
        ] {
            let mut changed = one.clone();
            *changed.pointer_mut(place).unwrap() = other;
            assert_ne!(canonical_hash(&one), canonical_hash(&changed), "{changed}");
        }
    }
}
