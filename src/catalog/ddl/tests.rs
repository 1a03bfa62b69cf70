//! Promises of schemas that are written down, on the scenarios in `tests/fixtures/drift`.

use super::*;
use crate::catalog::diff::diff;
use crate::catalog::snapshot::{Snapshot, schema_hash};
use serde_json::Value as JsonValue;
use std::path::Path;

fn scenario(name: &str) -> JsonValue {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/drift");
    serde_json::from_str(&std::fs::read_to_string(folder.join(format!("{name}.json"))).unwrap()).unwrap()
}

fn text(statements: &JsonValue) -> String {
    let statements = statements.as_array().unwrap().iter().map(|one| one.as_str().unwrap());
    statements.map(|one| format!("{one};\n")).collect()
}

/// `dev-pg-05` ends as it began, so its files do not tell that a table was touched.
#[test]
fn statements_of_postgres_and_sqlite_give_the_snapshots_and_diffs_of_the_engines() {
    let postgres = (1..=6).map(|n| (format!("dev-pg-0{n}"), "postgres"));
    for (name, dialect) in postgres.chain((1..=3).map(|n| (format!("dev-lt-0{n}"), "sqlite"))) {
        let told = scenario(&name);
        let skipped = |one: &&JsonValue| !one.as_str().unwrap().starts_with("insert");
        let without_rows = |part: &str| -> JsonValue {
            told[part].as_array().unwrap().iter().filter(skipped).cloned().collect::<Vec<_>>().into()
        };
        let mut before = read(&text(&told["before_ddl"]), Some(dialect)).unwrap();
        let mut after = read(&text(&without_rows("after_ddl")), Some(dialect)).unwrap();
        align(&mut before, &mut after);
        for (part, found) in [("before_snapshot", &before), ("after_snapshot", &after)] {
            let told = Snapshot::from_json(&told[part].to_string()).unwrap();
            assert_eq!(schema_hash(&found.snapshot), schema_hash(&told), "{name} {part}");
        }
        let found = serde_json::to_value(diff(&before.snapshot, &after.snapshot)).unwrap();
        assert_eq!(found, told["expected_diff"], "{name}");
    }
}

#[test]
fn without_a_dialect_the_words_tell_it() {
    let dialect = |text: &str| read(text, None).unwrap().snapshot.dialect;
    assert_eq!(dialect("create table a (x integer primary key autoincrement)"), "sqlite");
    assert_eq!(dialect("create type m as enum ('a'); create table a (x m)"), "postgres");
    assert_eq!(dialect("create table a (x integer); comment on table a is 'b'"), "postgres");
}

#[test]
fn what_is_not_read_is_told_of() {
    let text = "create table a (x serial); create function f() returns integer language sql as 'select 1';";
    let declared = read(text, Some("postgres")).unwrap();
    assert_eq!(declared.not_read.len(), 1);
    assert!(declared.not_read[0].to_lowercase().starts_with("create function f"));
}

#[test]
fn files_that_are_no_schema_are_refused_with_a_code() {
    let code = |text: &str, dialect| read(text, dialect).unwrap_err().code();
    assert_eq!(code("create tabel a (x)", None), "ddl_refused");
    assert_eq!(code("create tabel a (x)", Some("postgres")), "ddl_syntax");
    assert_eq!(code("alter table a add column x integer", Some("postgres")), "ddl_order");
    assert_eq!(code("create table a (x)", Some("oracle")), "ddl_dialect_unknown");
    // A file declares tables; it opens no other file of this machine.
    assert_eq!(code("attach 'other.sqlite' as other", Some("sqlite")), "ddl_refused");
}

#[test]
fn two_files_that_share_no_beginning_are_compared_by_name() {
    let read = |text: &str| read(text, Some("postgres")).unwrap();
    let mut before = read("create table a (x integer); create table b (y text);");
    let mut after = read("create table b (y text); create table a (x integer, z date);");
    align(&mut before, &mut after);
    let found = diff(&before.snapshot, &after.snapshot);
    assert_eq!((found.len(), found.added[0].entity.to_string()), (1, "public.a.z".to_owned()));
}
