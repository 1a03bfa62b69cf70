//! Vega-Lite: a line for one metric over time, bars for one metric by one dimension.

use super::spec::{ChartDataset, ChartFormat, ChartMetadata, ChartSpec, RowsDataset};
use crate::projections::wire::v3::rows;
use serde_json::{Value as Json, json};
use vanna_actors::events::{ChartProposed, Mark};
use vanna_actors::ports::sql::{Column, ColumnType, ResultSet, Value};

/// Rows above which a result is not drawn.
pub const MAX_ROWS: usize = 5_000;
const MAX_COLUMNS: usize = 200;
const MAX_BYTES: usize = 2 << 20;
/// Characters of a title.
const MAX_TITLE: usize = 200;

pub(super) const SCHEMA: &str = "https://vega.github.io/schema/vega-lite/v6.json";

/// Draws a result as proposed. None when there is nothing to draw, when it is too large to draw, or
/// when the proposal does not fit the result.
#[must_use]
pub fn build(proposed: &ChartProposed, result: &ResultSet) -> Option<ChartSpec> {
    let x = result.columns.iter().find(|column| column.name == proposed.x)?.kind;
    let measured = is_measured(result, &proposed.y);
    if !measured || !is_drawable(result) {
        return None;
    }
    let spec = json!({
        "$schema": SCHEMA,
        "title": title(&proposed.title),
        "data": {"name": "main"},
        "mark": mark(proposed.mark),
        "encoding": {
            "x": horizontal(proposed, x),
            "y": {"field": path(&proposed.y), "type": "quantitative", "title": title(&proposed.y_title)},
        },
    });
    chart(&spec, result)
}

/// A specification with the rows that it draws; none when they are too large.
pub(super) fn chart(spec: &Json, result: &ResultSet) -> Option<ChartSpec> {
    let rows = rows(result);
    if serde_json::to_vec(&rows).map_or(usize::MAX, |text| text.len()) > MAX_BYTES {
        return None;
    }
    Some(ChartSpec {
        format: ChartFormat::VegaLite,
        schema_version: SCHEMA.to_owned(),
        spec: spec.as_object()?.clone(),
        metadata: ChartMetadata {
            row_count: rows.len() as u64,
            column_count: result.columns.len() as u64,
            source: "sql".to_owned(),
        },
        dataset: ChartDataset::Rows(RowsDataset { rows }),
    })
}

/// Whether a result is neither empty nor too large to be drawn.
pub(super) fn is_drawable(result: &ResultSet) -> bool {
    !result.rows.is_empty() && result.rows.len() <= MAX_ROWS && result.columns.len() <= MAX_COLUMNS
}

/// Whether the column exists and holds nothing but finite numbers and nulls.
pub(super) fn is_measured(result: &ResultSet, name: &str) -> bool {
    let Some(place) = result.columns.iter().position(|column| column.name == name) else { return false };
    let numeric = |column: &Column| matches!(column.kind, ColumnType::Integer | ColumnType::Number);
    let endless =
        |row: &Vec<Value>| matches!(row.get(place), Some(Value::Real(number)) if !number.is_finite());
    result.columns.get(place).is_some_and(numeric) && !result.rows.iter().any(endless)
}

fn mark(mark: Mark) -> Json {
    match mark {
        Mark::Line => json!({"type": "line", "point": true, "tooltip": true}),
        Mark::Bar => json!({"type": "bar", "tooltip": true}),
    }
}

fn horizontal(proposed: &ChartProposed, kind: ColumnType) -> Json {
    let (field, title) = (path(&proposed.x), title(&proposed.x_title));
    match (proposed.mark, kind) {
        // Dates carry no zone; drawn in UTC they stay the days that they are.
        (Mark::Line, ColumnType::Date | ColumnType::DateTime) => {
            json!({"field": field, "type": "temporal", "title": title, "scale": {"type": "utc"}})
        }
        (Mark::Line, _) => json!({"field": field, "type": "ordinal", "title": title}),
        // The rows are in the order that was asked for; sorting by name would hide a ranking.
        (Mark::Bar, _) => json!({"field": field, "type": "nominal", "title": title, "sort": null}),
    }
}

