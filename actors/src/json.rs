//! JSON inside facts: kept as canonical text, because the journal's encoding describes no types.

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A JSON value: compact text in the journal, itself in any JSON that facts are shown as.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Json(String);

impl Serialize for Json {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if serializer.is_human_readable() {
            self.value().serialize(serializer)
        } else {
            self.0.serialize(serializer)
        }
    }
}

impl<'de> Deserialize<'de> for Json {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        if deserializer.is_human_readable() {
            serde_json::Value::deserialize(deserializer).map(|value| Self::new(&value))
        } else {
            String::deserialize(deserializer).map(Self)
        }
    }
}

impl Json {
    /// Keeps a value.
    #[must_use]
    pub fn new(value: &serde_json::Value) -> Self {
        Self(value.to_string())
    }

    /// Gives the value back; `null` when the text is not JSON, which only damage can cause.
    #[must_use]
    pub fn value(&self) -> serde_json::Value {
        serde_json::from_str(&self.0).unwrap_or(serde_json::Value::Null)
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_value_is_itself_in_json_and_text_in_the_journal() {
        let value = json!({"a": [1, "x", null]});
        let kept = Json::new(&value);
        assert_eq!(serde_json::to_value(&kept).unwrap(), value);
        assert_eq!(serde_json::from_value::<Json>(value.clone()).unwrap(), kept);
        let bytes = vanna_journal::codec::encode(&kept).unwrap();
        assert_eq!(bytes, vanna_journal::codec::encode(&value.to_string()).unwrap());
        assert_eq!(vanna_journal::codec::decode::<Json>(&bytes).unwrap().value(), value);
    }
}
