//! Makes the lists from the engines' own catalogs, less a reviewed set of patterns.

use rusqlite::Connection;
use std::process::Command;

const SQLITE_DENY: &str = include_str!("sqlite-deny.txt");
const POSTGRES_DENY: &str = include_str!("postgres-deny.txt");

/// Names of functions that are immutable or stable and that a statement can call.
const POSTGRES_QUERY: &str = "SELECT DISTINCT p.proname FROM pg_catalog.pg_proc p \
    JOIN pg_catalog.pg_namespace n ON n.oid = p.pronamespace \
    WHERE n.nspname = 'pg_catalog' AND p.provolatile IN ('i', 's') AND p.prokind <> 'p' \
    AND NOT EXISTS (SELECT 1 FROM unnest(p.proargtypes) t WHERE t IN ('internal'::regtype, 'cstring'::regtype)) \
    AND p.prorettype NOT IN ('internal'::regtype, 'cstring'::regtype, 'trigger'::regtype, 'event_trigger'::regtype) \
    AND NOT EXISTS (SELECT 1 FROM pg_catalog.pg_operator o WHERE o.oprcode = p.oid \
      AND p.proname NOT IN ('length', 'lower', 'upper', 'overlaps', 'position')) \
    ORDER BY 1";

/// Why a list could not be made.
#[derive(Debug, thiserror::Error)]
pub enum MakeError {
    /// SQLite said no.
    #[error("SQLite could not list its functions: {0}")]
    Sqlite(#[from] rusqlite::Error),
    /// `psql` could not be started, or said no.
    #[error("psql could not list the functions: {0}")]
    Postgres(String),
}

/// Functions of the SQLite that is built in, reviewed, one a line.
///
/// # Errors
/// The engine cannot list them.
pub fn list_sqlite() -> Result<String, MakeError> {
    let connection = Connection::open_in_memory()?;
    let mut statement =
        connection.prepare("SELECT DISTINCT lower(name) FROM pragma_function_list ORDER BY 1")?;
    let names = statement.query_map([], |row| row.get::<_, String>(0))?.collect::<Result<Vec<_>, _>>()?;
    let version = rusqlite::version();
    Ok(render(&format!("SQLite {version}: pragma_function_list less sqlite-deny.txt."), names, SQLITE_DENY))
}

/// Functions of a PostgreSQL server, reviewed, one a line; asks it through `psql`.
///
/// # Errors
/// `psql` is missing or cannot connect.
pub fn list_postgres(dsn: &str) -> Result<String, MakeError> {
    let ask = |query: &str| -> Result<Vec<String>, MakeError> {
        let output = Command::new("psql").args(["-X", "-A", "-t", "-c", query, dsn]).output();
        let output = output.map_err(|error| MakeError::Postgres(error.to_string()))?;
        if !output.status.success() {
            return Err(MakeError::Postgres(String::from_utf8_lossy(&output.stderr).trim().to_owned()));
        }
        Ok(String::from_utf8_lossy(&output.stdout).lines().map(str::to_owned).collect())
    };
    let version = ask("SHOW server_version_num")?.join("");
    let names = ask(POSTGRES_QUERY)?;
    Ok(render(&format!("PostgreSQL {version}: pg_proc less postgres-deny.txt."), names, POSTGRES_DENY))
}

fn render(title: &str, mut names: Vec<String>, deny: &str) -> String {
    let patterns: Vec<&str> =
        deny.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#')).collect();
    let word = |name: &String| name.starts_with(|c: char| c.is_ascii_alphabetic());
    names.retain(|name| word(name) && !patterns.iter().any(|pattern| matches(pattern, name)));
    names.sort();
    names.dedup();
    format!("# {title}\n# Made by `vanna sql functions`; review what changes.\n{}\n", names.join("\n"))
}

/// Whether a name fits a pattern in which `*` stands for anything.
fn matches(pattern: &str, name: &str) -> bool {
    match pattern.split_once('*') {
        None => pattern == name,
        Some((before, after)) => {
            let Some(rest) = name.strip_prefix(before) else { return false };
            (0..=rest.len()).any(|at| rest.get(at..).is_some_and(|tail| matches(after, tail)))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_committed_list_is_what_the_built_in_engine_gives() {
        assert_eq!(
            list_sqlite().unwrap(),
            include_str!("sqlite.txt"),
            "run `vanna sql functions --dialect sqlite`"
        );
    }

    #[test]
    fn patterns_match_whole_names() {
        assert!(matches("pg_*", "pg_sleep") && matches("*_to_xml*", "query_to_xmlschema"));
        assert!(!matches("oid*", "void") && !matches("version", "inversion"));
    }
}
