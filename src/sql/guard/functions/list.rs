//! The lists and how a name is looked up in them.

use super::site::SiteFunctions;
use crate::sql::guard::GuardDialect;
use crate::sql::guard::refusal::{Checked, Code, Refusal};
use crate::sql::guard::tree::Ident;
use std::collections::HashSet;
use std::sync::LazyLock;

/// Text of the lists: one name a line, `#` begins a comment.
const POSTGRES: &[&str] = &[include_str!("postgres.txt"), include_str!("postgres-forms.txt")];
const SQLITE: &[&str] = &[include_str!("sqlite.txt"), include_str!("sqlite-forms.txt")];
const MYSQL: &[&str] = &[include_str!("mysql.txt")];
const DUCKDB: &[&str] = &[include_str!("duckdb.txt")];
const SNOWFLAKE: &[&str] = &[include_str!("snowflake.txt")];
const BIGQUERY: &[&str] = &[include_str!("bigquery.txt")];
const MSSQL: &[&str] = &[include_str!("mssql.txt")];

/// Functions that give rows, by dialect.
fn table_functions(dialect: GuardDialect) -> &'static [&'static str] {
    match dialect {
        GuardDialect::Postgres => &[
            "generate_series",
            "generate_subscripts",
            "json_array_elements",
            "json_array_elements_text",
            "json_each",
            "json_each_text",
            "json_object_keys",
            "json_populate_record",
            "json_populate_recordset",
            "json_to_record",
            "json_to_recordset",
            "jsonb_array_elements",
            "jsonb_array_elements_text",
            "jsonb_each",
            "jsonb_each_text",
            "jsonb_object_keys",
            "jsonb_path_query",
            "jsonb_to_record",
            "jsonb_to_recordset",
            "regexp_matches",
            "regexp_split_to_table",
            "string_to_table",
            "unnest",
            "ts_debug",
            "coalesce",
            "now",
        ],
        GuardDialect::Sqlite => &["json_each", "json_tree", "generate_series", "jsonb_each", "jsonb_tree"],
        GuardDialect::Mysql => &[],
        GuardDialect::Duckdb => &[
            "generate_series",
            "range",
            "unnest",
            "json_each",
            "json_tree",
            "generate_subscripts",
            "regexp_split_to_table",
        ],
        GuardDialect::Snowflake => &["flatten", "generator", "split_to_table", "strtok_split_to_table"],
        GuardDialect::Bigquery => &["unnest"],
        GuardDialect::Mssql => {
            &["string_split", "openjson", "generate_series", "regexp_split_to_table", "regexp_matches"]
        }
    }
}

/// What a site may call: the lists of a dialect and what its configuration adds.
pub(crate) struct Functions {
    site: SiteFunctions,
}

impl Functions {
    pub(crate) fn new(site: SiteFunctions) -> Self {
        Self { site }
    }

    /// The listed name of a function, where it stands in an expression.
    pub(crate) fn scalar(&self, name: &[Ident], dialect: GuardDialect) -> Checked<String> {
        let folded = folded(name, dialect);
        let found = plain_name(&folded, dialect);
        match found {
            Some(found) if listed(dialect).contains(found) => Ok(found.to_owned()),
            // Functions that give rows may also stand in an expression where the dialect has that.
            Some(found)
                if matches!(dialect, GuardDialect::Postgres | GuardDialect::Duckdb)
                    && table_functions(dialect).contains(&found) =>
            {
                Ok(found.to_owned())
            }
            _other => self.site.scalar(&folded).ok_or_else(|| refused(&folded)),
        }
    }

    /// The listed name of a function that gives rows.
    pub(crate) fn table(&self, name: &[Ident], dialect: GuardDialect) -> Checked<String> {
        let folded = folded(name, dialect);
        match plain_name(&folded, dialect) {
            Some(found) if table_functions(dialect).contains(&found) => Ok(found.to_owned()),
            _other => self.site.table(&folded).ok_or_else(|| refused(&folded)),
        }
    }
}

fn folded(name: &[Ident], dialect: GuardDialect) -> String {
    let parts: Vec<String> = name
        .iter()
        .map(|part| match dialect {
            // Exact where quotes keep case: "Lower" is no function of the system.
            GuardDialect::Postgres => dialect.fold(part).into_owned(),
            GuardDialect::Sqlite
            | GuardDialect::Mysql
            | GuardDialect::Duckdb
            | GuardDialect::Snowflake
            | GuardDialect::Bigquery
            | GuardDialect::Mssql => part.text.to_ascii_lowercase(),
        })
        .collect();
    parts.join(".")
}

/// The name without the system's schema; `None` where another schema stands before it.
fn plain_name(folded: &str, dialect: GuardDialect) -> Option<&str> {
    let Some((schema, name)) = folded.split_once('.') else { return Some(folded) };
    match (dialect, schema) {
        (GuardDialect::Postgres, "pg_catalog") => Some(name).filter(|name| !name.contains('.')),
        (GuardDialect::Bigquery, "safe") => Some(name),
        // Groups such as NET.HOST are listed with their dot.
        (GuardDialect::Bigquery, _) => Some(folded),
        (
            GuardDialect::Postgres
            | GuardDialect::Sqlite
            | GuardDialect::Mysql
            | GuardDialect::Duckdb
            | GuardDialect::Snowflake
            | GuardDialect::Mssql,
            _,
        ) => None,
    }
}

fn refused(name: &str) -> Refusal {
    let shown: String = name.chars().take(60).collect();
    let reason = format!("The function {shown} is not on the list of this dialect; use a listed one.");
    Refusal::new(Code::FunctionNotAllowed, reason)
}

fn parse(texts: &[&'static str]) -> HashSet<&'static str> {
    let lines = texts.iter().flat_map(|text| text.lines());
    lines
        .map(|line| line.split('#').next().unwrap_or_default().trim())
        .filter(|name| !name.is_empty())
        .collect()
}

/// Names that may be called in a dialect.
pub(crate) fn listed(dialect: GuardDialect) -> &'static HashSet<&'static str> {
    type Set = LazyLock<HashSet<&'static str>>;
    static LISTS: [Set; 7] = [
        LazyLock::new(|| parse(POSTGRES)),
        LazyLock::new(|| parse(SQLITE)),
        LazyLock::new(|| parse(MYSQL)),
        LazyLock::new(|| parse(DUCKDB)),
        LazyLock::new(|| parse(SNOWFLAKE)),
        LazyLock::new(|| parse(BIGQUERY)),
        LazyLock::new(|| parse(MSSQL)),
    ];
    let [postgres, sqlite, mysql, duckdb, snowflake, bigquery, mssql] = &LISTS;
    match dialect {
        GuardDialect::Postgres => postgres,
        GuardDialect::Sqlite => sqlite,
        GuardDialect::Mysql => mysql,
        GuardDialect::Duckdb => duckdb,
        GuardDialect::Snowflake => snowflake,
        GuardDialect::Bigquery => bigquery,
        GuardDialect::Mssql => mssql,
    }
}
