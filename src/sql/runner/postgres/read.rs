//! Running one statement and reading its rows within limits.

use super::decode::{self, Raw};
use super::fault;
use crate::sql::runner::names::unique_names;
use crate::sql::runner::server::Reading;
use std::error::Error;
use std::time::{Duration, Instant};
use tokio_postgres::types::{Format, IsNull, ToSql, Type, private::BytesMut, to_sql_checked};
use tokio_postgres::{Client, Row, Statement, Transaction};
use vanna_actors::ports::sql::{Column, ColumnType, Failure, Limits, ResultSet, Value};

/// Rows that are fetched at once.
const PAGE: i32 = 500;

/// Begins what changes nothing and ends in time.
pub(super) async fn begin(client: &mut Client, time: Duration) -> Result<Transaction<'_>, Failure> {
    let begun = client.build_transaction().read_only(true).start().await;
    let transaction = begun.map_err(|error| fault::of(&error))?;
    let limit = format!("SET LOCAL statement_timeout = {}", time.as_millis().clamp(1, 86_400_000));
    transaction.batch_execute(&limit).await.map_err(|error| fault::of(&error))?;
    Ok(transaction)
}

/// Prepares one statement that gives columns. Types that there is no kind for are spelled by the server.
pub(super) async fn prepare(transaction: &Transaction<'_>, sql: &str) -> Result<Statement, Failure> {
    let statement = transaction.prepare(sql).await.map_err(|error| fault::of(&error))?;
    if statement.columns().is_empty() {
        return Err(fault::no_select());
    }
    if statement.columns().iter().all(|column| decode::kind(column.type_()).is_some()) {
        return Ok(statement);
    }
    let columns = statement.columns().iter().enumerate().map(|(place, column)| {
        let quoted = column.name().replace('"', "\"\"");
        let cast = if decode::kind(column.type_()).is_some() { "" } else { "::text" };
        (format!("c{place}"), format!("c{place}{cast} AS \"{quoted}\""))
    });
    let (names, shown): (Vec<String>, Vec<String>) = columns.unzip();
    let spelled = format!("SELECT {} FROM ({sql}\n) AS source({})", shown.join(", "), names.join(", "));
    transaction.prepare(&spelled).await.map_err(|error| fault::of(&error))
}

/// Runs it, and reads rows until they end or a limit stops them. The row that a limit stops at is counted.
pub(super) async fn run(
    transaction: &Transaction<'_>,
    sql: &str,
    params: &[Value],
    limits: Limits,
) -> Result<(ResultSet, u64), Failure> {
    let statement = prepare(transaction, sql).await?;
    if statement.params().len() != params.len() {
        return Err(fault::failed("The statement and its parameters do not fit together."));
    }
    let bound: Vec<Bound<'_>> = params.iter().map(Bound).collect();
    let bound: Vec<&(dyn ToSql + Sync)> = bound.iter().map(|value| value as &(dyn ToSql + Sync)).collect();
    let started = Instant::now();
    let portal = transaction.bind(&statement, &bound).await.map_err(|error| fault::of(&error))?;
    let mut read = Reading::default();
    while !read.truncated {
        let page = transaction.query_portal(&portal, PAGE).await.map_err(|error| fault::of(&error))?;
        let is_last = page.len() < PAGE.unsigned_abs() as usize;
        for row in &page {
            read.take(row.raw_size_bytes(), limits, || cells(row))?;
        }
        if is_last {
            break;
        }
    }
    let micros = u64::try_from(started.elapsed().as_micros()).unwrap_or(u64::MAX);
    let names = unique_names(statement.columns().iter().map(tokio_postgres::Column::name));
    let kinds = statement.columns().iter().map(|column| decode::kind(column.type_()));
    let columns = names.into_iter().zip(kinds);
    let columns =
        columns.map(|(name, kind)| Column { name, kind: kind.unwrap_or(ColumnType::String) }).collect();
    let Reading { rows, count, truncated, .. } = read;
    Ok((ResultSet { columns, rows, row_count: count, truncated }, micros))
}

fn cells(row: &Row) -> Result<Vec<Value>, Failure> {
    let broken = || fault::failed("The source sent a value that is not of its type.");
    let columns = row.columns().iter().enumerate();
    let cells = columns.map(|(place, column)| {
        let raw: Option<Raw<'_>> = row.try_get(place).map_err(|_| broken())?;
        raw.map_or(Ok(Value::Null), |raw| decode::value(column.type_(), raw.0).ok_or_else(broken))
    });
    cells.collect()
}

/// A parameter, sent as text: the server reads it as whatever type the statement wants there.
#[derive(Debug)]
struct Bound<'v>(&'v Value);

impl ToSql for Bound<'_> {
    fn to_sql(&self, _: &Type, out: &mut BytesMut) -> Result<IsNull, Box<dyn Error + Sync + Send>> {
        let text = match self.0 {
            Value::Null => return Ok(IsNull::Yes),
            Value::Bool(truth) => truth.to_string(),
            Value::Int(number) => number.to_string(),
            Value::Real(number) => number.to_string(),
            Value::Decimal(text)
            | Value::Text(text)
            | Value::Date(text)
            | Value::DateTime(text)
            | Value::Json(text) => text.clone(),
            Value::Blob(bytes) => {
                let digits = bytes.iter().map(|byte| format!("{byte:02x}"));
                format!("\\x{}", digits.collect::<String>())
            }
        };
        out.extend_from_slice(text.as_bytes());
        Ok(IsNull::No)
    }

    fn accepts(_: &Type) -> bool {
        true
    }

    fn encode_format(&self, _: &Type) -> Format {
        Format::Text
    }

    to_sql_checked!();
}
