//! The sample database and how tests run statements on it.

use crate::semantic::compile::{Compiled, compile};
use crate::semantic::load::from_str;
use crate::semantic::model::Model;
use crate::semantic::query::SemanticQuery;
use crate::sql::dialect::DialectKind;
use rusqlite::types::Value as Cell;
use rusqlite::{Connection, OpenFlags, params_from_iter};
use serde_json::Value as Json;
use vanna_actors::ports::sql::Value;

pub(super) fn sample_model() -> Model {
    from_str(include_str!("../../sample/chinook.yaml"), "chinook.yaml").expect("the sample model loads")
}

pub(super) fn sample_database() -> Connection {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/src/sample/Chinook_Sqlite.sqlite");
    Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_ONLY).expect("the sample database opens")
}

pub(super) fn query(json: Json) -> SemanticQuery {
    serde_json::from_value(json).expect("a semantic query")
}

pub(super) fn compiled(model: &Model, json: Json) -> Compiled {
    compile(model, &query(json), DialectKind::Sqlite).expect("compiles")
}

fn cell(value: &Value) -> Cell {
    match value {
        Value::Null => Cell::Null,
        Value::Int(number) => Cell::Integer(*number),
        Value::Real(number) => Cell::Real(*number),
        Value::Text(text) => Cell::Text(text.clone()),
        other => panic!("not a value of this engine: {other:?}"),
    }
}

/// Rows of the prepared statement, after checking that the printed one gives the same.
pub(super) fn rows(database: &Connection, compiled: &Compiled) -> Vec<Vec<Cell>> {
    let prepared = run(database, &compiled.prepared, &compiled.params);
    let printed = run(database, &compiled.sql, &[]);
    assert_eq!(prepared, printed, "{}", compiled.sql);
    prepared
}

fn run(database: &Connection, sql: &str, params: &[Value]) -> Vec<Vec<Cell>> {
    let mut statement = database.prepare(sql).unwrap_or_else(|error| panic!("{error}\n{sql}"));
    assert!(statement.readonly(), "{sql}");
    assert_eq!(statement.parameter_count(), params.len(), "{sql}");
    let width = statement.column_count();
    let found = statement.query_map(params_from_iter(params.iter().map(cell)), |row| {
        (0..width).map(|index| row.get(index)).collect::<Result<Vec<Cell>, _>>()
    });
    found.expect("runs").map(|row| row.expect("a row")).collect()
}
