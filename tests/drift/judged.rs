//! What the engine itself says of statements after a change, against what is foretold.

use crate::cluster::{cluster, connect};
use rusqlite::Connection;
use vanna::catalog::engines::{PostgresCatalog, snapshot_sqlite};
use vanna::catalog::impact::{Impact, Judge};

const TABLES: &str = "
    CREATE TYPE lvl AS ENUM ('jr', 'sr');
    CREATE TABLE dept (id integer PRIMARY KEY, title text, city varchar(20), head integer);
    CREATE TABLE emp (id integer PRIMARY KEY, name text NOT NULL, dept_id integer REFERENCES dept (id),
        salary numeric(10,2), hired date, active boolean, l lvl, note jsonb, code varchar(8), tags text[]);
    CREATE TABLE pay (emp_id integer, paid timestamp, amount numeric(12,2));
    CREATE TABLE heads (id integer);
    CREATE VIEW rich AS SELECT name, salary FROM emp WHERE salary > 100;";

const STATEMENTS: &[&str] = &[
    "SELECT name FROM emp",
    "SELECT * FROM emp",
    "SELECT * FROM dept",
    "SELECT count(*) FROM emp",
    "SELECT e.name, d.title FROM emp e JOIN dept d ON d.id = e.dept_id",
    "SELECT name, title FROM emp, dept WHERE dept_id = dept.id",
    "SELECT sum(salary), avg(salary) FROM emp WHERE active",
    "SELECT sum(amount) FROM pay JOIN emp ON emp.id = emp_id WHERE hired > '2020-01-01'",
    "SELECT dept_id, max(salary) AS top FROM emp GROUP BY dept_id HAVING max(salary) > 10 ORDER BY top",
    "SELECT upper(name) || '!' FROM emp WHERE name LIKE 'a%'",
    "SELECT name FROM rich WHERE salary > 5",
    "SELECT id, name FROM emp GROUP BY id",
    "SELECT l, count(*) FROM emp GROUP BY l",
    "SELECT name FROM emp WHERE l = 'jr'",
    "SELECT name FROM emp WHERE l IN ('sr')",
    "SELECT date_trunc('month', hired) AS m, count(*) FROM emp GROUP BY 1",
    "SELECT extract(year FROM hired) FROM emp",
    "SELECT note ->> 'a' FROM emp",
    "SELECT name FROM emp WHERE code = 'x1'",
    "SELECT length(code) FROM emp",
    "SELECT name FROM emp WHERE dept_id = 3",
    "SELECT name FROM emp WHERE salary BETWEEN 1 AND 2.5",
    "SELECT coalesce(salary, 0) * 2 FROM emp",
    "SELECT name FROM emp WHERE NOT active",
    "SELECT name FROM emp e WHERE EXISTS (SELECT 1 FROM pay WHERE emp_id = e.id)",
    "SELECT name FROM emp WHERE id IN (SELECT emp_id FROM pay)",
    "WITH t AS (SELECT dept_id, salary FROM emp) SELECT dept_id, avg(salary) FROM t GROUP BY dept_id",
    "SELECT CASE WHEN salary > 10 THEN 'a' ELSE 'b' END FROM emp",
    "SELECT name, row_number() OVER (PARTITION BY dept_id ORDER BY salary) FROM emp",
    "SELECT min(hired), max(hired) FROM emp",
    "SELECT min(active::int) FROM emp",
    "SELECT id FROM emp UNION SELECT id FROM dept",
    "SELECT id, title FROM dept UNION ALL SELECT id, name FROM emp",
    "SELECT * FROM dept UNION SELECT id, name, code, dept_id FROM emp",
    "SELECT city FROM dept WHERE city = 'Oslo' ORDER BY city",
    "SELECT 'jr'::lvl AS v, name FROM emp",
    "SELECT name FROM emp JOIN dept USING (id)",
    "SELECT unnest(tags) FROM emp",
    "SELECT name FROM emp WHERE tags @> ARRAY['x']",
    // What the guard lets nobody run is judged by its names.
    "SELECT pg_typeof(salary), name FROM emp",
    "SELECT pg_column_size(e.*), e.name FROM emp e WHERE pg_size_pretty(e.id::bigint) <> ''",
    "SELECT version(), d.title FROM (SELECT title, id FROM dept) d JOIN emp ON emp.dept_id = d.id",
    "WITH t AS (SELECT hired AS since FROM emp) SELECT pg_typeof(since) FROM t",
    "SELECT name FROM emp WHERE id IN (SELECT * FROM heads)",
    "SELECT name, (SELECT title FROM dept WHERE dept.id = dept_id) FROM emp",
    "SELECT name FROM emp WHERE salary > (SELECT avg(salary) FROM emp e WHERE e.dept_id = emp.dept_id)",
    "SELECT emp.* FROM emp JOIN pay ON pay.emp_id = emp.id",
];

