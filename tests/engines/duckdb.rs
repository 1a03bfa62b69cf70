//! DuckDB files as sources, from their configuration to their answers. There is no server to start: the engine
//! is part of the program.

use crate::asked::{MODEL, ask, rows, synced};
use crate::differential::World;
use crate::policies::{POLICY, ask as run, cells, groups, policies};
use crate::scenarios;
use serde_json::json;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use vanna::catalog::diff::diff;
use vanna::catalog::engines::snapshot_duckdb;
use vanna::catalog::impact::Judge;
use vanna::catalog::snapshot::{Snapshot, schema_hash};
use vanna::sql::dialect::DialectKind;
use vanna::sql::runner::{DuckdbSource, Governance, GuardedSource};
use vanna_actors::ports::sql::{SqlSource, Value};

/// A file that holds what a script makes.
pub(crate) fn file(script: &str) -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("data.duckdb");
    write(&path, script);
    (folder, path)
}

fn write(path: &Path, script: &str) {
    duckdb::Connection::open(path).unwrap().execute_batch(script).unwrap();
}

/// The same behind the guard.
pub(crate) fn world(name: &str, script: &str) -> World {
    let (folder, path) = file(script);
    let source = GuardedSource::new(Arc::new(DuckdbSource::open(name, path).unwrap()));
    World { dialect: DialectKind::Duckdb, source, _held: Box::new(folder) }
}

#[test]
fn a_question_about_a_configured_duckdb_file_is_answered_and_its_changes_are_told() {
    let make = "CREATE TABLE orders (id int PRIMARY KEY, placed date, total decimal(20,2), note text);\n";
    let (folder, path) = file(&format!("{make}{}", rows()));
    let home = folder.path();
    std::fs::write(home.join("shop.yaml"), MODEL).unwrap();
    let config = "data = \"data\"\n[[sources]]\nname = \"shop\"\nkind = \"duckdb\"\npath = \"data.duckdb\"\n\
                  model = \"shop.yaml\"\n";
    std::fs::write(home.join("vanna.toml"), config).unwrap();
    let months = ask(home, "revenue by month in 2024");
    assert_eq!(months["coverage"], "full", "{months}");
    assert_eq!(months["rows"].as_array().unwrap().len(), 12, "{months}");
    assert_eq!(months["rows"][1], json!(["2024-02-01", 1957.5]), "{months}");
    let one = ask(home, "orders with note \"note 7\"");
    assert_eq!(one["rows"][0].as_array().unwrap().last().unwrap(), 1, "{one}");
    let known = synced(home);
    assert_eq!((&known["relations"], &known["columns"]), (&json!(1), &json!(4)), "{known}");
    write(&path, "ALTER TABLE orders ADD COLUMN extra int");
    let known = synced(home);
    assert_eq!((&known["columns"], &known["last_change"]["changes"]), (&json!(5), &json!(1)), "{known}");

    // A file by its content, whatever its name.
    let named = std::process::Command::new(env!("CARGO_BIN_EXE_vanna"))
        .args(["ask", "revenue by month in 2024", "--json", "--as-of", "2025-12-31", "--db"])
        .arg(&path)
        .arg("--model")
        .arg(home.join("shop.yaml"))
        .arg("--data")
        .arg(home.join("other"))
        .output()
        .unwrap();
    assert!(named.status.success(), "{}", String::from_utf8_lossy(&named.stderr));
    let named: serde_json::Value = serde_json::from_slice(&named.stdout).unwrap();
    assert_eq!(named["rows"], months["rows"]);
}

