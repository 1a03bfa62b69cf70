//! The memory tools under the names and with the arguments of version 2, so that prompts, grants and
//! conversations that name them go on working.

use super::notes::{self, Wanted};
use super::tool::{Tool, count, text};
use super::world::World;
use async_trait::async_trait;
use serde_json::{Value, json};
use std::time::Duration;
use vanna_actors::json::Json;
use vanna_actors::ports::memory::{Among, Pattern};
use vanna_actors::ports::tools::{ToolOutcome, ToolUse};

/// Patterns that are told unless the call says how many, as in version 2.
const USUAL: usize = 10;
/// Likeness below which a pattern is not told unless the call says otherwise, as in version 2.
const LEAST: f64 = 0.7;
/// Longest time of a call.
const TIME: Duration = Duration::from_secs(10);

pub(super) struct SearchSavedCorrectToolUses;

#[async_trait]
impl Tool for SearchSavedCorrectToolUses {
    fn name(&self) -> &'static str {
        "search_saved_correct_tool_uses"
    }

    fn description(&self) -> &'static str {
        "Finds how tools were called for questions like this one."
    }

    fn parameters(&self) -> Value {
        json!({
            "type": "object",
            "properties": {
                "question": {"type": "string", "minLength": 1, "maxLength": 2_000},
                "limit": {"type": ["integer", "null"], "minimum": 1, "maximum": 20},
                "similarity_threshold": {"type": ["number", "null"], "minimum": 0, "maximum": 1},
                "tool_name_filter": {"type": ["string", "null"], "maxLength": 100}
            },
            "required": ["question"],
            "additionalProperties": false
        })
    }

    fn time(&self) -> Duration {
        TIME
    }

    async fn call(&self, world: &World, given: &ToolUse, arguments: &Value) -> ToolOutcome {
        let among = match text(arguments, "tool_name_filter") {
            "" => Among::Patterns,
            tool => Among::PatternsOf(tool.to_owned()),
        };
        let least = arguments.get("similarity_threshold").and_then(Value::as_f64).unwrap_or(LEAST);
        let limit = count(arguments, "limit", USUAL);
        let wanted = Wanted { question: text(arguments, "question"), among, least: Some(least), limit };
        notes::find(world, given, wanted).await
    }
}

pub(super) struct SaveQuestionToolArgs;

#[async_trait]
impl Tool for SaveQuestionToolArgs {
    fn name(&self) -> &'static str {
        "save_question_tool_args"
    }

    fn description(&self) -> &'static str {
        "Keeps how a tool was called to answer a question rightly."
    }

    fn parameters(&self) -> Value {
        json!({
            "type": "object",
            "properties": {
                "question": {"type": "string", "minLength": 1, "maxLength": 2_000},
                "tool_name": {"type": "string", "minLength": 1, "maxLength": 100},
                "args": {"type": "object"}
            },
            "required": ["question", "tool_name", "args"],
            "additionalProperties": false
        })
    }

    fn groups(&self) -> Vec<String> {
        vec!["admin".to_owned()]
    }

    fn time(&self) -> Duration {
        TIME
    }

    async fn call(&self, world: &World, given: &ToolUse, arguments: &Value) -> ToolOutcome {
        let pattern = Pattern {
            tool: text(arguments, "tool_name").to_owned(),
            arguments: Json::new(arguments.get("args").unwrap_or(&Value::Null)),
        };
        notes::keep(world, given, text(arguments, "question"), "", Some(pattern)).await
    }
}

pub(super) struct SaveTextMemory;

#[async_trait]
impl Tool for SaveTextMemory {
    fn name(&self) -> &'static str {
        "save_text_memory"
    }

    fn description(&self) -> &'static str {
        "Keeps a note about the database or about what words mean here."
    }

    fn parameters(&self) -> Value {
        json!({
            "type": "object",
            "properties": {"content": {"type": "string", "minLength": 1, "maxLength": 4_000}},
            "required": ["content"],
            "additionalProperties": false
        })
    }

    fn time(&self) -> Duration {
        TIME
    }

    async fn call(&self, world: &World, given: &ToolUse, arguments: &Value) -> ToolOutcome {
        notes::keep(world, given, "", text(arguments, "content"), None).await
    }
}
