//! Values of the binary protocol, exactly: decimals keep their digits, whole numbers beyond 64 bits with a
//! sign become decimals, and dates that no calendar has stay the text that the server writes.

use mysql_async::consts::{ColumnFlags, ColumnType as Sent};
use mysql_async::{Column, Value as Cell};
use vanna_actors::ports::sql::{ColumnType, Value};

/// The character set that stands for bytes.
const BYTES: u16 = 63;

/// What a column holds.
pub(super) fn kind(of: &Column) -> ColumnType {
    match of.column_type() {
        Sent::MYSQL_TYPE_TINY
        | Sent::MYSQL_TYPE_SHORT
        | Sent::MYSQL_TYPE_INT24
        | Sent::MYSQL_TYPE_LONG
        | Sent::MYSQL_TYPE_LONGLONG
        | Sent::MYSQL_TYPE_YEAR
        | Sent::MYSQL_TYPE_BIT => ColumnType::Integer,
        Sent::MYSQL_TYPE_DECIMAL
        | Sent::MYSQL_TYPE_NEWDECIMAL
        | Sent::MYSQL_TYPE_FLOAT
        | Sent::MYSQL_TYPE_DOUBLE => ColumnType::Number,
        Sent::MYSQL_TYPE_DATE | Sent::MYSQL_TYPE_NEWDATE => ColumnType::Date,
        Sent::MYSQL_TYPE_DATETIME
        | Sent::MYSQL_TYPE_DATETIME2
        | Sent::MYSQL_TYPE_TIMESTAMP
        | Sent::MYSQL_TYPE_TIMESTAMP2 => ColumnType::DateTime,
        Sent::MYSQL_TYPE_JSON => ColumnType::Json,
        Sent::MYSQL_TYPE_GEOMETRY => ColumnType::Binary,
        Sent::MYSQL_TYPE_NULL | Sent::MYSQL_TYPE_TIME | Sent::MYSQL_TYPE_TIME2 => ColumnType::String,
        _ if of.flags().intersects(ColumnFlags::ENUM_FLAG | ColumnFlags::SET_FLAG) => ColumnType::String,
        _ if of.character_set() == BYTES => ColumnType::Binary,
        _ => ColumnType::String,
    }
}

/// A value; nothing when it is not of the column's type.
pub(super) fn value(of: &Column, cell: &Cell) -> Option<Value> {
    let sent = of.column_type();
    Some(match cell {
        Cell::NULL => Value::Null,
        Cell::Int(number) => Value::Int(*number),
        Cell::UInt(number) => whole(*number),
        Cell::Float(number) => real(number.to_string().parse().ok()?),
        Cell::Double(number) => real(*number),
        Cell::Date(year, month, day, hour, minute, second, micros) => {
            let date = format!("{year:04}-{month:02}-{day:02}");
            // The server has days that no calendar has: 0000-00-00, 2024-00-00.
            let is_day = *month > 0 && *day > 0;
            if kind(of) == ColumnType::Date {
                return Some(if is_day { Value::Date(date) } else { Value::Text(date) });
            }
            let time = format!("{hour:02}:{minute:02}:{second:02}{}", fraction(*micros));
            // The session is in UTC, so what was stored as a moment comes out as one.
            let is_moment = matches!(sent, Sent::MYSQL_TYPE_TIMESTAMP | Sent::MYSQL_TYPE_TIMESTAMP2);
            let zone = if is_moment { "Z" } else { "" };
            if is_day {
                Value::DateTime(format!("{date}T{time}{zone}"))
            } else {
                Value::Text(format!("{date} {time}"))
            }
        }
        Cell::Time(negative, days, hours, minutes, seconds, micros) => {
            let sign = if *negative { "-" } else { "" };
            let hours = u64::from(*days) * 24 + u64::from(*hours);
            Value::Text(format!("{sign}{hours:02}:{minutes:02}:{seconds:02}{}", fraction(*micros)))
        }
        Cell::Bytes(bytes) => match (kind(of), sent) {
            (ColumnType::Integer, _) => whole(bits(bytes)?),
            (ColumnType::Number, _) => Value::Decimal(text(bytes)?),
            (ColumnType::Json, _) => Value::Json(text(bytes)?),
            (ColumnType::Binary, _) => Value::Blob(bytes.clone()),
            _ => Value::Text(text(bytes)?),
        },
    })
}

