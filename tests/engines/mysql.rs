//! MySQL and MariaDB: what is particular to them.

use crate::conformance::{run, statement};
use crate::mariadb_server::{Server, batch, connect, server};
use crate::postgres::anybody;
use mysql_async::Conn;
use mysql_async::prelude::Queryable;
use std::sync::Arc;
use std::time::Duration;
use vanna::sql::runner::{Engine, GuardedSource, MysqlSource};
use vanna_actors::ports::sql::{ColumnType, Limits, SqlRunner, SqlSource, Value};

const SHOP: &str = "CREATE TABLE orders (id int PRIMARY KEY, placed date, total decimal(20,2), note text);
    INSERT INTO orders WITH RECURSIVE n AS (SELECT 1 AS i UNION ALL SELECT i + 1 FROM n WHERE i < 1000)
    SELECT i, date '2024-01-01' + INTERVAL i DAY, i * 1.5, concat('note ', i) FROM n;\n";

async fn shop() -> Option<(Arc<MysqlSource>, Conn, Arc<Server>)> {
    let server = server()?;
    let url = server.database().await;
    let mut owner = connect(&url).await;
    batch(&mut owner, SHOP).await;
    let source = MysqlSource::open("shop", &url).await.unwrap();
    Some((Arc::new(source), owner, server))
}

#[tokio::test]
async fn values_keep_their_types_and_every_digit() {
    let Some((source, mut owner, _server)) = shop().await else { return };
    let make = "CREATE TABLE kinds (t tinyint, big bigint unsigned, d decimal(30,4), f float, r double, \
                bits bit(9), y year, day date, at datetime(3), stamp timestamp(6) NULL, span time(1), \
                mood enum('sad','glad'), tags set('a','b'), bytes varbinary(9), words varchar(9), j json, \
                none int, zero date, latin varchar(9) CHARACTER SET latin1);
        SET time_zone = '+02:00';
        SET sql_mode = '';
        INSERT INTO kinds VALUES (-7, 18446744073709551615, '12345678901234567890.1230', 0.1, 0.1, b'100000001', \
                2024, '2024-02-29', '2024-02-29 12:00:00.5', '2024-02-29 12:00:00', '-100:00:01.5', 'glad', \
                'a,b', x'00ff', 'ü€', '{\"a\": 1}', NULL, '0000-00-00', 'é');\n";
    batch(&mut owner, make).await;
    let found = run(&*source, "SELECT kinds.*, 1 AS t FROM kinds").await.unwrap().result;
    let text = |text: &str| Value::Text(text.into());
    let expected = [
        ("t", ColumnType::Integer, Value::Int(-7)),
        ("big", ColumnType::Integer, Value::Decimal("18446744073709551615".into())),
        ("d", ColumnType::Number, Value::Decimal("12345678901234567890.1230".into())),
        ("f", ColumnType::Number, Value::Real(0.1)),
        ("r", ColumnType::Number, Value::Real(0.1)),
        ("bits", ColumnType::Integer, Value::Int(257)),
        ("y", ColumnType::Integer, Value::Int(2024)),
        ("day", ColumnType::Date, Value::Date("2024-02-29".into())),
        ("at", ColumnType::DateTime, Value::DateTime("2024-02-29T12:00:00.5".into())),
        ("stamp", ColumnType::DateTime, Value::DateTime("2024-02-29T10:00:00Z".into())),
        ("span", ColumnType::String, text("-100:00:01.5")),
        ("mood", ColumnType::String, text("glad")),
        ("tags", ColumnType::String, text("a,b")),
        ("bytes", ColumnType::Binary, Value::Blob(vec![0, 255])),
        ("words", ColumnType::String, text("ü€")),
        // MariaDB keeps JSON as text.
        ("j", ColumnType::String, text("{\"a\": 1}")),
        ("none", ColumnType::Integer, Value::Null),
        ("zero", ColumnType::Date, text("0000-00-00")),
        ("latin", ColumnType::String, text("é")),
        ("t_2", ColumnType::Integer, Value::Int(1)),
    ];
    for (place, (name, kind, value)) in expected.into_iter().enumerate() {
        let column = &found.columns[place];
        assert_eq!((column.name.as_str(), column.kind), (name, kind));
        assert_eq!(found.rows[0][place], value, "{name}");
    }
}

#[tokio::test]
async fn parameters_are_bound_by_type_and_backslashes_mean_what_the_guard_wrote() {
    let Some((source, mut owner, _server)) = shop().await else { return };
    owner
        .query_drop("SET GLOBAL sql_mode = 'ANSI_QUOTES,NO_BACKSLASH_ESCAPES,PIPES_AS_CONCAT'")
        .await
        .unwrap();
    let sql = "SELECT count(*) FROM orders WHERE placed < ? AND total > ? AND note LIKE ? AND id > ?";
    let params = vec![
        Value::Date("2024-02-01".into()),
        Value::Decimal("3.00".into()),
        Value::Text("note%".into()),
        Value::Int(5),
    ];
    let found = source.run(&statement(sql, params), Limits::default()).await.unwrap().result;
    assert_eq!(found.rows, [[Value::Int(25)]]);
    let written = run(&*source, "SELECT 'a\\'b' AS `x`, \"c\" AS y, 1 || 0 AS z").await.unwrap().result;
    assert_eq!(written.rows, [[Value::Text("a'b".into()), Value::Text("c".into()), Value::Int(1)]]);
    owner.query_drop("SET GLOBAL sql_mode = DEFAULT").await.unwrap();
}