pub(super) fn title(text: &str) -> String {
    text.chars().take(MAX_TITLE).collect()
}

/// A column name as Vega-Lite reads it: dots and brackets would be steps into an object.
pub(super) fn path(name: &str) -> String {
    let mut path = String::with_capacity(name.len());
    for letter in name.chars() {
        if matches!(letter, '.' | '[' | ']' | '\\' | '\'' | '"') {
            path.push('\\');
        }
        path.push(letter);
    }
    path
}

#[cfg(test)]
mod tests {
    use super::*;

    fn proposed(mark: Mark, x: &str) -> ChartProposed {
        ChartProposed {
            mark,
            x: x.into(),
            x_title: "Month".into(),
            y: "revenue".into(),
            y_title: "Revenue".into(),
            title: "Revenue by month".into(),
        }
    }

    fn result(x: &str, kind: ColumnType, rows: usize) -> ResultSet {
        let columns = vec![
            Column { name: x.into(), kind },
            Column { name: "revenue".into(), kind: ColumnType::Number },
        ];
        let row = |n: usize| vec![Value::Date(format!("2024-{:02}-01", n % 12 + 1)), Value::Real(n as f64)];
        ResultSet { columns, rows: (0..rows).map(row).collect(), row_count: rows as u64, truncated: false }
    }

    #[test]
    fn a_metric_over_time_is_a_line_in_utc() {
        let chart = build(&proposed(Mark::Line, "month"), &result("month", ColumnType::Date, 2)).unwrap();
        let chart = serde_json::to_value(chart).unwrap();
        let expected = json!({
            "format": "vega-lite",
            "schema_version": SCHEMA,
            "spec": {
                "$schema": SCHEMA,
                "title": "Revenue by month",
                "data": {"name": "main"},
                "mark": {"type": "line", "point": true, "tooltip": true},
                "encoding": {
                    "x": {"field": "month", "type": "temporal", "title": "Month", "scale": {"type": "utc"}},
                    "y": {"field": "revenue", "type": "quantitative", "title": "Revenue"},
                },
            },
            "dataset": {"rows": [{"month": "2024-01-01", "revenue": 0.0}, {"month": "2024-02-01", "revenue": 1.0}]},
            "metadata": {"row_count": 2, "column_count": 2, "source": "sql"},
        });
        assert_eq!(chart, expected);
    }

    #[test]
    fn bars_keep_the_order_of_the_rows() {
        let chart = build(&proposed(Mark::Bar, "genre"), &result("genre", ColumnType::String, 1)).unwrap();
        assert_eq!(chart.spec["encoding"]["x"]["sort"], Json::Null);
        assert_eq!(chart.spec["encoding"]["x"]["type"], "nominal");
    }

    #[test]
    fn column_names_are_never_read_as_paths() {
        let chart = build(&proposed(Mark::Bar, "a.b[0]"), &result("a.b[0]", ColumnType::String, 1)).unwrap();
        assert_eq!(chart.spec["encoding"]["x"]["field"], r"a\.b\[0\]");
    }

    #[test]
    fn what_cannot_be_drawn_gives_no_chart() {
        let line = proposed(Mark::Line, "month");
        assert!(build(&line, &result("month", ColumnType::Date, MAX_ROWS)).is_some());
        assert!(build(&line, &result("month", ColumnType::Date, MAX_ROWS + 1)).is_none());
        assert!(build(&line, &result("month", ColumnType::Date, 0)).is_none());
        assert!(build(&line, &result("other", ColumnType::Date, 1)).is_none());
        let mut words = result("month", ColumnType::Date, 1);
        words.columns[1].kind = ColumnType::String;
        assert!(build(&line, &words).is_none());
        let mut endless = result("month", ColumnType::Date, 1);
        endless.rows[0][1] = Value::Real(f64::INFINITY);
        assert!(build(&line, &endless).is_none());
        let mut huge = result("month", ColumnType::String, 2);
        huge.rows[0][0] = Value::Text("x".repeat(MAX_BYTES));
        assert!(build(&line, &huge).is_none());
    }
}
