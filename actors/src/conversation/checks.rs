//! Checks of a result against what its statement promised.

use crate::ports::sql::{Check, ColumnType, ResultSet, Role, Statement, Value};
use jiff::ToSpan;
use jiff::civil::Date;
use serde_json::Value as Json;
use std::collections::HashSet;

/// Per cent of nulls in a column above which its numbers say little.
const MOST_NULLS: usize = 50;

/// Checks a result against its statement and the semantic query that it answers, if there is one. Those
/// that are blocking say that the answer is wrong, the others what its reader should know.
pub(super) fn after_run(statement: &Statement, result: &ResultSet, asked: Option<&Json>) -> Vec<Check> {
    vec![
        row_limit(result),
        rows_found(result),
        null_share(result),
        no_all_null_column(statement, result),
        rows_match_outputs(statement, result),
        no_duplicate_keys(statement, result),
        time_range_met(statement, result, asked),
    ]
}

/// No rows is an answer, and another one than rows that may not be read.
fn rows_found(result: &ResultSet) -> Check {
    let found = result.row_count > 0;
    let detail =
        if found { format!("{} rows", result.row_count) } else { "it ran, and nothing matched".to_owned() };
    check("rows_found", found, false, detail)
}

fn null_share(result: &ResultSet) -> Check {
    let nulls = |place: usize| {
        let rows = result.rows.iter();
        rows.filter(|row| matches!(row.get(place), None | Some(Value::Null))).count()
    };
    let share = |place: usize| nulls(place) * 100 / result.rows.len().max(1);
    let columns = result.columns.iter().enumerate().map(|(place, column)| (share(place), &column.name));
    let many: Vec<String> = columns
        .filter(|(share, _)| *share > MOST_NULLS)
        .map(|(share, name)| format!("{share} % of {name} is null"))
        .collect();
    let detail =
        if many.is_empty() { format!("at most {MOST_NULLS} % of a column is null") } else { many.join(", ") };
    check("null_share", many.is_empty(), false, detail)
}

/// What values are grouped by comes once; twice means that a join multiplied rows.
fn no_duplicate_keys(statement: &Statement, result: &ResultSet) -> Check {
    let is_key = |name: &str| statement.outputs.iter().any(|o| o.name == name && o.role != Role::Metric);
    let columns = result.columns.iter().enumerate();
    let keys: Vec<usize> =
        columns.filter(|(_, column)| is_key(&column.name)).map(|(place, _)| place).collect();
    let measured = statement.outputs.iter().any(|output| output.role == Role::Metric);
    if keys.is_empty() || !measured {
        return check("no_duplicate_keys", true, true, "nothing is grouped by a planned key".to_owned());
    }
    let mut seen = HashSet::with_capacity(result.rows.len());
    let twice = result.rows.iter().filter(|row| {
        let key: Vec<Option<&Value>> = keys.iter().map(|place| row.get(*place)).collect();
        !seen.insert(format!("{key:?}"))
    });
    let twice = twice.count();
    let detail = match twice {
        0 => format!("{} groups, each once", result.rows.len()),
        _ => format!("{twice} rows have the keys of another row"),
    };
    check("no_duplicate_keys", twice == 0, true, detail)
}

/// Rows lie in the time that was asked for; the first period may begin before it.
fn time_range_met(statement: &Statement, result: &ResultSet, asked: Option<&Json>) -> Check {
    let met = |detail: &str| check("time_range_met", true, true, detail.to_owned());
    let range = asked.and_then(|query| query.get("time_range"));
    let bound = |name: &str| range?.get(name)?.as_str()?.parse::<Date>().ok();
    let (start, end) = (bound("start"), bound("end"));
    if start.is_none() && end.is_none() {
        return met("no time range was asked for");
    }
    let time = statement.outputs.iter().find_map(|output| match &output.role {
        Role::Time { grain } => Some((&output.name, grain)),
        Role::Metric | Role::Dimension => None,
    });
    let Some((name, grain)) = time else { return met("the rows are not placed in time") };
    let Some(place) = result.columns.iter().position(|column| column.name == *name) else {
        return met("the rows are not placed in time");
    };
    let first = start.map(|start| beginning(start, grain));
    let days = result.rows.iter().filter_map(|row| row.get(place).and_then(day));
    let outside = days
        .filter(|day| first.is_some_and(|first| *day < first) || end.is_some_and(|end| *day > end))
        .count();
    let detail = match outside {
        0 => "all rows lie in the time that was asked for".to_owned(),
        _ => format!("{outside} rows lie outside of the time that was asked for"),
    };
    check("time_range_met", outside == 0, true, detail)
}

