//! PostgreSQL.

use crate::cluster::{cluster, connect};
use std::sync::Arc;
use std::time::Duration;
use tokio_postgres::Client;
use vanna::sql::runner::{Engine, GuardedSource, PostgresSource};
use vanna_actors::ports::sql::{ColumnType, Failure, Limits, Run, SqlRunner, SqlSource, Statement, Value};
use vanna_actors::ports::tools::Caller;
use vanna_journal::StreamId;

const SHOP: &str = "CREATE TABLE orders (id int PRIMARY KEY, placed date, total numeric(20,2), note text);
    INSERT INTO orders SELECT n, date '2024-01-01' + n, n * 1.5, 'note ' || n FROM generate_series(1, 1000) n;
    CREATE TYPE mood AS ENUM ('sad', 'glad');";

/// The source, and a connection of the owner. `None` where there is no server.
async fn shop() -> Option<(Arc<PostgresSource>, Client, Arc<crate::cluster::Cluster>)> {
    let cluster = cluster()?;
    let dsn = cluster.database().await;
    let owner = connect(&dsn).await;
    owner.batch_execute(SHOP).await.unwrap();
    let source = PostgresSource::open("shop", &dsn).await.unwrap();
    Some((Arc::new(source), owner, cluster))
}

fn statement(sql: &str, params: Vec<Value>) -> Statement {
    Statement {
        source: "shop".into(),
        dialect: "postgres".into(),
        sql: sql.into(),
        prepared: sql.into(),
        params,
        outputs: Vec::new(),
        tables: Vec::new(),
        columns: Vec::new(),
    }
}

/// Whoever asks, where everybody may read everything.
pub(crate) fn anybody() -> Caller {
    Caller { conversation: StreamId::new("conversation", "default", "c1"), principal: "ann".into() }
}

pub(crate) async fn run(source: &dyn SqlRunner, sql: &str) -> Result<Run, Failure> {
    source.run(&statement(sql, Vec::new()), Limits::default()).await
}

#[tokio::test]
async fn values_keep_their_types_and_every_digit() {
    let Some((source, _owner, _cluster)) = shop().await else { return };
    let sql = "SELECT true AS b, 7::int2 AS i, 9007199254740993 AS big, 1.10::numeric AS d, 0.1::float8 AS r, \
               0.1::float4 AS f, 'ü'::text AS t, date '2024-02-29' AS day, \
               timestamp '2024-02-29 12:00:00.5' AS at, timestamptz '2024-02-29 12:00+02' AS zoned, \
               '{\"a\": 1}'::jsonb AS j, '\\x00ff'::bytea AS x, NULL::int AS none, ARRAY[1, 2] AS list, \
               interval '1 day' AS span, 'glad'::mood AS mood, 'NaN'::numeric AS nan, 1 AS i";
    let found = run(&*source, sql).await.unwrap().result;
    let text = |text: &str| Value::Text(text.into());
    let expected = [
        ("b", ColumnType::Boolean, Value::Bool(true)),
        ("i", ColumnType::Integer, Value::Int(7)),
        ("big", ColumnType::Integer, Value::Int(9_007_199_254_740_993)),
        ("d", ColumnType::Number, Value::Decimal("1.10".into())),
        ("r", ColumnType::Number, Value::Real(0.1)),
        ("f", ColumnType::Number, Value::Real(0.1)),
        ("t", ColumnType::String, text("ü")),
        ("day", ColumnType::Date, Value::Date("2024-02-29".into())),
        ("at", ColumnType::DateTime, Value::DateTime("2024-02-29T12:00:00.5".into())),
        ("zoned", ColumnType::DateTime, Value::DateTime("2024-02-29T10:00:00Z".into())),
        ("j", ColumnType::Json, Value::Json("{\"a\": 1}".into())),
        ("x", ColumnType::Binary, Value::Blob(vec![0, 255])),
        ("none", ColumnType::Integer, Value::Null),
        ("list", ColumnType::String, text("{1,2}")),
        ("span", ColumnType::String, text("1 day")),
        ("mood", ColumnType::String, text("glad")),
        ("nan", ColumnType::Number, text("NaN")),
        ("i_2", ColumnType::Integer, Value::Int(1)),
    ];
    for (place, (name, kind, value)) in expected.into_iter().enumerate() {
        let column = &found.columns[place];
        assert_eq!((column.name.as_str(), column.kind), (name, kind));
        assert_eq!(found.rows[0][place], value, "{name}");
    }
}