#[test]
fn every_change_of_a_duckdb_file_has_its_diff_and_impacts_on_the_engine() {
    for scenario in scenarios::of("duckdb") {
        let (_folder, path) = file(&scenario.statements("before_ddl").join(";"));
        let snapshot = || {
            let mut read = snapshot_duckdb(&duckdb::Connection::open(&path).unwrap()).unwrap();
            // Every file has a schema of its own, which nobody wrote down.
            read.schemas.retain(|schema| schema.name != "main");
            read
        };
        let before = snapshot();
        write(&path, &scenario.statements("migration").join(";"));
        let after = snapshot();
        let name = &scenario.name;
        for (part, found) in [("before_snapshot", &before), ("after_snapshot", &after)] {
            let told = Snapshot::from_json(&scenario.told[part].to_string()).unwrap();
            assert_eq!(schema_hash(found), schema_hash(&told), "{name} {part}: {found:?}");
        }
        let found = serde_json::to_value(diff(&before, &after)).unwrap();
        assert_eq!(found, scenario.told["expected_diff"], "{name}");
        let judge = Judge::new(&before, &after).unwrap();
        for query in scenario.told["queries"].as_array().unwrap() {
            let found = judge.judge(query["sql"].as_str().unwrap());
            assert_eq!(serde_json::to_value(found.impact).unwrap(), query["impact"], "{name}: {query}");
        }
    }
}

#[tokio::test]
async fn tables_of_every_schema_of_a_duckdb_file_are_known_by_their_names() {
    let (_folder, path) = file(crate::schemas::SHOP);
    let source = Arc::new(DuckdbSource::open("shop", path).unwrap());
    crate::schemas::both_are_read_apart(source).await;
}

#[tokio::test]
async fn each_caller_of_a_duckdb_file_reads_their_own_rows_and_nothing_else() {
    let (folder, path) = file(
        "CREATE TABLE orders (id int PRIMARY KEY, tenant_id int, total numeric(20,2), note text, secret text);
         INSERT INTO orders SELECT n, n % 2, n, CASE n % 2 WHEN 0 THEN 'note ' || n ELSE 'hidden ' || n END, 's' || n
             FROM range(1, 1001) AS r(n);
         CREATE TABLE vault (id int, word text); INSERT INTO vault VALUES (1, 'hush');",
    );
    let engine = Arc::new(DuckdbSource::open("shop", path).unwrap());
    let source =
        GuardedSource::new(engine).with_policies(Governance::new(policies(folder.path(), POLICY), groups()));
    assert_eq!(source.policy_faults().await.unwrap(), Vec::<String>::new());
    let ann = run(&source, "ann", "SELECT count(*), min(id), max(note) FROM orders").await.unwrap();
    let text = Value::Text("note of ann".into());
    assert_eq!(cells(&ann), [[Value::Int(500), Value::Int(2), text]]);
    for sql in [
        "SELECT count(*) FROM orders a JOIN orders b USING (id) WHERE a.tenant_id = 1",
        "SELECT count(*) FROM (SELECT id FROM orders UNION SELECT id FROM main.orders) u WHERE id % 2 = 1",
        "FROM orders SELECT count(*) WHERE id % 2 = 1",
    ] {
        assert_eq!(cells(&run(&source, "ann", sql).await.unwrap()), [[Value::Int(0)]], "{sql}");
    }
    // What fails on a hidden row must not run before the filter.
    let probe = "SELECT count(CAST(note AS VARCHAR)) FROM orders WHERE CASE WHEN id % 2 = 1 \
                 THEN error('seen') IS NULL ELSE true END";
    let probed = source.describe(&crate::policies::caller("ann"), probe).await;
    assert!(probed.is_err() || cells(&run(&source, "ann", probe).await.unwrap()) == [[Value::Int(500)]]);
    let most = run(&source, "ann", "SELECT a.id, b.id FROM orders a JOIN orders b ON true").await.unwrap();
    assert_eq!((most.run.result.rows.len(), most.run.result.truncated), (600, true));
    for sql in ["SELECT word FROM vault", "SELECT secret FROM orders", "SELECT COLUMNS('sec.*') FROM orders"]
    {
        let refused = run(&source, "ann", sql).await.unwrap_err();
        assert!(!refused.message.contains("hush"), "{refused:?}");
    }
    for sql in ["SELECT * FROM duckdb_tables()", "SELECT * FROM sqlite_master", "SELECT rowid FROM vault"] {
        assert!(run(&source, "ann", sql).await.is_err(), "{sql}");
    }
}