fn day(value: &Value) -> Option<Date> {
    match value {
        Value::Text(text) | Value::Date(text) | Value::DateTime(text) => text.get(..10)?.parse().ok(),
        Value::Null
        | Value::Bool(_)
        | Value::Int(_)
        | Value::Real(_)
        | Value::Decimal(_)
        | Value::Json(_)
        | Value::Blob(_) => None,
    }
}

/// A day at or before the first one of the period that `day` is in.
fn beginning(day: Date, grain: &str) -> Date {
    let days = match grain {
        "day" => 0,
        "week" => 6,
        "month" => 30,
        "quarter" => 91,
        _ => 365,
    };
    day.checked_sub(days.days()).unwrap_or(day)
}

fn row_limit(result: &ResultSet) -> Check {
    let detail = if result.truncated {
        format!("a limit cut the result after {} rows", result.rows.len())
    } else {
        format!("all {} rows were read", result.rows.len())
    };
    check("row_limit", !result.truncated, false, detail)
}

fn no_all_null_column(statement: &Statement, result: &ResultSet) -> Check {
    let empty: Vec<&str> = statement
        .outputs
        .iter()
        .filter(|output| output.role == Role::Metric && is_all_null(result, &output.name))
        .map(|output| output.name.as_str())
        .collect();
    let detail = if empty.is_empty() {
        "every measured column holds a value".to_owned()
    } else {
        format!("no value at all in {}", empty.join(", "))
    };
    check("no_all_null_column", empty.is_empty(), true, detail)
}

fn is_all_null(result: &ResultSet, name: &str) -> bool {
    let Some(place) = result.columns.iter().position(|c| c.name == name) else { return false };
    !result.rows.is_empty()
        && result.rows.iter().all(|row| matches!(row.get(place), None | Some(Value::Null)))
}

fn rows_match_outputs(statement: &Statement, result: &ResultSet) -> Check {
    let fault = mismatch(statement, result);
    let detail = fault.clone().unwrap_or_else(|| format!("{} columns as planned", result.columns.len()));
    check("rows_match_outputs", fault.is_none(), true, detail)
}

fn mismatch(statement: &Statement, result: &ResultSet) -> Option<String> {
    if result.rows.iter().any(|row| row.len() != result.columns.len()) {
        return Some("a row has more or fewer cells than there are columns".to_owned());
    }
    // A statement that nobody planned promises nothing about its columns.
    if statement.outputs.is_empty() {
        return None;
    }
    let planned: Vec<&str> = statement.outputs.iter().map(|o| o.name.as_str()).collect();
    let found: Vec<&str> = result.columns.iter().map(|c| c.name.as_str()).collect();
    if planned != found {
        return Some(format!("planned {}, found {}", planned.join(", "), found.join(", ")));
    }
    let wrong = statement.outputs.iter().zip(&result.columns).find(|(output, column)| {
        output.role == Role::Metric
            && !matches!(column.kind, ColumnType::Integer | ColumnType::Number)
            && !is_all_null(result, &column.name)
            && !result.rows.is_empty()
    });
    wrong.map(|(output, _)| format!("the measured column {} holds other things than numbers", output.name))
}

