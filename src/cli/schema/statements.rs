//! Reads statements from a file: JSON lines, or one JSON document.

use crate::cli::failure::CliError;
use serde_json::Value as JsonValue;
use std::io::Read;
use std::path::Path;

/// Largest file of statements, in bytes.
const LARGEST: u64 = 64 << 20;

/// The statements of a file; `-` is standard input.
pub(super) fn read(path: &Path) -> Result<Vec<String>, CliError> {
    let shown = path.display();
    let unreadable = |e: std::io::Error| CliError::input(format!("cannot read {shown}: {e}"));
    let mut text = String::new();
    if path == Path::new("-") {
        std::io::stdin().lock().take(LARGEST).read_to_string(&mut text).map_err(unreadable)?;
    } else {
        let file = std::fs::File::open(path).map_err(unreadable)?;
        file.take(LARGEST).read_to_string(&mut text).map_err(unreadable)?;
    }
    let form = || format!("{shown}: expected JSON lines or a JSON list, each a text or an object with `sql`");
    let values: Vec<JsonValue> = match serde_json::from_str(&text) {
        Ok(JsonValue::Array(list)) => list,
        Ok(JsonValue::Object(mut object)) if object.get("queries").is_some_and(JsonValue::is_array) => {
            match object.remove("queries") {
                Some(JsonValue::Array(list)) => list,
                Some(_) | None => Vec::new(),
            }
        }
        Ok(one) => vec![one],
        Err(_) => {
            let lines = text.lines().filter(|line| !line.trim().is_empty());
            let values: Result<_, _> = lines.map(serde_json::from_str).collect();
            values.map_err(|e| CliError::input(format!("{}: {e}", form())))?
        }
    };
    let sql = |value: &JsonValue| value.get("sql").unwrap_or(value).as_str().map(str::to_owned);
    values.iter().map(|value| sql(value).ok_or_else(|| CliError::input(form()))).collect()
}
