//! What the columns of a result are: by declaration where SQLite knows one, else by the values.
//!
//! SQLite types values, not columns, so a declaration counts only as far as the values agree with it.

use super::read::text_of;
use crate::sql::runner::names::unique_names;
use vanna_actors::ports::sql::{Column, ColumnType, Output, ResultSet, Role, Value};

/// Rows as the engine gave them: only null, whole numbers, reals, texts and bytes.
pub(super) struct Raw {
    /// Name and declared type of each column.
    pub(super) columns: Vec<(String, Option<String>)>,
    pub(super) rows: Vec<Vec<Value>>,
    pub(super) row_count: u64,
    pub(super) truncated: bool,
}

/// Gives each column a unique name and a type, and each cell the kind that the type asks for. What
/// was planned decides only where there is neither a declaration nor a value.
pub(super) fn result_set(mut raw: Raw, planned: &[Output]) -> ResultSet {
    let names = unique_names(raw.columns.iter().map(|(name, _)| name.as_str()));
    let mut columns = Vec::with_capacity(names.len());
    for (place, (name, (_, declared))) in names.into_iter().zip(&raw.columns).enumerate() {
        let seen = Seen::of(raw.rows.iter().filter_map(|row| row.get(place)));
        let kind = seen.kind(declared_kind(declared.as_deref()), planned.get(place));
        for cell in raw.rows.iter_mut().filter_map(|row| row.get_mut(place)) {
            convert(cell, kind);
        }
        columns.push(Column { name, kind });
    }
    ResultSet { columns, rows: raw.rows, row_count: raw.row_count, truncated: raw.truncated }
}

/// What a declared type asks for, where it is one that we know.
fn declared_kind(declared: Option<&str>) -> Option<ColumnType> {
    let text = declared?.to_ascii_uppercase();
    let word = text.split(['(', ' ']).next().unwrap_or_default();
    Some(match word {
        "BOOL" | "BOOLEAN" => ColumnType::Boolean,
        "JSON" | "JSONB" => ColumnType::Json,
        "DATE" => ColumnType::Date,
        "DATETIME" | "TIMESTAMP" | "TIMESTAMPTZ" => ColumnType::DateTime,
        "NUMERIC" | "DECIMAL" | "NUMBER" | "REAL" | "DOUBLE" | "FLOAT" | "MONEY" => ColumnType::Number,
        "BLOB" | "BINARY" | "VARBINARY" | "BYTEA" => ColumnType::Binary,
        _ if word.contains("INT") || word == "SERIAL" => ColumnType::Integer,
        _ if ["CHAR", "TEXT", "CLOB", "STRING"].iter().any(|part| word.contains(part)) => ColumnType::String,
        _ => return None,
    })
}

/// Which kinds of values a column holds.
#[derive(Clone, Copy, Default)]
struct Seen {
    ints: bool,
    reals: bool,
    texts: bool,
    blobs: bool,
    only_bits: bool,
    only_dates: bool,
    only_times: bool,
    only_json: bool,
}

impl Seen {
    fn of<'v>(values: impl Iterator<Item = &'v Value>) -> Self {
        let all =
            Self { only_bits: true, only_dates: true, only_times: true, only_json: true, ..Self::default() };
        values.fold(all, |seen, value| seen.and(value))
    }

    fn and(mut self, value: &Value) -> Self {
        match value {
            Value::Int(number) => {
                self.ints = true;
                self.only_bits &= matches!(number, 0 | 1);
            }
            Value::Real(_) => self.reals = true,
            Value::Text(text) => {
                self.texts = true;
                self.only_dates = self.only_dates && is_date(text);
                self.only_times = self.only_times && is_datetime(text);
                self.only_json =
                    self.only_json && serde_json::from_str::<serde::de::IgnoredAny>(text).is_ok();
            }
            Value::Blob(_) => self.blobs = true,
            _ => {}
        }
        self
    }

    fn kind(self, declared: Option<ColumnType>, planned: Option<&Output>) -> ColumnType {
        use ColumnType as T;
        match (self.ints, self.reals, self.texts, self.blobs) {
            (false, false, false, false) => {
                declared.unwrap_or_else(|| match planned.map(|output| &output.role) {
                    Some(Role::Metric) => T::Number,
                    Some(Role::Time { .. }) => T::Date,
                    Some(Role::Dimension) | None => T::String,
                })
            }
            (true, false, false, false) => match declared {
                Some(T::Boolean) if self.only_bits => T::Boolean,
                Some(T::Number) => T::Number,
                _ => T::Integer,
            },
            (_, true, false, false) => T::Number,
            (false, false, true, false) => match declared {
                Some(T::Json) if self.only_json => T::Json,
                _ if self.only_dates => T::Date,
                _ if self.only_times => T::DateTime,
                _ => T::String,
            },
            (false, false, false, true) => T::Binary,
            _ => T::String,
        }
    }
}

