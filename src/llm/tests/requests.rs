//! What exactly is sent to each provider.

use super::fake::{KEY, question};
use crate::config::{ModelProvider, Secret};
use crate::llm::build::protocol;
use serde_json::{Value, json};
use vanna_actors::json::Json;
use vanna_actors::ports::model::{Message, ModelRequest, ModelSettings, ToolCall, ToolChoice, ToolSpec};

/// Everything that a request can hold.
fn full() -> ModelRequest {
    let call = |id: &str, arguments: &str, malformed: Option<&str>, signature: Option<&str>| ToolCall {
        id: id.into(),
        name: "run_sql".into(),
        arguments: arguments.into(),
        malformed: malformed.map(Into::into),
        signature: signature.map(Into::into),
    };
    let answer = |id: &str, content: &str, failed| Message::ToolAnswer {
        call_id: id.into(),
        tool: "run_sql".into(),
        content: content.into(),
        failed,
    };
    let schema = json!({"type": "object", "properties": {"sql": {"type": "string"}}});
    ModelRequest {
        system: "Be brief.".into(),
        messages: vec![
            Message::User { text: "How many?".into() },
            Message::Assistant {
                text: "I look.".into(),
                tool_calls: vec![
                    call("c1", "{\"sql\":\"SELECT 1\"}", None, Some("sig")),
                    call("c2", "{\"sql\":", Some("cut"), None),
                ],
            },
            answer("c1", "1 row", false),
            answer("c2", "the JSON ends too early", true),
            Message::User { text: "Go on.".into() },
        ],
        tools: vec![ToolSpec {
            name: "run_sql".into(),
            description: "Runs SQL.".into(),
            parameters: Json::new(&schema),
        }],
        settings: ModelSettings {
            max_tokens: 99,
            temperature: Some(0.5),
            top_p: Some(0.25),
            stop: vec!["END".into()],
            seed: Some(7),
            tool_choice: ToolChoice::Required,
        },
    }
}

fn sent(provider: ModelProvider, request: &ModelRequest) -> Value {
    serde_json::from_slice(&protocol(provider).unwrap().body("m-1", request)).unwrap()
}

#[test]
fn chat_completions_get_everything() {
    let schema = json!({"type": "object", "properties": {"sql": {"type": "string"}}});
    let function = |arguments: &str| json!({"name": "run_sql", "arguments": arguments});
    let expected = json!({
        "model": "m-1", "stream": true, "stream_options": {"include_usage": true},
        "max_tokens": 99, "temperature": 0.5, "top_p": 0.25, "stop": ["END"], "seed": 7,
        "messages": [
            {"role": "system", "content": "Be brief."},
            {"role": "user", "content": "How many?"},
            {"role": "assistant", "content": "I look.", "tool_calls": [
                {"id": "c1", "type": "function", "function": function("{\"sql\":\"SELECT 1\"}")},
                {"id": "c2", "type": "function", "function": function("{\"sql\":")},
            ]},
            {"role": "tool", "tool_call_id": "c1", "content": "1 row"},
            {"role": "tool", "tool_call_id": "c2", "content": "the JSON ends too early"},
            {"role": "user", "content": "Go on."},
        ],
        "tools": [{"type": "function", "function": {
            "name": "run_sql", "description": "Runs SQL.", "parameters": schema
        }}],
        "tool_choice": "required",
    });
    assert_eq!(sent(ModelProvider::OpenaiCompatible, &full()), expected);
    let openai = sent(ModelProvider::Openai, &full());
    assert_eq!((openai.get("max_tokens"), &openai["max_completion_tokens"]), (None, &json!(99)));
}

