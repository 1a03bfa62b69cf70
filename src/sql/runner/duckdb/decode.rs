//! Values of the engine, exactly: decimals and numbers of more than 64 bits keep their digits.

use duckdb::arrow::datatypes::DataType;
use duckdb::core::LogicalTypeId;
use duckdb::types::{Decimal, TimeUnit, ToSql, ToSqlOutput, Value as Cell, ValueRef};
use serde_json::{Map, Value as JsonValue};
use vanna_actors::ports::sql::{ColumnType, Value};

/// Days and microseconds are counted from here.
const EPOCH: jiff::civil::DateTime = jiff::civil::datetime(1970, 1, 1, 0, 0, 0, 0);

/// What a column holds.
pub(super) fn kind(logical: LogicalTypeId, sent: &DataType) -> ColumnType {
    match (logical, sent) {
        (LogicalTypeId::Hugeint | LogicalTypeId::UHugeint, _) => ColumnType::Integer,
        (_, DataType::Boolean) => ColumnType::Boolean,
        (_, of) if of.is_integer() => ColumnType::Integer,
        (_, of) if of.is_numeric() => ColumnType::Number,
        (_, DataType::Date32 | DataType::Date64) => ColumnType::Date,
        (_, DataType::Timestamp(..)) => ColumnType::DateTime,
        (_, DataType::Binary | DataType::LargeBinary | DataType::BinaryView) => ColumnType::Binary,
        (_, of) if of.is_nested() && !matches!(of, DataType::Dictionary(..)) => ColumnType::Json,
        _ => ColumnType::String,
    }
}

/// A value; nothing when no calendar or text holds it.
pub(super) fn value(cell: ValueRef<'_>, has_zone: bool) -> Option<Value> {
    Some(match cell {
        ValueRef::Null => Value::Null,
        ValueRef::Boolean(truth) => Value::Bool(truth),
        ValueRef::TinyInt(number) => Value::Int(number.into()),
        ValueRef::SmallInt(number) => Value::Int(number.into()),
        ValueRef::Int(number) => Value::Int(number.into()),
        ValueRef::BigInt(number) => Value::Int(number),
        ValueRef::HugeInt(number) => whole(i64::try_from(number).ok(), number.to_string()),
        ValueRef::UHugeInt(number) => whole(i64::try_from(number).ok(), number.to_string()),
        ValueRef::UTinyInt(number) => Value::Int(number.into()),
        ValueRef::USmallInt(number) => Value::Int(number.into()),
        ValueRef::UInt(number) => Value::Int(number.into()),
        ValueRef::UBigInt(number) => whole(i64::try_from(number).ok(), number.to_string()),
        ValueRef::Float(number) => real(number.to_string().parse().ok()?),
        ValueRef::Double(number) => real(number),
        ValueRef::Decimal(number) => Value::Decimal(digits(number)),
        ValueRef::Date32(days) => day(days),
        ValueRef::Timestamp(unit, count) => moment(unit, count, has_zone),
        ValueRef::Time64(unit, count) => Value::Text(time_of_day(unit.to_micros(count))?),
        ValueRef::Interval { months, days, nanos } => Value::Text(interval(months, days, nanos)),
        ValueRef::Text(text) => Value::Text(std::str::from_utf8(text).ok()?.to_owned()),
        ValueRef::Blob(bytes) | ValueRef::Geometry(bytes) => Value::Blob(bytes.to_vec()),
        nested => match Cell::from(nested) {
            Cell::Enum(label) => Value::Text(label),
            nested => Value::Json(json(&nested).to_string()),
        },
    })
}

fn whole(small: Option<i64>, digits: String) -> Value {
    small.map_or(Value::Decimal(digits), Value::Int)
}

/// JSON knows no infinities.
fn real(number: f64) -> Value {
    if number.is_finite() { Value::Real(number) } else { Value::Text(number.to_string()) }
}

fn digits(number: Decimal) -> String {
    let scale = usize::from(number.scale());
    let sign = if number.value() < 0 { "-" } else { "" };
    let all = format!("{:0>width$}", number.value().unsigned_abs(), width = scale + 1);
    let (before, after) = all.split_at(all.len() - scale);
    if scale == 0 { format!("{sign}{before}") } else { format!("{sign}{before}.{after}") }
}

/// The engine has days before and after all that a calendar of four digits has, and endless ones.
fn day(days: i32) -> Value {
    let found =
        EPOCH.date().checked_add(jiff::Span::new().days(i64::from(days).clamp(-7_000_000, 7_000_000)));
    match found {
        Ok(date) if date.year() >= 0 => Value::Date(date.to_string()),
        _ => Value::Text(format!("{days} days from 1970-01-01")),
    }
}

