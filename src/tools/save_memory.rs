//! `save_memory`: a note for later questions.

use super::notes;
use super::tool::{Tool, text};
use super::world::World;
use async_trait::async_trait;
use serde_json::{Value as Json, json};
use std::time::Duration;
use vanna_actors::ports::tools::{ToolOutcome, ToolUse};

pub(super) struct SaveMemory;

#[async_trait]
impl Tool for SaveMemory {
    fn name(&self) -> &'static str {
        "save_memory"
    }

    fn description(&self) -> &'static str {
        "Keeps a note for later questions of this kind, such as which tables held the answer. Only what the \
         database or the asker has shown to be true."
    }

    fn parameters(&self) -> Json {
        json!({
            "type": "object",
            "properties": {
                "question": {"type": "string", "minLength": 1, "maxLength": 2_000,
                             "description": "The question that the note is about."},
                "text": {"type": "string", "minLength": 1, "maxLength": 4_000}
            },
            "required": ["question", "text"],
            "additionalProperties": false
        })
    }

    /// Models are told of the tools with version 2's names, which do the same.
    fn is_offered(&self) -> bool {
        false
    }

    fn time(&self) -> Duration {
        Duration::from_secs(10)
    }

    async fn call(&self, world: &World, given: &ToolUse, arguments: &Json) -> ToolOutcome {
        notes::keep(world, given, text(arguments, "question"), text(arguments, "text"), None).await
    }
}
