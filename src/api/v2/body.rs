//! The body of a request: read leniently, as version 2 does, and refused in its words.

use super::refusal::Refusal;
use crate::api::extract::check_id;
use axum::http::StatusCode;
use serde_json::{Map, Value, json};

/// A request.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct ChatRequest {
    pub(super) message: String,
    pub(super) conversation_id: Option<String>,
    pub(super) request_id: Option<String>,
    pub(super) metadata: Map<String, Value>,
}

impl ChatRequest {
    /// Reads a body. Fields that nobody knows are passed by.
    pub(super) fn read(body: &[u8], message_chars: usize) -> Result<ChatRequest, Refusal> {
        if body.is_empty() {
            return Err(Refusal::body("missing", json!(["body"]), "Field required", &Value::Null));
        }
        let read: Result<Value, _> = serde_json::from_slice(body);
        let value = read.map_err(|error| {
            let wrong = json!({
                "type": "json_invalid", "loc": ["body", error.column().saturating_sub(1)],
                "msg": "JSON decode error", "input": {}, "ctx": {"error": error.to_string()},
            });
            Refusal::new(StatusCode::UNPROCESSABLE_ENTITY, json!([wrong]))
        })?;
        let Value::Object(fields) = &value else {
            let message = "Input should be a valid dictionary or object to extract fields from";
            return Err(Refusal::body("model_attributes_type", json!(["body"]), message, &value));
        };
        let message = match fields.get("message") {
            Some(Value::String(message)) => message.clone(),
            Some(other) => {
                return Err(wrong("message", "string_type", "Input should be a valid string", other));
            }
            None => return Err(wrong("message", "missing", "Field required", &value)),
        };
        if message.chars().count() > message_chars {
            let text = format!("String should have at most {message_chars} characters");
            return Err(wrong("message", "string_too_long", &text, &Value::Null));
        }
        Ok(ChatRequest {
            message,
            conversation_id: id(fields, "conversation_id")?,
            request_id: id(fields, "request_id")?,
            metadata: match fields.get("metadata") {
                None | Some(Value::Null) => Map::new(),
                Some(Value::Object(metadata)) => metadata.clone(),
                Some(other) => {
                    let text = "Input should be a valid dictionary";
                    return Err(wrong("metadata", "dict_type", text, other));
                }
            },
        })
    }

    /// Whether the page asks what to show first.
    pub(super) fn is_start(&self) -> bool {
        self.message.trim().is_empty() || self.metadata.get("starter_ui_request") == Some(&json!(true))
    }
}

fn wrong(field: &str, kind: &str, message: &str, input: &Value) -> Refusal {
    Refusal::body(kind, json!(["body", field]), message, input)
}

/// Ids become names of records: what could be a path is refused.
fn id(fields: &Map<String, Value>, name: &str) -> Result<Option<String>, Refusal> {
    match fields.get(name) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(id)) => match check_id(name, id) {
            Ok(id) => Ok(Some(id)),
            Err(problem) => Err(wrong(name, "value_error", &problem.detail, &json!(id))),
        },
        Some(other) => Err(wrong(name, "string_type", "Input should be a valid string", other)),
    }
}
