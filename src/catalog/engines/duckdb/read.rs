//! Reads everything that a file declares, as of one moment.

use super::join::{Catalogs, join};
use super::queries;
use crate::catalog::snapshot::Snapshot;
use duckdb::types::FromSql;
use duckdb::{Connection, Result, Row};

/// Reads everything that the database of a connection declares, without what is the engine's own.
///
/// # Errors
/// The database cannot be read.
pub fn snapshot_duckdb(connection: &Connection) -> Result<Snapshot> {
    connection.execute_batch("BEGIN TRANSACTION READ ONLY")?;
    let read = catalogs(connection);
    let ended = connection.execute_batch("ROLLBACK");
    let catalogs = read?;
    ended?;
    Ok(join(catalogs))
}

fn catalogs(connection: &Connection) -> Result<Catalogs> {
    Ok(Catalogs {
        schemas: rows(connection, queries::SCHEMAS, |row| Ok((at(row, 0)?, at(row, 1)?)))?,
        tables: rows(connection, queries::TABLES, |row| {
            Ok((at(row, 0)?, at(row, 1)?, at(row, 2)?, at(row, 3)?))
        })?,
        views: rows(connection, queries::VIEWS, |row| {
            Ok((at(row, 0)?, at(row, 1)?, at(row, 2)?, at(row, 3)?))
        })?,
        columns: rows(connection, queries::COLUMNS, |row| {
            Ok((at(row, 0)?, at(row, 1)?, at(row, 2)?, at(row, 3)?, at(row, 4)?, at(row, 5)?, at(row, 6)?))
        })?,
        constraints: rows(connection, queries::CONSTRAINTS, |row| {
            Ok((
                at(row, 0)?,
                at(row, 1)?,
                at(row, 2)?,
                at(row, 3)?,
                at(row, 4)?,
                at(row, 5)?,
                at(row, 6)?,
                at(row, 7)?,
            ))
        })?,
        indexes: rows(connection, queries::INDEXES, |row| {
            Ok((at(row, 0)?, at(row, 1)?, at(row, 2)?, at(row, 3)?, at(row, 4)?))
        })?,
        enums: rows(connection, queries::ENUMS, |row| Ok((at(row, 0)?, at(row, 1)?, at(row, 2)?)))?,
    })
}

fn rows<T>(connection: &Connection, sql: &str, read: impl Fn(&Row<'_>) -> Result<T>) -> Result<Vec<T>> {
    connection.prepare(sql)?.query_map([], |row| read(row))?.collect()
}

fn at<T: FromSql>(row: &Row<'_>, place: usize) -> Result<T> {
    row.get(place)
}
