//! Checks of what came back, each by name; their results go into the evidence.

use crate::ports::sql::{Check, ResultSet, Role, Statement, Value};

pub(super) fn after_run(statement: &Statement, result: &ResultSet) -> Vec<Check> {
    vec![outputs_match(statement, result), row_limit(result), metrics_have_values(statement, result)]
}

fn check(name: &str, passed: bool, blocking: bool, detail: String) -> Check {
    Check { name: name.to_owned(), passed, blocking, detail }
}

fn outputs_match(statement: &Statement, result: &ResultSet) -> Check {
    let planned: Vec<&str> = statement.outputs.iter().map(|o| o.name.as_str()).collect();
    let found: Vec<&str> = result.columns.iter().map(|c| c.name.as_str()).collect();
    let detail = if planned == found {
        format!("{} columns as planned", found.len())
    } else {
        format!("planned {}, found {}", planned.join(", "), found.join(", "))
    };
    check("outputs_match", planned == found, true, detail)
}

fn row_limit(result: &ResultSet) -> Check {
    let detail = if result.truncated {
        format!("cut after {} rows", result.rows.len())
    } else {
        format!("all {} rows", result.rows.len())
    };
    check("row_limit", !result.truncated, false, detail)
}

/// A metric without a single value is more often a wrong question than an answer.
fn metrics_have_values(statement: &Statement, result: &ResultSet) -> Check {
    let empty: Vec<&str> = statement
        .outputs
        .iter()
        .enumerate()
        .filter(|(_, output)| output.role == Role::Metric)
        .filter(|(index, _)| {
            !result.rows.is_empty()
                && result.rows.iter().all(|row| matches!(row.get(*index), None | Some(Value::Null)))
        })
        .map(|(_, output)| output.name.as_str())
        .collect();
    let detail = if empty.is_empty() {
        "every metric has values".to_owned()
    } else {
        format!("no value for {}", empty.join(", "))
    };
    check("metrics_have_values", empty.is_empty(), true, detail)
}
