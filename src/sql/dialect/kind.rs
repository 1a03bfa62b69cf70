//! What a dialect must be able to spell.

use super::{Duckdb, Mysql, Postgres, Sqlite};
use crate::semantic::expr::ScalarType;
use crate::semantic::model::WeekStart;
use crate::semantic::query::Grain;
use std::str::FromStr;
use vanna_actors::ports::sql::Value;

/// An SQL dialect that statements can be printed in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DialectKind {
    /// SQLite 3.30 and later: times are text, `YYYY-MM-DD` with or without a time of day.
    Sqlite,
    /// PostgreSQL 12 and later.
    Postgres,
    /// MySQL 8.0.17 and later, MariaDB 10.6 and later.
    Mysql,
    /// DuckDB 1.0 and later.
    Duckdb,
}

/// A dialect name that is not known.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("dialect `{0}` is not known; known: sqlite, postgres, mysql, duckdb")]
pub struct UnknownDialect(pub String);

impl FromStr for DialectKind {
    type Err = UnknownDialect;

    fn from_str(name: &str) -> Result<Self, UnknownDialect> {
        match name {
            "sqlite" => Ok(Self::Sqlite),
            "postgres" => Ok(Self::Postgres),
            "mysql" => Ok(Self::Mysql),
            "duckdb" => Ok(Self::Duckdb),
            other => Err(UnknownDialect(other.to_owned())),
        }
    }
}

impl DialectKind {
    /// The name, as configuration and command line write it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Sqlite => "sqlite",
            Self::Postgres => "postgres",
            Self::Mysql => "mysql",
            Self::Duckdb => "duckdb",
        }
    }

    /// How it spells things.
    #[must_use]
    pub fn spelling(self) -> &'static dyn Dialect {
        match self {
            Self::Sqlite => &Sqlite,
            Self::Postgres => &Postgres,
            Self::Mysql => &Mysql,
            Self::Duckdb => &Duckdb,
        }
    }
}

/// Spells the parts of a statement. Operands come in already spelled and bracketed where needed.
pub trait Dialect: Sync {
    /// A name, quoted when it must be.
    fn identifier(&self, name: &str) -> String;

    /// A text literal that reads back as exactly this text.
    fn text(&self, text: &str) -> String;

    /// A finite number.
    fn real(&self, number: f64) -> String;

    /// A truth value.
    fn boolean(&self, value: bool) -> String;

    /// The parameter with this number, from 1.
    fn placeholder(&self, number: usize) -> String;

    /// A value as the engine takes it for a parameter.
    fn bind(&self, value: &Value) -> Value;

    /// First day of the period that a time falls in.
    fn trunc(&self, of: &str, grain: Grain, week_start: WeekStart) -> String;

    /// The day some months and days before, at most the last one of its month.
    fn back(&self, day: &str, months: u32, days: u32) -> String;

    /// Equality under which two nulls are equal.
    fn same(&self, left: &str, right: &str) -> String;

    /// Whether a text holds another, letter by letter.
    fn contains(&self, of: &str, part: &str) -> String;

    /// Real division that gives null for a zero divisor.
    fn divide(&self, left: &str, right: &str) -> String;

    /// Null, of the type that a column of a relation has, where the engine asks for it.
    fn null_of(&self, _relation: &str, _column: &str) -> String {
        "NULL".to_owned()
    }

    /// A text as it is compared and grouped: equal only to what has the same letters.
    fn exact(&self, of: &str) -> String {
        of.to_owned()
    }

    /// Two texts, one after the other. Operands that bind less close come in brackets.
    fn concat(&self, left: &str, right: &str) -> String {
        format!("{left} || {right}")
    }

    /// The mean of a column, with all digits of a double.
    fn mean(&self, of: &str) -> String {
        format!("AVG({of})")
    }

    /// The name of a function that counts the letters of a text.
    fn length(&self) -> &'static str {
        "LENGTH"
    }

    /// A type's name in a cast.
    fn type_name(&self, to: ScalarType) -> &'static str;

    /// Whether keys of an order can be columns of a result alone, and no aggregates.
    fn orders_apart(&self) -> bool {
        false
    }

    /// One key of an order, nulls last.
    fn order_key(&self, of: &str, descending: bool) -> String;
}