#[tokio::test]
async fn nothing_is_written_though_the_account_may_and_no_guard_stands_in_front() {
    let Some((source, mut owner, _server)) = shop().await else { return };
    let more = "CREATE TABLE old (id int) ENGINE=MyISAM;
        INSERT INTO old VALUES (1);
        CREATE SEQUENCE numbers;
        CREATE FUNCTION sly() RETURNS int MODIFIES SQL DATA BEGIN DELETE FROM orders; RETURN 1; END;
        CREATE PROCEDURE slier() BEGIN DELETE FROM orders; SELECT 1; END;\n";
    for sql in more.split(";\n").filter(|sql| !sql.trim().is_empty()) {
        owner.query_drop(sql).await.unwrap();
    }
    for sql in [
        "DELETE FROM orders RETURNING id",
        "INSERT INTO orders (id) VALUES (5000) RETURNING id",
        "INSERT INTO old VALUES (2) RETURNING id",
        "REPLACE INTO old VALUES (2) RETURNING id",
        "SELECT NEXTVAL(numbers)",
        "SELECT SETVAL(numbers, 100)",
        "SELECT sly()",
        "CALL slier()",
        "ANALYZE FORMAT=JSON DELETE FROM orders",
        "CREATE TABLE t (a int)",
        "CREATE TEMPORARY TABLE t AS SELECT 1 AS a",
        "SELECT 1; DELETE FROM orders",
        "SELECT 'x' INTO OUTFILE 'x.txt'",
        "SELECT id INTO @x FROM orders LIMIT 1",
        "COMMIT",
        "SET GLOBAL general_log = 1",
        "SET SESSION TRANSACTION READ WRITE",
        "LOAD DATA LOCAL INFILE '/etc/hostname' INTO TABLE old",
        "BEGIN NOT ATOMIC DELETE FROM orders; END",
        "EXECUTE IMMEDIATE 'DELETE FROM orders'",
    ] {
        let refused = run(&*source, sql).await;
        assert!(refused.is_err(), "{sql}: {refused:?}");
    }
    let left: Option<(u64, u64)> =
        owner.query_first("SELECT (SELECT count(*) FROM orders), (SELECT count(*) FROM old)").await.unwrap();
    assert_eq!(left, Some((1_000, 1)));
    assert_eq!(owner.query_first("SELECT NEXTVAL(numbers)").await.unwrap(), Some(1));
    assert!(run(&*source, "SELECT 1").await.is_ok(), "the connections are still good");
}

#[tokio::test]
async fn nothing_of_one_statement_stays_for_the_next() {
    let Some((source, _owner, _server)) = shop().await else { return };
    run(&*source, "SELECT @left := 5, GET_LOCK('left', 0)").await.unwrap();
    let found = run(&*source, "SELECT @left, IS_FREE_LOCK('left')").await.unwrap().result;
    assert_eq!(found.rows[0][1], Value::Int(1));
    assert_eq!(found.rows[0][0], Value::Null);
}

#[tokio::test]
async fn behind_the_guard_a_statement_is_described_by_what_it_reads_and_a_change_of_the_schema_is_seen() {
    let Some((source, mut owner, _server)) = shop().await else { return };
    let guarded = GuardedSource::new(source.clone());
    let described =
        guarded.describe(&anybody(), "SELECT note, sum(total) FROM orders GROUP BY note").await.unwrap();
    assert_eq!(described.tables, ["orders"]);
    assert_eq!(described.columns, ["orders.note", "orders.total"]);
    let checks = guarded.check(&anybody(), &described).await;
    assert!(checks.iter().all(|check| check.passed), "{checks:?}");
    assert_eq!(
        guarded.run(&anybody(), &described, Limits::default()).await.unwrap().run.result.rows.len(),
        1_000
    );
    for sql in
        ["SELECT SLEEP(1)", "SELECT * FROM mysql.user", "DELETE FROM orders", "SELECT gone FROM orders"]
    {
        assert!(guarded.describe(&anybody(), sql).await.is_err(), "{sql}");
    }
    let before = guarded.schema().await.unwrap();
    assert_eq!(guarded.schema().await.unwrap(), before);
    owner.query_drop("ALTER TABLE orders ADD COLUMN extra int").await.unwrap();
    assert_ne!(guarded.schema().await.unwrap(), before, "seen at once");
    assert!(guarded.describe(&anybody(), "SELECT extra FROM orders").await.is_ok());
    assert_eq!(source.distinct("SELECT DISTINCT note FROM orders ORDER BY 1", 2).await.unwrap().len(), 2);
}

#[tokio::test]
async fn a_server_that_ends_connections_is_used_again() {
    let Some((source, mut owner, _server)) = shop().await else { return };
    assert!(run(&*source, "SELECT 1").await.is_ok());
    let mine =
        "SELECT id FROM information_schema.processlist WHERE db = DATABASE() AND id <> CONNECTION_ID()";
    let ids: Vec<u64> = owner.query(mine).await.unwrap();
    for id in ids {
        owner.query_drop(format!("KILL CONNECTION {id}")).await.unwrap();
    }
    let again = async {
        while run(&*source, "SELECT 1").await.is_err() {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), again).await.expect("connections are made anew");
}

#[tokio::test]
async fn a_server_that_is_not_there_and_a_string_that_is_none_are_told_apart() {
    let nobody = MysqlSource::open("shop", "mysql://u:secret@127.0.0.1:1/x").await.err().unwrap();
    assert_eq!(nobody.code(), "source_unavailable");
    assert!(!nobody.to_string().contains("secret"));
    for none in ["shop.db:secret", "mysql://u:secret@127.0.0.1", "postgres://u:secret@127.0.0.1/x"] {
        let none = MysqlSource::open("shop", none).await.err().unwrap();
        assert_eq!(none.code(), "source_connection_string");
        assert!(!none.to_string().contains("secret"));
    }
}
