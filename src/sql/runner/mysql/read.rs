//! Running one statement and reading its rows within limits. Statements go through the prepared protocol
//! only, which takes exactly one.

use super::{decode, fault};
use crate::sql::runner::names::unique_names;
use crate::sql::runner::server::Reading;
use crate::sql::runner::words::{failed, no_select, timeout};
use mysql_async::prelude::Queryable;
use mysql_async::{Conn, Params, Row, Statement};
use std::time::Instant;
use vanna_actors::ports::sql::{Column, Failure, Limits, ResultSet, Value};

/// Prepares one statement that gives columns.
pub(super) async fn prepare(conn: &mut Conn, sql: &str) -> Result<Statement, Failure> {
    let statement = conn.prep(sql).await.map_err(|error| fault::of(&error))?;
    // What writes or commands gives none.
    if statement.num_columns() == 0 { Err(no_select()) } else { Ok(statement) }
}

/// Runs it, and reads rows until they end or a limit stops them. The row that a limit stops at is counted.
pub(super) async fn run(
    conn: &mut Conn,
    sql: &str,
    params: &[Value],
    limits: Limits,
) -> Result<(ResultSet, u64), Failure> {
    let statement = prepare(conn, sql).await?;
    if usize::from(statement.num_params()) != params.len() {
        return Err(failed("The statement and its parameters do not fit together."));
    }
    let bound = if params.is_empty() {
        Params::Empty
    } else {
        Params::Positional(params.iter().map(decode::bound).collect())
    };
    let started = Instant::now();
    let mut result = conn.exec_iter(&statement, bound).await.map_err(|error| fault::of(&error))?;
    let columns = result.columns().unwrap_or_default();
    let mut read = Reading::default();
    while !read.truncated {
        let Some(row) = result.next().await.map_err(|error| fault::of(&error))? else { break };
        read.take(size(&row), limits, || cells(&row))?;
    }
    // A server may end a statement in time and call that a result.
    if !read.truncated && started.elapsed() >= limits.time {
        return Err(timeout());
    }
    let micros = u64::try_from(started.elapsed().as_micros()).unwrap_or(u64::MAX);
    let spelled: Vec<_> = columns.iter().map(mysql_async::Column::name_str).collect();
    let names = unique_names(spelled.iter().map(AsRef::as_ref));
    let kinds = columns.iter().map(decode::kind);
    let columns = names.into_iter().zip(kinds).map(|(name, kind)| Column { name, kind }).collect();
    let Reading { rows, count, truncated, .. } = read;
    Ok((ResultSet { columns, rows, row_count: count, truncated }, micros))
}

/// Bytes of a row, about as the server sent them.
fn size(row: &Row) -> usize {
    let of = |place| match row.as_ref(place) {
        Some(mysql_async::Value::Bytes(bytes)) => bytes.len() + 4,
        _ => 8,
    };
    (0..row.len()).map(of).sum()
}

fn cells(row: &Row) -> Result<Vec<Value>, Failure> {
    let broken = || failed("The source sent a value that is not of its type.");
    let columns = row.columns_ref().iter().enumerate();
    let cells = columns.map(|(place, column)| {
        row.as_ref(place).and_then(|cell| decode::value(column, cell)).ok_or_else(broken)
    });
    cells.collect()
}
