//! Statements that must be refused, with no other guard before the runner.

use super::tests::{asking, database};
use super::*;
use vanna_actors::ports::sql::{Limits, SqlRunner};

const WRITE: &str = "sql_not_read_only";
const DENIED: &str = "sql_not_authorized";
const FAILED: &str = "sql_failed";

/// Text and the code of its refusal.
const HOSTILE: &[(&str, &str)] = &[
    ("INSERT INTO t VALUES (2)", WRITE),
    ("INSERT INTO t VALUES (2) RETURNING a", WRITE),
    ("UPDATE t SET a = 2", WRITE),
    ("DELETE FROM t", WRITE),
    ("REPLACE INTO t VALUES (2)", WRITE),
    ("WITH x AS (SELECT 1) INSERT INTO t SELECT * FROM x", WRITE),
    ("CREATE TABLE u (a)", WRITE),
    ("CREATE TEMP TABLE u (a)", WRITE),
    ("CREATE TEMP TRIGGER g AFTER INSERT ON t BEGIN DELETE FROM t; END", WRITE),
    ("CREATE VIEW v AS SELECT 1", WRITE),
    ("CREATE VIRTUAL TABLE f USING fts5(x)", WRITE),
    ("DROP TABLE t", WRITE),
    ("ALTER TABLE t ADD COLUMN b", WRITE),
    ("REINDEX t", WRITE),
    ("ANALYZE", WRITE),
    ("VACUUM", WRITE),
    ("VACUUM INTO 'copy.sqlite'", WRITE),
    ("BEGIN", WRITE),
    ("COMMIT", WRITE),
    ("ROLLBACK", WRITE),
    ("SAVEPOINT s", WRITE),
    ("RELEASE s", WRITE),
    ("PRAGMA query_only = OFF", DENIED),
    ("PRAGMA writable_schema = 1", DENIED),
    ("PRAGMA hard_heap_limit = 1", DENIED),
    ("PRAGMA table_info(t)", DENIED),
    ("SELECT * FROM pragma_database_list", DENIED),
    ("SELECT count(*) FROM pragma_database_list", DENIED),
    ("SELECT count(*) FROM main.sqlite_schema", DENIED),
    ("SELECT file FROM pragma_database_list", DENIED),
    ("ATTACH 'other.sqlite' AS o", DENIED),
    ("ATTACH ':memory:' AS o", DENIED),
    ("DETACH main", DENIED),
    ("SELECT load_extension('x')", DENIED),
    ("SELECT LOAD_EXTENSION('x', 'y')", DENIED),
    ("SELECT fts3_tokenizer('simple')", DENIED),
    ("SELECT zeroblob(1000000000)", DENIED),
    ("SELECT randomblob(1000000000)", DENIED),
    ("SELECT sqlite_version()", DENIED),
    ("SELECT sqlite_source_id()", DENIED),
    ("SELECT sqlite_compileoption_get(1)", DENIED),
    ("SELECT readfile('/etc/hostname')", FAILED),
    ("SELECT writefile('x', 'y')", FAILED),
    ("SELECT edit('x')", FAILED),
    ("SELECT * FROM sqlite_master", DENIED),
    ("SELECT sql FROM main.sqlite_schema", DENIED),
    ("SELECT count(*) FROM sqlite_master", DENIED),
    ("SELECT * FROM temp.sqlite_master", DENIED),
    ("SELECT (SELECT sql FROM sqlite_master LIMIT 1) FROM t", DENIED),
    ("SELECT * FROM dbstat", DENIED),
    ("SELECT count(*) FROM dbstat", DENIED),
    ("EXPLAIN SELECT * FROM t", WRITE),
    ("EXPLAIN QUERY PLAN SELECT * FROM t", WRITE),
    ("SELECT 1; SELECT 2", WRITE),
    ("SELECT 1; DROP TABLE t", "sql_not_read_only"),
    ("SELECT a FROM t; ; DELETE FROM t", "sql_not_read_only"),
    ("/* c */; DROP TABLE t", "sql_not_read_only"),
    ("SELECT 1; nonsense", FAILED),
    ("", WRITE),
    ("   \n\t", WRITE),
    (";", WRITE),
    ("-- only a comment", WRITE),
    ("/* only a comment */", WRITE),
    ("/* never closed", WRITE),
    ("SELECT 1\0; DROP TABLE t", FAILED),
    ("\0", FAILED),
    ("SELECT \"no_such_column\" FROM t", FAILED),
    ("SELECT FROM WHERE", FAILED),
    ("\u{feff}SELEC 1", FAILED),
    ("SELECT ?1", FAILED),
    ("SELECT a FROM t WHERE a = :name", FAILED),
    ("VALUES (load_extension('x'))", DENIED),
    ("WITH x AS MATERIALIZED (SELECT load_extension('x')) SELECT * FROM x", DENIED),
    ("SELECT a FROM t ORDER BY load_extension('x')", DENIED),
    ("SELECT a FROM t GROUP BY a HAVING sqlite_version() > ''", DENIED),
];