#[tokio::test]
async fn limits_cut_rows_and_parameters_are_read_as_the_statement_wants_them() {
    let Some((source, _owner, _cluster)) = shop().await else { return };
    let few = Limits { rows: 700, ..Limits::default() };
    let found =
        source.run(&statement("SELECT id FROM orders ORDER BY id", vec![]), few).await.unwrap().result;
    assert_eq!((found.rows.len(), found.row_count, found.truncated), (700, 701, true));
    let small = Limits { bytes: 100, ..Limits::default() };
    let found = source.run(&statement("SELECT note FROM orders", vec![]), small).await.unwrap().result;
    assert!(found.truncated && !found.rows.is_empty() && found.rows.len() < 30);
    let huge = source.run(&statement("SELECT repeat('x', 1000)", vec![]), small).await.unwrap_err();
    assert_eq!(huge.code, "sql_too_big");
    let sql = "SELECT count(*) FROM orders WHERE placed < $1 AND total > $2 AND note LIKE $3 AND id > $4";
    let params = vec![
        Value::Date("2024-02-01".into()),
        Value::Decimal("3.00".into()),
        Value::Text("note%".into()),
        Value::Int(5),
    ];
    let found = source.run(&statement(sql, params), Limits::default()).await.unwrap().result;
    assert_eq!(found.rows, [[Value::Int(25)]]);
    let unbound = source.run(&statement(sql, vec![]), Limits::default()).await.unwrap_err();
    assert_eq!(unbound.code, "sql_failed");
}

#[tokio::test]
async fn nothing_is_written_though_the_role_may_and_no_guard_stands_in_front() {
    let Some((source, owner, _cluster)) = shop().await else { return };
    for sql in [
        "DELETE FROM orders RETURNING id",
        "WITH gone AS (DELETE FROM orders RETURNING id) SELECT * FROM gone",
        "INSERT INTO orders (id) VALUES (5000) RETURNING id",
        "SELECT id INTO copied FROM orders",
        "CREATE TABLE t (a int)",
        "SELECT 1; DELETE FROM orders",
        "COMMIT",
        "SELECT id FROM orders FOR UPDATE",
        "COPY orders TO 'orders.csv'",
        "SET default_transaction_read_only = off",
    ] {
        let refused = run(&*source, sql).await;
        assert!(refused.is_err(), "{sql}: {refused:?}");
    }
    // PostgreSQL before 16 makes large objects in transactions that only read; they go with the rollback.
    let _ = run(&*source, "SELECT lo_create(0)").await;
    let objects = "SELECT count(*) FROM pg_largeobject_metadata";
    assert_eq!(owner.query_one(objects, &[]).await.unwrap().get::<_, i64>(0), 0);
    let left = owner.query_one("SELECT count(*) FROM orders", &[]).await.unwrap().get::<_, i64>(0);
    assert_eq!(left, 1_000);
    assert!(run(&*source, "SELECT 1").await.is_ok(), "the connections are still good");
}

/// Statements of the service that the server works on now.
async fn working(owner: &Client) -> i64 {
    let sql = "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'vanna' AND state = 'active' \
               AND query LIKE '%pg_sleep%' AND datname = current_database()";
    owner.query_one(sql, &[]).await.unwrap().get(0)
}

async fn until(owner: &Client, wanted: i64) {
    let seen = async {
        while working(owner).await != wanted {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), seen).await.expect("the server shows it");
}

