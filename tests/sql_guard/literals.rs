//! Literals and names come back from the engine as they were meant, whatever quotes they hold.

use super::fixtures::guard;
use super::random::Random;
use rusqlite::Connection;
use std::io::Write as _;
use std::process::{Command, Stdio};
use vanna::sql::guard::GuardDialect;

const PARTS: &[&str] = &[
    "'", "\"", "`", "[", "]", "\\", "\\\\", "''", "\\'", "a", " ", "--", "/*", ";", "é", "$$", "%", "_",
    "\n", "\t", "E'", "{", "}",
];

fn texts() -> Vec<String> {
    let mut random = Random::new(7);
    let mut texts: Vec<String> = PARTS.iter().map(|part| (*part).to_owned()).collect();
    for one in PARTS {
        texts.extend(PARTS.iter().map(|two| format!("{one}{two}")));
        texts.extend(PARTS.iter().map(|two| format!("a{one}{two}{one}z")));
    }
    for _ in 0..400 {
        texts.push((0..random.below(9)).map(|_| *random.pick(PARTS)).collect());
    }
    texts
}

/// A text as people write it in a dialect.
fn quoted(text: &str, dialect: GuardDialect) -> String {
    match dialect {
        GuardDialect::Mysql | GuardDialect::Snowflake => {
            format!("'{}'", text.replace('\\', "\\\\").replace('\'', "''"))
        }
        GuardDialect::Bigquery => {
            let escaped = text.replace('\\', "\\\\").replace('\'', "\\'").replace('\n', "\\n");
            format!("'{escaped}'")
        }
        GuardDialect::Postgres | GuardDialect::Sqlite | GuardDialect::Duckdb | GuardDialect::Mssql => {
            format!("'{}'", text.replace('\'', "''"))
        }
    }
}

#[test]
fn a_hexadecimal_number_stays_a_number_and_bytes_stay_bytes() {
    let cases = [
        (GuardDialect::Sqlite, "SELECT 0x1F, x'1f'", "SELECT 31, X'1f'"),
        (GuardDialect::Postgres, "SELECT 0x1F", "SELECT 31"),
        (GuardDialect::Bigquery, "SELECT 0xA", "SELECT 10"),
        (GuardDialect::Mysql, "SELECT 0x41", "SELECT X'41'"),
        (GuardDialect::Mssql, "SELECT 0x1F", "SELECT 0x1F"),
    ];
    for (dialect, sql, written) in cases {
        assert_eq!(guard(dialect, None).check(sql).unwrap().sql, written, "{}", dialect.name());
    }
    for (dialect, sql) in
        [(GuardDialect::Sqlite, "SELECT 0xFFFFFFFFFFFFFFFF"), (GuardDialect::Duckdb, "SELECT 0xFF")]
    {
        assert!(guard(dialect, None).check(sql).is_err(), "{sql}");
    }
}

#[test]
fn sqlite_reads_every_text_and_every_name_back() {
    let guard = guard(GuardDialect::Sqlite, None);
    let connection = Connection::open_in_memory().unwrap();
    for text in texts() {
        let name = text.replace(['\n', '\t'], "x");
        let name = if name.is_empty() { "x".to_owned() } else { name };
        let literal = quoted(&text, GuardDialect::Sqlite);
        let sql = format!("SELECT {literal} AS \"{}\", x'{}' AS b", name.replace('"', "\"\""), hex(&text));
        let verdict = guard.check(&sql).unwrap_or_else(|refusal| panic!("{refusal}\n{sql}"));
        let mut statement =
            connection.prepare(&verdict.sql).unwrap_or_else(|error| panic!("{error}\n{}", verdict.sql));
        assert_eq!(statement.column_name(0).unwrap(), name, "{}", verdict.sql);
        let (back, bytes): (String, Vec<u8>) =
            statement.query_row([], |row| Ok((row.get(0)?, row.get(1)?))).unwrap();
        assert_eq!(back, text, "{}", verdict.sql);
        assert_eq!(bytes, text.as_bytes());
    }
}

fn hex(text: &str) -> String {
    text.bytes().map(|byte| format!("{byte:02x}")).collect()
}

#[test]
fn no_text_becomes_code_in_any_dialect() {
    for dialect in GuardDialect::ALL {
        let guard = guard(dialect, None);
        for text in texts() {
            let sql = format!("SELECT {} AS a", quoted(&text, dialect));
            // SQL Server joins lines over a backslash; that is refused rather than changed.
            let Ok(verdict) = guard.check(&sql) else {
                assert!(dialect == GuardDialect::Mssql && text.contains("\\\n"), "{}: {sql}", dialect.name());
                continue;
            };
            assert!(verdict.tables.is_empty() && verdict.outputs.len() == 1, "{}: {sql}", dialect.name());
        }
    }
}

/// `VANNA_TEST_POSTGRES` holds a connection string for `psql`; without it this says so and ends.
#[test]
fn postgres_reads_every_text_back() {
    let Ok(dsn) = std::env::var("VANNA_TEST_POSTGRES") else {
        println!("left out: set VANNA_TEST_POSTGRES to a connection string to run this on PostgreSQL");
        return;
    };
    let guard = guard(GuardDialect::Postgres, None);
    let mut script = String::new();
    let texts = texts();
    for text in &texts {
        for literal in [quoted(text, GuardDialect::Postgres), escaped(text)] {
            let sql = format!("SELECT encode(convert_to({literal}, 'UTF8'), 'hex')");
            script.push_str(&guard.check(&sql).unwrap_or_else(|refusal| panic!("{refusal}\n{sql}")).sql);
            script.push_str(";\n");
        }
    }
    let mut psql = Command::new("psql");
    psql.args(["-X", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-f", "-", &dsn]);
    psql.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut running = psql.spawn().unwrap();
    let mut input = running.stdin.take().unwrap();
    let writer = std::thread::spawn(move || input.write_all(script.as_bytes()).unwrap());
    let output = running.wait_with_output().unwrap();
    writer.join().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let lines: Vec<String> = String::from_utf8(output.stdout).unwrap().lines().map(str::to_owned).collect();
    let expected: Vec<String> = texts.iter().flat_map(|text| [hex(text), hex(text)]).collect();
    assert_eq!(lines, expected);
}

/// PostgreSQL's form with escapes.
fn escaped(text: &str) -> String {
    format!("E'{}'", text.replace('\\', "\\\\").replace('\'', "\\'").replace('\n', "\\n"))
}
