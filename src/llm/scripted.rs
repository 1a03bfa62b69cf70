//! A model that answers by rules from a file: for tests and demonstrations, without a network.
//!
//! The file is YAML or JSON: a list of rules. The first rule that fits answers:
//!
//! ```yaml
//! - when: { contains: revenue, tool_answers: 0 }
//!   text: "I look it up."
//!   tool_calls: [{ name: run_sql, arguments: { sql: "SELECT 1" } }]
//! - when: { tool_answers: 1 }
//!   text: "It is one."
//! - fail: { code: model_overloaded, retryable: true }
//! ```

use async_trait::async_trait;
use serde::Deserialize;
use serde_json::Value;
use vanna_actors::ports::model::{
    Deltas, Message, Model, ModelAnswer, ModelMark, ModelRequest, StopReason, ToolCall, Usage,
};
use vanna_actors::ports::sql::Failure;

/// Rules in the order in which they are tried.
#[derive(Clone, Debug, Deserialize)]
#[serde(transparent)]
pub(super) struct Script {
    rules: Vec<Rule>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Rule {
    #[serde(default)]
    when: When,
    #[serde(default)]
    text: String,
    #[serde(default)]
    tool_calls: Vec<ScriptedCall>,
    stop_reason: Option<StopReason>,
    fail: Option<ScriptedFailure>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct When {
    /// Words in the last message, whatever their case.
    contains: Option<String>,
    /// How many tool answers there are so far.
    tool_answers: Option<usize>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct ScriptedCall {
    name: String,
    /// An object; or a text, taken as the model would have written it, right or wrong.
    arguments: Value,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct ScriptedFailure {
    code: String,
    #[serde(default)]
    retryable: bool,
}

impl Script {
    /// Reads a script.
    pub(super) fn read(text: &str) -> Result<Script, String> {
        serde_saphyr::from_str(text).map_err(|error| error.to_string())
    }
}

/// A model that follows a script.
pub(super) struct Scripted {
    pub(super) name: String,
    pub(super) script: Script,
}

#[async_trait]
impl Model for Scripted {
    fn mark(&self, request: &ModelRequest) -> ModelMark {
        let bytes = serde_json::to_vec(request).unwrap_or_default();
        let request_digest = format!("blake3:{}", blake3::hash(&bytes));
        ModelMark { provider: self.name.clone(), model: "scripted".into(), request_digest }
    }

    async fn call(&self, request: &ModelRequest, deltas: &Deltas) -> Result<ModelAnswer, Failure> {
        let Some(rule) = self.script.rules.iter().find(|rule| rule.when.fits(request)) else {
            let message = format!("No rule of the script of {} fits; add one.", self.name);
            return Err(Failure::new("model_no_rule", message, false));
        };
        if let Some(ScriptedFailure { code, retryable }) = &rule.fail {
            let message = format!("The script of {} says so.", self.name);
            return Err(Failure::new(code, message, *retryable));
        }
        for word in rule.text.split_inclusive(' ') {
            deltas.hand_out(word).await;
        }
        let answers = tool_answers(request);
        let calls = rule.tool_calls.iter().enumerate();
        let tool_calls: Vec<ToolCall> = calls.map(|(at, call)| call.made(answers + at + 1)).collect();
        let usual = if tool_calls.is_empty() { StopReason::Stop } else { StopReason::ToolCalls };
        Ok(ModelAnswer {
            mark: self.mark(request),
            text: rule.text.clone(),
            tool_calls,
            stop_reason: rule.stop_reason.unwrap_or(usual),
            usage: Some(Usage { input: 0, output: 0 }),
            attempts: 1,
            passed_over: Vec::new(),
        })
    }
}

impl When {
    fn fits(&self, request: &ModelRequest) -> bool {
        let last = match request.messages.last() {
            Some(Message::User { text } | Message::Assistant { text, .. }) => text.as_str(),
            Some(Message::ToolAnswer { content, .. }) => content.as_str(),
            None => "",
        };
        let says = |words: &String| last.to_lowercase().contains(&words.to_lowercase());
        let counts = |count: &usize| *count == tool_answers(request);
        self.contains.as_ref().is_none_or(says) && self.tool_answers.as_ref().is_none_or(counts)
    }
}

impl ScriptedCall {
    fn made(&self, number: usize) -> ToolCall {
        let arguments = match &self.arguments {
            Value::String(text) => text.clone(),
            value => value.to_string(),
        };
        let malformed = super::arguments::fault_of(&arguments);
        let (id, name) = (format!("call_{number}"), self.name.clone());
        ToolCall { id, name, arguments, malformed, signature: None }
    }
}

fn tool_answers(request: &ModelRequest) -> usize {
    request.messages.iter().filter(|message| matches!(message, Message::ToolAnswer { .. })).count()
}