#[tokio::test]
async fn a_statement_that_nobody_waits_for_is_stopped_at_the_server() {
    let Some((source, owner, _cluster)) = shop().await else { return };
    let running = tokio::spawn({
        let source = Arc::clone(&source);
        async move { run(&*source, "SELECT pg_sleep(60)").await }
    });
    until(&owner, 1).await;
    running.abort();
    until(&owner, 0).await;
    let late = Limits { time: Duration::from_millis(200), ..Limits::default() };
    let refused = source.run(&statement("SELECT pg_sleep(60)", vec![]), late).await.unwrap_err();
    assert_eq!((refused.code.as_str(), refused.retryable), ("sql_timeout", true));
    until(&owner, 0).await;
    assert!(run(&*source, "SELECT 1").await.is_ok());
}

#[tokio::test]
async fn errors_name_what_is_missing_and_quote_nothing_else() {
    let Some((source, _owner, _cluster)) = shop().await else { return };
    for (sql, told) in [
        ("SELECT nope FROM orders", "no column nope"),
        ("SELECT 1 FROM nowhere", "no table nowhere"),
        ("SELECT oddly(1)", "no such function"),
        ("SELECT 1/0", "divides by zero"),
        ("SELEC 1", "cannot be read"),
    ] {
        let refused = run(&*source, sql).await.unwrap_err();
        assert!(refused.code == "sql_failed" && refused.message.contains(told), "{sql}: {refused:?}");
    }
}

#[tokio::test]
async fn a_server_that_went_away_is_told_and_used_again_when_it_is_back() {
    let Some((source, owner, _cluster)) = shop().await else { return };
    assert!(run(&*source, "SELECT 1").await.is_ok());
    let kill = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name LIKE 'vanna%' \
                AND datname = current_database()";
    owner.batch_execute(kill).await.unwrap();
    let again = async {
        while run(&*source, "SELECT 1").await.is_err() {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), again).await.expect("connections are made anew");
}

#[tokio::test]
async fn behind_the_guard_a_statement_is_described_by_what_it_reads_and_a_change_of_the_schema_is_seen() {
    let Some((source, owner, _cluster)) = shop().await else { return };
    let guarded = GuardedSource::new(source.clone());
    let described =
        guarded.describe(&anybody(), "SELECT note, sum(total) FROM orders GROUP BY 1").await.unwrap();
    assert_eq!(described.tables, ["orders"]);
    assert_eq!(described.columns, ["orders.note", "orders.total"]);
    let checks = guarded.check(&anybody(), &described).await;
    assert!(checks.iter().all(|check| check.passed), "{checks:?}");
    assert_eq!(
        guarded.run(&anybody(), &described, Limits::default()).await.unwrap().run.result.rows.len(),
        1_000
    );
    for sql in
        ["SELECT pg_sleep(1)", "SELECT * FROM pg_authid", "DELETE FROM orders", "SELECT gone FROM orders"]
    {
        assert!(guarded.describe(&anybody(), sql).await.is_err(), "{sql}");
    }
    let before = guarded.schema().await.unwrap();
    owner.batch_execute("ALTER TABLE orders ADD COLUMN extra int").await.unwrap();
    // The server's counters follow within its flush interval, at once when the backend works on.
    let changed = async {
        while guarded.schema().await.unwrap() == before {
            owner.batch_execute("SELECT 1").await.unwrap();
        }
    };
    tokio::time::timeout(Duration::from_secs(30), changed).await.expect("the change is seen");
    assert!(guarded.describe(&anybody(), "SELECT extra FROM orders").await.is_ok());
    assert_eq!(source.distinct("SELECT DISTINCT note FROM orders ORDER BY 1", 2).await.unwrap().len(), 2);
}

#[tokio::test]
async fn a_server_that_is_not_there_and_a_string_that_is_none_are_told_apart() {
    let nobody = PostgresSource::open("shop", "postgres://u:secret@127.0.0.1:1/x").await.err().unwrap();
    assert_eq!(nobody.code(), "source_unavailable");
    assert!(!nobody.to_string().contains("secret"));
    let none = PostgresSource::open("shop", "shop.db:secret").await.err().unwrap();
    assert_eq!(none.code(), "source_connection_string");
}
