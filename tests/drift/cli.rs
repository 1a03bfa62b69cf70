//! `vanna schema diff` on files.

use crate::scenarios;
use serde_json::Value as JsonValue;
use std::process::{Command, Output};

fn schema_diff(arguments: &[&std::path::Path], more: &[&str]) -> Output {
    let [before, after] = arguments else { panic!("two files") };
    let mut command = Command::new(env!("CARGO_BIN_EXE_vanna"));
    command.args(["schema", "diff", "--before"]).arg(before).arg("--after").arg(after).args(more);
    command.output().unwrap()
}

#[test]
fn snapshots_in_files_give_the_diff_and_what_it_does_to_statements() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    for scenario in ["postgres", "sqlite", "duckdb"].into_iter().flat_map(scenarios::of) {
        std::fs::write(path("before"), scenario.told["before_snapshot"].to_string()).unwrap();
        std::fs::write(path("after"), scenario.told["after_snapshot"].to_string()).unwrap();
        let queries = scenario.told["queries"].as_array().unwrap();
        let lines: Vec<String> = queries.iter().map(ToString::to_string).collect();
        std::fs::write(path("queries"), lines.join("\n")).unwrap();
        let queries_file = path("queries");
        let more = ["--json", "--queries", queries_file.to_str().unwrap()];
        let output = schema_diff(&[&path("before"), &path("after")], &more);
        assert!(output.status.success(), "{}: {output:?}", scenario.name);
        let found: JsonValue = serde_json::from_slice(&output.stdout).unwrap();
        for (part, told) in scenario.told["expected_diff"].as_object().unwrap() {
            assert_eq!(&found[part], told, "{} {part}", scenario.name);
        }
        assert_eq!(found["hash_equal"], scenario.told["hash_equal"], "{}", scenario.name);
        for (found, told) in found["queries"].as_array().unwrap().iter().zip(queries) {
            assert_eq!(found, told, "{}", scenario.name);
        }
    }
}

#[test]
fn declarations_of_sqlite_are_compared_without_a_database() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    std::fs::write(path("before.sql"), "create table a (x integer, y text);").unwrap();
    std::fs::write(path("after.sql"), "create table a (x integer);").unwrap();
    let output = schema_diff(&[&path("before.sql"), &path("after.sql")], &[]);
    assert!(output.status.success(), "{output:?}");
    assert_eq!(String::from_utf8_lossy(&output.stdout), "breaking     removed   column main.a.y\n");
}

/// Without `--dialect`, and with identities as the order of the statements gives them.
#[test]
fn declarations_of_postgres_are_compared_without_a_database() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    let base = "create table emp (id int primary key, name text not null, salary numeric(10,2));\n\
                comment on table emp is 'people';\n";
    std::fs::write(path("before.sql"), base).unwrap();
    std::fs::write(path("after.sql"), format!("{base}alter table emp rename column name to full_name;"))
        .unwrap();
    std::fs::write(path("queries"), "\"select name from emp\"\n{\"sql\": \"select sum(salary) from emp\"}")
        .unwrap();
    let queries = path("queries");
    let more = ["--json", "--queries", queries.to_str().unwrap()];
    let output = schema_diff(&[&path("before.sql"), &path("after.sql")], &more);
    assert!(output.status.success(), "{output:?}");
    let found: JsonValue = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(found["renamed"][0]["evidence"], "identity");
    assert_eq!(found["renamed"][0]["to"], "public.emp.full_name");
    assert_eq!(
        (&found["queries"][0]["impact"], &found["queries"][1]["impact"]),
        (&"broken".into(), &"unaffected".into())
    );
}

#[test]
fn a_file_that_is_no_schema_is_bad_input() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("bad");
    for text in ["{\"dialect\": 3}", "create tabel a (x)"] {
        std::fs::write(&path, text).unwrap();
        let output = schema_diff(&[&path, &path], &[]);
        assert_eq!(output.status.code(), Some(2), "{text}: {output:?}");
    }
}