fn text(bytes: &[u8]) -> Option<String> {
    std::str::from_utf8(bytes).ok().map(str::to_owned)
}

fn whole(number: u64) -> Value {
    i64::try_from(number).map_or_else(|_| Value::Decimal(number.to_string()), Value::Int)
}

/// BIT(n), the highest byte first.
fn bits(bytes: &[u8]) -> Option<u64> {
    let fits = bytes.len() <= 8;
    fits.then(|| bytes.iter().fold(0, |number, byte| number << 8 | u64::from(*byte)))
}

/// JSON knows no infinities.
fn real(number: f64) -> Value {
    if number.is_finite() { Value::Real(number) } else { Value::Text(number.to_string()) }
}

fn fraction(micros: u32) -> String {
    if micros == 0 {
        return String::new();
    }
    let digits = format!("{micros:06}");
    format!(".{}", digits.trim_end_matches('0'))
}

/// A parameter as the server takes it.
pub(super) fn bound(value: &Value) -> Cell {
    match value {
        Value::Null => Cell::NULL,
        Value::Bool(truth) => Cell::Int(i64::from(*truth)),
        Value::Int(number) => Cell::Int(*number),
        Value::Real(number) => Cell::Double(*number),
        Value::Date(text) => day(text).unwrap_or_else(|| Cell::Bytes(text.clone().into_bytes())),
        Value::DateTime(text) => moment(text).unwrap_or_else(|| Cell::Bytes(text.clone().into_bytes())),
        Value::Decimal(text) | Value::Text(text) | Value::Json(text) => {
            Cell::Bytes(text.clone().into_bytes())
        }
        Value::Blob(bytes) => Cell::Bytes(bytes.clone()),
    }
}

fn day(text: &str) -> Option<Cell> {
    let day: jiff::civil::Date = text.parse().ok()?;
    moment_of(day.to_datetime(jiff::civil::Time::midnight()))
}

fn moment(text: &str) -> Option<Cell> {
    let text = text.strip_suffix('Z').unwrap_or(text);
    moment_of(text.parse().ok()?)
}

fn moment_of(at: jiff::civil::DateTime) -> Option<Cell> {
    let small = |number: i8| u8::try_from(number).ok();
    Some(Cell::Date(
        u16::try_from(at.year()).ok()?,
        small(at.month())?,
        small(at.day())?,
        small(at.hour())?,
        small(at.minute())?,
        small(at.second())?,
        u32::try_from(at.subsec_nanosecond() / 1_000).ok()?,
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_of_no_calendar_stay_text_and_numbers_keep_their_digits() {
        let column = |of: Sent| Column::new(of).with_character_set(45);
        let zero = Cell::Date(0, 0, 0, 0, 0, 0, 0);
        assert_eq!(value(&column(Sent::MYSQL_TYPE_DATE), &zero), Some(Value::Text("0000-00-00".into())));
        let zero_time = value(&column(Sent::MYSQL_TYPE_DATETIME), &zero);
        assert_eq!(zero_time, Some(Value::Text("0000-00-00 00:00:00".into())));
        let big = value(&column(Sent::MYSQL_TYPE_LONGLONG), &Cell::UInt(u64::MAX));
        assert_eq!(big, Some(Value::Decimal("18446744073709551615".into())));
        let bit = value(&column(Sent::MYSQL_TYPE_BIT), &Cell::Bytes(vec![1, 0]));
        assert_eq!(bit, Some(Value::Int(256)));
        let span = value(&column(Sent::MYSQL_TYPE_TIME), &Cell::Time(true, 34, 22, 59, 59, 500_000));
        assert_eq!(span, Some(Value::Text("-838:59:59.5".into())));
    }

    #[test]
    fn times_are_bound_as_times() {
        let bound_date = bound(&Value::Date("2024-02-29".into()));
        assert_eq!(bound_date, Cell::Date(2024, 2, 29, 0, 0, 0, 0));
        let moment = bound(&Value::DateTime("2024-02-29T12:00:00.5Z".into()));
        assert_eq!(moment, Cell::Date(2024, 2, 29, 12, 0, 0, 500_000));
        assert_eq!(bound(&Value::Date("soon".into())), Cell::Bytes(b"soon".to_vec()));
    }
}
