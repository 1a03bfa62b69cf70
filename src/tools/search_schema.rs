//! `search_schema`: tables and columns by their names.

use super::data::marked;
use super::statement::refused;
use super::tool::{Tool, count, text};
use super::world::World;
use crate::agent::{describe, ranked};
use async_trait::async_trait;
use serde_json::{Value as Json, json};
use vanna_actors::ports::tools::{ToolOutcome, ToolUse};

/// Tables that are told unless the call says how many.
const USUAL: usize = 8;

pub(super) struct SearchSchema;

#[async_trait]
impl Tool for SearchSchema {
    fn name(&self) -> &'static str {
        "search_schema"
    }

    fn description(&self) -> &'static str {
        "Finds tables of the database by words of their names and columns, with columns, types and keys. Use \
         it when the schema that you were shown does not hold what you need."
    }

    fn parameters(&self) -> Json {
        json!({
            "type": "object",
            "properties": {
                "query": {"type": "string", "minLength": 1, "maxLength": 500,
                          "description": "Words to look for."},
                "limit": {"type": "integer", "minimum": 1, "maximum": 30}
            },
            "required": ["query"],
            "additionalProperties": false
        })
    }

    async fn call(&self, world: &World, given: &ToolUse, arguments: &Json) -> ToolOutcome {
        let catalog = match world.database(&given.source) {
            Ok(database) => database.source.described(&given.caller).await,
            Err(failure) => Err(failure),
        };
        let catalog = match catalog {
            Ok(catalog) => catalog,
            Err(failure) => return refused(failure),
        };
        let found: Vec<_> = ranked(&catalog, text(arguments, "query"))
            .into_iter()
            .filter(|(score, _)| *score > 0)
            .take(count(arguments, "limit", USUAL))
            .collect();
        if found.is_empty() {
            let names: Vec<&str> =
                catalog.relations().map(|relation| relation.name.as_str()).take(100).collect();
            let told = marked(&names.join(", "));
            return ToolOutcome::told("no table found", format!("No table fits. There are:\n{told}"));
        }
        let lines: Vec<String> = found.iter().map(|(_, relation)| describe(relation)).collect();
        ToolOutcome::told(format!("{} tables", lines.len()), marked(&lines.join("\n")))
    }
}
