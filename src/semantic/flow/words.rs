//! What people call the parts of a model, and what a language model is told about the whole.

use super::manifest::{list, scalar, text};
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// What people call something.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Words {
    /// How it is shown.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub label: Option<String>,
    /// What it means.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub description: String,
    /// Other words for it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub synonyms: Vec<String>,
    /// Values that it has, of a field.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub samples: Vec<String>,
}

/// What people call something: `label`, `description`, and synonyms where each format puts them.
pub(super) fn words(value: &Value) -> Words {
    let meta = value.get("config").and_then(|config| config.get("meta")).unwrap_or(&Value::Null);
    let own = value.get("ai_context").filter(|context| context.is_object()).unwrap_or(value);
    let synonyms = list(own, "synonyms").chain(list(meta, "synonyms")).filter_map(scalar);
    Words {
        label: text(value, "label"),
        description: text(value, "description").unwrap_or_default(),
        synonyms: synonyms.collect(),
        samples: list(value, "sample_values").filter_map(scalar).collect(),
    }
}

/// What its author tells language models: `ai_context.instructions`, or `custom_instructions`.
pub(super) fn instructions(value: &Value) -> String {
    let context = value.get("ai_context").and_then(|context| text(context, "instructions"));
    context.or_else(|| text(value, "custom_instructions")).unwrap_or_default()
}
