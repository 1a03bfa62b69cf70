//! Literals become their values; the writer quotes them again in its own way.

use super::Lower;
use crate::sql::guard::GuardDialect;
use crate::sql::guard::refusal::{Checked, Code, Refusal};
use crate::sql::guard::tree::{Expr, Ident, Literal};
use sqlparser::ast::{self, Value};

const LONGEST_NUMBER: usize = 400;

impl Lower<'_> {
    /// A literal; a double-quoted text is a name where the dialect says so.
    pub(super) fn value(&self, value: ast::ValueWithSpan) -> Checked<Expr> {
        let ast::ValueWithSpan { value, span: _ } = value;
        if let Value::DoubleQuotedString(text) = value {
            return match self.dialect {
                GuardDialect::Mysql | GuardDialect::Bigquery => Ok(Expr::Literal(self.text(text)?)),
                GuardDialect::Postgres
                | GuardDialect::Sqlite
                | GuardDialect::Duckdb
                | GuardDialect::Snowflake
                | GuardDialect::Mssql => Ok(Expr::Column(vec![Ident::quoted(text)])),
            };
        }
        Ok(Expr::Literal(self.literal(value)?))
    }

    pub(super) fn literal(&self, value: Value) -> Checked<Literal> {
        match value {
            Value::Number(text, long) => number(text, long),
            Value::SingleQuotedString(text)
            | Value::TripleSingleQuotedString(text)
            | Value::TripleDoubleQuotedString(text)
            | Value::SingleQuotedRawStringLiteral(text)
            | Value::DoubleQuotedRawStringLiteral(text)
            | Value::TripleSingleQuotedRawStringLiteral(text)
            | Value::TripleDoubleQuotedRawStringLiteral(text)
            | Value::EscapedStringLiteral(text)
            | Value::UnicodeStringLiteral(text)
            | Value::DoubleQuotedString(text) => self.text(text),
            Value::DollarQuotedString(ast::DollarQuotedString { value, tag: _ }) => self.text(value),
            Value::NationalStringLiteral(text) => match self.text(text)? {
                Literal::Text(text) if self.dialect == GuardDialect::Mssql => Ok(Literal::National(text)),
                other => Ok(other),
            },
            Value::QuoteDelimitedStringLiteral(_) | Value::NationalQuoteDelimitedStringLiteral(_) => {
                Err(unsafe_literal("A literal with chosen delimiters"))
            }
            Value::HexStringLiteral(text) => {
                let hex = text.len().is_multiple_of(2) && text.bytes().all(|b| b.is_ascii_hexdigit());
                if hex { Ok(Literal::Hex(text)) } else { Err(unsafe_literal("A hexadecimal literal")) }
            }
            Value::SingleQuotedByteStringLiteral(text)
            | Value::DoubleQuotedByteStringLiteral(text)
            | Value::TripleSingleQuotedByteStringLiteral(text)
            | Value::TripleDoubleQuotedByteStringLiteral(text) => {
                let plain = |b: u8| b.is_ascii_graphic() && !matches!(b, b'\\' | b'\'' | b'"') || b == b' ';
                if text.bytes().all(plain) {
                    Ok(Literal::Bits(text))
                } else {
                    Err(unsafe_literal("A byte literal"))
                }
            }
            Value::Boolean(true) => Ok(Literal::True),
            Value::Boolean(false) => Ok(Literal::False),
            Value::Null => Ok(Literal::Null),
            // Without numbers they count by their places in the text, which the writer keeps.
            Value::Placeholder(name)
                if name == "?" && self.dialect == GuardDialect::Mysql && self.parameters > 0 =>
            {
                Ok(Literal::Parameter(1))
            }
            Value::Placeholder(name) => {
                let number = name.get(1..).and_then(|digits| digits.parse::<usize>().ok());
                match number.filter(|number| (1..=self.parameters).contains(number)) {
                    Some(number) => Ok(Literal::Parameter(number)),
                    None => Err(Refusal::new(
                        Code::VariableNotAllowed,
                        format!("The parameter {name} has no value here; write the value."),
                    )),
                }
            }
        }
    }

    fn text(&self, text: String) -> Checked<Literal> {
        // An escape may stand for one; written anew it would be the character itself, which no statement holds.
        if text.chars().any(|c| c.is_ascii_control() && !matches!(c, '\t' | '\n' | '\r')) {
            return Err(unsafe_literal("A literal with a control character"));
        }
        if self.dialect == GuardDialect::Mssql && (text.contains("\\\n") || text.contains("\\\r")) {
            return Err(unsafe_literal("A literal with a backslash at the end of a line"));
        }
        Ok(Literal::Text(text))
    }

    /// A literal that must be text.
    pub(super) fn text_value(&self, value: ast::ValueWithSpan) -> Checked<Literal> {
        match self.value(value)? {
            Expr::Literal(literal @ (Literal::Text(_) | Literal::National(_))) => Ok(literal),
            _other => Err(unsafe_literal("Something else than a text here")),
        }
    }
}

fn number(text: String, long: bool) -> Checked<Literal> {
    let digits = text.starts_with(|c: char| c.is_ascii_digit() || c == '.');
    let plain = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'+' | b'-');
    if long || !digits || text.len() > LONGEST_NUMBER || !text.bytes().all(plain) || text.contains("--") {
        return Err(unsafe_literal(&format!("The number {text}")));
    }
    Ok(Literal::Number(text))
}

fn unsafe_literal(what: &str) -> Refusal {
    Refusal::new(Code::LiteralNotAllowed, format!("{what} is not allowed; write a plain text or number."))
}