const CHANGES: &[&str] = &[
    "ALTER TABLE emp RENAME COLUMN salary TO wage",
    "ALTER TABLE emp DROP COLUMN name CASCADE",
    "ALTER TABLE emp DROP COLUMN note",
    "ALTER TABLE emp RENAME TO staff",
    "ALTER TABLE dept ADD COLUMN name text",
    "ALTER TABLE heads ADD COLUMN since date",
    "ALTER TABLE heads RENAME COLUMN id TO who; ALTER TABLE pay ADD COLUMN id integer",
    "ALTER TABLE pay ADD COLUMN name text",
    "ALTER TABLE dept ADD COLUMN hired date",
    "ALTER TABLE emp ADD COLUMN title text",
    "ALTER TABLE emp ALTER COLUMN dept_id TYPE bigint",
    "ALTER TABLE emp DROP CONSTRAINT emp_dept_id_fkey; ALTER TABLE emp ALTER COLUMN dept_id TYPE text",
    "DROP VIEW rich; ALTER TABLE emp ALTER COLUMN salary TYPE text",
    "ALTER TABLE emp ALTER COLUMN hired TYPE text",
    "ALTER TABLE emp ALTER COLUMN hired TYPE timestamp",
    "ALTER TABLE emp ALTER COLUMN active TYPE text",
    "ALTER TABLE emp ALTER COLUMN active TYPE integer USING active::int",
    "ALTER TABLE emp ALTER COLUMN code TYPE integer USING NULL",
    "ALTER TABLE emp ALTER COLUMN code TYPE varchar(20)",
    "ALTER TABLE emp ALTER COLUMN note TYPE text",
    "ALTER TABLE emp ALTER COLUMN l TYPE text",
    "ALTER TABLE emp ALTER COLUMN tags TYPE text USING NULL",
    "ALTER TABLE dept ALTER COLUMN city TYPE integer USING NULL",
    "ALTER TABLE dept ALTER COLUMN title TYPE integer USING NULL",
    "ALTER TYPE lvl RENAME VALUE 'jr' TO 'junior'",
    "ALTER TYPE lvl ADD VALUE 'lead'",
    "ALTER TYPE lvl RENAME TO level",
    "DROP TABLE pay",
    "ALTER TABLE pay RENAME TO payments",
    "ALTER TABLE pay RENAME COLUMN emp_id TO id",
    "ALTER TABLE pay ALTER COLUMN emp_id TYPE text",
    "ALTER TABLE pay ALTER COLUMN amount TYPE bigint",
    "ALTER TABLE emp DROP CONSTRAINT emp_pkey",
    "ALTER TABLE dept DROP COLUMN id CASCADE",
    "ALTER TABLE dept DROP COLUMN head",
    "DROP VIEW rich",
    "CREATE OR REPLACE VIEW rich AS SELECT name, salary FROM emp",
    "CREATE SCHEMA hr; ALTER TABLE emp SET SCHEMA hr",
    "CREATE SCHEMA hr; ALTER TYPE lvl SET SCHEMA hr",
    "ALTER TABLE emp RENAME COLUMN id TO a; ALTER TABLE emp RENAME COLUMN dept_id TO id; \
     ALTER TABLE emp RENAME COLUMN a TO dept_id",
    "ALTER TABLE pay RENAME TO old_pay; CREATE TABLE pay (emp_id integer, paid timestamp, amount numeric(12,2))",
    "COMMENT ON COLUMN emp.name IS 'x'; CREATE INDEX i ON emp (name); ALTER TABLE emp ALTER name SET DEFAULT 'a'",
];

