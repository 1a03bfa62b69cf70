//! What the SQLite runner promises about rows, types, limits, stops and files.

use super::*;
use crate::sql::runner::engine::Engine as _;
use rusqlite::Connection;
use std::path::{Path, PathBuf};
use std::time::Duration;
use vanna_actors::ports::sql::{
    Check, ColumnType, Format, Limits, Output, ResultSet, Role, SqlRunner, Statement, Value,
};

/// A statement that would run for years.
const RUNAWAY: &str =
    "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) AS c FROM n";

pub(super) fn database(dir: &Path, script: &str) -> PathBuf {
    let path = dir.join("it's a name%20#?.sqlite");
    let connection = Connection::open(&path).unwrap();
    connection.execute_batch(script).unwrap();
    path
}

pub(super) fn asking(sql: &str) -> Statement {
    Statement {
        source: "test".into(),
        dialect: "sqlite".into(),
        sql: sql.into(),
        prepared: sql.into(),
        params: vec![],
        outputs: vec![],
        tables: vec![],
        columns: vec![],
    }
}

fn source(script: &str) -> (tempfile::TempDir, SqliteSource) {
    let dir = tempfile::tempdir().unwrap();
    let source = SqliteSource::open("test", database(dir.path(), script)).unwrap();
    (dir, source)
}

async fn rows(source: &SqliteSource, sql: &str) -> ResultSet {
    source.run(&asking(sql), Limits::default()).await.unwrap().result
}

fn kinds(result: &ResultSet) -> Vec<ColumnType> {
    result.columns.iter().map(|column| column.kind).collect()
}

#[tokio::test]
async fn values_come_back_exactly() {
    let (_dir, source) = source("");
    let sql = "SELECT 9223372036854775807 AS big, -9223372036854775808 AS small, 0.1 AS real, 'ü' AS text,
               x'00ff' AS bytes, NULL AS void, 9e999 AS endless";
    let result = rows(&source, sql).await;
    use Value as V;
    let expected = vec![
        V::Int(i64::MAX),
        V::Int(i64::MIN),
        V::Real(0.1),
        V::Text("ü".into()),
        V::Blob(vec![0, 255]),
        V::Null,
        V::Real(f64::INFINITY),
    ];
    assert_eq!(result.rows, [expected]);
    use ColumnType as T;
    assert_eq!(
        kinds(&result),
        [T::Integer, T::Integer, T::Number, T::String, T::Binary, T::String, T::Number]
    );
}

#[tokio::test]
async fn declared_types_hold_as_far_as_the_values_agree() {
    let (_dir, source) = source(
        "CREATE TABLE t (b BOOLEAN, j JSON, d DATE, ts DATETIME, n NUMERIC(10,2), i INTEGER, s NVARCHAR(10));
         INSERT INTO t VALUES (1, '{\"a\":1}', '2024-02-29', '2024-02-29 10:00:00', 3, 4, 'x'), (0, '[]', NULL, NULL, 2.5, 5, 'y');
         CREATE TABLE wrong (b BOOLEAN, j JSON, d DATE, i INTEGER);
         INSERT INTO wrong VALUES (2, '{', 'soon', 'many');
         CREATE TABLE empty (b BOOLEAN, j JSON, d DATE, ts TIMESTAMP, n DECIMAL, i BIGINT, s TEXT, y BLOB, o);",
    );
    use ColumnType as T;
    let declared = rows(&source, "SELECT * FROM t").await;
    assert_eq!(
        kinds(&declared),
        [T::Boolean, T::Json, T::Date, T::DateTime, T::Number, T::Integer, T::String]
    );
    assert_eq!(declared.rows[0][0], Value::Bool(true));
    assert_eq!(declared.rows[0][3], Value::DateTime("2024-02-29T10:00:00".into()));
    let wrong = rows(&source, "SELECT * FROM wrong").await;
    assert_eq!(kinds(&wrong), [T::Integer, T::String, T::String, T::String]);
    let empty = rows(&source, "SELECT * FROM empty").await;
    assert_eq!(
        kinds(&empty),
        [T::Boolean, T::Json, T::Date, T::DateTime, T::Number, T::Integer, T::String, T::Binary, T::String]
    );
}

