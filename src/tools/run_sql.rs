//! `run_sql`: a SELECT of the model's own, outside of the semantic layer.

use super::statement;
use super::tool::{Tool, text};
use super::world::World;
use async_trait::async_trait;
use serde_json::{Value as Json, json};
use vanna_actors::ports::sql::SqlSource;
use vanna_actors::ports::tools::{ToolOutcome, ToolUse};

pub(super) struct RunSql;

#[async_trait]
impl Tool for RunSql {
    fn name(&self) -> &'static str {
        "run_sql"
    }

    fn description(&self) -> &'static str {
        "Runs one read-only SELECT on the database. The rows are shown to the reader and kept under a name \
         that visualize_data takes. Prefer semantic_query wherever its metrics fit."
    }

    fn parameters(&self) -> Json {
        json!({
            "type": "object",
            "properties": {
                "sql": {"type": "string", "minLength": 1, "maxLength": 50_000,
                        "description": "One SELECT in the dialect of the database."}
            },
            "required": ["sql"],
            "additionalProperties": false
        })
    }

    async fn call(&self, world: &World, given: &ToolUse, arguments: &Json) -> ToolOutcome {
        let database = match world.database(&given.source) {
            Ok(database) => database,
            Err(failure) => return statement::refused(failure),
        };
        match database.source.describe(&given.caller, text(arguments, "sql")).await {
            Ok(described) => statement::run(world, database, given, described).await,
            Err(failure) => statement::refused(failure),
        }
    }
}
