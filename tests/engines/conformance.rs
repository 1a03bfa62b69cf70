//! What every runner promises, asked of SQLite, PostgreSQL, MariaDB and, where it is built in, DuckDB alike.

use crate::{cluster, mariadb_server};
use mysql_async::prelude::Queryable;
use std::any::Any;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use vanna::sql::guard::GuardDialect;
use vanna::sql::runner::{Engine, MysqlSource, PostgresSource, SqliteSource};
use vanna_actors::ports::sql::{ColumnType, Failure, Limits, Run, SqlRunner, Statement, Value};

const TABLES: &str = "CREATE TABLE customers (id int PRIMARY KEY, name varchar(50), country varchar(50));
CREATE TABLE orders (id int PRIMARY KEY, customer_id int, total decimal(20,2), note varchar(50));
CREATE TABLE order_items (order_id int, product_id int, quantity int);
CREATE TABLE products (id int PRIMARY KEY, name varchar(50));
CREATE TABLE events (id int PRIMARY KEY, kind varchar(50));
INSERT INTO customers VALUES (1, 'Ann', 'Chile'), (2, 'Bob', NULL);
INSERT INTO products VALUES (1, 'Tea');
INSERT INTO order_items VALUES (1, 1, 2);
INSERT INTO events VALUES (1, 'seen');\n";

/// Every column of every table.
const COLUMNS: [(&str, &str); 5] = [
    ("customers", "id, name, country"),
    ("orders", "id, customer_id, total, note"),
    ("order_items", "order_id, product_id, quantity"),
    ("products", "id, name"),
    ("events", "id, kind"),
];

/// Longest wait for a runner to be done with one statement, whatever it is.
const PATIENCE: Duration = Duration::from_secs(30);

/// One engine with the same tables, through an account that may only read.
struct Subject {
    source: Arc<dyn Engine>,
    owner: Owner,
    /// Takes a minute.
    slow: &'static str,
    _held: Box<dyn Any>,
}

/// Who may change things.
enum Owner {
    File(PathBuf),
    #[cfg(feature = "duckdb")]
    Duckdb(PathBuf),
    Postgres(tokio_postgres::Client),
    Mysql(tokio::sync::Mutex<mysql_async::Conn>),
}

impl Owner {
    async fn batch(&self, text: &str) {
        match self {
            Self::File(path) => rusqlite::Connection::open(path).unwrap().execute_batch(text).unwrap(),
            #[cfg(feature = "duckdb")]
            Self::Duckdb(path) => duckdb::Connection::open(path).unwrap().execute_batch(text).unwrap(),
            Self::Postgres(client) => client.batch_execute(text).await.unwrap(),
            Self::Mysql(conn) => mariadb_server::batch(&mut *conn.lock().await, text).await,
        }
    }

    async fn number(&self, sql: &str) -> i64 {
        match self {
            Self::File(path) => {
                rusqlite::Connection::open(path).unwrap().query_row(sql, [], |row| row.get(0)).unwrap()
            }
            #[cfg(feature = "duckdb")]
            Self::Duckdb(path) => {
                duckdb::Connection::open(path).unwrap().query_row(sql, [], |row| row.get(0)).unwrap()
            }
            Self::Postgres(client) => client.query_one(sql, &[]).await.unwrap().get(0),
            Self::Mysql(conn) => conn.lock().await.query_first(sql).await.unwrap().unwrap(),
        }
    }

    async fn lines(&self, sql: &str) -> Vec<String> {
        match self {
            Self::File(path) => {
                let file = rusqlite::Connection::open(path).unwrap();
                let mut found = file.prepare(sql).unwrap();
                found.query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect()
            }
            #[cfg(feature = "duckdb")]
            Self::Duckdb(path) => {
                let file = duckdb::Connection::open(path).unwrap();
                let mut found = file.prepare(sql).unwrap();
                found.query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect()
            }
            Self::Postgres(client) => {
                client.query(sql, &[]).await.unwrap().iter().map(|row| row.get(0)).collect()
            }
            Self::Mysql(conn) => conn.lock().await.query(sql).await.unwrap(),
        }
    }