fn check(name: &str, passed: bool, blocking: bool, detail: String) -> Check {
    Check { name: name.to_owned(), passed, blocking, detail }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ports::sql::{Column, Format, Output};

    fn statement(outputs: &[(&str, Role)]) -> Statement {
        let outputs = outputs.iter().map(|(name, role)| Output {
            name: (*name).into(),
            label: (*name).into(),
            role: role.clone(),
            format: Format::Plain,
        });
        Statement {
            source: "s".into(),
            dialect: "sqlite".into(),
            sql: String::new(),
            prepared: String::new(),
            params: vec![],
            outputs: outputs.collect(),
            tables: vec![],
            columns: vec![],
        }
    }

    fn result(columns: &[(&str, ColumnType)], rows: Vec<Vec<Value>>) -> ResultSet {
        let columns =
            columns.iter().map(|(name, kind)| Column { name: (*name).into(), kind: *kind }).collect();
        ResultSet { columns, row_count: rows.len() as u64, rows, truncated: false }
    }

    fn failed(statement: &Statement, result: &ResultSet) -> Vec<String> {
        after_run(statement, result, None).into_iter().filter(|c| !c.passed).map(|c| c.name).collect()
    }

    #[test]
    fn a_result_as_planned_passes_and_an_empty_one_too() {
        let planned = statement(&[("country", Role::Dimension), ("revenue", Role::Metric)]);
        let columns = [("country", ColumnType::String), ("revenue", ColumnType::Number)];
        let row = vec![Value::Text("Chile".into()), Value::Real(1.5)];
        assert!(failed(&planned, &result(&columns, vec![row])).is_empty());
        assert_eq!(failed(&planned, &result(&columns, vec![])), ["rows_found"]);
    }

    #[test]
    fn each_broken_promise_has_its_name() {
        let planned = statement(&[("country", Role::Dimension), ("revenue", Role::Metric)]);
        let columns = [("country", ColumnType::String), ("revenue", ColumnType::Number)];
        let nulls = result(&columns, vec![vec![Value::Text("x".into()), Value::Null]; 2]);
        let expected = ["null_share", "no_all_null_column", "no_duplicate_keys"];
        assert_eq!(failed(&planned, &nulls), expected);
        let swapped = result(&[columns[1], columns[0]], vec![]);
        assert_eq!(failed(&planned, &swapped), ["rows_found", "rows_match_outputs"]);
        let ragged = result(&columns, vec![vec![Value::Null]]);
        assert!(failed(&planned, &ragged).contains(&"rows_match_outputs".to_owned()));
        let words = [columns[0], ("revenue", ColumnType::String)];
        let words = result(&words, vec![vec![Value::Int(1), Value::Text("much".into())]]);
        assert_eq!(failed(&planned, &words), ["rows_match_outputs"]);
        let mut cut = result(&columns, vec![vec![Value::Int(1), Value::Int(1)]]);
        cut.truncated = true;
        assert_eq!(failed(&planned, &cut), ["row_limit"]);
    }

    #[test]
    fn rows_lie_in_the_time_that_was_asked_for_or_the_check_says_how_many_do_not() {
        let planned =
            statement(&[("month", Role::Time { grain: "month".into() }), ("revenue", Role::Metric)]);
        let columns = [("month", ColumnType::Date), ("revenue", ColumnType::Number)];
        let row = |day: &str| vec![Value::Date(day.into()), Value::Real(1.0)];
        let asked = serde_json::json!({"time_range": {"start": "2025-01-15", "end": "2025-03-31"}});
        let met = |rows: Vec<Vec<Value>>| time_range_met(&planned, &result(&columns, rows), Some(&asked));
        assert!(met(vec![row("2025-01-01"), row("2025-03-01")]).passed);
        let missed = met(vec![row("2024-11-01"), row("2025-02-01"), row("2025-04-01")]);
        assert!(!missed.passed && missed.detail.starts_with("2 rows"), "{missed:?}");
        assert!(time_range_met(&planned, &result(&columns, vec![row("1900-01-01")]), None).passed);
    }
}
