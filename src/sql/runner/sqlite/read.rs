//! Preparing, running and reading one statement.

use super::fault;
use super::guard::Verdict;
use super::session::Session;
use super::stop::Stop;
use super::typing::{self, Raw};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use rusqlite::types::{ToSqlOutput, ValueRef};
use rusqlite::{Connection, Row, Statement, ToSql};
use std::time::Instant;
use vanna_actors::ports::sql::{Failure, Limits, Output, Run, Value};

/// What is run.
#[derive(Default)]
pub(super) struct Asked {
    pub(super) sql: String,
    pub(super) params: Vec<Value>,
    /// What the columns were planned to mean; empty when nobody planned.
    pub(super) outputs: Vec<Output>,
}

/// Runs a statement and reads its rows within limits.
pub(super) fn run(session: &mut Session, asked: &Asked, limits: Limits, stop: &Stop) -> Result<Run, Failure> {
    let outcome = session.guarded(stop, |connection, catalog, verdict| {
        let started = Instant::now();
        let raw = prepare(connection, &asked.sql, verdict).and_then(|mut statement| {
            bind(&mut statement, &asked.params)?;
            read(&mut statement, limits).map_err(|error| explain(&error, verdict))
        })?;
        let micros = u64::try_from(started.elapsed().as_micros()).unwrap_or(u64::MAX);
        Ok(Run { result: typing::result_set(raw, &asked.outputs), micros, schema: catalog.mark() })
    });
    let outcome = outcome.unwrap_or_else(|error| Err(fault::from_engine(&error)));
    // The engine only knows that it was interrupted; the stop knows why.
    outcome.map_err(|failure| if failure.code == "sql_interrupted" { stop.failure() } else { failure })
}

/// Prepares exactly one statement that reads and gives columns.
pub(super) fn prepare<'c>(
    connection: &'c Connection,
    sql: &str,
    verdict: &Verdict,
) -> Result<Statement<'c>, Failure> {
    if sql.contains('\0') {
        return Err(fault::failed("The statement holds a NUL character; remove it."));
    }
    let statement = connection.prepare(sql).map_err(|error| explain(&error, verdict))?;
    if statement.column_count() == 0 || !statement.readonly() || statement.is_explain() != 0 {
        return Err(fault::not_read_only("The text is no SELECT; send exactly one SELECT."));
    }
    Ok(statement)
}

/// What an error means. The guard's refusal comes first: the engine reports some of them, such as
/// that of a function, as plain errors.
fn explain(error: &rusqlite::Error, verdict: &Verdict) -> Failure {
    verdict.failure().unwrap_or_else(|| fault::from_engine(error))
}

/// Binds all parameters.
pub(super) fn bind(statement: &mut Statement<'_>, params: &[Value]) -> Result<(), Failure> {
    if statement.parameter_count() != params.len() {
        return Err(fault::failed("The statement and its parameters do not fit together."));
    }
    for (place, value) in params.iter().enumerate() {
        let bound = statement.raw_bind_parameter(place + 1, Parameter(value));
        bound.map_err(|error| fault::from_engine(&error))?;
    }
    Ok(())
}

struct Parameter<'v>(&'v Value);

impl ToSql for Parameter<'_> {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::Borrowed(match self.0 {
            Value::Null => ValueRef::Null,
            Value::Bool(truth) => ValueRef::Integer(i64::from(*truth)),
            Value::Int(number) => ValueRef::Integer(*number),
            Value::Real(number) => ValueRef::Real(*number),
            Value::Decimal(text)
            | Value::Text(text)
            | Value::Date(text)
            | Value::DateTime(text)
            | Value::Json(text) => ValueRef::Text(text.as_bytes()),
            Value::Blob(bytes) => ValueRef::Blob(bytes),
        }))
    }
}

/// Reads rows until the source ends or a limit stops it. The row that a limit stops at is counted,
/// so `row_count` is above the rows kept exactly when the result is truncated.
fn read(statement: &mut Statement<'_>, limits: Limits) -> rusqlite::Result<Raw> {
    let columns: Vec<_> = statement
        .columns()
        .map(|column| (column.name().to_owned(), column.decl_type().map(str::to_owned)))
        .collect();
    let mut raw = Raw { columns, rows: Vec::new(), row_count: 0, truncated: false };
    let mut bytes = 0;
    let mut rows = statement.raw_query();
    while let Some(row) = rows.next()? {
        raw.row_count += 1;
        if raw.rows.len() >= limits.rows {
            raw.truncated = true;
            break;
        }
        let cells = cells(row, raw.columns.len())?;
        bytes += cells.iter().map(size).sum::<usize>();
        if bytes > limits.bytes {
            if raw.rows.is_empty() {
                let code = rusqlite::ffi::Error::new(rusqlite::ffi::SQLITE_TOOBIG);
                return Err(rusqlite::Error::SqliteFailure(code, None));
            }
            raw.truncated = true;
            break;
        }
        raw.rows.push(cells);
    }
    Ok(raw)
}

fn cells(row: &Row<'_>, count: usize) -> rusqlite::Result<Vec<Value>> {
    (0..count)
        .map(|place| {
            Ok(match row.get_ref(place)? {
                ValueRef::Null => Value::Null,
                ValueRef::Integer(number) => Value::Int(number),
                ValueRef::Real(number) => Value::Real(number),
                // Text that is not UTF-8 is kept exactly, as bytes.
                ValueRef::Text(bytes) => match std::str::from_utf8(bytes) {
                    Ok(text) => Value::Text(text.to_owned()),
                    Err(_) => Value::Blob(bytes.to_vec()),
                },
                ValueRef::Blob(bytes) => Value::Blob(bytes.to_vec()),
            })
        })
        .collect()
}

fn size(value: &Value) -> usize {
    match value {
        Value::Null | Value::Bool(_) => 1,
        Value::Int(_) | Value::Real(_) => 8,
        Value::Decimal(text)
        | Value::Text(text)
        | Value::Date(text)
        | Value::DateTime(text)
        | Value::Json(text) => text.len(),
        Value::Blob(bytes) => bytes.len(),
    }
}

/// A value as text, for columns that hold values of several kinds; bytes as base64.
pub(super) fn text_of(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::Bool(truth) => truth.to_string(),
        Value::Int(number) => number.to_string(),
        Value::Real(number) => number.to_string(),
        Value::Decimal(text)
        | Value::Text(text)
        | Value::Date(text)
        | Value::DateTime(text)
        | Value::Json(text) => text.clone(),
        Value::Blob(bytes) => BASE64.encode(bytes),
    }
}
