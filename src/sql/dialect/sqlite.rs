//! SQLite.

use super::Dialect;
use crate::semantic::expr::ScalarType;
use crate::semantic::model::WeekStart;
use crate::semantic::query::Grain;
use sqlparser::keywords::ALL_KEYWORDS;
use vanna_actors::ports::sql::Value;

/// How SQLite spells things.
#[derive(Clone, Copy, Debug)]
pub struct Sqlite;

impl Dialect for Sqlite {
    fn identifier(&self, name: &str) -> String {
        let plain = name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
            && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
            && ALL_KEYWORDS.binary_search(&name.to_ascii_uppercase().as_str()).is_err();
        if plain { name.to_owned() } else { format!("\"{}\"", name.replace('"', "\"\"")) }
    }

    /// A NUL would end the statement, so such a text is spelled as bytes (of UTF-8, the usual encoding).
    fn text(&self, text: &str) -> String {
        if text.contains('\0') {
            let digits: String = text.bytes().map(|byte| format!("{byte:02x}")).collect();
            return format!("CAST(x'{digits}' AS TEXT)");
        }
        format!("'{}'", text.replace('\'', "''"))
    }

    fn real(&self, number: f64) -> String {
        format!("{number:?}")
    }

    fn boolean(&self, value: bool) -> String {
        u8::from(value).to_string()
    }

    fn placeholder(&self, number: usize) -> String {
        format!("?{number}")
    }

    fn bind(&self, value: &Value) -> Value {
        match value {
            Value::Bool(value) => Value::Int(i64::from(*value)),
            Value::Date(text) | Value::DateTime(text) => Value::Text(text.clone()),
            other => other.clone(),
        }
    }

    fn trunc(&self, of: &str, grain: Grain, week_start: WeekStart) -> String {
        match (grain, week_start) {
            (Grain::Day, _) => format!("date({of})"),
            (Grain::Week, WeekStart::Monday) => format!("date({of}, 'weekday 0', '-6 days')"),
            (Grain::Week, WeekStart::Sunday) => format!("date({of}, '-6 days', 'weekday 0')"),
            (Grain::Month, _) => format!("strftime('%Y-%m-01', {of})"),
            (Grain::Quarter, _) => {
                format!("date({of}, 'start of month', '-' || ((strftime('%m', {of}) - 1) % 3) || ' months')")
            }
            (Grain::Year, _) => format!("strftime('%Y-01-01', {of})"),
        }
    }

    /// SQLite runs over into the next month, so the last day of the wanted month is the upper bound.
    fn back(&self, day: &str, months: u32, days: u32) -> String {
        let earlier = if months == 0 {
            format!("date({day})")
        } else {
            let last = format!("date({day}, 'start of month', '-{months} months', '+1 month', '-1 day')");
            format!("min(date({day}, '-{months} months'), {last})")
        };
        if days == 0 { earlier } else { format!("date({earlier}, '-{days} days')") }
    }

    fn same(&self, left: &str, right: &str) -> String {
        format!("{left} IS {right}")
    }

    fn contains(&self, of: &str, part: &str) -> String {
        format!("instr({of}, {part}) > 0")
    }

    fn divide(&self, left: &str, right: &str) -> String {
        format!("CAST({left} AS REAL) / NULLIF({right}, 0)")
    }

    fn type_name(&self, to: ScalarType) -> &'static str {
        match to {
            ScalarType::Text => "TEXT",
            ScalarType::Integer => "INTEGER",
            ScalarType::Real => "REAL",
        }
    }

    fn order_key(&self, of: &str, descending: bool) -> String {
        format!("{of} {} NULLS LAST", if descending { "DESC" } else { "ASC" })
    }
}
