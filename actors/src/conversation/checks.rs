//! Checks of a result against what its statement promised.

use crate::ports::sql::{Check, ColumnType, ResultSet, Role, Statement, Value};

/// Checks a result: whether a limit cut it (not blocking), whether a measured column holds nothing
/// but nulls, and whether the rows have the columns that were planned (both blocking).
pub(super) fn after_run(statement: &Statement, result: &ResultSet) -> Vec<Check> {
    vec![row_limit(result), no_all_null_column(statement, result), rows_match_outputs(statement, result)]
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
        after_run(statement, result).into_iter().filter(|c| !c.passed).map(|c| c.name).collect()
    }

    #[test]
    fn a_result_as_planned_passes_and_an_empty_one_too() {
        let planned = statement(&[("country", Role::Dimension), ("revenue", Role::Metric)]);
        let columns = [("country", ColumnType::String), ("revenue", ColumnType::Number)];
        let row = vec![Value::Null, Value::Real(1.5)];
        assert!(failed(&planned, &result(&columns, vec![row])).is_empty());
        assert!(failed(&planned, &result(&columns, vec![])).is_empty());
    }

    #[test]
    fn each_broken_promise_has_its_name() {
        let planned = statement(&[("country", Role::Dimension), ("revenue", Role::Metric)]);
        let columns = [("country", ColumnType::String), ("revenue", ColumnType::Number)];
        let nulls = result(&columns, vec![vec![Value::Text("x".into()), Value::Null]; 2]);
        assert_eq!(failed(&planned, &nulls), ["no_all_null_column"]);
        let swapped = result(&[columns[1], columns[0]], vec![]);
        assert_eq!(failed(&planned, &swapped), ["rows_match_outputs"]);
        let ragged = result(&columns, vec![vec![Value::Null]]);
        assert!(failed(&planned, &ragged).contains(&"rows_match_outputs".to_owned()));
        let words = [columns[0], ("revenue", ColumnType::String)];
        let words = result(&words, vec![vec![Value::Null, Value::Text("much".into())]]);
        assert_eq!(failed(&planned, &words), ["rows_match_outputs"]);
        let mut cut = result(&columns, vec![vec![Value::Null, Value::Int(1)]]);
        cut.truncated = true;
        assert_eq!(failed(&planned, &cut), ["row_limit"]);
    }
}
