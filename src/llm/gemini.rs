//! Google's Gemini: `streamGenerateContent`.

use super::assembly::{Assembly, Piece};
use super::protocol::{Decoder, Protocol, arguments_as_object, in_turns, put, read};
use super::trouble::{ProviderError, Trouble};
use crate::config::Secret;
use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Value, json};
use vanna_actors::ports::model::{Message, ModelRequest, StopReason, ToolChoice, ToolSpec};

/// Content generation, streamed.
pub(super) struct GenerateContent;

impl Protocol for GenerateContent {
    fn path(&self, model: &str) -> String {
        format!("/v1beta/models/{model}:streamGenerateContent?alt=sse")
    }

    fn headers(&self, key: Option<&Secret>) -> Vec<(&'static str, Secret)> {
        key.map(|key| ("x-goog-api-key", key.clone())).into_iter().collect()
    }

    fn body(&self, _model: &str, request: &ModelRequest) -> Vec<u8> {
        let settings = &request.settings;
        let contents: Vec<Value> = in_turns(&request.messages, parts)
            .map(|(role, parts)| json!({"role": role, "parts": parts}))
            .collect();
        let mut generation = json!({"maxOutputTokens": settings.max_tokens});
        put(&mut generation, "temperature", settings.temperature.map(|value| json!(value)));
        put(&mut generation, "topP", settings.top_p.map(|value| json!(value)));
        put(&mut generation, "seed", settings.seed.map(|value| json!(value)));
        put(&mut generation, "stopSequences", (!settings.stop.is_empty()).then(|| json!(settings.stop)));
        let mut body = json!({"contents": contents, "generationConfig": generation});
        let system = json!({"parts": [{"text": request.system}]});
        put(&mut body, "systemInstruction", (!request.system.is_empty()).then_some(system));
        if !request.tools.is_empty() {
            let tool = |tool: &ToolSpec| {
                let schema = tool.parameters.value();
                json!({"name": tool.name, "description": tool.description, "parametersJsonSchema": schema})
            };
            let tools: Vec<Value> = request.tools.iter().map(tool).collect();
            put(&mut body, "tools", Some(json!([{"functionDeclarations": tools}])));
            let mode = match settings.tool_choice {
                ToolChoice::Auto => "AUTO",
                ToolChoice::Required => "ANY",
                ToolChoice::Forbidden => "NONE",
            };
            put(&mut body, "toolConfig", Some(json!({"functionCallingConfig": {"mode": mode}})));
        }
        body.to_string().into_bytes()
    }

    fn decoder(&self) -> Box<dyn Decoder> {
        Box::new(Responses)
    }
}

fn parts(message: &Message) -> (&'static str, Vec<Value>) {
    match message {
        Message::User { text } => ("user", vec![json!({"text": text})]),
        Message::ToolAnswer { tool, content, failed, .. } => {
            let name = if *failed { "error" } else { "output" };
            let answer = json!({"name": tool, "response": {name: content}});
            ("user", vec![json!({"functionResponse": answer})])
        }
        Message::Assistant { text, tool_calls } => {
            let said = (!text.is_empty()).then(|| json!({"text": text}));
            let calls = tool_calls.iter().map(|call| {
                let args = arguments_as_object(call);
                let mut part = json!({"functionCall": {"name": call.name, "args": args}});
                put(&mut part, "thoughtSignature", call.signature.as_ref().map(|text| json!(text)));
                part
            });
            ("model", said.into_iter().chain(calls).collect())
        }
    }
}

struct Responses;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Response {
    candidates: Option<Vec<Candidate>>,
    prompt_feedback: Option<Feedback>,
    usage_metadata: Option<Tokens>,
    error: Option<Value>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Candidate {
    index: Option<u64>,
    content: Option<Content>,
    finish_reason: Option<String>,
}

#[derive(Deserialize)]
struct Content {
    parts: Option<Vec<Part>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Part {
    text: Option<String>,
    thought: Option<bool>,
    function_call: Option<FunctionCall>,
    thought_signature: Option<String>,
}

#[derive(Deserialize)]
struct FunctionCall {
    id: Option<String>,
    name: Option<String>,
    args: Option<Box<RawValue>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Feedback {
    block_reason: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Tokens {
    prompt_token_count: Option<u64>,
    candidates_token_count: Option<u64>,
    thoughts_token_count: Option<u64>,
}

impl Decoder for Responses {
    fn event(&mut self, data: &str, answer: &mut Assembly) -> Result<(), Trouble> {
        let response: Response = read(data)?;
        if let Some(error) = response.error {
            return Err(Trouble::of_error(&ProviderError::of(&error)));
        }
        if response.prompt_feedback.is_some_and(|feedback| feedback.block_reason.is_some()) {
            answer.refused();
            answer.stopped(StopReason::Refused);
        }
        for candidate in response.candidates.unwrap_or_default() {
            if candidate.index.unwrap_or_default() == 0 {
                take(candidate, answer)?;
            }
        }
        if let Some(usage) = response.usage_metadata {
            let thought = usage.thoughts_token_count.unwrap_or_default();
            let output = usage.candidates_token_count.map(|tokens| tokens.saturating_add(thought));
            answer.used(usage.prompt_token_count, output);
        }
        Ok(())
    }
}

fn take(candidate: Candidate, answer: &mut Assembly) -> Result<(), Trouble> {
    for part in candidate.content.and_then(|content| content.parts).unwrap_or_default() {
        if let Some(text) = part.text.filter(|_| part.thought != Some(true)) {
            answer.text(&text)?;
        }
        if let Some(call) = part.function_call {
            answer.begin(Piece {
                index: None,
                id: call.id.as_deref().unwrap_or_default(),
                name: call.name.as_deref().unwrap_or_default(),
                arguments: call.args.as_ref().map_or("{}", |args| args.get()),
                signature: part.thought_signature.as_deref(),
            })?;
        }
    }
    if let Some(reason) = candidate.finish_reason {
        answer.stopped(match reason.as_str() {
            "STOP" => StopReason::Stop,
            "MAX_TOKENS" => StopReason::Length,
            "SAFETY" | "RECITATION" | "BLOCKLIST" | "PROHIBITED_CONTENT" | "SPII" => StopReason::Refused,
            _ => StopReason::Other,
        });
    }
    Ok(())
}
