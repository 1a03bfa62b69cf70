//! Cells as JSON that every JSON reader understands without loss.

use super::keyed::Keyed;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde_json::Value as Json;
use utoipa::openapi::schema::{ObjectBuilder, SchemaType, Type};
use utoipa::openapi::{RefOr, Schema};
use utoipa::{PartialSchema, ToSchema};
use vanna_actors::ports::sql::{ResultSet, Value};

/// Largest whole number that every JSON reader keeps exactly: 2^53 − 1.
const SAFE: u64 = (1 << 53) - 1;

/// A cell as JSON: numbers where a double holds them exactly, else their digits as text; numbers that
/// are not finite by name; bytes as base64; a JSON document as its text, which keeps it exact.
#[must_use]
pub fn cell(value: &Value) -> Json {
    match value {
        Value::Null => Json::Null,
        Value::Bool(truth) => Json::Bool(*truth),
        Value::Int(number) if number.unsigned_abs() <= SAFE => Json::from(*number),
        Value::Int(number) => Json::String(number.to_string()),
        Value::Real(number) => real(*number),
        Value::Decimal(text) => decimal(text),
        Value::Text(text) | Value::Date(text) | Value::DateTime(text) | Value::Json(text) => {
            Json::String(text.clone())
        }
        Value::Blob(bytes) => Json::String(BASE64.encode(bytes)),
    }
}

/// Schema of a cell: null, a truth value, a number that a double holds exactly, or text.
pub(super) struct Cell;

impl PartialSchema for Cell {
    fn schema() -> RefOr<Schema> {
        let kinds = SchemaType::Array(vec![Type::Null, Type::Boolean, Type::Number, Type::String]);
        let about = "Null, a truth value, a number that a double holds exactly, or text.";
        ObjectBuilder::new().schema_type(kinds).description(Some(about)).build().into()
    }
}

impl ToSchema for Cell {}

/// A number where the double says the same digits again, zeros at the end aside; else the digits.
fn decimal(text: &str) -> Json {
    let digits = |text: &str| match text.split_once('.') {
        Some((whole, fraction)) => format!("{whole}.{}", fraction.trim_end_matches('0')),
        None => format!("{text}."),
    };
    let number = text.parse::<f64>().ok().filter(|number| number.is_finite());
    let same = number.filter(|number| digits(&number.to_string()) == digits(text));
    let whole = |number: &f64| number.fract() == 0.0 && number.abs() <= 9_007_199_254_740_991.0;
    let number = same.filter(|number| whole(number) || number.fract() != 0.0);
    number.and_then(serde_json::Number::from_f64).map_or_else(|| Json::String(text.to_owned()), Json::Number)
}

fn real(number: f64) -> Json {
    serde_json::Number::from_f64(number).map_or_else(
        || {
            let name = match number {
                n if n.is_nan() => "NaN",
                n if n > 0.0 => "Infinity",
                _ => "-Infinity",
            };
            Json::String(name.to_owned())
        },
        Json::Number,
    )
}

/// The rows of a result as objects, keys in the order of the columns.
#[must_use]
pub fn rows(result: &ResultSet) -> Vec<Keyed<Json>> {
    let row = |cells: &Vec<Value>| {
        result.columns.iter().zip(cells).map(|(column, value)| (column.name.clone(), cell(value))).collect()
    };
    result.rows.iter().map(row).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    #[test]
    fn what_a_double_cannot_hold_becomes_text() {
        let cases = [
            (Value::Int(9_007_199_254_740_991), json!(9_007_199_254_740_991_i64)),
            (Value::Int(9_007_199_254_740_992), json!("9007199254740992")),
            (Value::Int(-9_007_199_254_740_991), json!(-9_007_199_254_740_991_i64)),
            (Value::Int(i64::MIN), json!("-9223372036854775808")),
            (Value::Decimal("0.1000000000000000000001".into()), json!("0.1000000000000000000001")),
            (Value::Decimal("-1957.50".into()), json!(-1957.5)),
            (Value::Decimal("0.00".into()), json!(0.0)),
            (Value::Decimal("12".into()), json!(12.0)),
            (Value::Decimal("9007199254740993".into()), json!("9007199254740993")),
            (Value::Decimal("1e400".into()), json!("1e400")),
            (Value::Real(f64::INFINITY), json!("Infinity")),
            (Value::Real(f64::NEG_INFINITY), json!("-Infinity")),
            (Value::Real(f64::NAN), json!("NaN")),
            (Value::Real(0.1), json!(0.1)),
            (Value::Blob(vec![0, 255]), json!("AP8=")),
            (Value::Bool(true), json!(true)),
            (Value::Null, json!(null)),
        ];
        for (value, expected) in cases {
            assert_eq!(cell(&value), expected);
        }
    }

    proptest! {
        #[test]
        fn numbers_survive_a_reader_that_knows_only_doubles(number in any::<i64>()) {
            let text = match cell(&Value::Int(number)) {
                Json::Number(n) => format!("{:.0}", n.as_f64().unwrap()),
                other => other.as_str().unwrap().to_owned(),
            };
            prop_assert_eq!(text, number.to_string());
        }
    }
}
