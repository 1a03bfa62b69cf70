//! How each engine spells what the compiler means.

use super::model::Unit;
use serde::Serialize;
use sqlparser::keywords::ALL_KEYWORDS;

/// A database engine.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub enum Engine {
    /// 3.39 and later; times are text `YYYY-MM-DD HH:MM:SS`, truth values 0 and 1.
    Sqlite,
    /// 1.0 and later.
    DuckDb,
    /// 15 and later.
    Postgres,
    /// 8.0 and later, MariaDB 10.6 and later.
    MySql,
}

impl Engine {
    /// The engine with this name.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        match name {
            "sqlite" => Some(Self::Sqlite),
            "duckdb" => Some(Self::DuckDb),
            "postgres" | "postgresql" => Some(Self::Postgres),
            "mysql" | "mariadb" => Some(Self::MySql),
            _ => None,
        }
    }

    /// A name in quotes.
    #[must_use]
    pub fn quoted(self, name: &str) -> String {
        let quote = if self == Self::MySql { '`' } else { '"' };
        let inner = name.replace(quote, &format!("{quote}{quote}"));
        format!("{quote}{inner}{quote}")
    }

    /// A name as it stands in the source, in quotes only where it must be.
    #[must_use]
    pub fn name(self, name: &str) -> String {
        let plain = name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
            && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
        let keyword = ALL_KEYWORDS.binary_search(&name.to_ascii_uppercase().as_str()).is_ok();
        match (plain, keyword) {
            (true, false) => name.to_owned(),
            (true, true) if self == Self::Postgres => self.quoted(&name.to_ascii_lowercase()),
            _ => self.quoted(name),
        }
    }

    /// A table's name; SQLite knows no databases and calls its schema `main`.
    #[must_use]
    pub fn table(self, parts: &[String]) -> String {
        let keep = match self {
            Self::Sqlite => 1,
            _ => 3,
        };
        let skip = parts.len().saturating_sub(keep);
        parts.iter().skip(skip).map(|part| self.name(part)).collect::<Vec<_>>().join(".")
    }

    /// A text literal.
    #[must_use]
    pub fn text(self, text: &str) -> String {
        let text = text.replace('\0', "").replace('\'', "''");
        if self == Self::MySql { format!("'{}'", text.replace('\\', "\\\\")) } else { format!("'{text}'") }
    }

    /// A time literal, from `YYYY-MM-DD HH:MM:SS`.
    #[must_use]
    pub fn time(self, text: &str) -> String {
        match self {
            Self::Sqlite => self.text(text),
            Self::MySql => format!("CAST({} AS DATETIME)", self.text(text)),
            Self::DuckDb | Self::Postgres => format!("CAST({} AS TIMESTAMP)", self.text(text)),
        }
    }

    /// An expression as a time that compares with others.
    #[must_use]
    pub fn as_time(self, of: &str) -> String {
        match self {
            Self::Sqlite => format!("datetime({of})"),
            Self::MySql => format!("CAST({of} AS DATETIME(6))"),
            Self::DuckDb | Self::Postgres => format!("CAST({of} AS TIMESTAMP)"),
        }
    }

    /// The start of the period that a time falls in.
    #[must_use]
    pub fn trunc(self, unit: Unit, of: &str) -> String {
        match self {
            Self::Sqlite => sqlite_trunc(unit, of),
            Self::MySql => mysql_trunc(unit, of),
            Self::DuckDb | Self::Postgres => match unit {
                Unit::Nanosecond | Unit::Microsecond => format!("CAST({of} AS TIMESTAMP)"),
                _ => format!("DATE_TRUNC('{}', CAST({of} AS TIMESTAMP))", unit.name()),
            },
        }
    }

    /// A time so many units before; the day of a shorter month is its last.
    #[must_use]
    pub fn before(self, of: &str, count: u32, unit: Unit) -> String {
        let (count, unit) = match unit {
            Unit::Quarter => (u64::from(count) * 3, Unit::Month),
            Unit::Week => (u64::from(count) * 7, Unit::Day),
            other => (u64::from(count), other),
        };
        match self {
            Self::Sqlite => sqlite_before(of, count, unit),
            Self::Postgres => format!("({of} - INTERVAL '{count} {}')", unit.name()),
            Self::DuckDb => format!("({of} - INTERVAL {count} {})", unit.name()),
            Self::MySql => format!("({of} - INTERVAL {count} {})", unit.name().to_uppercase()),
        }
    }

    /// The day of a time, as models of our own show it.
    #[must_use]
    pub fn day(self, of: &str) -> String {
        match self {
            Self::Sqlite => format!("date({of})"),
            Self::DuckDb | Self::Postgres | Self::MySql => format!("CAST({of} AS DATE)"),
        }
    }

    /// A part of a time as a number; days of the week run from Monday as 1.
    #[must_use]
    pub fn part(self, part: &str, of: &str) -> Option<String> {
        let known = ["year", "quarter", "month", "day", "dow", "doy"];
        if !known.contains(&part) {
            return None;
        }
        Some(match self {
            Self::Sqlite => match part {
                "quarter" => format!("((CAST(strftime('%m', {of}) AS INTEGER) + 2) / 3)"),
                "dow" => format!("((CAST(strftime('%w', {of}) AS INTEGER) + 6) % 7 + 1)"),
                "year" => format!("CAST(strftime('%Y', {of}) AS INTEGER)"),
                "month" => format!("CAST(strftime('%m', {of}) AS INTEGER)"),
                "day" => format!("CAST(strftime('%d', {of}) AS INTEGER)"),
                _ => format!("CAST(strftime('%j', {of}) AS INTEGER)"),
            },
            Self::MySql => match part {
                "dow" => format!("(WEEKDAY({of}) + 1)"),
                "doy" => format!("DAYOFYEAR({of})"),
                other => format!("{}({of})", other.to_uppercase()),
            },
            Self::DuckDb | Self::Postgres => {
                let field = if part == "dow" { "isodow" } else { part };
                format!("EXTRACT({field} FROM CAST({of} AS TIMESTAMP))")
            }
        })
    }

    /// Real division, null for a zero divisor.
    #[must_use]
    pub fn divide(self, left: &str, right: &str) -> String {
        let real = self.real();
        format!("CAST({left} AS {real}) / NULLIF(CAST({right} AS {real}), 0)")
    }

    /// The type of real numbers.
    #[must_use]
    pub fn real(self) -> &'static str {
        match self {
            Self::Sqlite => "REAL",
            Self::DuckDb | Self::MySql => "DOUBLE",
            Self::Postgres => "DOUBLE PRECISION",
        }
    }

    /// Equality under which two nulls are equal.
    #[must_use]
    pub fn same(self, left: &str, right: &str) -> String {
        match self {
            Self::Sqlite => format!("{left} IS {right}"),
            Self::MySql => format!("{left} <=> {right}"),
            Self::DuckDb | Self::Postgres => format!("{left} IS NOT DISTINCT FROM {right}"),
        }
    }

    /// A key of the order, nulls last.
    #[must_use]
    pub fn order(self, of: &str, descending: bool) -> String {
        let way = if descending { "DESC" } else { "ASC" };
        if self == Self::MySql {
            format!("{of} IS NULL, {of} {way}")
        } else {
            format!("{of} {way} NULLS LAST")
        }
    }
}

