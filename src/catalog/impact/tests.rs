//! Promises of judgements, on the scenarios in `tests/fixtures/drift`.

use super::*;
use crate::catalog::diff::diff;
use crate::catalog::engines::snapshot_sqlite;
use crate::catalog::snapshot::{Snapshot, schema_hash};
use rusqlite::Connection;
use serde_json::Value as JsonValue;
use std::path::Path;

fn scenarios() -> Vec<(String, JsonValue)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/drift");
    let mut found: Vec<(String, JsonValue)> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|end| end == "json"))
        .map(|path| {
            let name = path.file_stem().unwrap().to_string_lossy().into_owned();
            (name, serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap())
        })
        .collect();
    found.sort_by(|a, b| a.0.cmp(&b.0));
    assert_eq!(found.len(), 10);
    found
}

fn snapshots(scenario: &JsonValue) -> (Snapshot, Snapshot) {
    let read = |name: &str| Snapshot::from_json(&scenario[name].to_string()).unwrap();
    (read("before_snapshot"), read("after_snapshot"))
}

#[test]
fn every_scenario_has_the_diff_and_the_hash_that_it_says() {
    for (name, scenario) in scenarios() {
        let (before, after) = snapshots(&scenario);
        let found = serde_json::to_value(diff(&before, &after)).unwrap();
        assert_eq!(found, scenario["expected_diff"], "{name}");
        let equal = schema_hash(&before) == schema_hash(&after);
        assert_eq!(JsonValue::Bool(equal), scenario["hash_equal"], "{name}");
    }
}

#[test]
fn every_scenario_does_to_statements_what_it_says() {
    for (name, scenario) in scenarios() {
        let (before, after) = snapshots(&scenario);
        let judge = Judge::new(&before, &after).unwrap();
        for query in scenario["queries"].as_array().unwrap() {
            let mut found = serde_json::to_value(judge.judge(query["sql"].as_str().unwrap())).unwrap();
            found["sql"] = query["sql"].clone();
            assert_eq!(&found, query, "{name}");
        }
    }
}

/// SQLite reads the same out of its own statements.
#[test]
fn the_scenarios_of_sqlite_give_their_snapshots_on_sqlite() {
    for (name, scenario) in scenarios() {
        if scenario["dialect"] != "sqlite" {
            continue;
        }
        let (before, after) = snapshots(&scenario);
        let connection = Connection::open_in_memory().unwrap();
        run(&connection, &scenario["before_ddl"]);
        assert_eq!(schema_hash(&snapshot_sqlite(&connection).unwrap()), schema_hash(&before), "{name}");
        run(&connection, &scenario["migration"]);
        assert_eq!(schema_hash(&snapshot_sqlite(&connection).unwrap()), schema_hash(&after), "{name}");
    }
}

fn run(connection: &Connection, statements: &JsonValue) {
    for statement in statements.as_array().unwrap() {
        connection.execute_batch(statement.as_str().unwrap()).unwrap();
    }
}

fn sqlite(script: &str) -> Snapshot {
    let connection = Connection::open_in_memory().unwrap();
    connection.execute_batch(script).unwrap();
    snapshot_sqlite(&connection).unwrap()
}

