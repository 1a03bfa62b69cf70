//! OpenAI's chat completions, which Ollama, vLLM and many gateways speak too.

use super::assembly::{Assembly, Piece};
use super::protocol::{Decoder, Protocol, put, read};
use super::trouble::{ProviderError, Trouble};
use crate::config::Secret;
use serde::Deserialize;
use serde_json::{Value, json};
use vanna_actors::ports::model::{Message, ModelRequest, StopReason, ToolChoice};

/// Chat completions.
pub(super) struct ChatCompletions {
    /// The member that bounds the answer: OpenAI's newer models take only
    /// `max_completion_tokens`, other servers often know only `max_tokens`.
    pub(super) bound: &'static str,
}

impl Protocol for ChatCompletions {
    fn path(&self, _model: &str) -> String {
        "/chat/completions".into()
    }

    fn headers(&self, key: Option<&Secret>) -> Vec<(&'static str, Secret)> {
        let bearer = |key: &Secret| Secret::new(format!("Bearer {}", key.reveal()));
        key.map(|key| ("authorization", bearer(key))).into_iter().collect()
    }

    fn body(&self, model: &str, request: &ModelRequest) -> Value {
        let settings = &request.settings;
        let system =
            (!request.system.is_empty()).then(|| json!({"role": "system", "content": request.system}));
        let messages: Vec<Value> = system.into_iter().chain(request.messages.iter().map(message)).collect();
        let mut body = json!({
            "model": model,
            "messages": messages,
            "stream": true,
            "stream_options": {"include_usage": true},
        });
        put(&mut body, self.bound, Some(json!(settings.max_tokens)));
        put(&mut body, "temperature", settings.temperature.map(|value| json!(value)));
        put(&mut body, "top_p", settings.top_p.map(|value| json!(value)));
        put(&mut body, "seed", settings.seed.map(|value| json!(value)));
        put(&mut body, "stop", (!settings.stop.is_empty()).then(|| json!(settings.stop)));
        if !request.tools.is_empty() {
            let tool = |tool: &vanna_actors::ports::model::ToolSpec| {
                let function = json!({
                    "name": tool.name, "description": tool.description, "parameters": tool.parameters.value(),
                });
                json!({"type": "function", "function": function})
            };
            put(&mut body, "tools", Some(request.tools.iter().map(tool).collect()));
            let choice = match settings.tool_choice {
                ToolChoice::Auto => "auto",
                ToolChoice::Required => "required",
                ToolChoice::Forbidden => "none",
            };
            put(&mut body, "tool_choice", Some(json!(choice)));
        }
        body
    }

    fn decoder(&self) -> Box<dyn Decoder> {
        Box::new(Chunks)
    }
}

fn message(message: &Message) -> Value {
    match message {
        Message::User { text } => json!({"role": "user", "content": text}),
        Message::ToolAnswer { call_id, content, .. } => {
            json!({"role": "tool", "tool_call_id": call_id, "content": content})
        }
        Message::Assistant { text, tool_calls } => {
            let calls = tool_calls.iter().map(|call| {
                let function = json!({"name": call.name, "arguments": call.arguments});
                json!({"type": "function", "id": call.id, "function": function})
            });
            let mut message = json!({"role": "assistant", "content": text});
            put(&mut message, "tool_calls", (!tool_calls.is_empty()).then(|| calls.collect()));
            message
        }
    }
}

struct Chunks;

#[derive(Deserialize)]
struct Chunk {
    choices: Option<Vec<Choice>>,
    usage: Option<Tokens>,
    error: Option<Value>,
}

#[derive(Deserialize)]
struct Choice {
    index: Option<u64>,
    delta: Option<Delta>,
    finish_reason: Option<String>,
}

#[derive(Deserialize)]
struct Delta {
    content: Option<Value>,
    refusal: Option<String>,
    tool_calls: Option<Vec<CallDelta>>,
}

#[derive(Deserialize)]
struct CallDelta {
    index: Option<u64>,
    id: Option<String>,
    function: Option<FunctionDelta>,
}

#[derive(Deserialize)]
struct FunctionDelta {
    name: Option<String>,
    arguments: Option<Value>,
}

#[derive(Deserialize)]
struct Tokens {
    prompt_tokens: Option<u64>,
    completion_tokens: Option<u64>,
}

impl Decoder for Chunks {
    fn event(&mut self, data: &str, answer: &mut Assembly) -> Result<(), Trouble> {
        if data.trim() == "[DONE]" {
            answer.end();
            return Ok(());
        }
        let chunk: Chunk = read(data)?;
        if let Some(error) = chunk.error {
            return Err(Trouble::of_error(&ProviderError::of(&error)));
        }
        for choice in chunk.choices.unwrap_or_default() {
            if choice.index.unwrap_or_default() == 0 {
                take(choice, answer)?;
            }
        }
        if let Some(usage) = chunk.usage {
            answer.used(usage.prompt_tokens, usage.completion_tokens);
        }
        Ok(())
    }
}

fn take(choice: Choice, answer: &mut Assembly) -> Result<(), Trouble> {
    if let Some(delta) = choice.delta {
        if let Some(content) = delta.content {
            answer.text(&text_of(&content))?;
        }
        if let Some(refusal) = delta.refusal.filter(|refusal| !refusal.is_empty()) {
            answer.refused();
            answer.text(&refusal)?;
        }
        for call in delta.tool_calls.unwrap_or_default() {
            let function = call.function.unwrap_or(FunctionDelta { name: None, arguments: None });
            let arguments = match function.arguments {
                None | Some(Value::Null) => String::new(),
                Some(Value::String(text)) => text,
                Some(value) => value.to_string(),
            };
            answer.go_on(Piece {
                index: call.index,
                id: call.id.as_deref().unwrap_or_default(),
                name: function.name.as_deref().unwrap_or_default(),
                arguments: &arguments,
                signature: None,
            })?;
        }
    }
    if let Some(reason) = choice.finish_reason.filter(|reason| !reason.is_empty()) {
        answer.stopped(match reason.as_str() {
            "stop" => StopReason::Stop,
            "tool_calls" | "function_call" => StopReason::ToolCalls,
            "length" => StopReason::Length,
            "content_filter" => StopReason::Refused,
            _ => StopReason::Other,
        });
    }
    Ok(())
}

/// Content is a text; some servers send a list of parts.
fn text_of(content: &Value) -> String {
    match content {
        Value::String(text) => text.clone(),
        Value::Array(parts) => parts.iter().filter_map(|part| part.get("text")?.as_str()).collect(),
        _ => String::new(),
    }
}
