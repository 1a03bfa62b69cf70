//! The SQL dialects that the guard reads, and how each treats names.

use super::refusal::{Code, Refusal};
use super::tree::Ident;
use sqlparser::dialect::{
    BigQueryDialect, Dialect, DuckDbDialect, MsSqlDialect, MySqlDialect, PostgreSqlDialect, SQLiteDialect,
    SnowflakeDialect,
};
use std::borrow::Cow;
use std::str::FromStr;

/// A dialect that the guard reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum GuardDialect {
    /// PostgreSQL.
    Postgres,
    /// SQLite.
    Sqlite,
    /// MySQL and MariaDB.
    Mysql,
    /// DuckDB.
    Duckdb,
    /// Snowflake.
    Snowflake,
    /// BigQuery.
    Bigquery,
    /// SQL Server.
    Mssql,
}

impl GuardDialect {
    /// All dialects.
    pub const ALL: [Self; 7] = [
        Self::Postgres,
        Self::Sqlite,
        Self::Mysql,
        Self::Duckdb,
        Self::Snowflake,
        Self::Bigquery,
        Self::Mssql,
    ];

    /// The name, as configuration and command line write it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Postgres => "postgres",
            Self::Sqlite => "sqlite",
            Self::Mysql => "mysql",
            Self::Duckdb => "duckdb",
            Self::Snowflake => "snowflake",
            Self::Bigquery => "bigquery",
            Self::Mssql => "mssql",
        }
    }

    pub(crate) fn parser(self) -> &'static dyn Dialect {
        match self {
            Self::Postgres => &PostgreSqlDialect {},
            Self::Sqlite => &SQLiteDialect {},
            Self::Mysql => &MySqlDialect {},
            Self::Duckdb => &DuckDbDialect {},
            Self::Snowflake => &SnowflakeDialect,
            Self::Bigquery => &BigQueryDialect {},
            Self::Mssql => &MsSqlDialect {},
        }
    }

    /// The schema that unqualified names mean, where there is one by convention.
    pub(crate) fn default_schema(self) -> Option<&'static str> {
        match self {
            Self::Postgres => Some("public"),
            Self::Sqlite | Self::Duckdb => Some("main"),
            Self::Mssql => Some("dbo"),
            Self::Mysql | Self::Snowflake | Self::Bigquery => None,
        }
    }

    /// The name that a written identifier stands for. Where case carries no meaning it is lowered, so
    /// that names can be compared.
    pub(crate) fn fold(self, ident: &Ident) -> Cow<'_, str> {
        let keeps_case = match self {
            Self::Postgres | Self::Snowflake => ident.quoted,
            Self::Sqlite | Self::Mysql | Self::Duckdb | Self::Bigquery | Self::Mssql => false,
        };
        // ASCII only, as the engines do: what looks alike to us must look alike to them.
        let lower = !ident.text.bytes().any(|b| b.is_ascii_uppercase());
        if keeps_case || lower { Cow::Borrowed(&ident.text) } else { Cow::Owned(ident.text.to_ascii_lowercase()) }
    }

    /// Whether backslashes escape inside of text literals.
    pub(crate) fn escapes_with_backslash(self) -> bool {
        match self {
            Self::Mysql | Self::Snowflake | Self::Bigquery => true,
            Self::Postgres | Self::Sqlite | Self::Duckdb | Self::Mssql => false,
        }
    }

    /// Whether `value.field` reads a field of a value, so that names may have more parts than a
    /// relation and a column.
    pub(crate) fn has_fields(self) -> bool {
        match self {
            Self::Bigquery | Self::Duckdb | Self::Snowflake => true,
            Self::Postgres | Self::Sqlite | Self::Mysql | Self::Mssql => false,
        }
    }
}

impl FromStr for GuardDialect {
    type Err = Refusal;

    fn from_str(name: &str) -> Result<Self, Refusal> {
        Ok(match name.to_ascii_lowercase().as_str() {
            "postgres" | "postgresql" => Self::Postgres,
            "sqlite" | "sqlite3" => Self::Sqlite,
            "mysql" | "mariadb" => Self::Mysql,
            "duckdb" => Self::Duckdb,
            "snowflake" => Self::Snowflake,
            "bigquery" => Self::Bigquery,
            "mssql" | "tsql" | "sqlserver" => Self::Mssql,
            other => {
                let known: Vec<_> = Self::ALL.iter().map(|dialect| dialect.name()).collect();
                return Err(Refusal::new(
                    Code::DialectUnknown,
                    format!("The dialect `{other}` is not known; known: {}.", known.join(", ")),
                ));
            }
        })
    }
}