#[tokio::test]
async fn computed_columns_are_typed_by_their_values() {
    let (_dir, source) = source("");
    let cases = [
        ("SELECT 1 AS c UNION ALL SELECT 2.5", ColumnType::Number),
        ("SELECT '2024-01-01' AS c UNION ALL SELECT NULL", ColumnType::Date),
        ("SELECT '2024-01-01' AS c UNION ALL SELECT '2024-13-01'", ColumnType::String),
        ("SELECT '2024-01-01T10:00' AS c", ColumnType::DateTime),
        ("SELECT 1 AS c UNION ALL SELECT 'x' UNION ALL SELECT x'ff'", ColumnType::String),
        ("SELECT NULL AS c", ColumnType::String),
        ("SELECT 1 = 1 AS c", ColumnType::Integer),
    ];
    for (sql, kind) in cases {
        assert_eq!(kinds(&rows(&source, sql).await), [kind], "{sql}");
    }
    let mixed =
        rows(&source, "SELECT 1 AS c UNION ALL SELECT 'x' UNION ALL SELECT x'ff' UNION ALL SELECT NULL")
            .await;
    let texts = ["1", "x", "/w=="].map(|text| vec![Value::Text(text.into())]);
    assert_eq!(mixed.rows[..3], texts);
    assert_eq!(mixed.rows[3], [Value::Null]);
}

#[tokio::test]
async fn a_planned_column_without_values_is_typed_by_its_plan() {
    let (_dir, source) = source("");
    let output =
        |name: &str, role| Output { name: name.into(), label: name.into(), role, format: Format::Plain };
    let mut statement = asking("SELECT NULL AS month, NULL AS country, NULL AS revenue WHERE 1 = 0");
    statement.outputs = vec![
        output("month", Role::Time { grain: "month".into() }),
        output("country", Role::Dimension),
        output("revenue", Role::Metric),
    ];
    let run = source.run(&statement, Limits::default()).await.unwrap();
    assert_eq!(kinds(&run.result), [ColumnType::Date, ColumnType::String, ColumnType::Number]);
}

#[tokio::test]
async fn equal_column_names_become_unique() {
    let (_dir, source) = source("");
    let result = rows(&source, "SELECT 1 AS a, 2 AS a, 3 AS a").await;
    let names: Vec<_> = result.columns.iter().map(|c| c.name.as_str()).collect();
    assert_eq!(names, ["a", "a_2", "a_3"]);
}

#[tokio::test]
async fn limits_cut_the_rows_and_say_so() {
    let (_dir, source) = source("CREATE TABLE t (s); INSERT INTO t VALUES ('aaaa'), ('bbbb'), ('cccc');");
    let cases = [
        ((3, 100), (3, 3, false)),
        ((2, 100), (2, 3, true)),
        ((9, 8), (2, 3, true)),
        ((9, 12), (3, 3, false)),
    ];
    for ((most, bytes), expected) in cases {
        let limits = Limits { rows: most, bytes, ..Limits::default() };
        let result = source.run(&asking("SELECT s FROM t"), limits).await.unwrap().result;
        assert_eq!((result.rows.len(), result.row_count, result.truncated), expected);
    }
    let nothing_fits = Limits { bytes: 3, ..Limits::default() };
    let failure = source.run(&asking("SELECT s FROM t"), nothing_fits).await.unwrap_err();
    assert_eq!(failure.code, "sql_too_big");
    let endless = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT i FROM n";
    let result = source.run(&asking(endless), Limits { rows: 5, ..Limits::default() }).await.unwrap().result;
    assert_eq!((result.rows.len(), result.row_count, result.truncated), (5, 6, true));
}