    /// A digest of everything that an attack could have changed: every row of every table, what is declared,
    /// and who may do what. Other tests use the same server; what is theirs stands aside.
    async fn digest(&self) -> String {
        let (array, text, declared) = match self {
            Self::File(_) => {
                ("json_array", "text", "SELECT name || coalesce(sql, '') FROM sqlite_schema ORDER BY 1")
            }
            #[cfg(feature = "duckdb")]
            Self::Duckdb(_) => (
                "json_array",
                "varchar",
                "SELECT sql FROM duckdb_tables() UNION ALL SELECT sql FROM duckdb_views() WHERE NOT internal \
                 UNION ALL SELECT function_name FROM duckdb_functions() WHERE NOT internal ORDER BY 1",
            ),
            Self::Postgres(_) => (
                "json_build_array",
                "text",
                "SELECT relname || coalesce(relacl::text, '') FROM pg_class WHERE relnamespace = 'public'::regnamespace \
                 UNION ALL SELECT proname::text FROM pg_proc UNION ALL SELECT oid::text FROM pg_largeobject_metadata \
                 UNION ALL SELECT nspname::text FROM pg_namespace WHERE nspname NOT LIKE 'pg_%' \
                 UNION ALL SELECT rolname::text FROM pg_roles WHERE rolsuper ORDER BY 1",
            ),
            Self::Mysql(_) => (
                "json_array",
                "char",
                "SELECT table_name FROM information_schema.tables WHERE table_schema = DATABASE() \
                 UNION ALL SELECT schema_name FROM information_schema.schemata WHERE schema_name NOT LIKE 'test\\_%' \
                 UNION ALL SELECT routine_name FROM information_schema.routines WHERE routine_schema = DATABASE() \
                 UNION ALL SELECT user FROM mysql.user WHERE user NOT LIKE '%reader%' \
                 UNION ALL SELECT concat(grantee, privilege_type) FROM information_schema.schema_privileges \
                 WHERE table_schema = DATABASE() UNION ALL SELECT concat('log ', @@global.general_log) ORDER BY 1",
            ),
        };
        let mut lines = self.lines(declared).await;
        for (table, columns) in COLUMNS {
            lines.push(table.to_owned());
            let rows = format!("SELECT CAST({array}({columns}) AS {text}) FROM {table} ORDER BY 1");
            lines.extend(self.lines(&rows).await);
        }
        assert!(lines.len() > 1_000, "every row is in it");
        blake3::hash(lines.join("\n").as_bytes()).to_hex().to_string()
    }
}

/// `n` orders, in statements that every engine understands.
fn orders(n: u32) -> String {
    let row = |id: u32| format!("({id}, 1, {}.50, 'note {id}')", id * 2);
    let rows: Vec<String> = (1..=n).map(row).collect();
    format!("INSERT INTO orders VALUES {};\n", rows.join(", "))
}

async fn sqlite() -> Subject {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("shop.sqlite");
    let owner = Owner::File(path.clone());
    owner.batch(&format!("{TABLES}{}", orders(1_000))).await;
    let slow = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 10000000000) \
                SELECT count(*) FROM n";
    Subject {
        source: Arc::new(SqliteSource::open("shop", path).unwrap()),
        owner,
        slow,
        _held: Box::new(folder),
    }
}

#[cfg(feature = "duckdb")]
async fn duckdb() -> Subject {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("shop.duckdb");
    let owner = Owner::Duckdb(path.clone());
    owner.batch(&format!("{TABLES}{}", orders(1_000))).await;
    let slow = "SELECT count(*) FROM range(10000000) AS a(i), range(10000000) AS b(j) WHERE i % 7 = j % 11";
    Subject {
        source: Arc::new(vanna::sql::runner::DuckdbSource::open("shop", path).unwrap()),
        owner,
        slow,
        _held: Box::new(folder),
    }
}

async fn postgres() -> Option<Subject> {
    let cluster = cluster::cluster()?;
    let url = cluster.database().await;
    let owner = Owner::Postgres(cluster::connect(&url).await);
    owner.batch(&format!("{TABLES}{}", orders(1_000))).await;
    let reader = format!("reader_{}", url.rsplit('/').next().unwrap());
    owner
        .batch(&format!(
            "CREATE ROLE {reader} LOGIN; GRANT SELECT ON ALL TABLES IN SCHEMA public TO {reader}"
        ))
        .await;
    let source =
        PostgresSource::open("shop", &url.replace("postgres@", &format!("{reader}@"))).await.unwrap();
    Some(Subject { source: Arc::new(source), owner, slow: "SELECT pg_sleep(60)", _held: Box::new(cluster) })
}

