//! What a tool is.

use super::world::World;
use async_trait::async_trait;
use serde_json::Value as Json;
use std::time::Duration;
use vanna_actors::ports::tools::{ToolOutcome, ToolUse};

/// A tool that a language model may call.
#[async_trait]
pub trait Tool: Send + Sync + 'static {
    /// Its name: letters, digits and `_`.
    fn name(&self) -> &'static str;

    /// What it does, for the model.
    fn description(&self) -> &'static str;

    /// JSON Schema of its arguments.
    fn parameters(&self) -> Json;

    /// Groups that may call it, unless the configuration says otherwise; none: everybody.
    fn groups(&self) -> Vec<String> {
        Vec::new()
    }

    /// Whether models are told of it, unless the configuration says otherwise. It can be called all the same.
    fn is_offered(&self) -> bool {
        true
    }

    /// Longest time of a call, unless the configuration says otherwise.
    fn time(&self) -> Duration {
        Duration::from_secs(60)
    }

    /// Does the work. The arguments fit the schema.
    async fn call(&self, world: &World, given: &ToolUse, arguments: &Json) -> ToolOutcome;
}

/// A text among arguments; empty when it is not there.
pub(super) fn text<'a>(arguments: &'a Json, name: &str) -> &'a str {
    arguments.get(name).and_then(Json::as_str).unwrap_or_default()
}

/// A small count among arguments.
pub(super) fn count(arguments: &Json, name: &str, usual: usize) -> usize {
    let given = arguments.get(name).and_then(Json::as_u64);
    given.and_then(|count| usize::try_from(count).ok()).unwrap_or(usual)
}