#[tokio::test]
async fn parameters_are_bound_and_must_fit() {
    let (_dir, source) = source("CREATE TABLE t (a, b); INSERT INTO t VALUES ('x'' OR 1', 1), ('y', 2);");
    let mut statement = asking("SELECT b FROM t WHERE a = ?1 AND b >= ?2");
    statement.params = vec![Value::Text("x' OR 1".into()), Value::Int(1)];
    let run = source.run(&statement, Limits::default()).await.unwrap();
    assert_eq!(run.result.rows, [[Value::Int(1)]]);
    statement.params.pop();
    assert_eq!(source.run(&statement, Limits::default()).await.unwrap_err().code, "sql_failed");
}

#[tokio::test]
async fn a_statement_that_takes_too_long_is_stopped() {
    let (_dir, source) = source("");
    let limits = Limits { time: Duration::from_millis(20), ..Limits::default() };
    assert_eq!(source.run(&asking(RUNAWAY), limits).await.unwrap_err().code, "sql_timeout");
    assert_eq!(rows(&source, "SELECT 1 AS one").await.rows, [[Value::Int(1)]]);
}

#[tokio::test]
async fn dropping_a_run_stops_the_engine_and_gives_its_connection_back() {
    let dir = tempfile::tempdir().unwrap();
    let source = SqliteSource::with_connections("test", database(dir.path(), ""), 1).unwrap();
    let long = Limits { time: Duration::from_secs(90), ..Limits::default() };
    for _ in 0..3 {
        let before = source.looks();
        let (runner, statement) = (source.clone(), asking(RUNAWAY));
        let run = tokio::spawn(async move { runner.run(&statement, long).await });
        while source.looks() < before + 10 {
            tokio::task::yield_now().await;
        }
        run.abort();
        assert!(run.await.unwrap_err().is_cancelled());
        // The only connection is free again only if the engine has stopped; else this is refused as busy.
        assert_eq!(rows(&source, "SELECT 1 AS one").await.rows, [[Value::Int(1)]]);
    }
}

#[tokio::test]
async fn more_statements_than_connections_wait_for_their_turn() {
    let dir = tempfile::tempdir().unwrap();
    let source = SqliteSource::with_connections("test", database(dir.path(), ""), 2).unwrap();
    let runs = (0..50).map(|n| {
        let source = source.clone();
        async move { rows(&source, &format!("SELECT {n} AS n")).await.rows }
    });
    for (n, rows) in futures::future::join_all(runs).await.into_iter().enumerate() {
        assert_eq!(rows, [[Value::Int(n as i64)]]);
    }
}

fn passed(checks: &[Check]) -> Vec<(&str, bool)> {
    checks.iter().map(|check| (check.name.as_str(), check.passed)).collect()
}

#[tokio::test]
async fn checks_tell_what_is_proven_before_a_run() {
    let (_dir, source) = source("CREATE TABLE \"T.x\" (a, \"b.c\");");
    let mut statement = asking("SELECT a, \"b.c\" FROM \"T.x\"");
    statement.tables = vec!["t.X".into()];
    statement.columns = vec!["T.x.a".into(), "t.x.b.c".into()];
    let all = ["single_statement", "read_only", "dry_run", "identifiers_resolved"];
    assert_eq!(passed(&source.check(&statement).await), all.map(|name| (name, true)));
    statement.columns.push("T.x.gone".into());
    let checks = source.check(&statement).await;
    assert_eq!(passed(&checks)[3], ("identifiers_resolved", false));
    assert_eq!(checks[3].detail, "not in the schema: T.x.gone");
    statement.columns.truncate(1);
    let hidden = source.check(&statement).await;
    assert_eq!(passed(&hidden)[3], ("identifiers_resolved", false));
    assert_eq!(hidden[3].detail, "read but not declared: t.x.b.c");
    let refused = source.check(&asking("SELECT 1; SELECT 2")).await;
    assert_eq!(passed(&refused)[..3], all.map(|name| (name, false))[..3]);
    let misspelt = source.check(&asking("SELECT \"aa\" FROM \"T.x\"")).await;
    assert_eq!(passed(&misspelt)[2], ("dry_run", false));
}