#[tokio::test]
async fn what_postgres_refuses_after_a_change_is_what_is_called_broken() {
    let Some(cluster) = cluster() else { return };
    let dsn = cluster.database().await;
    let client = connect(&dsn).await;
    let mut catalog = PostgresCatalog::connect(&dsn).await.unwrap();
    let mut wrong = Vec::new();
    for change in CHANGES {
        client
            .batch_execute(
                "DROP SCHEMA IF EXISTS hr CASCADE; DROP SCHEMA public CASCADE; CREATE SCHEMA public",
            )
            .await
            .unwrap();
        client.batch_execute(TABLES).await.unwrap();
        let (before, _) = catalog.snapshot().await.unwrap();
        client.batch_execute(change).await.unwrap_or_else(|error| panic!("{change}: {error:?}"));
        let (after, _) = catalog.snapshot().await.unwrap();
        let judge = Judge::new(&before, &after).unwrap();
        for statement in STATEMENTS {
            let found = judge.judge(statement);
            if !found.valid_before {
                wrong.push(format!("{statement}: cannot be read"));
                continue;
            }
            let fails = client.batch_execute(statement).await.err();
            if fails.is_some() != (found.impact == Impact::Broken) {
                let says = fails.and_then(|error| error.as_db_error().map(|e| e.message().to_owned()));
                wrong.push(format!("{change}\n  {statement}\n  foretold {found:?}\n  the engine: {says:?}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{} wrong:\n{}", wrong.len(), wrong.join("\n"));
}

const SQLITE_CHANGES: &[&str] = &[
    "ALTER TABLE emp RENAME COLUMN salary TO wage",
    "ALTER TABLE pay DROP COLUMN amount",
    "ALTER TABLE emp RENAME TO staff",
    "ALTER TABLE dept ADD COLUMN name text",
    "DROP TABLE emp",
    "DROP TABLE dept",
    "DROP TABLE pay; CREATE TABLE pay (emp_id text, amount real)",
    "DROP VIEW rich; CREATE VIEW rich AS SELECT name, 1 AS salary FROM emp",
    "PRAGMA legacy_alter_table = ON; CREATE TABLE new (id integer primary key, name text); DROP TABLE emp; ALTER TABLE new RENAME TO emp",
];

const SQLITE_STATEMENTS: &[&str] = &[
    "SELECT name FROM emp",
    "SELECT * FROM emp JOIN dept ON dept.id = dept_id",
    "SELECT name, title FROM emp, dept WHERE dept_id = dept.id",
    "SELECT sum(salary) FROM emp WHERE active = 1",
    "SELECT name FROM rich WHERE salary > 5",
    "SELECT sum(amount) FROM pay JOIN emp ON emp.id = emp_id",
    "SELECT \"salary\" FROM emp",
    "SELECT * FROM dept UNION SELECT id, name, code, dept_id FROM emp",
    "SELECT upper(title) FROM dept WHERE id IN (SELECT dept_id FROM emp WHERE emp.id = dept.id)",
];

#[test]
fn what_sqlite_refuses_after_a_change_is_what_is_called_broken() {
    let tables: Vec<&str> = TABLES.split(';').filter(|one| !one.contains("TYPE")).collect();
    let tables = tables.join(";");
    for change in SQLITE_CHANGES {
        let connection = Connection::open_in_memory().unwrap();
        connection.execute_batch(&tables).unwrap();
        let before = snapshot_sqlite(&connection).unwrap();
        connection.execute_batch(change).unwrap();
        let after = snapshot_sqlite(&connection).unwrap();
        let judge = Judge::new(&before, &after).unwrap();
        for statement in SQLITE_STATEMENTS {
            let found = judge.judge(statement);
            let fails = connection.prepare(statement).err();
            let foretold = found.impact == Impact::Broken;
            assert_eq!(fails.is_some(), foretold, "{change}: {statement}: {found:?}: {fails:?}");
        }
    }
}
