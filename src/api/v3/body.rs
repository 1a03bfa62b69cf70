//! The body of a question, and what makes one acceptable.

use crate::api::Ask;
use crate::api::extract::check_id;
use crate::api::problem::Problem;
use serde::Deserialize;
use serde_json::{Map, Value};
use utoipa::ToSchema;

/// A question.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct AskBody {
    /// The question, in plain words.
    #[schema(min_length = 1, max_length = 10000, example = "What is the total revenue by country?")]
    pub(super) message: String,
    /// The conversation to go on with; none begins a new one.
    #[schema(pattern = "^[A-Za-z0-9][A-Za-z0-9._:-]{0,127}$")]
    pub(super) conversation_id: Option<String>,
    /// Names this execution within its conversation. Sent again it attaches to the same one.
    #[schema(pattern = "^[A-Za-z0-9][A-Za-z0-9._:-]{0,127}$")]
    pub(super) request_id: Option<String>,
    /// Name of the source to ask.
    pub(super) source: Option<String>,
    /// Anything that should be recorded with the question.
    #[schema(value_type = Option<Object>)]
    pub(super) metadata: Option<Map<String, Value>>,
}

impl AskBody {
    /// The question, once everything about it is acceptable.
    pub(crate) fn check(self, message_chars: usize) -> Result<Ask, Problem> {
        if self.message.chars().all(is_blank) {
            return Err(Problem::invalid("message is blank: write a question."));
        }
        if self.message.chars().count() > message_chars {
            return Err(Problem::invalid(format!("message may have at most {message_chars} characters.")));
        }
        let id = |name: &str, value: Option<String>| value.map(|value| check_id(name, &value)).transpose();
        Ok(Ask {
            message: self.message,
            conversation_id: id("conversation_id", self.conversation_id)?,
            request_id: id("request_id", self.request_id)?,
            source: id("source", self.source)?,
            metadata: Value::Object(self.metadata.unwrap_or_default()),
            as_of: None,
        })
    }
}

/// White space, control characters, and characters that show nothing.
fn is_blank(c: char) -> bool {
    c.is_whitespace()
        || c.is_control()
        || matches!(c, '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}'
            | '\u{180b}'..='\u{180f}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{2800}' | '\u{3164}' | '\u{fe00}'..='\u{fe0f}'
            | '\u{feff}' | '\u{ffa0}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e0fff}')
}
