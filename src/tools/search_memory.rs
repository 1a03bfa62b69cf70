//! `search_memory`: what was learnt from earlier questions.

use super::notes::{self, Wanted};
use super::tool::{Tool, count, text};
use super::world::World;
use async_trait::async_trait;
use serde_json::{Value as Json, json};
use std::time::Duration;
use vanna_actors::ports::memory::Among;
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

    /// Models are told of the tools with version 2's names, which do the same.
    fn is_offered(&self) -> bool {
        false
    }

    fn time(&self) -> Duration {
        Duration::from_secs(10)
    }

    async fn call(&self, world: &World, given: &ToolUse, arguments: &Json) -> ToolOutcome {
        let wanted = Wanted {
            question: text(arguments, "question"),
            among: Among::All,
            least: None,
            limit: count(arguments, "limit", USUAL),
        };
        notes::find(world, given, wanted).await
    }
}
