//! Values as PostgreSQL sends them in its binary format, exactly: numerics become decimal texts, and what
//! there is no kind for becomes the text that a reader would write.
//!
//! Formats: the `*send` functions of the server's sources.

use jiff::civil::{DateTime, Time, date};
use jiff::{SignedDuration, ToSpan};
use tokio_postgres::types::{FromSql, Kind, Type};
use vanna_actors::ports::sql::{ColumnType, Value};

/// The bytes of a value, whatever its type.
pub(super) struct Raw<'a>(pub(super) &'a [u8]);

impl<'a> FromSql<'a> for Raw<'a> {
    fn from_sql(_: &Type, raw: &'a [u8]) -> Result<Self, Box<dyn std::error::Error + Sync + Send>> {
        Ok(Raw(raw))
    }

    fn accepts(_: &Type) -> bool {
        true
    }
}

/// What a column of a type holds; nothing for types that the server must spell as text.
pub(super) fn kind(of: &Type) -> Option<ColumnType> {
    Some(match *base(of) {
        Type::BOOL => ColumnType::Boolean,
        Type::INT2 | Type::INT4 | Type::INT8 | Type::OID => ColumnType::Integer,
        Type::FLOAT4 | Type::FLOAT8 | Type::NUMERIC => ColumnType::Number,
        Type::DATE => ColumnType::Date,
        Type::TIMESTAMP | Type::TIMESTAMPTZ => ColumnType::DateTime,
        Type::JSON | Type::JSONB => ColumnType::Json,
        Type::BYTEA => ColumnType::Binary,
        Type::TEXT | Type::VARCHAR | Type::BPCHAR | Type::NAME | Type::UNKNOWN | Type::UUID | Type::TIME => {
            ColumnType::String
        }
        _ if matches!(base(of).kind(), Kind::Enum(_)) => ColumnType::String,
        _ => return None,
    })
}

/// The type under a domain.
fn base(of: &Type) -> &Type {
    match of.kind() {
        Kind::Domain(under) => base(under),
        _ => of,
    }
}

/// A value; nothing when its bytes are not of the type.
pub(super) fn value(of: &Type, raw: &[u8]) -> Option<Value> {
    Some(match *base(of) {
        Type::BOOL => Value::Bool(*raw.first()? != 0),
        Type::INT2 => Value::Int(i16::from_be_bytes(raw.try_into().ok()?).into()),
        Type::INT4 => Value::Int(i32::from_be_bytes(raw.try_into().ok()?).into()),
        Type::INT8 => Value::Int(i64::from_be_bytes(raw.try_into().ok()?)),
        Type::OID => Value::Int(u32::from_be_bytes(raw.try_into().ok()?).into()),
        Type::FLOAT4 => real(f32::from_be_bytes(raw.try_into().ok()?).to_string().parse().ok()?),
        Type::FLOAT8 => real(f64::from_be_bytes(raw.try_into().ok()?)),
        Type::NUMERIC => numeric(raw)?,
        Type::DATE => day(i32::from_be_bytes(raw.try_into().ok()?)),
        Type::TIMESTAMP => moment(i64::from_be_bytes(raw.try_into().ok()?), ""),
        Type::TIMESTAMPTZ => moment(i64::from_be_bytes(raw.try_into().ok()?), "Z"),
        Type::TIME => Value::Text(time(i64::from_be_bytes(raw.try_into().ok()?))?),
        Type::UUID => Value::Text(uuid::Uuid::from_slice(raw).ok()?.to_string()),
        Type::JSON => Value::Json(text(raw)?),
        // The first byte is the version of the format.
        Type::JSONB => Value::Json(text(raw.get(1..)?)?),
        Type::BYTEA => Value::Blob(raw.to_vec()),
        _ => Value::Text(text(raw)?),
    })
}

fn text(raw: &[u8]) -> Option<String> {
    std::str::from_utf8(raw).ok().map(str::to_owned)
}

/// JSON knows no infinities.
fn real(number: f64) -> Value {
    if number.is_finite() { Value::Real(number) } else { Value::Text(number.to_string()) }
}

/// Days since 2000-01-01; the two ends of the range are infinities.
fn day(days: i32) -> Value {
    let begin = date(2000, 1, 1);
    match days {
        i32::MAX => Value::Text("infinity".to_owned()),
        i32::MIN => Value::Text("-infinity".to_owned()),
        _ => match begin.checked_add(i64::from(days).days()) {
            Ok(day) => Value::Date(day.to_string()),
            Err(_) => Value::Text(format!("{days} days after 2000-01-01")),
        },
    }
}

