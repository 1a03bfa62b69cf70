//! The body of a chat completion, and refusals in its words.

use crate::api::extract::check_id;
use crate::api::problem::Problem;
use crate::api::v2::Plain;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

/// A question, as far as the service takes it from a chat completion.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Completion {
    pub(super) model: String,
    pub(super) message: String,
    pub(super) stream: bool,
    pub(super) conversation_id: Option<String>,
    pub(super) request_id: Option<String>,
}

/// A refusal as OpenAI's clients know it.
#[derive(Debug)]
pub(super) struct Refusal {
    status: StatusCode,
    code: String,
    message: String,
}

impl Refusal {
    pub(super) fn invalid(message: impl Into<String>) -> Refusal {
        Refusal { status: StatusCode::BAD_REQUEST, code: "invalid_request".into(), message: message.into() }
    }

    /// The body of the refusal.
    pub(super) fn document(&self) -> Value {
        let kind = if self.status.is_server_error() { "server_error" } else { "invalid_request_error" };
        json!({"error": {"message": self.message, "type": kind, "param": null, "code": self.code}})
    }
}

impl From<Problem> for Refusal {
    fn from(problem: Problem) -> Refusal {
        if let Some(cause) = &problem.cause {
            tracing::error!(cause, "refused");
        }
        Refusal { status: problem.status(), code: problem.name().into(), message: problem.detail }
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let mut response = (self.status, axum::Json(self.document())).into_response();
        response.extensions_mut().insert(Plain);
        response
    }
}

impl Completion {
    /// Reads a body. What steers a model (temperature, tools and the like) has no meaning here and is
    /// passed by.
    pub(super) fn read(body: &[u8], message_chars: usize) -> Result<Completion, Refusal> {
        let body: Value = serde_json::from_slice(body)
            .map_err(|error| Refusal::invalid(format!("The body is not valid JSON: {error}.")))?;
        let messages = body.get("messages").and_then(Value::as_array);
        let messages = messages.ok_or_else(|| Refusal::invalid("messages must be a list."))?;
        let last = messages.iter().rev().find(|message| message.get("role") == Some(&json!("user")));
        let message = last.and_then(|message| text_of(message.get("content")?));
        let message = message.filter(|text| !text.trim().is_empty());
        let message = message
            .ok_or_else(|| Refusal::invalid("messages must hold a question: a user message with text."))?;
        if message.chars().count() > message_chars {
            return Err(Refusal::invalid(format!(
                "The question may have at most {message_chars} characters."
            )));
        }
        let named = |name: &str| -> Result<Option<String>, Refusal> {
            let value = body.get("metadata").and_then(|metadata| metadata.get(name)).and_then(Value::as_str);
            Ok(value.map(|value| check_id(name, value)).transpose()?)
        };
        Ok(Completion {
            model: body.get("model").and_then(Value::as_str).unwrap_or("vanna").to_owned(),
            message,
            stream: body.get("stream") == Some(&json!(true)),
            conversation_id: named("conversation_id")?,
            request_id: named("request_id")?,
        })
    }

    /// The source that the name of the model asks for: `vanna/SOURCE`.
    pub(super) fn source(&self) -> Option<String> {
        self.model.split_once('/').map(|(_, source)| source.to_owned())
    }
}

fn text_of(content: &Value) -> Option<String> {
    match content {
        Value::String(text) => Some(text.clone()),
        Value::Array(parts) => {
            let texts = parts.iter().filter_map(|part| part.get("text").and_then(Value::as_str));
            Some(texts.collect::<Vec<_>>().join("\n"))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_thing_that_the_user_said_is_the_question() {
        let body = json!({"model": "vanna/chinook", "stream": true, "temperature": 0.2, "messages": [
            {"role": "user", "content": "first"}, {"role": "assistant", "content": "yes"},
            {"role": "user", "content": [{"type": "text", "text": "revenue"}, {"type": "text", "text": "by month"}]},
        ], "metadata": {"conversation_id": "c-1"}});
        let read = Completion::read(body.to_string().as_bytes(), 100).unwrap();
        assert_eq!((read.message.as_str(), read.stream), ("revenue\nby month", true));
        assert_eq!(
            (read.source().as_deref(), read.conversation_id.as_deref()),
            (Some("chinook"), Some("c-1"))
        );
        for body in [
            "{",
            "{}",
            r#"{"messages":[{"role":"system","content":"x"}]}"#,
            r#"{"messages":[{"role":"user","content":" "}]}"#,
        ] {
            assert!(Completion::read(body.as_bytes(), 100).is_err(), "{body}");
        }
    }
}