#[test]
fn messages_get_everything_in_alternating_turns() {
    let schema = json!({"type": "object", "properties": {"sql": {"type": "string"}}});
    let tool_use =
        |id: &str, input: Value| json!({"type": "tool_use", "id": id, "name": "run_sql", "input": input});
    let result = |id: &str, content: &str, failed: bool| json!({"type": "tool_result", "tool_use_id": id, "content": content, "is_error": failed});
    let text = |text: &str| json!({"type": "text", "text": text});
    let expected = json!({
        "model": "m-1", "stream": true, "system": "Be brief.",
        "max_tokens": 99, "temperature": 0.5, "top_p": 0.25, "stop_sequences": ["END"],
        "messages": [
            {"role": "user", "content": [text("How many?")]},
            {"role": "assistant", "content": [
                text("I look."),
                tool_use("c1", json!({"sql": "SELECT 1"})),
                tool_use("c2", json!({"malformed_arguments": "{\"sql\":"})),
            ]},
            {"role": "user", "content": [
                result("c1", "1 row", false), result("c2", "the JSON ends too early", true), text("Go on."),
            ]},
        ],
        "tools": [{"name": "run_sql", "description": "Runs SQL.", "input_schema": schema}],
        "tool_choice": {"type": "any"},
    });
    assert_eq!(sent(ModelProvider::Anthropic, &full()), expected);
}

#[test]
fn gemini_gets_everything_in_alternating_turns() {
    let schema = json!({"type": "object", "properties": {"sql": {"type": "string"}}});
    let answer = |response: Value| json!({"functionResponse": {"name": "run_sql", "response": response}});
    let expected = json!({
        "systemInstruction": {"parts": [{"text": "Be brief."}]},
        "generationConfig": {
            "maxOutputTokens": 99, "temperature": 0.5, "topP": 0.25, "stopSequences": ["END"], "seed": 7
        },
        "contents": [
            {"role": "user", "parts": [{"text": "How many?"}]},
            {"role": "model", "parts": [
                {"text": "I look."},
                {"functionCall": {"name": "run_sql", "args": {"sql": "SELECT 1"}}, "thoughtSignature": "sig"},
                {"functionCall": {"name": "run_sql", "args": {"malformed_arguments": "{\"sql\":"}}},
            ]},
            {"role": "user", "parts": [
                answer(json!({"output": "1 row"})), answer(json!({"error": "the JSON ends too early"})),
                {"text": "Go on."},
            ]},
        ],
        "tools": [{"functionDeclarations": [
            {"name": "run_sql", "description": "Runs SQL.", "parametersJsonSchema": schema}
        ]}],
        "toolConfig": {"functionCallingConfig": {"mode": "ANY"}},
    });
    assert_eq!(sent(ModelProvider::Gemini, &full()), expected);
}

#[test]
fn what_is_not_set_is_not_sent() {
    let names = |provider| -> Vec<String> {
        sent(provider, &question()).as_object().unwrap().keys().cloned().collect()
    };
    let mut openai = names(ModelProvider::Openai);
    openai.sort();
    assert_eq!(openai, ["max_completion_tokens", "messages", "model", "stream", "stream_options"]);
    let mut anthropic = names(ModelProvider::Anthropic);
    anthropic.sort();
    assert_eq!(anthropic, ["max_tokens", "messages", "model", "stream"]);
    let mut gemini = names(ModelProvider::Gemini);
    gemini.sort();
    assert_eq!(gemini, ["contents", "generationConfig"]);
}

#[test]
fn the_key_goes_where_each_provider_looks_for_it() {
    let key = Secret::new(KEY);
    let shown = |provider| -> Vec<(&str, String)> {
        let headers = protocol(provider).unwrap().headers(Some(&key));
        headers.into_iter().map(|(name, value)| (name, value.reveal().to_owned())).collect()
    };
    assert_eq!(shown(ModelProvider::Openai), [("authorization", format!("Bearer {KEY}"))]);
    let version = ("anthropic-version", "2023-06-01".to_owned());
    assert_eq!(shown(ModelProvider::Anthropic), [("x-api-key", KEY.to_owned()), version]);
    assert_eq!(shown(ModelProvider::Gemini), [("x-goog-api-key", KEY.to_owned())]);
    assert!(protocol(ModelProvider::OpenaiCompatible).unwrap().headers(None).is_empty(), "Ollama has no key");
}
