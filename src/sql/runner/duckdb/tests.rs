//! What only this engine has: its types, its lock, its doors.

use super::DuckdbSource;
use crate::sql::runner::engine::Engine;
use crate::sql::runner::server::bare;
use std::path::{Path, PathBuf};
use std::time::Duration;
use vanna_actors::ports::sql::{ColumnType, Failure, Limits, ResultSet, SqlRunner, Value};

const SHOP: &str = "CREATE SCHEMA sales; CREATE TYPE mood AS ENUM ('glad', 'sad');
    CREATE TABLE client (id INTEGER PRIMARY KEY, name VARCHAR NOT NULL DEFAULT 'x', state mood,
        twice INTEGER GENERATED ALWAYS AS (id * 2) VIRTUAL, CHECK (id > 0));
    CREATE TABLE sales.line (buy INTEGER, place INTEGER, client INTEGER, PRIMARY KEY (buy, place), UNIQUE (client, place));
    CREATE TABLE visit (client INTEGER REFERENCES client (id));
    CREATE INDEX by_client ON sales.line (client); COMMENT ON TABLE client IS 'who buys';
    CREATE VIEW names AS SELECT name FROM client;
    INSERT INTO client (id, name, state) VALUES (1, 'Ann', 'glad'), (2, 'Bob', NULL);";

fn write(path: &Path, script: &str) {
    duckdb::Connection::open(path).unwrap().execute_batch(script).unwrap();
}

fn shop() -> (tempfile::TempDir, PathBuf) {
    let home = tempfile::tempdir().unwrap();
    let path = home.path().join("shop.duckdb");
    write(&path, SHOP);
    (home, path)
}

async fn rows(source: &DuckdbSource, sql: &str) -> Result<ResultSet, Failure> {
    Ok(source.run(&bare("shop", "duckdb", sql), Limits::default()).await?.result)
}

#[tokio::test]
async fn values_of_every_kind_come_out_exactly() {
    let (_home, path) = shop();
    let source = DuckdbSource::open("shop", &path).unwrap();
    for (sql, kind, expected) in [
        ("9007199254740993", ColumnType::Integer, Value::Int(9_007_199_254_740_993)),
        ("18446744073709551615::UBIGINT", ColumnType::Integer, Value::Decimal("18446744073709551615".into())),
        (
            "170141183460469231731687303715884105727::HUGEINT",
            ColumnType::Integer,
            Value::Decimal("170141183460469231731687303715884105727".into()),
        ),
        (
            "340282366920938463463374607431768211455::UHUGEINT",
            ColumnType::Integer,
            Value::Decimal("340282366920938463463374607431768211455".into()),
        ),
        ("sum(x) FROM (VALUES (1), (2)) AS t(x)", ColumnType::Integer, Value::Int(3)),
        ("-0.05::DECIMAL(4,2)", ColumnType::Number, Value::Decimal("-0.05".into())),
        ("0.1::DOUBLE", ColumnType::Number, Value::Real(0.1)),
        ("'inf'::DOUBLE", ColumnType::Number, Value::Text("inf".into())),
        ("true", ColumnType::Boolean, Value::Bool(true)),
        ("DATE '2024-02-29'", ColumnType::Date, Value::Date("2024-02-29".into())),
        ("'infinity'::DATE", ColumnType::Date, Value::Text("2147483647 days from 1970-01-01".into())),
        (
            "TIMESTAMP '2024-02-29 12:00:00.5'",
            ColumnType::DateTime,
            Value::DateTime("2024-02-29T12:00:00.5".into()),
        ),
        (
            "TIMESTAMPTZ '2024-02-29 12:00:00+00'",
            ColumnType::DateTime,
            Value::DateTime("2024-02-29T12:00:00Z".into()),
        ),
        ("TIME '01:02:03.25'", ColumnType::String, Value::Text("01:02:03.25".into())),
        ("INTERVAL '1 month 2 days 3 seconds'", ColumnType::String, Value::Text("P1M2DT3S".into())),
        ("state FROM client WHERE id = 1", ColumnType::String, Value::Text("glad".into())),
        (
            "'6f1c1f0e-0000-4000-8000-000000000001'::UUID",
            ColumnType::String,
            Value::Text("6f1c1f0e-0000-4000-8000-000000000001".into()),
        ),
        ("'\\xAA'::BLOB", ColumnType::Binary, Value::Blob(vec![0xAA])),
        ("[1, NULL]", ColumnType::Json, Value::Json("[1,null]".into())),
        ("{'a': 1.5, 'b': ['x']}", ColumnType::Json, Value::Json("{\"a\":\"1.5\",\"b\":[\"x\"]}".into())),
        ("NULL::INTEGER", ColumnType::Integer, Value::Null),
    ] {
        let found = rows(&source, &format!("SELECT {sql}")).await.unwrap();
        assert_eq!((found.columns[0].kind, &found.rows[0][0]), (kind, &expected), "{sql}");
    }
}

