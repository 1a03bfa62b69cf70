//! OpenAI's chat completions, which Ollama, vLLM and many gateways speak too.

use super::assembly::{Assembly, Piece};
use super::protocol::{Decoder, Protocol, read};
use super::trouble::{ProviderError, Trouble};
use crate::config::Secret;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use serde_json::value::RawValue;
use vanna_actors::ports::model::{Message, ModelRequest, StopReason, ToolChoice, ToolSpec};

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

    fn body(&self, model: &str, request: &ModelRequest) -> Vec<u8> {
        let settings = &request.settings;
        let system = (!request.system.is_empty()).then(|| Said {
            content: &request.system,
            role: "system",
            tool_call_id: None,
            tool_calls: Vec::new(),
        });
        let (older, newer) = if self.bound == "max_tokens" {
            (Some(settings.max_tokens), None)
        } else {
            (None, Some(settings.max_tokens))
        };
        let has_tools = !request.tools.is_empty();
        let body = Body {
            max_completion_tokens: newer,
            max_tokens: older,
            messages: system.into_iter().chain(request.messages.iter().map(said)).collect(),
            model,
            seed: settings.seed,
            stop: &settings.stop,
            stream: true,
            stream_options: StreamOptions { include_usage: true },
            temperature: settings.temperature,
            tool_choice: has_tools.then_some(match settings.tool_choice {
                ToolChoice::Auto => "auto",
                ToolChoice::Required => "required",
                ToolChoice::Forbidden => "none",
            }),
            tools: request.tools.iter().map(tool).collect(),
            top_p: settings.top_p,
        };
        // Nothing in it can fail to be written.
        serde_json::to_vec(&body).unwrap_or_default()
    }

    fn decoder(&self) -> Box<dyn Decoder> {
        Box::new(Chunks)
    }
}

/// The body of a request, members in the order of their names. Written from what is borrowed: it is made
/// twice for each call, once for its digest.
#[derive(Serialize)]
struct Body<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    max_completion_tokens: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    max_tokens: Option<u32>,
    messages: Vec<Said<'a>>,
    model: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    seed: Option<u32>,
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    stop: &'a [String],
    stream: bool,
    stream_options: StreamOptions,
    #[serde(skip_serializing_if = "Option::is_none")]
    temperature: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tool_choice: Option<&'static str>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    tools: Vec<Typed<Offered<'a>>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    top_p: Option<f64>,
}

#[derive(Serialize)]
struct StreamOptions {
    include_usage: bool,
}

#[derive(Serialize)]
struct Said<'a> {
    content: &'a str,
    role: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    tool_call_id: Option<&'a str>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    tool_calls: Vec<Called<'a>>,
}

#[derive(Serialize)]
struct Called<'a> {
    function: Function<'a>,
    id: &'a str,
    #[serde(rename = "type")]
    kind: &'static str,
}

#[derive(Serialize)]
struct Function<'a> {
    arguments: &'a str,
    name: &'a str,
}

#[derive(Serialize)]
struct Typed<T> {
    function: T,
    #[serde(rename = "type")]
    kind: &'static str,
}

#[derive(Serialize)]
struct Offered<'a> {
    description: &'a str,
    name: &'a str,
    parameters: Option<&'a RawValue>,
}

fn tool(tool: &ToolSpec) -> Typed<Offered<'_>> {
    // The text is canonical JSON; null when it is none, which only damage can cause.
    let parameters = serde_json::from_str(tool.parameters.as_str()).ok();
    Typed {
        function: Offered { description: &tool.description, name: &tool.name, parameters },
        kind: "function",
    }
}

fn said(message: &Message) -> Said<'_> {
    let (content, role): (&str, _) = match message {
        Message::User { text } => (text, "user"),
        Message::ToolAnswer { content, .. } => (content, "tool"),
        Message::Assistant { text, .. } => (text, "assistant"),
    };
    let mut said = Said { content, role, tool_call_id: None, tool_calls: Vec::new() };
    match message {
        Message::User { .. } => {}
        Message::ToolAnswer { call_id, .. } => said.tool_call_id = Some(call_id),
        Message::Assistant { tool_calls, .. } => {
            let called = tool_calls.iter().map(|call| Called {
                function: Function { arguments: &call.arguments, name: &call.name },
                id: &call.id,
                kind: "function",
            });
            said.tool_calls = called.collect();
        }
    }
    said
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
