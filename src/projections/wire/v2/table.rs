//! Rows as version 2 shows them, and as it tells them to those who show text only.

use super::component::{Piece, escaped};
use crate::projections::wire::v3::{Keyed, cell};
use serde_json::{Value as Json, json};
use vanna_actors::ports::sql::{ResultSet, Value};

/// Characters of rows in a plain text.
const PREVIEW: usize = 1000;

/// A table of a result.
pub(super) fn dataframe(id: impl Into<String>, result: &ResultSet, file: Option<&str>) -> Piece {
    let (rows, columns) = (result.rows.len(), result.columns.len());
    let description = match rows {
        0 => "No rows returned".to_owned(),
        _ => format!("SQL query returned {rows} rows with {columns} columns"),
    };
    let names: Vec<String> = result.columns.iter().map(|column| escaped(&column.name)).collect();
    let data = [
        ("data", json!(records(&names, result))),
        ("columns", json!(names)),
        ("title", json!("Query Results")),
        ("description", json!(description)),
        ("row_count", json!(rows)),
        ("column_count", json!(columns)),
        ("max_rows_displayed", json!(100)),
        ("searchable", json!(true)),
        ("sortable", json!(true)),
        ("filterable", json!(true)),
        ("exportable", json!(true)),
        ("striped", json!(true)),
        ("bordered", json!(true)),
        ("compact", json!(false)),
        ("paginated", json!(true)),
        ("page_size", json!(25)),
        ("column_types", json!({})),
    ];
    Piece::new(id, "dataframe", data).said(told(result, file))
}

fn records(names: &[String], result: &ResultSet) -> Vec<Keyed<Json>> {
    let record = |row: &Vec<Value>| names.iter().cloned().zip(row.iter().map(value)).collect();
    result.rows.iter().map(record).collect()
}

/// A cell: whole numbers exact, numbers that JSON does not know as null.
pub(super) fn value(value: &Value) -> Json {
    match value {
        Value::Int(number) => json!(number),
        Value::Real(number) if !number.is_finite() => Json::Null,
        other => cell(other),
    }
}

fn told(result: &ResultSet, file: Option<&str>) -> String {
    if result.rows.is_empty() {
        return "Query executed successfully. No rows returned.".to_owned();
    }
    let mut text = csv(result);
    if text.chars().count() > PREVIEW {
        text = text.chars().take(PREVIEW).collect();
        text.push_str("\n(Results truncated to 1000 characters. The whole result is in the file.)");
    }
    if let Some(file) = file {
        text.push_str(&format!(
            "\n\nResults saved to file: {file}\n\n**IMPORTANT: FOR VISUALIZE_DATA USE FILENAME: {file}**"
        ));
    }
    text
}

fn csv(result: &ResultSet) -> String {
    let mut text = String::new();
    let names = result.columns.iter().map(|column| field(&column.name)).collect::<Vec<_>>();
    text.push_str(&names.join(","));
    text.push('\n');
    for row in &result.rows {
        let cells: Vec<String> = row.iter().map(csv_cell).collect();
        text.push_str(&cells.join(","));
        text.push('\n');
        if text.len() > 8 * PREVIEW {
            break;
        }
    }
    text
}

fn csv_cell(cell: &Value) -> String {
    match value(cell) {
        Json::Null => String::new(),
        Json::Bool(true) => "True".to_owned(),
        Json::Bool(false) => "False".to_owned(),
        Json::String(text) => field(&text),
        other => other.to_string(),
    }
}

fn field(text: &str) -> String {
    if text.contains([',', '"', '\n', '\r']) {
        format!("\"{}\"", text.replace('"', "\"\""))
    } else {
        text.to_owned()
    }
}