async fn mysql() -> Option<Subject> {
    let server = mariadb_server::server()?;
    let url = server.database().await;
    let owner = Owner::Mysql(tokio::sync::Mutex::new(mariadb_server::connect(&url).await));
    owner.batch(&format!("{TABLES}{}", orders(1_000))).await;
    let database = url.rsplit('/').next().unwrap();
    let grant = format!(
        "CREATE USER reader_{database}@'%' IDENTIFIED BY 'read';\nGRANT SELECT, SHOW VIEW ON {database}.* TO reader_{database}@'%';\n"
    );
    owner.batch(&grant).await;
    let url = url.replace("owner:owner@", &format!("reader_{database}:read@"));
    let source = MysqlSource::open("shop", &url).await.unwrap();
    Some(Subject { source: Arc::new(source), owner, slow: "SELECT SLEEP(60)", _held: Box::new(server) })
}

/// The engines that there are.
async fn subjects() -> Vec<Subject> {
    let mut subjects = vec![sqlite().await];
    #[cfg(feature = "duckdb")]
    subjects.push(duckdb().await);
    subjects.extend(postgres().await);
    subjects.extend(mysql().await);
    subjects
}

pub(crate) fn statement(sql: &str, params: Vec<Value>) -> Statement {
    Statement {
        source: "shop".into(),
        dialect: "any".into(),
        sql: sql.into(),
        prepared: sql.into(),
        params,
        outputs: Vec::new(),
        tables: Vec::new(),
        columns: Vec::new(),
    }
}

pub(crate) async fn run(source: &(impl SqlRunner + ?Sized), sql: &str) -> Result<Run, Failure> {
    source.run(&statement(sql, Vec::new()), Limits::default()).await
}

#[tokio::test]
async fn whole_numbers_texts_and_nulls_come_out_as_they_are_and_columns_have_names_of_their_own() {
    for Subject { source, .. } in subjects().await {
        let sql = "SELECT o.id, o.id AS id, 9007199254740993 AS big, o.note, c.country, c.name \
                   FROM orders AS o CROSS JOIN customers AS c WHERE o.id = 7 ORDER BY c.id";
        let found = run(&*source, sql).await.unwrap().result;
        let names: Vec<&str> = found.columns.iter().map(|column| column.name.as_str()).collect();
        assert_eq!(names, ["id", "id_2", "big", "note", "country", "name"]);
        assert_eq!(found.columns[2].kind, ColumnType::Integer);
        assert_eq!(found.columns[3].kind, ColumnType::String);
        let expected = [
            Value::Int(7),
            Value::Int(7),
            Value::Int(9_007_199_254_740_993),
            Value::Text("note 7".into()),
            Value::Null,
            Value::Text("Bob".into()),
        ];
        assert_eq!(found.rows[1], expected, "{:?}", source.dialect());
        assert_eq!((found.row_count, found.truncated), (2, false));
    }
}

#[tokio::test]
async fn limits_of_rows_and_bytes_cut_and_say_so() {
    for Subject { source, .. } in subjects().await {
        let engine = source.dialect();
        let all = "SELECT id, note FROM orders ORDER BY id";
        let few = Limits { rows: 700, ..Limits::default() };
        let found = source.run(&statement(all, vec![]), few).await.unwrap().result;
        assert_eq!((found.rows.len(), found.row_count, found.truncated), (700, 701, true), "{engine:?}");
        let exact = Limits { rows: 1_000, ..Limits::default() };
        let found = source.run(&statement(all, vec![]), exact).await.unwrap().result;
        assert_eq!((found.rows.len(), found.truncated), (1_000, false), "{engine:?}");
        let small = Limits { bytes: 150, ..Limits::default() };
        let found = source.run(&statement(all, vec![]), small).await.unwrap().result;
        assert!(found.truncated && !found.rows.is_empty() && found.rows.len() < 30, "{engine:?}");
        let one = "SELECT replace('          ', ' ', '0123456789012345678901234567890123456789') AS x";
        let huge = source.run(&statement(one, vec![]), small).await.unwrap_err();
        assert_eq!(huge.code, "sql_too_big", "{engine:?}");
        assert!(run(&*source, "SELECT 1").await.is_ok(), "{engine:?} goes on");
    }
}

#[tokio::test]
async fn a_statement_is_stopped_when_its_time_is_over() {
    for Subject { source, slow, .. } in subjects().await {
        let late = Limits { time: Duration::from_millis(200), ..Limits::default() };
        let refused = source.run(&statement(slow, vec![]), late).await.unwrap_err();
        assert_eq!(
            (refused.code.as_str(), refused.retryable),
            ("sql_timeout", true),
            "{:?}",
            source.dialect()
        );
        assert!(run(&*source, "SELECT 1").await.is_ok());
    }
}

