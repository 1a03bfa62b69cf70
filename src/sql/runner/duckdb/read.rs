//! Running one statement and reading its rows within limits.

use super::decode::{Parameter, kind, value};
use super::fault;
use super::stop::Stop;
use crate::sql::runner::names::unique_names;
use crate::sql::runner::server::Reading;
use crate::sql::runner::words::{failed, no_select, not_read_only};
use duckdb::arrow::datatypes::DataType;
use duckdb::types::ValueRef;
use duckdb::{Connection, Statement, params_from_iter};
use serde::Deserialize;
use serde::de::IgnoredAny;
use std::time::Instant;
use vanna_actors::ports::sql::{Column, Failure, Limits, ResultSet, Value};

/// What the engine's parser tells of a text.
#[derive(Default, Deserialize)]
struct Parsed {
    statements: Option<Vec<IgnoredAny>>,
    error_type: Option<String>,
}

/// Prepares exactly one SELECT. The engine's own parser reads the text as a value first: to prepare a text of
/// several statements, the library would run all but the last of them.
pub(super) fn prepare<'c>(connection: &'c Connection, sql: &str) -> Result<Statement<'c>, Failure> {
    let broken = |error: duckdb::Error| fault::of(&error);
    if sql.contains('\0') {
        return Err(failed("The statement holds a NUL character; remove it."));
    }
    let parsed: String = connection
        .query_row("SELECT json_serialize_sql(?::VARCHAR)::VARCHAR", [sql], |row| row.get(0))
        .map_err(broken)?;
    let parsed: Parsed = serde_json::from_str(&parsed).unwrap_or_default();
    match (parsed.statements.map(|all| all.len()), parsed.error_type.as_deref()) {
        (Some(1), None) => {}
        (Some(_), None) => return Err(no_select()),
        (_, Some("not implemented")) => return Err(not_read_only()),
        _ => return Err(failed("The statement cannot be read; check its syntax.")),
    }
    connection.prepare(sql).map_err(broken)
}

/// Runs it, and reads rows until they end or a limit stops them. The row that a limit stops at is counted.
pub(super) fn run(
    connection: &Connection,
    sql: &str,
    params: &[Value],
    limits: Limits,
    stop: &Stop,
) -> Result<(ResultSet, u64), Failure> {
    let mut statement = prepare(connection, sql)?;
    if statement.parameter_count() != params.len() {
        return Err(failed("The statement and its parameters do not fit together."));
    }
    let started = Instant::now();
    let broken = |error: duckdb::Error| fault::of(&error);
    // Rows are computed as they are asked for, so that a limit ends the work too.
    drop(statement.stream_arrow(params_from_iter(params.iter().map(Parameter))).map_err(broken)?);
    let schema = statement.schema();
    let kinds: Vec<_> = schema
        .fields()
        .iter()
        .enumerate()
        .map(|(place, field)| kind(statement.column_logical_type(place).id(), field.data_type()))
        .collect();
    let zones: Vec<bool> = schema
        .fields()
        .iter()
        .map(|field| matches!(field.data_type(), DataType::Timestamp(_, Some(_))))
        .collect();
    let mut read = Reading::default();
    let mut rows = statement.raw_query();
    while !read.truncated {
        if stop.is_due() {
            return Err(stop.failure());
        }
        let Some(row) = rows.next().map_err(broken)? else { break };
        let cells: Result<Vec<ValueRef<'_>>, _> = (0..kinds.len()).map(|place| row.get_ref(place)).collect();
        let cells = cells.map_err(broken)?;
        let bytes = cells.iter().map(size).sum();
        read.take(bytes, limits, || {
            let told = cells.iter().zip(&zones).map(|(cell, zone)| value(*cell, *zone));
            let told: Option<Vec<Value>> = told.collect();
            told.ok_or_else(|| failed("The source sent a value that is not of its type."))
        })?;
    }
    let micros = u64::try_from(started.elapsed().as_micros()).unwrap_or(u64::MAX);
    let names = unique_names(schema.fields().iter().map(|field| field.name().as_str()));
    let columns = names.into_iter().zip(kinds).map(|(name, kind)| Column { name, kind }).collect();
    let Reading { rows, count, truncated, .. } = read;
    Ok((ResultSet { columns, rows, row_count: count, truncated }, micros))
}

/// Bytes of a value, about.
fn size(cell: &ValueRef<'_>) -> usize {
    match cell {
        ValueRef::Text(bytes) | ValueRef::Blob(bytes) | ValueRef::Geometry(bytes) => bytes.len() + 4,
        ValueRef::List(..) | ValueRef::Struct(..) | ValueRef::Array(..) | ValueRef::Map(..) => {
            value(*cell, false).map_or(8, |told| match told {
                Value::Json(text) => text.len(),
                _ => 8,
            })
        }
        _ => 8,
    }
}
