//! Promises of snapshots and their hash.

use super::*;
use crate::catalog::engines::snapshot_sqlite;
use rusqlite::Connection;

fn snapshot(script: &str) -> Snapshot {
    let connection = Connection::open_in_memory().unwrap();
    connection.execute_batch(script).unwrap();
    snapshot_sqlite(&connection).unwrap()
}

const BASE: &str = "CREATE TABLE a (id INTEGER PRIMARY KEY, n TEXT NOT NULL DEFAULT 'x');
                    CREATE TABLE b (id INTEGER, a INTEGER REFERENCES a ON DELETE CASCADE);
                    CREATE VIEW v AS SELECT n FROM a;";

#[test]
fn the_order_of_declaration_changes_nothing() {
    let shuffled = "CREATE TABLE b (a INTEGER REFERENCES a(id) ON DELETE CASCADE, id INTEGER);
                    CREATE VIEW v AS SELECT n FROM a;
                    CREATE TABLE a (n TEXT NOT NULL DEFAULT 'x', id INTEGER PRIMARY KEY);";
    assert_eq!(schema_hash(&snapshot(BASE)), schema_hash(&snapshot(shuffled)));
}

#[test]
fn every_change_of_a_declaration_changes_the_hash() {
    let changes = [
        "ALTER TABLE a ADD COLUMN extra",
        "ALTER TABLE a RENAME COLUMN n TO m",
        "DROP TABLE b",
        "CREATE UNIQUE INDEX i ON a (n)",
        "CREATE INDEX i ON a (n)",
        "CREATE INDEX i ON a (n DESC)",
        "CREATE INDEX i ON a (lower(n))",
        "CREATE INDEX i ON a (n) WHERE id > 3",
        "DROP VIEW v; CREATE VIEW v AS SELECT id FROM a",
        "DROP TABLE b; CREATE TABLE b (id INTEGER, a INTEGER REFERENCES a(id))",
        "DROP TABLE b; CREATE TABLE b (id TEXT, a INTEGER REFERENCES a ON DELETE CASCADE)",
        "DROP TABLE b; CREATE TABLE b (id INTEGER CHECK (id > 0), a INTEGER REFERENCES a ON DELETE CASCADE)",
        "ALTER TABLE b ADD COLUMN twice GENERATED ALWAYS AS (id * 2)",
        "ALTER TABLE b ADD COLUMN twice GENERATED ALWAYS AS (id * 3)",
        "CREATE TABLE c (x)",
        "CREATE TABLE c (x UNIQUE)",
        "CREATE TABLE c (x COLLATE NOCASE)",
    ];
    let mut seen = std::collections::BTreeSet::from([schema_hash(&snapshot(BASE)).to_string()]);
    for change in changes {
        let hash = schema_hash(&snapshot(&format!("{BASE} {change};")));
        assert!(seen.insert(hash.to_string()), "unseen: {change}");
    }
}

#[test]
fn a_snapshot_survives_its_json() {
    let one = snapshot(BASE);
    let text = serde_json::to_string(&one).unwrap();
    assert_eq!(Snapshot::from_json(&text).unwrap(), one);
}

#[test]
fn a_broken_view_does_not_hide_the_rest() {
    let one = snapshot("CREATE TABLE a (x); CREATE VIEW v AS SELECT y FROM gone;");
    assert_eq!(one.table("main", "a").unwrap().columns.len(), 1);
    assert_eq!(one.table("main", "v").unwrap().columns, []);
    assert_eq!(one.table("main", "v").unwrap().definition.as_deref(), Some("SELECT y FROM gone"));
}
