//! The answer in words: what was read, what came back, what was assumed.

use crate::ports::planner::Plan;
use crate::ports::sql::{Format, Output, ResultSet, Role, Statement, Value};
use std::cmp::Ordering;
use std::fmt::Write as _;

/// Rows that are told one by one; longer results are summed up.
const TOLD_ROWS: usize = 5;

pub(super) fn compose(plan: &Plan, statement: &Statement, result: &ResultSet) -> String {
    let mut text = capitalised(&plan.reading);
    match result.rows.as_slice() {
        [] => text.push_str(": no rows."),
        [row] => {
            text.push_str(": ");
            text.push_str(&tell(&statement.outputs, row));
            text.push('.');
        }
        rows if rows.len() <= TOLD_ROWS => {
            text.push(':');
            for row in rows {
                let _ = write!(text, "\n- {}", tell(&statement.outputs, row));
            }
        }
        rows => summarise(&mut text, statement, result, rows),
    }
    for assumption in &plan.coverage.assumptions {
        let _ = write!(text, "\nAssumed: {assumption}.");
    }
    if result.truncated {
        let _ = write!(text, "\nOnly the first {} rows are shown.", result.rows.len());
    }
    text
}

fn summarise(text: &mut String, statement: &Statement, result: &ResultSet, rows: &[Vec<Value>]) {
    let _ = write!(text, ": {} rows.", result.row_count);
    let metrics: Vec<usize> = statement
        .outputs
        .iter()
        .enumerate()
        .filter(|(_, output)| output.role == Role::Metric)
        .map(|(index, _)| index)
        .collect();
    if let [metric] = metrics.as_slice() {
        let at = |row: &&Vec<Value>| row.get(*metric).and_then(number);
        let highest = rows.iter().filter(|row| at(row).is_some()).max_by(|a, b| {
            // The first of equals is told, as it is the first that the reader sees.
            at(a).partial_cmp(&at(b)).unwrap_or(Ordering::Equal).then(Ordering::Greater)
        });
        if let Some(row) = highest {
            let _ = write!(text, " Highest: {}.", tell(&statement.outputs, row));
        }
    }
}

/// One row as `group, group: value, name value`.
fn tell(outputs: &[Output], row: &[Value]) -> String {
    let cells = || outputs.iter().zip(row);
    let groups: Vec<String> = cells()
        .filter(|(output, _)| output.role != Role::Metric)
        .map(|(output, value)| period(&output.role, value).unwrap_or_else(|| show(value, Format::Plain)))
        .collect();
    let metrics: Vec<_> = cells().filter(|(output, _)| output.role == Role::Metric).collect();
    let values = match metrics.as_slice() {
        [(output, value)] => show(value, output.format),
        several => several
            .iter()
            .map(|(output, value)| format!("{} {}", output.label, show(value, output.format)))
            .collect::<Vec<_>>()
            .join(", "),
    };
    if groups.is_empty() { values } else { format!("{}: {values}", groups.join(", ")) }
}

/// The first day of a period as people write the period.
fn period(role: &Role, value: &Value) -> Option<String> {
    let (Role::Time { grain }, Value::Date(day) | Value::DateTime(day) | Value::Text(day)) = (role, value)
    else {
        return None;
    };
    let (year, month) = (day.get(..4)?, day.get(5..7)?);
    match grain.as_str() {
        "year" => Some(year.to_owned()),
        "quarter" => Some(format!("Q{} {year}", month.parse::<u32>().ok()?.saturating_sub(1) / 3 + 1)),
        "month" => Some(format!("{year}-{month}")),
        "week" | "day" if day.ends_with("00:00:00") => day.get(..10).map(str::to_owned),
        _ => None,
    }
}

fn number(value: &Value) -> Option<f64> {
    match value {
        #[expect(clippy::cast_precision_loss, reason = "only compared, for a word in the text")]
        Value::Int(n) => Some(*n as f64),
        Value::Real(x) => Some(*x),
        Value::Decimal(text) => text.parse().ok(),
        _ => None,
    }
}

fn show(value: &Value, format: Format) -> String {
    match value {
        Value::Null => "no value".to_owned(),
        Value::Bool(b) => b.to_string(),
        Value::Int(n) if format == Format::Money => format!("{n}.00"),
        Value::Int(n) if format == Format::Percent => format!("{}%", n.saturating_mul(100)),
        Value::Int(n) => n.to_string(),
        Value::Real(x) => match format {
            Format::Money => format!("{x:.2}"),
            Format::Whole => format!("{x:.0}"),
            Format::Percent => format!("{:.1}%", x * 100.0),
            Format::Plain => shortest(*x),
        },
        Value::Decimal(text)
        | Value::Text(text)
        | Value::Date(text)
        | Value::DateTime(text)
        | Value::Json(text) => text.clone(),
        Value::Blob(bytes) => format!("{} bytes", bytes.len()),
    }
}

fn shortest(x: f64) -> String {
    let rounded = format!("{x:.2}");
    let exact = x.to_string();
    if exact.len() < rounded.len() { exact } else { rounded }
}

fn capitalised(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map_or_else(String::new, |first| first.to_uppercase().chain(chars).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_shown_as_their_format_says() {
        assert_eq!(show(&Value::Real(2_328.600_000_000_004), Format::Money), "2328.60");
        assert_eq!(show(&Value::Int(5), Format::Money), "5.00");
        assert_eq!(show(&Value::Real(0.1234), Format::Percent), "12.3%");
        assert_eq!(show(&Value::Int(0), Format::Percent), "0%");
        assert_eq!(show(&Value::Int(2), Format::Percent), "200%");
        assert_eq!(show(&Value::Real(2.5), Format::Plain), "2.5");
        assert_eq!(show(&Value::Real(1.0 / 3.0), Format::Plain), "0.33");
    }
}