#[tokio::test]
async fn parameters_are_bound_as_what_they_are() {
    let (_home, path) = shop();
    let source = DuckdbSource::open("shop", &path).unwrap();
    let mut statement = bare(
        "shop",
        "duckdb",
        "SELECT $1 = DATE '2024-02-29', $2 = TIMESTAMP '2024-02-29 01:00:00', $3 = 1.10, $4 = 'a''; DROP', $5 IS NULL, \
         $6 = 7, $7 = 0.5, $8",
    );
    statement.params = vec![
        Value::Date("2024-02-29".into()),
        Value::DateTime("2024-02-29T01:00:00Z".into()),
        Value::Decimal("1.10".into()),
        Value::Text("a'; DROP".into()),
        Value::Null,
        Value::Int(7),
        Value::Real(0.5),
        Value::Bool(true),
    ];
    let found = source.run(&statement, Limits::default()).await.unwrap().result;
    assert!(found.rows[0].iter().all(|cell| *cell == Value::Bool(true)), "{:?}", found.rows);
    statement.params.pop();
    let refused = source.run(&statement, Limits::default()).await.unwrap_err();
    assert_eq!(refused.code, "sql_failed");
}

#[tokio::test]
async fn others_may_write_the_file_between_two_statements_and_the_next_sees_it() {
    let (_home, path) = shop();
    let source = DuckdbSource::open("shop", &path).unwrap();
    let before = source.schema().await.unwrap();
    assert_eq!(rows(&source, "SELECT count(*) FROM client").await.unwrap().rows, [[Value::Int(2)]]);
    write(&path, "INSERT INTO client (id, name, state) VALUES (3, 'Cid', 'sad')");
    assert_eq!(rows(&source, "SELECT count(*) FROM client").await.unwrap().rows, [[Value::Int(3)]]);
    assert_eq!(source.schema().await.unwrap(), before, "rows are no part of a schema");
    write(&path, "ALTER TABLE client ADD COLUMN age INTEGER");
    assert_ne!(source.schema().await.unwrap(), before);
    std::fs::remove_file(&path).unwrap();
    assert_eq!(rows(&source, "SELECT 1").await.unwrap_err().code, "source_unavailable");
}

#[tokio::test]
async fn only_one_select_runs_and_nothing_before_it() {
    let (home, path) = shop();
    let source = DuckdbSource::open("shop", &path).unwrap();
    let out = home.path().join("out.csv");
    for sql in [
        format!("COPY client TO '{}'; SELECT 1", out.display()),
        "CREATE TEMP TABLE t AS SELECT 1; SELECT 1".to_owned(),
        "WITH gone AS (DELETE FROM client RETURNING *) SELECT * FROM gone".to_owned(),
        "SET lock_configuration = false".to_owned(),
        "PRAGMA database_list".to_owned(),
        "ATTACH ':memory:' AS other".to_owned(),
        "INSTALL httpfs".to_owned(),
        "EXPORT DATABASE 'x'".to_owned(),
        "CALL pragma_version()".to_owned(),
    ] {
        assert!(rows(&source, &sql).await.is_err(), "{sql}");
    }
    for sql in [
        format!("SELECT * FROM read_csv('{}')", path.display()),
        "SELECT * FROM '/etc/passwd'".to_owned(),
        "SELECT * FROM read_text('/etc/passwd')".to_owned(),
        "SELECT * FROM glob('/etc/*')".to_owned(),
        "SELECT * FROM read_parquet('https://example.org/x.parquet')".to_owned(),
    ] {
        let refused = rows(&source, &sql).await.unwrap_err();
        assert!(!refused.message.contains("passwd") && !refused.message.contains("example"), "{refused:?}");
    }
    assert!(!out.exists());
    assert_eq!(rows(&source, "SELECT count(*) FROM client").await.unwrap().rows, [[Value::Int(2)]]);
}