fn moment(unit: TimeUnit, count: i64, has_zone: bool) -> Value {
    let span = match unit {
        TimeUnit::Second => jiff::SignedDuration::from_secs(count),
        TimeUnit::Millisecond => jiff::SignedDuration::from_millis(count),
        TimeUnit::Microsecond => jiff::SignedDuration::from_micros(count),
        TimeUnit::Nanosecond => jiff::SignedDuration::from_nanos(count),
    };
    match EPOCH.checked_add(span) {
        Ok(at) if at.year() >= 0 => Value::DateTime(format!("{at}{}", if has_zone { "Z" } else { "" })),
        _ => Value::Text(format!("{span} from 1970-01-01")),
    }
}

fn time_of_day(micros: i64) -> Option<String> {
    let whole = micros.div_euclid(1_000_000);
    let text = format!("{:02}:{:02}:{:02}", whole / 3_600, whole / 60 % 60, whole % 60);
    let rest = micros.rem_euclid(1_000_000);
    if rest == 0 {
        return Some(text);
    }
    Some(format!("{text}.{}", format!("{rest:06}").trim_end_matches('0')))
}

/// As ISO 8601 writes it.
fn interval(months: i32, days: i32, nanos: i64) -> String {
    let seconds = if nanos % 1_000_000_000 == 0 {
        (nanos / 1_000_000_000).to_string()
    } else {
        let sign = if nanos < 0 { "-" } else { "" };
        let rest = format!("{:09}", (nanos % 1_000_000_000).unsigned_abs());
        format!("{sign}{}.{}", (nanos / 1_000_000_000).unsigned_abs(), rest.trim_end_matches('0'))
    };
    format!("P{months}M{days}DT{seconds}S")
}

fn json(cell: &Cell) -> JsonValue {
    match cell {
        Cell::List(items) | Cell::Array(items) => items.iter().map(json).collect(),
        Cell::Struct(fields) => {
            fields.iter().map(|(name, value)| (name.clone(), json(value))).collect::<Map<_, _>>().into()
        }
        Cell::Map(entries) => {
            let key = |key: &Cell| match json(key) {
                JsonValue::String(text) => text,
                other => other.to_string(),
            };
            entries.iter().map(|(name, value)| (key(name), json(value))).collect::<Map<_, _>>().into()
        }
        Cell::Union(value) => json(value),
        Cell::Enum(label) => label.clone().into(),
        plain => match value(ValueRef::from(plain), false) {
            None | Some(Value::Null) => JsonValue::Null,
            Some(Value::Bool(truth)) => truth.into(),
            Some(Value::Int(number)) => number.into(),
            Some(Value::Real(number)) => number.into(),
            Some(
                Value::Decimal(text)
                | Value::Text(text)
                | Value::Date(text)
                | Value::DateTime(text)
                | Value::Json(text),
            ) => text.into(),
            Some(Value::Blob(bytes)) => {
                bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>().into()
            }
        },
    }
}

/// A parameter as the engine takes it.
pub(super) struct Parameter<'v>(pub(super) &'v Value);

impl ToSql for Parameter<'_> {
    fn to_sql(&self) -> duckdb::Result<ToSqlOutput<'_>> {
        let text = |text: &str| Cell::Text(text.to_owned());
        Ok(ToSqlOutput::Owned(match self.0 {
            Value::Null => Cell::Null,
            Value::Bool(truth) => Cell::Boolean(*truth),
            Value::Int(number) => Cell::BigInt(*number),
            Value::Real(number) => Cell::Double(*number),
            Value::Decimal(digits) => decimal(digits).map_or_else(|| text(digits), Cell::Decimal),
            Value::Date(date) => days_of(date).map_or_else(|| text(date), Cell::Date32),
            Value::DateTime(at) => {
                micros_of(at).map_or_else(|| text(at), |count| Cell::Timestamp(TimeUnit::Microsecond, count))
            }
            Value::Text(own) | Value::Json(own) => text(own),
            Value::Blob(bytes) => Cell::Blob(bytes.clone()),
        }))
    }
}

fn decimal(digits: &str) -> Option<Decimal> {
    let (before, after) = digits.split_once('.').unwrap_or((digits, ""));
    let value: i128 = format!("{before}{after}").parse().ok()?;
    let scale = u8::try_from(after.len()).ok()?;
    Decimal::new(Decimal::MAX_WIDTH, scale, value).ok()
}

fn days_of(date: &str) -> Option<i32> {
    let date: jiff::civil::Date = date.parse().ok()?;
    date.since(EPOCH.date()).ok().map(|span| span.get_days())
}

fn micros_of(at: &str) -> Option<i64> {
    let at: jiff::civil::DateTime = at.strip_suffix('Z').unwrap_or(at).parse().ok()?;
    i64::try_from(at.duration_since(EPOCH).as_micros()).ok()
}
