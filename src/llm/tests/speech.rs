//! One answer in the words of each provider.

use crate::config::ModelProvider;
use serde_json::{Value, json};

/// The providers that speak over HTTP.
pub(super) const ALL: [ModelProvider; 3] =
    [ModelProvider::OpenaiCompatible, ModelProvider::Anthropic, ModelProvider::Gemini];

/// Something that a provider says.
#[derive(Clone, Debug)]
pub(super) enum Say {
    Text(&'static str),
    /// A call begins: index, id, name.
    Call(u64, &'static str, &'static str),
    /// Its arguments go on.
    Args(u64, String),
    /// `stop`, `tool_calls`, `length` or `refused`.
    Stop(&'static str),
    Usage,
    End,
    /// An error inside the stream: overloaded, with prose that nobody may see.
    Overloaded,
    /// Any event.
    Raw(&'static str),
}

/// Text in two pieces, with everything that belongs to a whole answer.
pub(super) fn hello() -> Vec<Say> {
    vec![Say::Text("Hello, "), Say::Text("wörld 👍"), Say::Stop("stop"), Say::Usage, Say::End]
}

/// Two parallel calls whose pieces come by turns.
pub(super) fn two_calls() -> Vec<Say> {
    let args = |index, text: &str| Say::Args(index, text.to_owned());
    vec![
        Say::Text("I look."),
        Say::Call(0, "c1", "run_sql"),
        Say::Call(1, "c2", "draw"),
        args(0, "{\"sql\":"),
        args(1, "{\"mark\":\"b"),
        args(0, "\"SELECT 1\"}"),
        args(1, "är\"}"),
        Say::Stop("tool_calls"),
        Say::Usage,
        Say::End,
    ]
}

/// The events of a stream, each as the text of its frame with line feeds.
pub(super) fn frames(provider: ModelProvider, says: &[Say]) -> Vec<String> {
    match provider {
        ModelProvider::Anthropic => anthropic(says),
        ModelProvider::Gemini => gemini(says),
        _ => says.iter().map(|say| format!("data: {}\n\n", openai(say))).collect(),
    }
}

/// The bytes of a whole stream.
pub(super) fn bytes(provider: ModelProvider, says: &[Say]) -> Vec<u8> {
    frames(provider, says).concat().into_bytes()
}

fn openai(say: &Say) -> String {
    let choice = |delta: Value, finish: Option<&str>| {
        json!({"id": "x", "object": "chat.completion.chunk", "choices": [
            {"index": 0, "delta": delta, "finish_reason": finish}
        ]})
    };
    let call = |call: Value| choice(json!({"tool_calls": [call]}), None);
    match say {
        Say::Text(text) => choice(json!({"role": "assistant", "content": text}), None),
        Say::Call(index, id, name) => call(json!({
            "index": index, "id": id, "type": "function", "function": {"name": name, "arguments": ""}
        })),
        Say::Args(index, part) => call(json!({"index": index, "function": {"arguments": part}})),
        Say::Stop("refused") => choice(json!({}), Some("content_filter")),
        Say::Stop(reason) => choice(json!({}), Some(reason)),
        Say::Usage => json!({"choices": [], "usage": {"prompt_tokens": 7, "completion_tokens": 3}}),
        Say::End => return "[DONE]".into(),
        Say::Overloaded => json!({"error": {"type": "server_error", "message": "sk-prose"}}),
        Say::Raw(text) => return (*text).into(),
    }
    .to_string()
}

fn anthropic(says: &[Say]) -> Vec<String> {
    let event = |kind: &str, mut value: Value| {
        value["type"] = kind.into();
        format!("event: {kind}\ndata: {value}\n\n")
    };
    let block = json!({"index": 0, "content_block": {"type": "text", "text": ""}});
    let start = [
        event("message_start", json!({"message": {"id": "m", "role": "assistant", "content": []}})),
        event("ping", json!({})),
        event("content_block_start", block),
    ];
    let delta =
        |index: u64, delta: Value| event("content_block_delta", json!({"index": index, "delta": delta}));
    let said = says.iter().map(|say| match say {
        Say::Text(text) => delta(0, json!({"type": "text_delta", "text": text})),
        Say::Call(index, id, name) => {
            let block = json!({"type": "tool_use", "id": id, "name": name, "input": {}});
            event("content_block_start", json!({"index": index + 1, "content_block": block}))
        }
        Say::Args(index, part) => delta(index + 1, json!({"type": "input_json_delta", "partial_json": part})),
        Say::Stop(reason) => {
            let reason = match *reason {
                "stop" => "end_turn",
                "tool_calls" => "tool_use",
                "length" => "max_tokens",
                _ => "refusal",
            };
            event("message_delta", json!({"delta": {"stop_reason": reason}}))
        }
        Say::Usage => {
            event("message_delta", json!({"delta": {}, "usage": {"input_tokens": 7, "output_tokens": 3}}))
        }
        Say::End => event("message_stop", json!({})),
        Say::Overloaded => {
            event("error", json!({"error": {"type": "overloaded_error", "message": "sk-prose"}}))
        }
        Say::Raw(text) => format!("data: {text}\n\n"),
    });
    start.into_iter().chain(said).collect()
}

/// Calls come whole, in the order in which they began, when the model stops.
fn gemini(says: &[Say]) -> Vec<String> {
    let parts = |parts: String, finish: Option<&str>| {
        let finish = finish.map(|reason| format!(", \"finishReason\": \"{reason}\"")).unwrap_or_default();
        format!(
            "{{\"candidates\": [{{\"content\": {{\"role\": \"model\", \"parts\": [{parts}]}}{finish}}}]}}"
        )
    };
    let call = |say: &Say| match say {
        Say::Call(of, id, name) => {
            let args: String = says
                .iter()
                .filter_map(|say| match say {
                    Say::Args(index, part) if index == of => Some(part.as_str()),
                    _ => None,
                })
                .collect();
            Some(format!(
                "{{\"functionCall\": {{\"id\": \"{id}\", \"name\": \"{name}\", \"args\": {args}}}}}"
            ))
        }
        _ => None,
    };
    let said = says.iter().filter_map(|say| match say {
        Say::Text(text) => Some(parts(json!({"text": text}).to_string(), None)),
        Say::Call(..) | Say::Args(..) | Say::End => None,
        Say::Stop(reason) => {
            let reason = match *reason {
                "length" => "MAX_TOKENS",
                "refused" => "SAFETY",
                _ => "STOP",
            };
            let calls: Vec<String> = says.iter().filter_map(call).collect();
            Some(parts(calls.join(", "), Some(reason)))
        }
        Say::Usage => {
            Some(json!({"usageMetadata": {"promptTokenCount": 7, "candidatesTokenCount": 3}}).to_string())
        }
        Say::Overloaded => {
            Some(json!({"error": {"code": 503, "status": "UNAVAILABLE", "message": "sk-prose"}}).to_string())
        }
        Say::Raw(text) => Some((*text).into()),
    });
    said.map(|event| format!("data: {event}\n\n")).collect()
}
