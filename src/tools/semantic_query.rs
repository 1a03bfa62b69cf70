//! `semantic_query`: metrics by dimensions, compiled by the semantic layer.

use super::statement;
use super::tool::Tool;
use super::world::World;
use crate::semantic::refusal::CompileError;
use async_trait::async_trait;
use serde_json::{Value as Json, json};
use vanna_actors::ports::planner::compiled_check;
use vanna_actors::ports::tools::{ToolOutcome, ToolUse};

pub(super) struct SemanticQueryTool;

#[async_trait]
impl Tool for SemanticQueryTool {
    fn name(&self) -> &'static str {
        "semantic_query"
    }

    fn description(&self) -> &'static str {
        "Computes metrics of the semantic model, grouped and filtered by its dimensions. Its numbers are \
         defined by the model and never wrong by a join. Only names of the model are known to it."
    }

    fn parameters(&self) -> Json {
        let names = json!({"type": "array", "items": {"type": "string"}, "maxItems": 20});
        let dimension = json!({"anyOf": [
            {"type": "string"},
            {"type": "object", "properties": {"name": {"type": "string"}, "grain": {"type": "string"}},
             "required": ["name", "grain"], "additionalProperties": false}
        ]});
        json!({
            "type": "object",
            "properties": {
                "metrics": names,
                "metric": {"type": "string"},
                "dimensions": {"type": "array", "items": dimension, "maxItems": 20},
                "filters": {"type": "array", "maxItems": 50, "items": {
                    "type": "object",
                    "properties": {
                        "field": {"type": "string"},
                        "op": {"type": "string", "description":
                            "One of = != > >= < <= in not_in between contains is_null is_not_null"},
                        "value": {}
                    },
                    "required": ["field", "op"],
                    "additionalProperties": false
                }},
                "time_grain": {"enum": ["day", "week", "month", "quarter", "year", null]},
                "time_range": {"type": ["object", "null"], "properties": {
                    "start": {"type": ["string", "null"], "description": "YYYY-MM-DD"},
                    "end": {"type": ["string", "null"], "description": "YYYY-MM-DD, included"}
                }},
                "order_by": {"type": "array", "maxItems": 10, "items": {
                    "type": "object",
                    "properties": {"field": {"type": "string"}, "direction": {"enum": ["asc", "desc"]}},
                    "required": ["field"],
                    "additionalProperties": false
                }},
                "limit": {"type": ["integer", "null"], "minimum": 1}
            },
            "additionalProperties": false
        })
    }

    async fn call(&self, world: &World, given: &ToolUse, arguments: &Json) -> ToolOutcome {
        let database = match world.database(&given.source) {
            Ok(database) => database,
            Err(failure) => return statement::refused(failure),
        };
        let Some(views) = &database.model else {
            return ToolOutcome::failed(
                "no_semantic_model",
                "This source has no semantic model; use run_sql.",
            );
        };
        let permit = match database.source.permit(&given.caller).await {
            Ok(permit) => permit,
            Err(failure) => return statement::refused(failure),
        };
        match views.compile(&arguments.to_string(), permit.as_deref()).await {
            Ok(Ok(compiled)) => {
                let origin = compiled_check(&views.whole().hash, &compiled.plan_hash);
                let compiled = compiled.into_statement(&given.source, database.dialect);
                let mut outcome = statement::run(world, database, given, compiled).await;
                outcome.checks.push(origin);
                outcome
            }
            Ok(Err(error)) => misunderstood(&error),
            Err(failure) => statement::refused(failure),
        }
    }
}

fn misunderstood(error: &CompileError) -> ToolOutcome {
    let mut message = error.message.clone();
    if !error.suggestions.is_empty() {
        message.push_str(&format!(" Known: {}.", error.suggestions.join(", ")));
    }
    ToolOutcome::failed(error.code.text(), message)
}