fn sqlite_trunc(unit: Unit, of: &str) -> String {
    let form = |form: &str| format!("strftime('{form}', {of})");
    match unit {
        Unit::Nanosecond | Unit::Microsecond => {
            format!("CASE WHEN length({of}) <= 10 THEN {of} || ' 00:00:00' ELSE {of} END")
        }
        Unit::Millisecond => form("%Y-%m-%d %H:%M:%f"),
        Unit::Second => form("%Y-%m-%d %H:%M:%S"),
        Unit::Minute => form("%Y-%m-%d %H:%M:00"),
        Unit::Hour => form("%Y-%m-%d %H:00:00"),
        Unit::Day => form("%Y-%m-%d 00:00:00"),
        Unit::Week => format!("strftime('%Y-%m-%d 00:00:00', {of}, 'weekday 0', '-6 days')"),
        Unit::Month => form("%Y-%m-01 00:00:00"),
        Unit::Quarter => format!(
            "strftime('%Y-%m-%d 00:00:00', {of}, 'start of month', '-' || ((strftime('%m', {of}) - 1) % 3) || ' months')"
        ),
        Unit::Year => form("%Y-01-01 00:00:00"),
    }
}

fn mysql_trunc(unit: Unit, of: &str) -> String {
    let form = |form: &str| format!("CAST(DATE_FORMAT({of}, '{form}') AS DATETIME)");
    match unit {
        Unit::Nanosecond | Unit::Microsecond | Unit::Millisecond => format!("CAST({of} AS DATETIME(6))"),
        Unit::Second => form("%Y-%m-%d %H:%i:%s"),
        Unit::Minute => form("%Y-%m-%d %H:%i:00"),
        Unit::Hour => form("%Y-%m-%d %H:00:00"),
        Unit::Day => format!("CAST(DATE({of}) AS DATETIME)"),
        Unit::Week => format!("CAST(DATE({of}) - INTERVAL WEEKDAY({of}) DAY AS DATETIME)"),
        Unit::Month => form("%Y-%m-01"),
        Unit::Quarter => {
            format!("CAST(DATE_FORMAT({of}, '%Y-01-01') + INTERVAL (QUARTER({of}) - 1) QUARTER AS DATETIME)")
        }
        Unit::Year => form("%Y-01-01"),
    }
}

/// SQLite runs over into the next month, so the last day of the wanted month is the upper bound.
fn sqlite_before(of: &str, count: u64, unit: Unit) -> String {
    let form = "'%Y-%m-%d %H:%M:%S'";
    match unit {
        Unit::Month | Unit::Year => {
            let months = if unit == Unit::Year { count * 12 } else { count };
            let last = format!(
                "strftime('%Y-%m-%d', {of}, 'start of month', '-{months} months', '+1 month', '-1 day') || strftime(' %H:%M:%S', {of})"
            );
            format!("min(strftime({form}, {of}, '-{months} months'), {last})")
        }
        Unit::Nanosecond | Unit::Microsecond | Unit::Millisecond => {
            let per = match unit {
                Unit::Millisecond => 1e3,
                Unit::Microsecond => 1e6,
                _ => 1e9,
            };
            #[expect(clippy::cast_precision_loss, reason = "windows are small numbers")]
            let seconds = count as f64 / per;
            format!("strftime('%Y-%m-%d %H:%M:%f', {of}, '-{seconds} seconds')")
        }
        other => format!("strftime({form}, {of}, '-{count} {}s')", other.name()),
    }
}