#[tokio::test]
async fn every_way_of_reading_must_be_declared() {
    let script = "CREATE TABLE t (a INTEGER PRIMARY KEY, b); CREATE TABLE u (c);
                  CREATE VIEW v AS SELECT b FROM t;";
    let (_dir, source) = source(script);
    let cases = [
        ("SELECT count(*) FROM t", "t"),
        ("WITH x AS (SELECT a FROM t) SELECT count(*) FROM x", "t t.a"),
        ("SELECT (SELECT max(c) FROM u) FROM t WHERE rowid > 1", "t t.a u u.c"),
        ("SELECT b FROM t JOIN u ON a = c", "t u t.a t.b u.c"),
        ("SELECT a FROM t UNION SELECT c FROM u ORDER BY 1", "t u t.a u.c"),
        ("SELECT b FROM v", "v v.b"),
        ("SELECT 1", ""),
    ];
    for (sql, names) in cases {
        let mut statement = asking(sql);
        let all: Vec<String> = names.split_whitespace().map(str::to_owned).collect();
        (statement.columns, statement.tables) = all.iter().cloned().partition(|name| name.contains('.'));
        let checks = source.check(&statement).await;
        assert!(checks.iter().all(|check| check.passed), "{sql}: {checks:?}");
        for left_out in all.iter().filter(|name| !name.starts_with('v')) {
            let mut partial = statement.clone();
            partial.tables.retain(|name| name != left_out);
            partial.columns.retain(|name| name != left_out);
            let checks = source.check(&partial).await;
            assert!(!checks[3].passed, "{sql} without {left_out}");
        }
    }
}

#[tokio::test]
async fn the_schema_mark_follows_the_schema_and_nothing_else() {
    let dir = tempfile::tempdir().unwrap();
    let path = database(dir.path(), "CREATE TABLE t (a);");
    let source = SqliteSource::open("test", &path).unwrap();
    let first = source.schema().await.unwrap();
    let writer = Connection::open(&path).unwrap();
    writer.execute_batch("INSERT INTO t VALUES (1)").unwrap();
    assert_eq!(source.schema().await.unwrap(), first);
    writer.execute_batch("ALTER TABLE t ADD COLUMN b").unwrap();
    let second = source.schema().await.unwrap();
    assert_ne!(second, first);
    let run = source.run(&asking("SELECT b FROM t"), Limits::default()).await.unwrap();
    assert_eq!(run.schema, second);
    assert!(second.hash.starts_with("blake3:") && second.snapshot_id.starts_with("snap_"));
}

#[tokio::test]
async fn distinct_values_are_read_up_to_the_cap() {
    let (_dir, source) = source("CREATE TABLE t (s); INSERT INTO t VALUES ('b'), ('a'), (NULL), (7);");
    let sql = "SELECT DISTINCT s FROM t ORDER BY s";
    assert_eq!(source.distinct(sql, 10).await.unwrap(), ["7", "a", "b"]);
    assert_eq!(source.distinct(sql, 2).await.unwrap(), ["7"]);
    assert_eq!(source.distinct("DELETE FROM t", 2).await.unwrap_err().code, "sql_not_read_only");
}

#[test]
fn what_is_no_database_is_told_when_it_is_opened() {
    let dir = tempfile::tempdir().unwrap();
    let open = |path: &Path| SqliteSource::open("test", path).err().unwrap();
    assert_eq!(open(&dir.path().join("nothing")).code(), "source_missing");
    assert_eq!(open(dir.path()).code(), "source_not_a_file");
    let text = dir.path().join("text.sqlite");
    std::fs::write(&text, "this is no database, but it is long enough to be read".repeat(100)).unwrap();
    assert_eq!(open(&text).code(), "source_not_a_database");
}

