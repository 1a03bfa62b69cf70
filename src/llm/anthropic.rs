//! Anthropic's messages.

use super::assembly::{Assembly, Piece};
use super::protocol::{Decoder, Protocol, arguments_as_object, in_turns, put, read};
use super::trouble::{ProviderError, Trouble};
use crate::config::Secret;
use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Value, json};
use vanna_actors::ports::model::{Message, ModelRequest, StopReason, ToolChoice, ToolSpec};

/// The version of the interface that is spoken.
const VERSION: &str = "2023-06-01";

/// Messages.
pub(super) struct Messages;

impl Protocol for Messages {
    fn path(&self, _model: &str) -> String {
        "/v1/messages".into()
    }

    fn headers(&self, key: Option<&Secret>) -> Vec<(&'static str, Secret)> {
        let version = ("anthropic-version", Secret::new(VERSION));
        key.map(|key| ("x-api-key", key.clone())).into_iter().chain([version]).collect()
    }

    fn body(&self, model: &str, request: &ModelRequest) -> Vec<u8> {
        let settings = &request.settings;
        let messages: Vec<Value> = in_turns(&request.messages, blocks)
            .map(|(role, content)| json!({"role": role, "content": content}))
            .collect();
        let mut body = json!({
            "model": model,
            "max_tokens": settings.max_tokens,
            "messages": messages,
            "stream": true,
        });
        put(&mut body, "system", (!request.system.is_empty()).then(|| json!(request.system)));
        put(&mut body, "temperature", settings.temperature.map(|value| json!(value)));
        put(&mut body, "top_p", settings.top_p.map(|value| json!(value)));
        put(&mut body, "stop_sequences", (!settings.stop.is_empty()).then(|| json!(settings.stop)));
        if !request.tools.is_empty() {
            let tool = |tool: &ToolSpec| {
                json!({
                    "name": tool.name, "description": tool.description, "input_schema": tool.parameters.value(),
                })
            };
            put(&mut body, "tools", Some(request.tools.iter().map(tool).collect()));
            let choice = match settings.tool_choice {
                ToolChoice::Auto => "auto",
                ToolChoice::Required => "any",
                ToolChoice::Forbidden => "none",
            };
            put(&mut body, "tool_choice", Some(json!({"type": choice})));
        }
        body.to_string().into_bytes()
    }

    fn decoder(&self) -> Box<dyn Decoder> {
        Box::new(Blocks { inputs: Vec::new() })
    }
}

fn blocks(message: &Message) -> (&'static str, Vec<Value>) {
    match message {
        Message::User { text } => ("user", vec![json!({"type": "text", "text": text})]),
        Message::ToolAnswer { call_id, content, failed, .. } => {
            let kind = "tool_result";
            let answer =
                json!({"type": kind, "tool_use_id": call_id, "content": content, "is_error": failed});
            ("user", vec![answer])
        }
        Message::Assistant { text, tool_calls } => {
            let said = (!text.is_empty()).then(|| json!({"type": "text", "text": text}));
            let calls = tool_calls.iter().map(|call| {
                let input = arguments_as_object(call);
                json!({"type": "tool_use", "id": call.id, "name": call.name, "input": input})
            });
            ("assistant", said.into_iter().chain(calls).collect())
        }
    }
}

/// Input that a block began with; it counts only if no deltas follow.
struct Blocks {
    inputs: Vec<(u64, String)>,
}

#[derive(Deserialize)]
struct Event {
    #[serde(rename = "type")]
    kind: Option<String>,
    index: Option<u64>,
    message: Option<Started>,
    content_block: Option<Block>,
    delta: Option<Delta>,
    usage: Option<Tokens>,
    error: Option<Value>,
}

#[derive(Deserialize)]
struct Started {
    usage: Option<Tokens>,
}

#[derive(Deserialize)]
struct Block {
    #[serde(rename = "type")]
    kind: Option<String>,
    text: Option<String>,
    id: Option<String>,
    name: Option<String>,
    input: Option<Box<RawValue>>,
}

#[derive(Deserialize)]
struct Delta {
    text: Option<String>,
    partial_json: Option<String>,
    stop_reason: Option<String>,
}

#[derive(Deserialize)]
struct Tokens {
    input_tokens: Option<u64>,
    cache_creation_input_tokens: Option<u64>,
    cache_read_input_tokens: Option<u64>,
    output_tokens: Option<u64>,
}

impl Decoder for Blocks {
    fn event(&mut self, data: &str, answer: &mut Assembly) -> Result<(), Trouble> {
        let event: Event = read(data)?;
        if let Some(error) = event.error {
            return Err(Trouble::of_error(&ProviderError::of(&error)));
        }
        if let Some(usage) = event.message.and_then(|message| message.usage).or(event.usage) {
            use_tokens(&usage, answer);
        }
        let index = event.index.unwrap_or_default();
        if let Some(block) = event.content_block {
            self.begin(index, &block, answer)?;
        }
        if let Some(delta) = event.delta {
            self.go_on(index, delta, answer)?;
        }
        match event.kind.as_deref() {
            Some("content_block_stop") => self.stop(index, answer),
            Some("message_stop") => {
                answer.end();
                Ok(())
            }
            _ => Ok(()),
        }
    }
}

impl Blocks {
    fn begin(&mut self, index: u64, block: &Block, answer: &mut Assembly) -> Result<(), Trouble> {
        if block.kind.as_deref() == Some("tool_use") {
            self.stop(index, answer)?;
            answer.begin(Piece {
                index: Some(index),
                id: block.id.as_deref().unwrap_or_default(),
                name: block.name.as_deref().unwrap_or_default(),
                ..Piece::default()
            })?;
            let input = block.input.as_ref().map(|input| input.get().to_owned());
            self.inputs.push((index, input.unwrap_or_default()));
        }
        answer.text(block.text.as_deref().unwrap_or_default())
    }

    fn go_on(&mut self, index: u64, delta: Delta, answer: &mut Assembly) -> Result<(), Trouble> {
        answer.text(delta.text.as_deref().unwrap_or_default())?;
        if let Some(part) = delta.partial_json.filter(|part| !part.is_empty()) {
            self.inputs.retain(|(of, _)| *of != index);
            answer.go_on(Piece { index: Some(index), arguments: &part, ..Piece::default() })?;
        }
        if let Some(reason) = delta.stop_reason {
            answer.stopped(match reason.as_str() {
                "end_turn" | "stop_sequence" => StopReason::Stop,
                "tool_use" => StopReason::ToolCalls,
                "max_tokens" | "model_context_window_exceeded" => StopReason::Length,
                "refusal" => StopReason::Refused,
                _ => StopReason::Other,
            });
        }
        Ok(())
    }

    fn stop(&mut self, index: u64, answer: &mut Assembly) -> Result<(), Trouble> {
        let Some(at) = self.inputs.iter().position(|(of, _)| *of == index) else { return Ok(()) };
        let (_, input) = self.inputs.swap_remove(at);
        answer.go_on(Piece { index: Some(index), arguments: &input, ..Piece::default() })
    }
}

/// Cached tokens of the request were read too.
fn use_tokens(usage: &Tokens, answer: &mut Assembly) {
    let cached = [usage.cache_creation_input_tokens, usage.cache_read_input_tokens];
    let cached: u64 = cached.into_iter().flatten().fold(0, u64::saturating_add);
    answer.used(usage.input_tokens.map(|input| input.saturating_add(cached)), usage.output_tokens);
}
