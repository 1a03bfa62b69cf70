//! The named checks of a statement before it runs.

use super::session::Session;
use super::stop::Stop;
use super::{fault, read};
use crate::catalog::{Catalog, RelationKind};
use std::collections::BTreeSet;
use vanna_actors::ports::sql::{Check, Failure, Statement};

const NAMES: [&str; 4] = ["single_statement", "read_only", "dry_run", "identifiers_resolved"];

/// Makes all checks; each of them is blocking.
pub(super) fn checks(
    session: &mut Session,
    statement: &Statement,
    stop: &Stop,
) -> Result<Vec<Check>, Failure> {
    let made = session.guarded(stop, |connection, catalog, verdict| {
        let prepared = read::prepare(connection, &statement.prepared, verdict);
        let bound = match prepared {
            Ok(mut prepared) => read::bind(&mut prepared, &statement.params),
            Err(failure) => Err(failure),
        };
        vec![
            about_engine(NAMES[0], &bound, "exactly one statement"),
            about_engine(NAMES[1], &bound, "reads only"),
            about_engine(NAMES[2], &bound, "the source prepared it"),
            identifiers(statement, catalog, &verdict.reads()),
        ]
    });
    made.map_err(|error| fault::from_engine(&error))
}

/// Tables and columns that a statement reads, by their declared names, sorted.
pub(super) struct Reads {
    pub(super) tables: Vec<String>,
    pub(super) columns: Vec<String>,
}

/// What a statement would read, as the engine finds out while it prepares it: not what only a `USING` or
/// `NATURAL` join compares. The guard in front of the source knows that, too.
pub(super) fn reads(session: &mut Session, sql: &str, stop: &Stop) -> Result<Reads, Failure> {
    let found = session.guarded(stop, |connection, catalog, verdict| {
        read::prepare(connection, sql, verdict).map(|_| declared(catalog, &verdict.reads()))
    });
    found.map_err(|error| fault::from_engine(&error))?
}

fn declared(catalog: &Catalog, reads: &BTreeSet<(String, String)>) -> Reads {
    let (mut tables, mut columns) = (BTreeSet::new(), BTreeSet::new());
    for (table, column) in reads {
        let Some(relation) = catalog.relation(table) else { continue };
        tables.insert(relation.name.clone());
        // A row has an identity that is no column of the catalog.
        columns.extend(relation.column(column).map(|found| format!("{}.{}", relation.name, found.name)));
    }
    Reads { tables: tables.into_iter().collect(), columns: columns.into_iter().collect() }
}

/// What to say when the source could not be asked: nothing is known, so nothing holds.
pub(super) fn all_failed(failure: &Failure) -> Vec<Check> {
    NAMES.iter().map(|name| check(name, Err(failure.message.clone()))).collect()
}

/// The engine refuses what is not one read-only statement while it prepares, so one answer settles
/// three questions; what could not be prepared has none of the three proven.
fn about_engine(name: &str, prepared: &Result<(), Failure>, good: &str) -> Check {
    check(name, prepared.clone().map(|()| good.to_owned()).map_err(|failure| failure.message))
}

/// Declared names must exist, and what the engine reads must be declared: lineage rests on it.
fn identifiers(statement: &Statement, catalog: &Catalog, reads: &BTreeSet<(String, String)>) -> Check {
    let tables = statement.tables.iter().filter(|table| catalog.relation(table).is_none());
    let columns = statement.columns.iter().filter(|name| !has_column(catalog, name));
    let unknown: Vec<&str> = tables.chain(columns).map(String::as_str).collect();
    let undeclared = undeclared(statement, catalog, reads);
    let (tables, columns) = (statement.tables.len(), statement.columns.len());
    let found = if !unknown.is_empty() {
        Err(format!("not in the schema: {}", unknown.join(", ")))
    } else if !undeclared.is_empty() {
        Err(format!("read but not declared: {}", undeclared.join(", ")))
    } else {
        Ok(format!("{tables} tables and {columns} columns are in the schema"))
    };
    check(NAMES[3], found)
}

/// What the engine reads beyond what is declared. Through a view it reads the tables behind it,
/// which nobody has to declare.
fn undeclared(statement: &Statement, catalog: &Catalog, reads: &BTreeSet<(String, String)>) -> Vec<String> {
    let is_view = |table: &String| catalog.relation(table).is_some_and(|r| r.kind == RelationKind::View);
    if statement.tables.iter().any(is_view) {
        return Vec::new();
    }
    let declares = |names: &[String], name: &str| names.iter().any(|known| known.eq_ignore_ascii_case(name));
    let mut missing = Vec::new();
    for (table, column) in reads {
        let full = format!("{table}.{column}");
        // A row has an identity that is no column of the catalog.
        let is_column = catalog.relation(table).is_some_and(|relation| relation.column(column).is_some());
        if !declares(&statement.tables, table) {
            missing.push(table.clone());
        } else if is_column && !declares(&statement.columns, &full) {
            missing.push(full);
        }
    }
    missing.dedup();
    missing
}

/// Names may hold dots themselves, so every dot is tried as the one between table and column.
fn has_column(catalog: &Catalog, name: &str) -> bool {
    name.match_indices('.').any(|(dot, _)| {
        let (table, column) = (name.get(..dot), name.get(dot + 1..));
        let relation = table.and_then(|table| catalog.relation(table));
        relation.is_some_and(|relation| column.is_some_and(|column| relation.column(column).is_some()))
    })
}

fn check(name: &str, found: Result<String, String>) -> Check {
    let (passed, detail) = match found {
        Ok(detail) => (true, detail),
        Err(detail) => (false, detail),
    };
    Check { name: name.to_owned(), passed, blocking: true, detail }
}