#[tokio::test]
async fn a_statement_that_nobody_waits_for_gives_its_place_back() {
    let (_home, path) = shop();
    let source = DuckdbSource::with_connections("shop", &path, 1).unwrap();
    let slow = "SELECT count(*) FROM range(10000000) AS a(i), range(10000000) AS b(j) WHERE i % 7 = j % 11";
    let given_up = tokio::time::timeout(Duration::from_millis(100), rows(&source, slow)).await;
    assert!(given_up.is_err());
    // The only place: it is free when the engine has stopped.
    assert_eq!(rows(&source, "SELECT 1").await.unwrap().rows, [[Value::Int(1)]]);
    let greedy = "SELECT list(i) FROM range(2000000000) AS a(i)";
    assert_eq!(rows(&source, greedy).await.unwrap_err().code, "sql_too_big");
}

#[tokio::test]
async fn a_file_that_is_none_is_told() {
    let (home, path) = shop();
    let code = |path: &Path| DuckdbSource::open("shop", path).err().unwrap().code();
    assert_eq!(code(&home.path().join("none.duckdb")), "source_missing");
    assert_eq!(code(home.path()), "source_not_a_file");
    let text = home.path().join("text.duckdb");
    std::fs::write(&text, "no database at all, but long enough to be read as one".repeat(400)).unwrap();
    assert_eq!(code(&text), "source_not_a_database");
    assert!(DuckdbSource::open("shop", &path).is_ok());
    // An empty file of DuckDB 2.0.
    let newer = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/duckdb/newer.duckdb");
    assert_eq!(code(&newer), "source_version");
}

#[tokio::test]
async fn everything_that_a_file_declares_is_in_its_snapshot() {
    let (_home, path) = shop();
    let connection = crate::catalog::engines::DuckdbFile::new(path.clone()).open().unwrap();
    let snapshot = crate::catalog::engines::snapshot_duckdb(&connection).unwrap();
    let client = snapshot.table("main", "client").unwrap();
    assert_eq!(client.comment.as_deref(), Some("who buys"));
    assert_eq!(client.column("name").unwrap().default.as_deref(), Some("'x'"));
    let (state, twice) = (client.column("state").unwrap(), client.column("twice").unwrap());
    assert_eq!((state.data_type.as_str(), &state.generated), ("enum('glad', 'sad')", &None));
    assert!(twice.generated.as_ref().unwrap().contains("id * 2") && twice.default.is_none(), "{twice:?}");
    assert!(!client.column("name").unwrap().nullable && client.in_primary_key("id"));
    let check = client.constraints.iter().find(|own| own.kind == "check").unwrap();
    assert!(check.definition.as_ref().unwrap().contains("id > 0"));
    let line = snapshot.table("sales", "line").unwrap();
    let key = line.constraints.iter().find(|own| own.kind == "primary_key").unwrap();
    assert_eq!(key.columns, ["buy", "place"]);
    assert!(line.constraints.iter().any(|own| own.kind == "unique" && own.columns.len() == 2));
    assert_eq!(line.indexes[0].columns, [Some("client".to_owned())]);
    let visit = snapshot.table("main", "visit").unwrap();
    assert_eq!(visit.constraints[0].ref_table.as_deref(), Some("main.client"));
    assert_eq!(visit.constraints[0].ref_columns, Some(vec!["id".to_owned()]));
    assert_eq!(snapshot.enums[0].values, ["glad", "sad"]);
    let names = snapshot.table("main", "names").unwrap();
    assert!(names.definition.as_ref().unwrap().to_uppercase().starts_with("SELECT"), "{names:?}");
    let catalog = DuckdbSource::open("shop", &path).unwrap().catalog().await.unwrap();
    assert!(catalog.relation("sales.LINE").unwrap().column("client").is_some());
}