#[tokio::test]
async fn a_file_that_goes_away_or_changes_is_noticed() {
    let dir = tempfile::tempdir().unwrap();
    let path = database(dir.path(), "CREATE TABLE t (a); INSERT INTO t VALUES (1);");
    let source = SqliteSource::open("test", &path).unwrap();
    let sql = "SELECT a FROM t";
    assert_eq!(rows(&source, sql).await.rows, [[Value::Int(1)]]);

    std::fs::remove_file(&path).unwrap();
    let failure = source.run(&asking(sql), Limits::default()).await.unwrap_err();
    assert_eq!(failure.code, "source_unavailable");
    assert!(!failure.message.contains(&path.display().to_string()));

    std::fs::write(&path, vec![b'x'; 8192]).unwrap();
    assert_eq!(source.run(&asking(sql), Limits::default()).await.unwrap_err().code, "source_unavailable");

    std::fs::remove_file(&path).unwrap();
    database(dir.path(), "CREATE TABLE t (a); INSERT INTO t VALUES (2);");
    assert_eq!(rows(&source, sql).await.rows, [[Value::Int(2)]]);
}

#[tokio::test]
async fn a_database_that_another_program_writes_shows_what_is_committed() {
    let dir = tempfile::tempdir().unwrap();
    let script = "PRAGMA journal_mode = WAL; CREATE TABLE t (a); INSERT INTO t VALUES (1);";
    let path = database(dir.path(), script);
    let writer = Connection::open(&path).unwrap();
    writer.execute_batch("BEGIN IMMEDIATE; INSERT INTO t VALUES (2)").unwrap();
    let source = SqliteSource::open("test", &path).unwrap();
    let sql = "SELECT count(*) AS n FROM t";
    assert_eq!(rows(&source, sql).await.rows, [[Value::Int(1)]]);
    writer.execute_batch("COMMIT").unwrap();
    assert_eq!(rows(&source, sql).await.rows, [[Value::Int(2)]]);
}

/// A file that a writer left in the middle of a commit cannot be read without writing.
#[tokio::test]
async fn a_database_that_needs_recovery_is_not_available_and_stays_untouched() {
    let dir = tempfile::tempdir().unwrap();
    let path = database(dir.path(), "CREATE TABLE t (a); INSERT INTO t VALUES (1);");
    let left = dir.path().join("left.sqlite");
    let journal = dir.path().join("left.sqlite-journal");
    let writer = Connection::open(&path).unwrap();
    writer.execute_batch("PRAGMA cache_size = 1; PRAGMA cache_spill = 1; BEGIN IMMEDIATE;").unwrap();
    let many = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 5000)
                INSERT INTO t SELECT hex(i) || 'some more text to fill the pages' FROM n";
    writer.execute_batch(many).unwrap();
    std::fs::copy(&path, &left).unwrap();
    std::fs::copy(format!("{}-journal", path.display()), &journal).unwrap();
    let before = std::fs::read(&left).unwrap();
    let failure = SqliteSource::open("test", &left).err().unwrap();
    assert_eq!(failure.code(), "source_unreadable");
    assert_eq!(std::fs::read(&left).unwrap(), before);
    assert!(journal.exists());
}

#[tokio::test]
async fn the_sample_answers() {
    let dir = tempfile::tempdir().unwrap();
    let source = SqliteSource::open("chinook", crate::sample::unpack(dir.path()).unwrap()).unwrap();
    let sql = "SELECT round(sum(UnitPrice * Quantity), 2) AS revenue, count(DISTINCT InvoiceId) AS orders FROM InvoiceLine";
    assert_eq!(rows(&source, sql).await.rows, [[Value::Real(2328.6), Value::Int(412)]]);
    let sql = "SELECT InvoiceDate, Total, BillingState FROM Invoice LIMIT 3";
    use ColumnType as T;
    assert_eq!(kinds(&rows(&source, sql).await), [T::DateTime, T::Number, T::String]);
}
