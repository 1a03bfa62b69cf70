//! `semantic_query`: metrics by dimensions, compiled by the semantic layer.

use super::statement;
use super::tool::Tool;
use super::world::{Database, World};
use crate::semantic::compile::{Compiled, compile_json};
use crate::semantic::model::Model;
use crate::semantic::refusal::CompileError;
use async_trait::async_trait;
use serde_json::{Value as Json, json};
use vanna_actors::ports::sql::Statement;
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
        let query = arguments.to_string();
        match compile_json(views.whole(), &query, database.dialect) {
            // What the caller may not read of it, the policy says.
            Ok(compiled) => {
                let compiled = planned(&given.source, database.dialect.name(), compiled);
                statement::run(world, database, given, compiled).await
            }
            Err(error) => match database.model(&given.caller).await {
                Ok(seen) => misunderstood(error, seen.as_deref(), &query, database),
                Err(failure) => statement::refused(failure),
            },
        }
    }
}

/// Why a query cannot be computed, in names that the caller may see.
fn misunderstood(error: CompileError, seen: Option<&Model>, query: &str, database: &Database) -> ToolOutcome {
    let told = if database.source.is_governed() {
        let of_seen = seen.filter(|model| model.imported.is_none());
        match of_seen.map(|model| compile_json(model, query, database.dialect)) {
            Some(Err(told)) => told,
            // An imported model is computed as a whole; what it suggests is not for everybody.
            _ => {
                let message = match &error.name {
                    Some(name) => format!("`{name}` cannot be used in this query."),
                    None => "The semantic model cannot compute this query.".to_owned(),
                };
                CompileError { message, suggestions: Vec::new(), ..error }
            }
        }
    } else {
        error
    };
    let mut message = told.message.clone();
    if !told.suggestions.is_empty() {
        message.push_str(&format!(" Known: {}.", told.suggestions.join(", ")));
    }
    ToolOutcome::failed(told.code.text(), message)
}

fn planned(source: &str, dialect: &str, compiled: Compiled) -> Statement {
    Statement {
        source: source.to_owned(),
        dialect: dialect.to_owned(),
        sql: compiled.sql,
        prepared: compiled.prepared,
        params: compiled.params,
        outputs: compiled.outputs,
        tables: compiled.tables,
        columns: compiled.columns,
    }
}
