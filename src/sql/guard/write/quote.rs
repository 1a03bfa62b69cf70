//! Quoting: identifiers and literals, for each dialect, so that they end where they are meant to.

use crate::sql::guard::GuardDialect;
use crate::sql::guard::tree::{Ident, Literal};

/// An identifier. One that came without quotes is a plain word and stays so, because in some dialects
/// quotes change what it means.
pub(crate) fn identifier(ident: &Ident, dialect: GuardDialect) -> String {
    if !ident.quoted {
        return ident.text.clone();
    }
    let (open, close) = match dialect {
        GuardDialect::Postgres | GuardDialect::Sqlite | GuardDialect::Duckdb | GuardDialect::Snowflake => {
            ('"', '"')
        }
        GuardDialect::Mysql | GuardDialect::Bigquery => ('`', '`'),
        GuardDialect::Mssql => ('[', ']'),
    };
    let mut out = String::with_capacity(ident.text.len() + 2);
    out.push(open);
    for c in ident.text.chars() {
        if c == close {
            out.push(close);
        }
        out.push(c);
    }
    out.push(close);
    out
}

/// A literal.
pub(super) fn literal(literal: &Literal, dialect: GuardDialect) -> String {
    match literal {
        Literal::Text(text) => self::text(text, dialect),
        Literal::National(text) => format!("N{}", self::text(text, dialect)),
        Literal::Number(text) => text.clone(),
        Literal::Hex(text) if dialect == GuardDialect::Mssql => format!("0x{text}"),
        Literal::Hex(text) => format!("X'{text}'"),
        Literal::Bits(text) => format!("B'{text}'"),
        Literal::True => "TRUE".to_owned(),
        Literal::False => "FALSE".to_owned(),
        Literal::Null => "NULL".to_owned(),
        Literal::Parameter(number) => parameter(*number, dialect),
    }
}

fn parameter(number: usize, dialect: GuardDialect) -> String {
    match dialect {
        GuardDialect::Postgres | GuardDialect::Duckdb => format!("${number}"),
        GuardDialect::Sqlite => format!("?{number}"),
        GuardDialect::Mysql | GuardDialect::Snowflake => "?".to_owned(),
        GuardDialect::Bigquery | GuardDialect::Mssql => format!("@p{number}"),
    }
}

fn text(text: &str, dialect: GuardDialect) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    match dialect {
        // A backslash means itself here only while a setting says so; the E form means the same always.
        GuardDialect::Postgres if text.contains('\\') => {
            out.push('E');
            escaped(text, "''", &mut out);
        }
        GuardDialect::Postgres | GuardDialect::Sqlite | GuardDialect::Duckdb | GuardDialect::Mssql => {
            out.push('\'');
            for c in text.chars() {
                if c == '\'' {
                    out.push('\'');
                }
                out.push(c);
            }
            out.push('\'');
        }
        // A doubled quote ends the text whatever the setting for backslashes is.
        GuardDialect::Mysql | GuardDialect::Snowflake => escaped(text, "''", &mut out),
        // BigQuery does not double quotes, and a text of one line holds no line break.
        GuardDialect::Bigquery => escaped(text, "\\'", &mut out),
    }
    out
}

fn escaped(text: &str, quote: &str, out: &mut String) {
    out.push('\'');
    for c in text.chars() {
        match c {
            '\'' => out.push_str(quote),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            other => out.push(other),
        }
    }
    out.push('\'');
}