/// Microseconds since 2000-01-01.
fn moment(micros: i64, zone: &str) -> Value {
    let begin: DateTime = date(2000, 1, 1).at(0, 0, 0, 0);
    match micros {
        i64::MAX => Value::Text("infinity".to_owned()),
        i64::MIN => Value::Text("-infinity".to_owned()),
        _ => match begin.checked_add(SignedDuration::from_micros(micros)) {
            Ok(moment) => Value::DateTime(format!("{moment}{zone}")),
            Err(_) => Value::Text(format!("{micros} microseconds after 2000-01-01")),
        },
    }
}

fn time(micros: i64) -> Option<String> {
    if micros == 86_400_000_000 {
        return Some("24:00:00".to_owned());
    }
    let time = Time::midnight().checked_add(SignedDuration::from_micros(micros)).ok()?;
    Some(time.to_string())
}

/// Groups of four decimal digits: their number, the weight of the first, the sign, and how many digits are
/// shown after the point.
fn numeric(raw: &[u8]) -> Option<Value> {
    let word = |place: usize| {
        let bytes = raw.get(place * 2..place * 2 + 2)?;
        Some(u16::from_be_bytes(bytes.try_into().ok()?))
    };
    let (count, sign, scale) = (usize::from(word(0)?), word(2)?, usize::from(word(3)?));
    if raw.len() != 8 + 2 * count {
        return None;
    }
    let weight = i64::from(i16::from_be_bytes(word(1)?.to_be_bytes()));
    match sign {
        0x0000 | 0x4000 => {}
        0xC000 => return Some(Value::Text("NaN".to_owned())),
        0xD000 => return Some(Value::Text("Infinity".to_owned())),
        0xF000 => return Some(Value::Text("-Infinity".to_owned())),
        _ => return None,
    }
    let group = |at: i64| {
        let place = usize::try_from(weight - at).ok().filter(|place| *place < count);
        place.map_or(Some(0), |place| word(4 + place))
    };
    let mut text = if sign == 0x4000 { "-".to_owned() } else { String::new() };
    text.push_str(&group(weight.max(0))?.to_string());
    for at in (0..weight.max(0)).rev() {
        text.push_str(&format!("{:04}", group(at)?));
    }
    if scale > 0 {
        let mut fraction = String::new();
        let mut at = -1;
        while fraction.len() < scale {
            fraction.push_str(&format!("{:04}", group(at)?));
            at -= 1;
        }
        fraction.truncate(scale);
        text.push('.');
        text.push_str(&fraction);
    }
    Some(Value::Decimal(text))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sent(count: u16, weight: i16, sign: u16, scale: u16, groups: &[u16]) -> Option<Value> {
        let head = [count, weight.cast_unsigned(), sign, scale];
        let bytes: Vec<u8> = head.iter().chain(groups).flat_map(|word| word.to_be_bytes()).collect();
        numeric(&bytes)
    }

    #[test]
    fn a_numeric_keeps_every_digit() {
        let decimal = |text: &str| Some(Value::Decimal(text.to_owned()));
        assert_eq!(sent(0, 0, 0, 0, &[]), decimal("0"));
        assert_eq!(sent(0, 0, 0, 2, &[]), decimal("0.00"));
        assert_eq!(sent(2, 0, 0, 2, &[12, 3400]), decimal("12.34"));
        assert_eq!(sent(1, 1, 0x4000, 0, &[5]), decimal("-50000"));
        assert_eq!(sent(1, -2, 0, 8, &[1]), decimal("0.00000001"));
        assert_eq!(sent(3, 2, 0, 0, &[90, 719, 9254]), decimal("9007199254"));
        assert_eq!(sent(0, 0, 0xC000, 0, &[]), Some(Value::Text("NaN".to_owned())));
        assert_eq!(sent(9, 0, 0, 0, &[1]), None, "cut off");
    }

    #[test]
    fn days_and_moments_count_from_the_year_2000() {
        assert_eq!(day(0), Value::Date("2000-01-01".into()));
        assert_eq!(day(-1), Value::Date("1999-12-31".into()));
        assert_eq!(day(i32::MAX), Value::Text("infinity".into()));
        assert_eq!(moment(1_500_000, "Z"), Value::DateTime("2000-01-01T00:00:01.5Z".into()));
        assert_eq!(time(3_600_000_001), Some("01:00:00.000001".into()));
    }
}
