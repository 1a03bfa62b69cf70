//! Relations of the engine itself, which tell about everything else. With a catalog they are unknown
//! like anything that is not in it; this list holds when there is none.

use crate::sql::guard::GuardDialect;
use crate::sql::guard::tree::Ident;

const MSSQL_VIEWS: &[&str] = &[
    "sysaltfiles",
    "syscacheobjects",
    "syscolumns",
    "syscomments",
    "sysconstraints",
    "syscurconfigs",
    "sysdatabases",
    "sysdepends",
    "sysdevices",
    "sysfilegroups",
    "sysfiles",
    "sysforeignkeys",
    "sysindexes",
    "sysindexkeys",
    "syslockinfo",
    "syslogins",
    "sysmembers",
    "sysmessages",
    "sysobjects",
    "sysoledbusers",
    "sysperfinfo",
    "syspermissions",
    "sysprocesses",
    "sysprotects",
    "sysreferences",
    "sysremotelogins",
    "sysservers",
    "systypes",
    "sysusers",
    "sysxlogins",
    "sysjobs",
];

/// Modules of SQLite that are there as tables without having been made.
const SQLITE_MODULES: &[&str] = &[
    "bytecode",
    "carray",
    "completion",
    "dbstat",
    "fsdir",
    "generate_series",
    "json_each",
    "json_tree",
    "jsonb_each",
    "jsonb_tree",
    "tables_used",
    "wholenumber",
    "zipfile",
];

/// Whether a name means something of the engine, or a file, or another server.
pub(super) fn is_system(name: &[Ident], dialect: GuardDialect) -> bool {
    let lower: Vec<String> = name.iter().map(|part| part.text.to_ascii_lowercase()).collect();
    let Some((last, schemas)) = lower.split_last() else { return true };
    let in_schema = |known: &[&str]| schemas.iter().any(|schema| known.contains(&schema.as_str()));
    if in_schema(&["information_schema"]) || last.starts_with("information_schema") {
        return true;
    }
    match dialect {
        GuardDialect::Postgres => {
            in_schema(&["pg_catalog"])
                || lower.iter().any(|part| part.starts_with("pg_"))
                || schemas.len() > 2
        }
        GuardDialect::Sqlite => {
            last.starts_with("sqlite_")
                || last.starts_with("pragma_")
                || last.starts_with("fts")
                || SQLITE_MODULES.contains(&last.as_str())
                || schemas.iter().any(|schema| schema != "main")
        }
        GuardDialect::Mysql => {
            in_schema(&["mysql", "performance_schema", "sys", "ndbinfo"]) || schemas.len() > 1
        }
        GuardDialect::Duckdb => {
            in_schema(&["pg_catalog", "system", "temp"])
                || ["duckdb_", "pragma_", "pg_", "sqlite_", "__"]
                    .iter()
                    .any(|prefix| last.starts_with(prefix))
                || lower.iter().any(|part| is_file(part))
        }
        GuardDialect::Snowflake => {
            schemas.first().is_some_and(|database| database == "snowflake")
                || in_schema(&[
                    "account_usage",
                    "organization_usage",
                    "reader_account_usage",
                    "data_sharing_usage",
                ])
                || lower.iter().any(|part| part.starts_with(['@', '~', '%']))
                || name.len() > 3
        }
        GuardDialect::Bigquery => {
            lower.iter().any(|part| part.contains("information_schema") || part.starts_with("region-"))
                || ["__tables", "__partitions", "*"].iter().any(|prefix| last.starts_with(prefix))
                || last.contains("$__")
                || last.contains('@')
        }
        GuardDialect::Mssql => {
            // A table of numbers that many statements count with.
            let numbers = last == "spt_values" && schemas.first().is_some_and(|schema| schema == "master");
            !numbers
                && (in_schema(&["sys", "master", "msdb", "tempdb", "model", "distribution"])
                    || MSSQL_VIEWS.contains(&last.as_str())
                    || last.starts_with('#')
                    || name.len() > 3)
        }
    }
}

/// DuckDB reads a file when a name looks like one.
fn is_file(name: &str) -> bool {
    name.contains(['/', '\\', ':', '*', '?', '[', '.', '$', '%'])
}
