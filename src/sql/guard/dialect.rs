//! The SQL dialects that the guard reads, and how each treats names.

use super::grammar::{GuardBigQuery, GuardDuckDb, GuardMsSql, GuardMySql, GuardSqlite};
use super::refusal::{Code, Refusal};
use super::tree::Ident;
use sqlparser::dialect::{Dialect, PostgreSqlDialect, SnowflakeDialect};
use sqlparser::keywords::ALL_KEYWORDS;
use std::borrow::Cow;
use std::str::FromStr;
use std::sync::LazyLock;

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
            Self::Sqlite => {
                static DIALECT: LazyLock<GuardSqlite> = LazyLock::new(GuardSqlite::new);
                &*DIALECT
            }
            Self::Mysql => {
                static DIALECT: LazyLock<GuardMySql> = LazyLock::new(GuardMySql::new);
                &*DIALECT
            }
            Self::Duckdb => {
                static DIALECT: LazyLock<GuardDuckDb> = LazyLock::new(GuardDuckDb::new);
                &*DIALECT
            }
            Self::Snowflake => &SnowflakeDialect,
            Self::Bigquery => {
                static DIALECT: LazyLock<GuardBigQuery> = LazyLock::new(GuardBigQuery::new);
                &*DIALECT
            }
            Self::Mssql => {
                static DIALECT: LazyLock<GuardMsSql> = LazyLock::new(GuardMsSql::new);
                &*DIALECT
            }
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
        if keeps_case || lower {
            Cow::Borrowed(&ident.text)
        } else {
            Cow::Owned(ident.text.to_ascii_lowercase())
        }
    }

    /// A name of the catalog as it must be written to mean just that: quoted, unless it is a plain word
    /// that means itself.
    pub(crate) fn catalog_ident(self, name: &str) -> Ident {
        let starts = name.starts_with(|c: char| c.is_ascii_lowercase() || c == '_');
        let plain = starts && name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_');
        let upper = name.to_ascii_uppercase();
        let keyword =
            ALL_KEYWORDS.binary_search(&upper.as_str()).is_ok() && !matches!(name, "public" | "main" | "dbo");
        // A catalog of Snowflake in lower case was not read from it: there quotes would keep that case.
        if plain && (!keyword || self == Self::Snowflake) { Ident::plain(name) } else { Ident::quoted(name) }
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
