//! What sets providers apart: how a request is written and how a stream is read. No IO here.

use super::assembly::Assembly;
use super::trouble::Trouble;
use crate::config::Secret;
use serde_json::{Value, json};
use vanna_actors::ports::model::{Message, ModelRequest, ToolCall};

/// A way to speak with a model.
pub(super) trait Protocol: Send + Sync + 'static {
    /// Where requests for a model go, below the base address.
    fn path(&self, model: &str) -> String;

    /// Headers that show the key and what is spoken.
    fn headers(&self, key: Option<&Secret>) -> Vec<(&'static str, Secret)>;

    /// The body of a request. The same request gives the same bytes.
    fn body(&self, model: &str, request: &ModelRequest) -> Vec<u8>;

    /// Reads a new answer.
    fn decoder(&self) -> Box<dyn Decoder>;
}

/// Reads the events of one answer.
pub(super) trait Decoder: Send {
    /// Takes the data of one event into the answer.
    fn event(&mut self, data: &str, answer: &mut Assembly) -> Result<(), Trouble>;
}

/// Arguments of an earlier call for providers that take them as an object only: what was not one
/// is shown to the model as it wrote it.
pub(super) fn arguments_as_object(call: &ToolCall) -> Value {
    match (&call.malformed, serde_json::from_str(&call.arguments)) {
        (None, Ok(value @ Value::Object(_))) => value,
        _ => json!({"malformed_arguments": call.arguments}),
    }
}

/// Messages as turns of alternating roles: neighbours of one role become one turn, because the
/// answers to parallel calls have to stand together. Turns that say nothing are left out.
pub(super) fn in_turns(
    messages: &[Message],
    parts_of: impl Fn(&Message) -> (&'static str, Vec<Value>),
) -> impl Iterator<Item = (&'static str, Vec<Value>)> {
    let mut turns: Vec<(&str, Vec<Value>)> = Vec::new();
    for (role, parts) in messages.iter().map(parts_of).filter(|(_, parts)| !parts.is_empty()) {
        match turns.last_mut() {
            Some((last, together)) if *last == role => together.extend(parts),
            _ => turns.push((role, parts)),
        }
    }
    turns.into_iter()
}

/// Adds a member unless there is nothing to say.
pub(super) fn put(body: &mut Value, name: &str, value: Option<Value>) {
    if let (Some(members), Some(value)) = (body.as_object_mut(), value) {
        members.insert(name.into(), value);
    }
}

/// Reads JSON; what cannot be read is a bad answer.
pub(super) fn read<'a, T: serde::Deserialize<'a>>(data: &'a str) -> Result<T, Trouble> {
    use super::trouble::Kind::BadAnswer;
    serde_json::from_str(data).map_err(|_| Trouble::new(BadAnswer, "an event that is not understood"))
}
