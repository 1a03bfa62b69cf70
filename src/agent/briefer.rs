//! Preparing a model for a question: schema, coverage, memories, tools and bounds.

use super::prompt::{Told, system};
use super::slice::slice;
use crate::catalog::Catalog;
use crate::config;
use crate::tools::{Database, offered};
use async_trait::async_trait;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use vanna_actors::ports::briefing::{Briefer, Briefing, Retrieved, TurnLimits};
use vanna_actors::ports::memory::{Among, Lookup, MemoryStore};
use vanna_actors::ports::model::ModelSettings;
use vanna_actors::ports::planner::{Plan, PlanRequest};
use vanna_actors::ports::sql::Failure;
use vanna_actors::ports::tools::{Caller, Tools};

/// Memories that a model is told.
const MEMORIES: usize = 3;

/// Bounds of what a model is told and may do.
#[derive(Clone, Debug)]
pub struct Bounds {
    /// Of a turn.
    pub turn: TurnLimits,
    /// Tokens of the schema, about.
    pub schema_tokens: usize,
    /// Parameters of each call.
    pub settings: ModelSettings,
}

impl Bounds {
    /// As configured.
    #[must_use]
    pub fn of(agent: &config::Agent) -> Self {
        let turn = TurnLimits {
            model_calls: agent.model_calls,
            tool_calls: agent.tool_calls,
            repairs: agent.repairs,
            tokens: agent.tokens,
            time_ms: agent.time_ms,
            rows: agent.rows,
        };
        let settings = ModelSettings {
            max_tokens: agent.answer_tokens,
            temperature: agent.temperature,
            ..ModelSettings::default()
        };
        Self { turn, schema_tokens: agent.schema_tokens, settings }
    }
}

/// Prepares models for questions about databases.
pub struct SourceBriefer {
    databases: BTreeMap<String, Database>,
    tools: Arc<dyn Tools>,
    memory: Arc<dyn MemoryStore>,
    bounds: Bounds,
    /// The newest schema of each source, with its hash.
    catalogs: Mutex<BTreeMap<String, (String, Arc<Catalog>)>>,
}

impl SourceBriefer {
    /// Over databases, with the tools that models are offered.
    #[must_use]
    pub fn new(
        databases: BTreeMap<String, Database>,
        tools: Arc<dyn Tools>,
        memory: Arc<dyn MemoryStore>,
        bounds: Bounds,
    ) -> Self {
        Self { databases, tools, memory, bounds, catalogs: Mutex::default() }
    }

    /// The schema that a plan was made on; read again only when it has changed.
    async fn catalog(
        &self,
        database: &Database,
        caller: &Caller,
        plan: &Plan,
    ) -> Result<Arc<Catalog>, Failure> {
        if database.source.is_governed() {
            return database.source.described(caller).await;
        }
        let lock = || self.catalogs.lock().unwrap_or_else(PoisonError::into_inner);
        let known = lock().get(&database.name).filter(|(hash, _)| *hash == plan.schema.hash).cloned();
        if let Some((_, catalog)) = known {
            return Ok(catalog);
        }
        let catalog = database.source.described(caller).await?;
        lock().insert(database.name.clone(), (catalog.mark().hash, Arc::clone(&catalog)));
        Ok(catalog)
    }
}

#[async_trait]
impl Briefer for SourceBriefer {
    async fn brief(&self, caller: &Caller, request: &PlanRequest, plan: &Plan) -> Result<Briefing, Failure> {
        let gone = || {
            let message = format!("There is no source `{}` any more.", plan.source);
            Failure::new("unknown_source", message, false)
        };
        let database = self.databases.get(&plan.source).ok_or_else(gone)?;
        let catalog = self.catalog(database, caller, plan).await?;
        let slice = slice(&catalog, &request.message, self.bounds.schema_tokens);
        let lookup = Lookup {
            tenant: caller.conversation.tenant().to_owned(),
            reader: caller.principal.clone(),
            question: request.message.clone(),
            among: Among::All,
            least: None,
            limit: MEMORIES,
        };
        let memories = offered(&database.source, caller, self.memory.search(lookup).await?).await?;
        let model = database.model(caller).await?;
        let mut tools = self.tools.offered(caller);
        tools.retain(|tool| tool.name != "semantic_query" || database.model.is_some());
        let told = Told {
            source: &plan.source,
            dialect: database.dialect,
            as_of: &request.as_of,
            plan,
            model: model.as_deref(),
            slice: &slice,
            memories: &memories,
        };
        let retrieved = memories.iter().map(|memory| Retrieved {
            id: memory.note.id.clone(),
            kind: memory.kind.clone(),
            score: memory.score,
        });
        Ok(Briefing {
            system: system(&told),
            tools,
            settings: self.bounds.settings.clone(),
            limits: self.bounds.turn,
            memories: retrieved.collect(),
            tables_left_out: slice.left_out as u64,
            tables: slice.tables,
        })
    }
}
