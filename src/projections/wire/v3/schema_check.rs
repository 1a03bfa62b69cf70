//! Checks a value against the part of JSON Schema that our schemas use; anything else panics, so that
//! a keyword which is not understood is never taken for one that holds.

use serde_json::Value as Json;

/// The first place where `value` does not fit, if there is one.
pub(crate) fn misfit(root: &Json, value: &Json) -> Option<String> {
    check(root, root, value, "$")
}

fn check(root: &Json, schema: &Json, value: &Json, at: &str) -> Option<String> {
    for (keyword, wanted) in schema.as_object().unwrap() {
        let fault = match keyword.as_str() {
            "$schema" | "$defs" | "title" | "description" | "format" => None,
            "$ref" => {
                let target = wanted.as_str().unwrap().strip_prefix('#').unwrap();
                check(root, root.pointer(target).unwrap(), value, at)
            }
            "const" => (value != wanted).then(|| format!("{at} is not {wanted}")),
            "enum" => {
                (!wanted.as_array().unwrap().contains(value)).then(|| format!("{at} is none of {wanted}"))
            }
            "type" => (!has_type(wanted, value)).then(|| format!("{at} is no {wanted}")),
            "minimum" => (value.as_f64().is_some_and(|n| n < wanted.as_f64().unwrap()))
                .then(|| format!("{at} is too small")),
            "pattern" => {
                (!matches(wanted.as_str().unwrap(), value)).then(|| format!("{at} does not match {wanted}"))
            }
            "required" => {
                let missing =
                    wanted.as_array().unwrap().iter().find(|key| value.get(key.as_str().unwrap()).is_none());
                missing.map(|key| format!("{at} lacks {key}"))
            }
            "properties" => wanted.as_object().unwrap().iter().find_map(|(key, part)| {
                value.get(key).and_then(|inner| check(root, part, inner, &format!("{at}.{key}")))
            }),
            "additionalProperties" => rest(root, schema, wanted, value, at),
            "propertyNames" => None,
            "items" => value
                .as_array()
                .into_iter()
                .flatten()
                .find_map(|item| check(root, wanted, item, &format!("{at}[]"))),
            "uniqueItems" => {
                let items = value.as_array().unwrap();
                let repeated = items.iter().enumerate().any(|(place, item)| items[..place].contains(item));
                repeated.then(|| format!("{at} repeats an item"))
            }
            "oneOf" => {
                let fitting =
                    wanted.as_array().unwrap().iter().filter(|part| check(root, part, value, at).is_none());
                (fitting.count() != 1).then(|| format!("{at} fits not exactly one form"))
            }
            other => panic!("unknown keyword {other}"),
        };
        if fault.is_some() {
            return fault;
        }
    }
    None
}

fn rest(root: &Json, schema: &Json, wanted: &Json, value: &Json, at: &str) -> Option<String> {
    let known = schema.get("properties").and_then(Json::as_object);
    value.as_object()?.iter().filter(|(key, _)| known.is_none_or(|known| !known.contains_key(*key))).find_map(
        |(key, inner)| match wanted {
            Json::Bool(false) => Some(format!("{at}.{key} is unknown")),
            Json::Bool(true) => None,
            part => check(root, part, inner, &format!("{at}.{key}")),
        },
    )
}

fn has_type(wanted: &Json, value: &Json) -> bool {
    match wanted {
        Json::Array(kinds) => kinds.iter().any(|kind| has_type(kind, value)),
        kind => match kind.as_str().unwrap() {
            "null" => value.is_null(),
            "boolean" => value.is_boolean(),
            "integer" => value.is_i64() || value.is_u64(),
            "number" => value.is_number(),
            "string" => value.is_string(),
            "array" => value.is_array(),
            "object" => value.is_object(),
            other => panic!("unknown type {other}"),
        },
    }
}

/// The patterns that our schemas use, written out.
fn matches(pattern: &str, value: &Json) -> bool {
    let Some(text) = value.as_str() else { return true };
    let id = |byte: u8| byte.is_ascii_alphanumeric() || b"._:-".contains(&byte);
    let mut bytes = text.bytes();
    match pattern {
        "^[A-Za-z0-9._:-]+$" => !text.is_empty() && bytes.all(id),
        "^[A-Za-z0-9][A-Za-z0-9._:-]{0,127}$" => {
            text.len() <= 128 && bytes.next().is_some_and(|b| b.is_ascii_alphanumeric()) && bytes.all(id)
        }
        "^[a-z][a-z0-9_]*$" => {
            bytes.next().is_some_and(|b| b.is_ascii_lowercase())
                && bytes.all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_')
        }
        r"^-?\d{4,6}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$" => {
            let shape: String = text.chars().map(|c| if c.is_ascii_digit() { '0' } else { c }).collect();
            shape == "0000-00-00T00:00:00.000Z"
        }
        "^ds_[A-Za-z0-9_-]{8,64}$" => text.starts_with("ds_"),
        other => panic!("unknown pattern {other}"),
    }
}
