//! The tools that there are, who may use them, and whether a call fits.

use super::run_sql::RunSql;
use super::save_memory::SaveMemory;
use super::search_memory::SearchMemory;
use super::search_schema::SearchSchema;
use super::semantic_query::SemanticQueryTool;
use super::tool::Tool;
use super::version_2::{SaveQuestionToolArgs, SaveTextMemory, SearchSavedCorrectToolUses};
use super::visualize_data::VisualizeData;
use super::world::World;
use crate::config::ToolEntry;
use async_trait::async_trait;
use jsonschema::Validator;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;
use vanna_actors::json::Json;
use vanna_actors::ports::model::{ToolCall, ToolSpec};
use vanna_actors::ports::tools::{Caller, ToolOutcome, ToolRefusal, ToolUse, Tools, Verdict};

/// Faults of arguments that are told at once.
const FAULTS: usize = 5;

/// Declares the tools: one line each.
macro_rules! tools {
    ($($name:literal $tool:expr;)*) => {
        /// Names of all tools.
        pub const NAMES: [&str; [$($name),*].len()] = [$($name),*];

        fn all() -> Vec<Arc<dyn Tool>> {
            vec![$(Arc::new($tool)),*]
        }
    };
}

tools! {
    "run_sql" RunSql;
    "save_memory" SaveMemory;
    "save_question_tool_args" SaveQuestionToolArgs;
    "save_text_memory" SaveTextMemory;
    "search_memory" SearchMemory;
    "search_saved_correct_tool_uses" SearchSavedCorrectToolUses;
    "search_schema" SearchSchema;
    "semantic_query" SemanticQueryTool;
    "visualize_data" VisualizeData;
}

struct Entry {
    tool: Arc<dyn Tool>,
    spec: ToolSpec,
    validator: Validator,
    rules: ToolEntry,
}

/// The tools, with the rules of who may use them.
pub struct Registry {
    entries: BTreeMap<&'static str, Entry>,
    world: World,
}

impl Registry {
    /// All tools over a world, with the rules of the configuration.
    ///
    /// # Errors
    /// A tool's schema is none, which only a wrong build can cause.
    pub fn new(world: World, rules: &BTreeMap<String, ToolEntry>) -> Result<Self, String> {
        let mut entries = BTreeMap::new();
        for tool in all() {
            let (name, parameters) = (tool.name(), tool.parameters());
            let validator = jsonschema::validator_for(&parameters);
            let validator = validator.map_err(|error| format!("the schema of {name} is wrong: {error}"))?;
            let mut rules = rules.get(name).cloned().unwrap_or_default();
            if rules.groups.is_empty() {
                rules.groups = tool.groups();
            }
            let spec = ToolSpec {
                name: name.to_owned(),
                description: tool.description().to_owned(),
                parameters: Json::new(&parameters),
            };
            entries.insert(name, Entry { tool, spec, validator, rules });
        }
        Ok(Self { entries, world })
    }

    fn is_in(&self, caller: &Caller, groups: &[String]) -> bool {
        let own = self.world.groups.of(caller.conversation.tenant(), &caller.principal);
        groups.is_empty() || groups.iter().any(|group| own.contains(group))
    }

    fn may_use(&self, caller: &Caller, entry: &Entry) -> bool {
        !entry.rules.disabled && self.is_in(caller, &entry.rules.groups)
    }

    fn refusal(&self, caller: &Caller, call: &ToolCall) -> Result<Value, ToolRefusal> {
        let Some(entry) = self.entries.get(call.name.as_str()) else {
            let known: Vec<String> = self.offered(caller).into_iter().map(|spec| spec.name).collect();
            let message = format!("There is no tool of that name. There are: {}.", known.join(", "));
            return Err(ToolRefusal::new("unknown_tool", message));
        };
        if !self.may_use(caller, entry) {
            let message = format!("The asker may not use {}. Do without it.", call.name);
            return Err(ToolRefusal::new("tool_access_denied", message));
        }
        let invalid = |what: &str| {
            let message = format!("The arguments of {} cannot be used: {what}.", call.name);
            ToolRefusal::new("invalid_arguments", message)
        };
        if let Some(fault) = &call.malformed {
            return Err(invalid(fault));
        }
        let arguments: Value =
            serde_json::from_str(&call.arguments).map_err(|_| invalid("they are not one JSON object"))?;
        let faults: Vec<String> = entry
            .validator
            .iter_errors(&arguments)
            .take(FAULTS)
            .map(|error| match error.instance_path().to_string().as_str() {
                "" => error.to_string(),
                path => format!("{path}: {error}"),
            })
            .collect();
        if faults.is_empty() { Ok(arguments) } else { Err(invalid(&faults.join("; "))) }
    }

    /// Arguments as the caller may see them.
    fn shown(&self, caller: &Caller, call: &ToolCall) -> Json {
        let entry = self.entries.get(call.name.as_str());
        let open = entry.is_none_or(|entry| self.is_in(caller, &entry.rules.arguments_shown_to));
        let arguments: Option<Value> = serde_json::from_str(&call.arguments).ok();
        let object = arguments.filter(|arguments| open && arguments.is_object() && call.malformed.is_none());
        Json::new(&object.unwrap_or_else(|| json!({})))
    }
}

#[async_trait]
impl Tools for Registry {
    fn offered(&self, caller: &Caller) -> Vec<ToolSpec> {
        let is_told = |entry: &&Entry| entry.rules.offered.unwrap_or_else(|| entry.tool.is_offered());
        let open = self.entries.values().filter(is_told).filter(|entry| self.may_use(caller, entry));
        open.map(|entry| entry.spec.clone()).collect()
    }

    fn judge(&self, caller: &Caller, call: &ToolCall) -> Verdict {
        Verdict { shown: self.shown(caller, call), refusal: self.refusal(caller, call).err() }
    }

    fn time(&self, tool: &str) -> Duration {
        let entry = self.entries.get(tool);
        let set = entry.and_then(|entry| entry.rules.timeout_ms).map(Duration::from_millis);
        set.or_else(|| entry.map(|entry| entry.tool.time())).unwrap_or_default()
    }

    async fn call(&self, given: &ToolUse) -> ToolOutcome {
        match self.entries.get(given.tool.as_str()) {
            Some(entry) => entry.tool.call(&self.world, given, &given.arguments.value()).await,
            None => ToolOutcome::failed("unknown_tool", "There is no such tool any more."),
        }
    }
}
