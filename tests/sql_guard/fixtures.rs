//! Statements of each dialect that must pass, and statements that must be refused.

use std::fs;
use std::path::PathBuf;
use vanna::sql::guard::{Guard, GuardDialect, Request, Schema};

pub(crate) fn statements(kind: &str, dialect: GuardDialect) -> Vec<String> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/sql_guard").join(kind);
    let mut text = fs::read_to_string(folder.join(format!("{}.sql", dialect.name()))).unwrap();
    // What every dialect reads the same way stands once.
    text.extend(fs::read_to_string(folder.join("common.sql")));
    let lines = text.lines().filter(|line| !line.is_empty() && !line.starts_with("--"));
    lines.map(|line| line.replace("\\n", "\n")).collect()
}

pub(crate) fn guard(dialect: GuardDialect, schema: Option<Schema>) -> Guard {
    Guard::new(Request { dialect, schema, policy: None, principal: None })
}

#[test]
fn real_analytics_of_every_dialect_pass() {
    for dialect in GuardDialect::ALL {
        let guard = guard(dialect, None);
        let legit = statements("legit", dialect);
        assert!(legit.len() >= 150, "{} has too few statements", dialect.name());
        for sql in legit {
            if let Err(refusal) = guard.check(&sql) {
                panic!("{}: {} ({})\n{sql}", dialect.name(), refusal, refusal.code.as_str());
            }
        }
    }
}

#[test]
fn what_writes_locks_leaks_or_never_ends_is_refused() {
    for dialect in GuardDialect::ALL {
        let guard = guard(dialect, None);
        let attacks = statements("attacks", dialect);
        assert!(attacks.len() >= 40, "{} has too few statements", dialect.name());
        for sql in attacks {
            if let Ok(verdict) = guard.check(&sql) {
                panic!("{} lets pass: {sql}\nas: {}", dialect.name(), verdict.sql);
            }
        }
    }
}

#[test]
fn what_runs_is_checked_to_the_same_text_again() {
    for dialect in GuardDialect::ALL {
        let guard = guard(dialect, None);
        for sql in statements("legit", dialect) {
            let first = guard.check(&sql).unwrap();
            let second = guard.check(&first.sql).unwrap_or_else(|refusal| panic!("{refusal}\n{}", first.sql));
            assert_eq!(first.sql, second.sql);
            assert_eq!(first.hash, second.hash);
        }
    }
}

#[test]
fn comments_never_reach_the_engine() {
    for dialect in GuardDialect::ALL {
        let sql = guard(dialect, None).check("SELECT 1 -- DROP\n /* x */ AS a").unwrap().sql;
        assert_eq!(sql, "SELECT 1 AS a");
    }
}

#[test]
fn codes_are_stable_and_documented() {
    let docs =
        fs::read_to_string(PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("docs/security-sql.md")).unwrap();
    for code in vanna::sql::guard::Code::ALL {
        let name = code.as_str();
        assert!(name.bytes().all(|b| b.is_ascii_lowercase() || b == b'_'), "{name}");
        assert!(
            docs.contains(&format!("| `{name}` |")),
            "docs/security-sql.md does not say what {name} means"
        );
    }
}