#[tokio::test]
async fn hostile_statements_are_refused_and_the_file_stays_as_it_was() {
    let dir = tempfile::tempdir().unwrap();
    let path = database(dir.path(), "CREATE TABLE t (a); INSERT INTO t VALUES (1);");
    let before = std::fs::read(&path).unwrap();
    let source = SqliteSource::open("test", &path).unwrap();
    for (sql, code) in HOSTILE {
        let statement = asking(sql);
        let outcome = source.run(&statement, Limits::default()).await.map(|run| run.result);
        let failure = outcome.expect_err(sql);
        assert_eq!(&failure.code, code, "{sql:?}: {}", failure.message);
        let checks = source.check(&statement).await;
        assert!(checks.iter().take(3).all(|check| !check.passed), "{sql:?}: {checks:?}");
    }
    assert_eq!(std::fs::read(&path).unwrap(), before);
    let names: Vec<_> = std::fs::read_dir(dir.path()).unwrap().collect();
    assert_eq!(names.len(), 1, "no statement left a file behind");
    let after = source.run(&asking("SELECT a FROM t"), Limits::default()).await.unwrap();
    assert_eq!(after.result.row_count, 1);
}

#[tokio::test]
async fn statements_that_are_too_large_are_refused_and_end_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let source = SqliteSource::open("test", database(dir.path(), "")).unwrap();
    let large = [
        format!("SELECT {}1", "1+".repeat(20_000)),
        format!("SELECT 1{}", " UNION ALL SELECT 1".repeat(5_000)),
        format!("SELECT {}1{}", "(".repeat(5_000), ")".repeat(5_000)),
        format!("SELECT '{}'", "x".repeat(300_000)),
        "SELECT printf('%.*c', 100000000, 'x')".to_owned(),
        "SELECT replace(printf('%.*c', 10000000, 'x'), 'x', 'yyyyyyyyyy')".to_owned(),
        "SELECT a FROM (SELECT 'x' AS a) WHERE a LIKE printf('%.*c', 100000, '%')".to_owned(),
    ];
    for sql in large {
        let failure = source.run(&asking(&sql), Limits::default()).await.map(|run| run.result.row_count);
        let failure = failure.expect_err(&sql);
        assert!(["sql_failed", "sql_too_big"].contains(&failure.code.as_str()), "{failure:?}");
    }
}

/// Ordinary questions must not fall to the guard.
#[tokio::test]
async fn ordinary_selects_pass() {
    let dir = tempfile::tempdir().unwrap();
    let script =
        "CREATE TABLE t (a INTEGER, d TEXT); INSERT INTO t VALUES (1, '2024-01-01'), (2, '2024-02-01');
                  CREATE VIEW v AS SELECT a, upper(d) AS d FROM t;";
    let source = SqliteSource::open("test", database(dir.path(), script)).unwrap();
    let ordinary = [
        "SELECT 1;",
        "SELECT 1 -- a comment",
        "VALUES (1)",
        "SELECT count(*) AS n FROM t",
        "WITH x AS (SELECT a FROM t) SELECT count(*) AS n FROM x",
        "WITH x AS (SELECT 1 AS one), y AS (SELECT * FROM x) SELECT count(*) AS n FROM x, y",
        "SELECT * FROM v JOIN main.t USING (a)",
        "SELECT strftime('%Y-%m', d) AS m, sum(a) OVER (ORDER BY d) AS s FROM t ORDER BY 1",
        "SELECT a, lag(a, 1) OVER (ORDER BY d) AS before FROM t",
        "SELECT value FROM json_each('[1,2]')",
        "SELECT '{\"a\":1}' ->> '$.a' AS a",
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 9) SELECT max(i) AS m FROM n",
        "SELECT a FROM t FULL JOIN (SELECT 1 AS b) ON a = b",
        "SELECT group_concat(a ORDER BY a DESC) AS all_of_them FROM t WHERE d LIKE '2024%'",
    ];
    for sql in ordinary {
        let run = source.run(&asking(sql), Limits::default()).await;
        assert!(run.is_ok(), "{sql}: {run:?}");
    }
}
