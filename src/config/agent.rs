//! `[agent]`: what a language model may do in one turn, and with which tools.

use super::error::ConfigError;
use serde::Deserialize;
use std::collections::BTreeMap;

/// Bounds of a turn with a language model. Reaching one ends the turn orderly.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Agent {
    /// Most calls of the model.
    pub model_calls: u32,
    /// Most calls of tools.
    pub tool_calls: u32,
    /// Most calls of tools that may fail before the turn is stopped.
    pub repairs: u32,
    /// Most tokens, in and out, over all calls.
    pub tokens: u64,
    /// Longest time of the model's part of a turn, milliseconds.
    pub time_ms: u64,
    /// Most rows that its tools may record together.
    pub rows: u64,
    /// Most tokens of one answer.
    pub answer_tokens: u32,
    /// Tokens of the schema that a model is shown, about.
    pub schema_tokens: usize,
    /// Randomness, from 0; the provider's own when absent.
    pub temperature: Option<f64>,
    /// Whether a model also answers what the semantic model covers in full; where it reads the question
    /// otherwise, a warning says so.
    pub answers_covered: bool,
    /// Tools that are not as usual, by name.
    pub tools: BTreeMap<String, ToolEntry>,
}

/// What is not as usual with a tool.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ToolEntry {
    /// Groups that may use it; empty: everybody.
    pub groups: Vec<String>,
    /// Groups that are shown its arguments; empty: everybody.
    pub arguments_shown_to: Vec<String>,
    /// Longest time of a call, milliseconds; the tool's own when absent.
    pub timeout_ms: Option<u64>,
    /// Nobody may use it.
    pub disabled: bool,
    /// Whether models are told of it; as usual for the tool when absent.
    pub offered: Option<bool>,
}

impl Default for Agent {
    fn default() -> Agent {
        Agent {
            model_calls: 10,
            tool_calls: 30,
            repairs: 5,
            tokens: 200_000,
            time_ms: 300_000,
            rows: 20_000,
            answer_tokens: 4_096,
            schema_tokens: 4_000,
            temperature: None,
            answers_covered: false,
            tools: BTreeMap::new(),
        }
    }
}

impl Agent {
    /// Refuses bounds that would let nothing happen, and tools that there are not.
    pub(super) fn check(&self, tools: &[&str]) -> Result<(), ConfigError> {
        let sizes = [
            ("model_calls", u64::from(self.model_calls)),
            ("tool_calls", u64::from(self.tool_calls)),
            ("tokens", self.tokens),
            ("time_ms", self.time_ms),
            ("rows", self.rows),
            ("answer_tokens", u64::from(self.answer_tokens)),
        ];
        if let Some((name, _)) = sizes.iter().find(|(_, size)| *size == 0) {
            return Err(ConfigError::value(format!("agent.{name}"), "must be at least 1"));
        }
        if self.temperature.is_some_and(|value| !(0.0..=2.0).contains(&value)) {
            return Err(ConfigError::value("agent.temperature", "must be from 0 to 2"));
        }
        for (name, tool) in &self.tools {
            if !tools.contains(&name.as_str()) {
                let message = format!("is no tool; known: {}", tools.join(", "));
                return Err(ConfigError::value(format!("agent.tools.{name}"), message));
            }
            if tool.timeout_ms == Some(0) {
                let key = format!("agent.tools.{name}.timeout_ms");
                return Err(ConfigError::value(key, "must be at least 1"));
            }
        }
        Ok(())
    }
}