/// Waits until the server's own list shows so many slow statements.
async fn until(owner: &Owner, wanted: i64) {
    let working = match owner {
        Owner::File(_) => return,
        #[cfg(feature = "duckdb")]
        Owner::Duckdb(_) => return,
        Owner::Postgres(_) => {
            "SELECT count(*) FROM pg_stat_activity WHERE state = 'active' AND query LIKE '%pg_sleep(60)%' \
             AND datname = current_database() AND pid <> pg_backend_pid()"
        }
        Owner::Mysql(_) => {
            "SELECT count(*) FROM information_schema.processlist WHERE info LIKE '%SLEEP(60)%' \
             AND db = DATABASE() AND id <> CONNECTION_ID()"
        }
    };
    let seen = async {
        while owner.number(working).await != wanted {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), seen).await.expect("the server shows it");
}

#[tokio::test]
async fn a_statement_that_nobody_waits_for_is_gone_from_the_servers_list() {
    for Subject { source, slow, owner, _held } in subjects().await {
        let running = tokio::spawn({
            let source = Arc::clone(&source);
            async move { run(&*source, slow).await }
        });
        until(&owner, 1).await;
        running.abort();
        until(&owner, 0).await;
        assert!(run(&*source, "SELECT 1").await.is_ok());
    }
}

#[tokio::test]
async fn attacks_change_nothing_though_no_guard_stands_in_front() {
    for Subject { source, owner, _held, .. } in subjects().await {
        let before = owner.digest().await;
        let brief = Limits { time: Duration::from_millis(300), rows: 100, bytes: 100_000 };
        let mut answered = 0;
        let mut tried = 0;
        for dialect in
            [GuardDialect::Sqlite, GuardDialect::Postgres, GuardDialect::Mysql, GuardDialect::Duckdb]
        {
            let file = format!("tests/fixtures/sql_guard/attacks/{}.sql", dialect.name());
            let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(file);
            let text = std::fs::read_to_string(path).unwrap();
            for sql in text.lines().filter(|line| !line.is_empty() && !line.starts_with("--")) {
                let sql = sql.replace("\\n", "\n");
                tried += 1;
                let statement = statement(&sql, vec![]);
                let ended = tokio::time::timeout(PATIENCE, source.run(&statement, brief)).await;
                answered += usize::from(ended.unwrap_or_else(|_| panic!("{sql} never ends")).is_ok());
            }
        }
        assert!(tried > 150 && answered < tried / 2, "{answered} of {tried}");
        assert_eq!(owner.digest().await, before, "{:?}", source.dialect());
        assert!(run(&*source, "SELECT 1").await.is_ok());
        owner.batch("UPDATE orders SET note = 'changed' WHERE id = 500;\n").await;
        assert_ne!(owner.digest().await, before, "one cell is enough: {:?}", source.dialect());
    }
}

#[tokio::test]
async fn a_second_statement_and_what_is_no_select_are_refused() {
    for Subject { source, owner, _held, .. } in subjects().await {
        let before = owner.digest().await;
        for sql in [
            "SELECT 1; SELECT 2",
            "SELECT 1; DELETE FROM orders",
            "DELETE FROM orders",
            "UPDATE orders SET note = 'x'",
            "INSERT INTO events VALUES (2, 'x')",
            "DROP TABLE events",
            "CREATE TABLE x (a int)",
            "COMMIT",
            "ROLLBACK",
            "BEGIN",
            "",
        ] {
            let refused = run(&*source, sql).await;
            assert!(refused.is_err(), "{:?} {sql}: {refused:?}", source.dialect());
            assert!(source.describe(sql).await.is_err(), "{:?} {sql}", source.dialect());
        }
        assert_eq!(owner.digest().await, before, "{:?}", source.dialect());
    }
}

#[tokio::test]
async fn errors_name_what_is_missing_and_quote_nothing_else() {
    for Subject { source, _held, .. } in subjects().await {
        for (sql, told) in [
            ("SELECT nope FROM orders", "nope"),
            ("SELECT 1 FROM nowhere", "nowhere"),
            ("SELECT oddly(1)", "function"),
            ("SELEC 1", ""),
        ] {
            let refused = run(&*source, sql).await.unwrap_err();
            let engine = source.dialect();
            assert!(
                refused.code == "sql_failed" && refused.message.contains(told),
                "{engine:?} {sql}: {refused:?}"
            );
            assert!(!refused.message.contains("shop") && !refused.message.contains("test_"), "{refused:?}");
        }
    }
}