fn convert(cell: &mut Value, kind: ColumnType) {
    if *cell == Value::Null {
        return;
    }
    let taken = std::mem::replace(cell, Value::Null);
    *cell = match (kind, taken) {
        (ColumnType::Boolean, Value::Int(bit)) => Value::Bool(bit != 0),
        (ColumnType::Date, Value::Text(text)) => Value::Date(text),
        (ColumnType::DateTime, Value::Text(text)) => Value::DateTime(text.replacen(' ', "T", 1)),
        (ColumnType::Json, Value::Text(text)) => Value::Json(text),
        (ColumnType::String, other) => Value::Text(match other {
            Value::Text(text) => text,
            other => text_of(&other),
        }),
        (_, other) => other,
    };
}

/// `YYYY-MM-DD`, and a day that exists.
fn is_date(text: &str) -> bool {
    let shaped = text.len() == 10 && shape(text).eq("dddd-dd-dd".bytes());
    shaped && text.parse::<jiff::civil::Date>().is_ok()
}

/// A date, `T` or a blank, `HH:MM` with optional seconds and fraction, optional `Z` or offset.
fn is_datetime(text: &str) -> bool {
    let Some((date, time)) = text.split_once(['T', ' ']) else { return false };
    is_date(date) && is_time(time)
}

fn is_time(text: &str) -> bool {
    let end = text.find(['Z', '+', '-']).unwrap_or(text.len());
    let (clock, zone) = text.split_at(end);
    let zone_fits = matches!(shape(zone).collect::<Vec<_>>().as_slice(), b"" | b"Z" | b"+dd:dd" | b"-dd:dd");
    let (whole, fraction) = clock.split_once('.').unwrap_or((clock, "0"));
    let clock_fits = match whole.len() {
        5 => shape(whole).eq("dd:dd".bytes()) && !clock.contains('.'),
        8 => shape(whole).eq("dd:dd:dd".bytes()),
        _ => false,
    };
    let digits = !fraction.is_empty() && fraction.len() <= 9 && fraction.bytes().all(|b| b.is_ascii_digit());
    zone_fits && clock_fits && digits && whole.parse::<jiff::civil::Time>().is_ok()
}

/// The text with every digit replaced by `d`.
fn shape(text: &str) -> impl Iterator<Item = u8> {
    text.bytes().map(|byte| if byte.is_ascii_digit() { b'd' } else { byte })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_and_times_are_told_from_texts_that_only_look_like_them() {
        for text in ["2024-02-29", "0001-01-01"] {
            assert!(is_date(text), "{text}");
        }
        for text in
            ["2023-02-29", "2024-13-01", "2024-1-1", "20240101", "2024-01-01 ", "+024-01-01", "2024/01/01"]
        {
            assert!(!is_date(text), "{text}");
        }
        for text in [
            "2024-01-01 00:00",
            "2024-01-01T23:59:59",
            "2024-01-01 10:00:00.123",
            "2024-01-01T10:00:00Z",
            "2024-01-01T10:00:00+02:00",
        ] {
            assert!(is_datetime(text), "{text}");
        }
        for text in [
            "2024-01-01",
            "2024-01-01 25:00",
            "2024-01-01 10",
            "2024-01-01  10:00",
            "2024-01-01 10:00:00.",
            "2024-01-01 10:00+2",
            "2024-01-01T10:00:00é",
            "now",
        ] {
            assert!(!is_datetime(text), "{text}");
        }
    }
}