fn postgres(tables: &str, enums: &str) -> Snapshot {
    let text = format!(r#"{{"dialect":"postgres","schemas":[],"tables":[{tables}],"enums":[{enums}]}}"#);
    Snapshot::from_json(&text).unwrap_or_else(|e| panic!("{e}: {text}"))
}

fn table(name: &str, columns: &[(&str, &str)]) -> String {
    let columns = columns.iter().enumerate().map(|(at, (name, kind))| {
        format!(r#"{{"name":"{name}","identity":{at},"type":"{kind}","nullable":true}}"#)
    });
    let columns = columns.collect::<Vec<_>>().join(",");
    format!(
        r#"{{"schema":"public","name":"{name}","kind":"table","identity":"{name}","columns":[{columns}]}}"#
    )
}

fn impact(before: &Snapshot, after: &Snapshot, sql: &str) -> Impact {
    let judgement = Judge::new(before, after).unwrap().judge(sql);
    assert!(judgement.valid_before, "{sql}: {judgement:?}");
    judgement.impact
}

#[test]
fn a_statement_falls_with_the_table_behind_its_view() {
    let base = "CREATE TABLE a (x, y); CREATE TABLE b (z); CREATE VIEW v AS SELECT x FROM a;";
    let (before, after) = (sqlite(base), sqlite("CREATE TABLE b (z); CREATE VIEW v AS SELECT x FROM a;"));
    assert_eq!(impact(&before, &after, "SELECT x FROM v"), Impact::Broken);
    assert_eq!(impact(&before, &after, "SELECT z FROM b"), Impact::Unaffected);
}

#[test]
fn a_name_that_two_tables_have_now_breaks_and_a_star_becomes_suspect() {
    let before = sqlite("CREATE TABLE a (x, n); CREATE TABLE b (x, m);");
    let after = sqlite("CREATE TABLE a (x, n); CREATE TABLE b (x, m, n);");
    let join = "FROM a JOIN b ON a.x = b.x";
    assert_eq!(impact(&before, &after, &format!("SELECT n {join}")), Impact::Broken);
    assert_eq!(impact(&before, &after, &format!("SELECT a.n {join}")), Impact::Unaffected);
    assert_eq!(impact(&before, &after, "SELECT * FROM b"), Impact::Suspect);
    assert_eq!(impact(&before, &after, "SELECT count(*) FROM b"), Impact::Unaffected);
}

#[test]
fn postgres_minds_types_and_sqlite_does_not() {
    let as_number = table("t", &[("v", "integer"), ("w", "text")]);
    let as_text = table("t", &[("v", "text"), ("w", "text")]);
    let (before, after) = (postgres(&as_number, ""), postgres(&as_text, ""));
    assert_eq!(impact(&before, &after, "SELECT sum(v) FROM t"), Impact::Broken);
    assert_eq!(impact(&before, &after, "SELECT w FROM t WHERE v = 5"), Impact::Broken);
    assert_eq!(impact(&before, &after, "SELECT v FROM t"), Impact::Suspect);
    assert_eq!(impact(&before, &after, "SELECT w FROM t"), Impact::Unaffected);
    let (before, after) = (sqlite("CREATE TABLE t (v INTEGER)"), sqlite("CREATE TABLE t (v TEXT)"));
    assert_eq!(impact(&before, &after, "SELECT sum(v) FROM t WHERE v = 5"), Impact::Suspect);
}

#[test]
fn a_label_that_is_gone_breaks_who_names_it() {
    let label =
        |values: &str| format!(r#"{{"schema":"public","name":"lvl","identity":"e","values":[{values}]}}"#);
    let own = table("e", &[("id", "integer"), ("l", "lvl")]);
    let (before, after) =
        (postgres(&own, &label(r#""jr","sr""#)), postgres(&own, &label(r#""junior","sr""#)));
    assert_eq!(impact(&before, &after, "SELECT id FROM e WHERE l = 'jr'"), Impact::Broken);
    assert_eq!(impact(&before, &after, "SELECT id FROM e WHERE l IN ('sr')"), Impact::Suspect);
    assert_eq!(impact(&before, &after, "SELECT id FROM e"), Impact::Unaffected);
}

#[test]
fn swapped_names_are_suspect_for_both() {
    let before = postgres(&table("t", &[("a", "integer"), ("b", "integer"), ("c", "integer")]), "");
    let after = postgres(&table("t", &[("b", "integer"), ("a", "integer"), ("c", "integer")]), "");
    assert_eq!(impact(&before, &after, "SELECT a FROM t"), Impact::Suspect);
    assert_eq!(impact(&before, &after, "SELECT c FROM t"), Impact::Unaffected);
}
