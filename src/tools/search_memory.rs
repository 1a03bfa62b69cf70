//! `search_memory`: what was learnt from earlier questions.

use super::data::marked;
use super::statement::refused;
use super::tool::{Tool, count, text};
use super::world::World;
use async_trait::async_trait;
use serde_json::{Value as Json, json};
use std::time::Duration;
use vanna_actors::ports::tools::{ToolOutcome, ToolUse};

/// Memories that are told unless the call says how many.
const USUAL: usize = 5;

pub(super) struct SearchMemory;

#[async_trait]
impl Tool for SearchMemory {
    fn name(&self) -> &'static str {
        "search_memory"
    }

    fn description(&self) -> &'static str {
        "Finds notes about questions like this one: which tables to use, what words mean here."
    }

    fn parameters(&self) -> Json {
        json!({
            "type": "object",
            "properties": {
                "question": {"type": "string", "minLength": 1, "maxLength": 2_000},
                "limit": {"type": "integer", "minimum": 1, "maximum": 20}
            },
            "required": ["question"],
            "additionalProperties": false
        })
    }

    fn time(&self) -> Duration {
        Duration::from_secs(10)
    }

    async fn call(&self, world: &World, given: &ToolUse, arguments: &Json) -> ToolOutcome {
        let tenant = given.caller.conversation.tenant();
        let limit = count(arguments, "limit", USUAL);
        let found = match world.memory.search(tenant, text(arguments, "question"), limit).await {
            Ok(found) => found,
            Err(failure) => return refused(failure),
        };
        if found.is_empty() {
            return ToolOutcome::told("nothing found", "Nothing is remembered about such a question.");
        }
        let lines: Vec<String> =
            found.iter().map(|memory| format!("{}\n{}", memory.question, memory.text)).collect();
        ToolOutcome::told(format!("{} found", found.len()), marked(&lines.join("\n\n")))
    }
}
