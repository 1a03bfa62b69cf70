//! What all servers have in common: the checks of a statement that they prepared, texts of a first column,
//! and rows within limits.

use super::words::too_big;
use crate::catalog::Catalog;
use std::sync::Arc;
use vanna_actors::ports::sql::{Check, Failure, Limits, ResultSet, Statement, Value};

const NAMES: [&str; 4] = ["single_statement", "read_only", "dry_run", "identifiers_resolved"];

/// The checks of a statement that a server did or did not prepare, in a transaction that only reads. What
/// the names mean, the guard in front has resolved; here they must be in the schema.
pub(super) fn checks(
    prepared: Result<(), Failure>,
    catalog: Result<Arc<Catalog>, Failure>,
    statement: &Statement,
) -> Vec<Check> {
    let prepared = prepared.map_err(|failure| failure.message);
    let told = |detail: &str| prepared.clone().map(|()| detail.to_owned());
    let resolved = match catalog {
        Ok(catalog) => {
            let unknown = |table: &&String| catalog.relation(table).is_none();
            let unknown: Vec<&str> = statement.tables.iter().filter(unknown).map(String::as_str).collect();
            if unknown.is_empty() {
                Ok(format!("{} tables are in the schema", statement.tables.len()))
            } else {
                Err(format!("not in the schema: {}", unknown.join(", ")))
            }
        }
        Err(failure) => Err(failure.message),
    };
    let found = [told("exactly one statement"), told("reads only"), told("the source prepared it"), resolved];
    let made = NAMES.iter().zip(found).map(|(name, found)| {
        let passed = found.is_ok();
        let detail = found.unwrap_or_else(|detail| detail);
        Check { name: (*name).to_owned(), passed, blocking: true, detail }
    });
    made.collect()
}

/// A statement of which only the text is known; tables and columns are left to the guard in front.
pub(super) fn bare(source: &str, dialect: &str, sql: &str) -> Statement {
    Statement {
        source: source.to_owned(),
        dialect: dialect.to_owned(),
        sql: sql.to_owned(),
        prepared: sql.to_owned(),
        params: Vec::new(),
        outputs: Vec::new(),
        tables: Vec::new(),
        columns: Vec::new(),
    }
}

/// The first column as texts, without nulls and what is no text.
pub(super) fn texts(found: ResultSet) -> Vec<String> {
    let first = found.rows.into_iter().filter_map(|row| row.into_iter().next());
    let text = |value| match value {
        Value::Text(text) | Value::Date(text) | Value::DateTime(text) | Value::Decimal(text) => Some(text),
        Value::Int(number) => Some(number.to_string()),
        Value::Real(number) => Some(number.to_string()),
        Value::Bool(truth) => Some(truth.to_string()),
        Value::Null | Value::Json(_) | Value::Blob(_) => None,
    };
    first.filter_map(text).collect()
}

/// Rows until a limit stops them. The row that a limit stops at is counted.
#[derive(Default)]
pub(super) struct Reading {
    pub(super) rows: Vec<Vec<Value>>,
    bytes: usize,
    pub(super) count: u64,
    pub(super) truncated: bool,
}

impl Reading {
    /// Takes a row of `bytes` as the server sent them.
    pub(super) fn take(
        &mut self,
        bytes: usize,
        limits: Limits,
        cells: impl FnOnce() -> Result<Vec<Value>, Failure>,
    ) -> Result<(), Failure> {
        if self.truncated {
            return Ok(());
        }
        self.count += 1;
        if self.rows.len() >= limits.rows {
            self.truncated = true;
            return Ok(());
        }
        let cells = cells()?;
        self.bytes += bytes;
        if self.bytes > limits.bytes {
            if self.rows.is_empty() {
                return Err(too_big());
            }
            self.truncated = true;
            return Ok(());
        }
        self.rows.push(cells);
        Ok(())
    }
}
