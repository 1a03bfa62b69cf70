//! `visualize_data`: a picture of rows that were recorded.

use super::picture::choose;
use super::statement::refused;
use super::tool::{Tool, text};
use super::world::World;
use async_trait::async_trait;
use serde_json::{Value as Json, json};
use vanna_actors::ports::tools::{Drawn, NamedResult, ToolOutcome, ToolUse};

pub(super) struct VisualizeData;

#[async_trait]
impl Tool for VisualizeData {
    fn name(&self) -> &'static str {
        "visualize_data"
    }

    fn description(&self) -> &'static str {
        "Shows the reader a chart of rows that an earlier call kept. The kind of chart follows from the \
         columns: ask for few columns, one of them a number."
    }

    fn parameters(&self) -> Json {
        json!({
            "type": "object",
            "properties": {
                "filename": {"type": "string", "description":
                    "Name under which the rows were kept, such as query_results_1a2b3c4d.csv."},
                "result": {"type": "string", "description": "The same, or \"last\" for the newest rows."},
                "title": {"type": "string", "maxLength": 200}
            },
            "anyOf": [{"required": ["filename"]}, {"required": ["result"]}],
            "additionalProperties": false
        })
    }

    async fn call(&self, world: &World, given: &ToolUse, arguments: &Json) -> ToolOutcome {
        let Some(named) = named(given, arguments) else {
            let known: Vec<&str> = given.results.iter().map(|result| result.file.as_str()).collect();
            let message = if known.is_empty() {
                "There are no rows yet: run a query first.".to_owned()
            } else {
                format!("No rows are kept under that name. Known: {}.", known.join(", "))
            };
            return ToolOutcome::failed("unknown_result", message);
        };
        let result = match world.results.result(&given.caller.conversation, named.version).await {
            Ok(result) => result,
            Err(failure) => return refused(failure),
        };
        let Some(picture) = choose(&result) else {
            return ToolOutcome::failed(
                "nothing_to_draw",
                "There are no rows in it, so nothing can be drawn.",
            );
        };
        let kind = serde_json::to_value(picture.kind).unwrap_or_default();
        let kind = kind.as_str().unwrap_or_default().replace('_', " ");
        let told = format!("Drawn as a {kind} of {} from {}.", picture.columns.join(", "), named.file);
        let title = Some(text(arguments, "title")).filter(|title| !title.is_empty()).map(str::to_owned);
        let drawn = Drawn {
            of: named.tool_call_id.clone(),
            file: named.file.clone(),
            title,
            earlier: (named.version < given.turn_version).then_some(result),
            picture: Some(picture),
        };
        let summary = format!("{kind} of {}", named.file);
        ToolOutcome {
            drawn: Some(drawn),
            ..ToolOutcome::told(summary, format!("{told} The reader sees it."))
        }
    }
}

/// The rows that are meant.
fn named<'a>(given: &'a ToolUse, arguments: &Json) -> Option<&'a NamedResult> {
    let name =
        [text(arguments, "filename"), text(arguments, "result")].into_iter().find(|n| !n.is_empty())?;
    let newest = given.results.last();
    let known = given.results.iter().rev().find(|known| known.file == name || known.tool_call_id == name);
    known.or_else(|| newest.filter(|_| name == "last"))
}
