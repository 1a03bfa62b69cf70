//! JSON inside facts: kept as canonical text, because the journal's encoding describes no types.

use serde::{Deserialize, Serialize};

/// A JSON value as compact text. Keys keep the order in which they were written.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Json(String);

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
