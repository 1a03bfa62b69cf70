//! Columns of functions that give rows.

use crate::sql::guard::GuardDialect;

/// The columns of a listed function that gives rows, where they are fixed.
pub(crate) fn table_columns(function: &str, dialect: GuardDialect) -> Option<Vec<String>> {
    let columns: &[&str] = match (dialect, function) {
        (GuardDialect::Sqlite, "json_each" | "json_tree" | "jsonb_each" | "jsonb_tree") => {
            &["key", "value", "type", "atom", "id", "parent", "fullkey", "path", "json", "root"]
        }
        (GuardDialect::Sqlite, "generate_series") => &["value", "start", "stop", "step"],
        (GuardDialect::Postgres, "json_each" | "json_each_text" | "jsonb_each" | "jsonb_each_text") => {
            &["key", "value"]
        }
        (
            GuardDialect::Postgres,
            "json_array_elements"
            | "json_array_elements_text"
            | "jsonb_array_elements"
            | "jsonb_array_elements_text",
        ) => &["value"],
        (GuardDialect::Snowflake, "flatten") => &["seq", "key", "path", "index", "value", "this"],
        (GuardDialect::Snowflake, "split_to_table" | "strtok_split_to_table") => &["seq", "index", "value"],
        (GuardDialect::Mssql, "string_split") => &["value", "ordinal"],
        (GuardDialect::Mssql, "generate_series") => &["value"],
        (GuardDialect::Mssql, "openjson") => &["key", "value", "type"],
        (GuardDialect::Duckdb, "json_each" | "json_tree") => {
            &["key", "value", "type", "atom", "id", "parent", "fullkey", "path", "json", "rowid"]
        }
        (
            GuardDialect::Postgres
            | GuardDialect::Sqlite
            | GuardDialect::Mysql
            | GuardDialect::Duckdb
            | GuardDialect::Snowflake
            | GuardDialect::Bigquery
            | GuardDialect::Mssql,
            _,
        ) => return None,
    };
    Some(columns.iter().map(|column| (*column).to_owned()).collect())
}
