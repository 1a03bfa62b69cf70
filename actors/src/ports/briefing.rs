//! What a language model is told before a question: standing instructions, tools and bounds.

use super::model::{ModelSettings, ToolSpec};
use super::planner::{Plan, PlanRequest};
use super::sql::Failure;
use super::tools::Caller;
use async_trait::async_trait;
use serde::{Deserialize, Serialize};

/// Bounds of a turn with a model. Reaching one ends the turn orderly, with a warning.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TurnLimits {
    /// Calls of the model.
    pub model_calls: u32,
    /// Calls of tools, refused ones included.
    pub tool_calls: u32,
    /// Statements of tools that may fail.
    pub repairs: u32,
    /// Tokens that go into the model and come out of it, over all calls.
    pub tokens: u64,
    /// Time from the briefing on, milliseconds.
    pub time_ms: u64,
    /// Rows that all tools together may record.
    pub rows: u64,
}

impl Default for TurnLimits {
    fn default() -> Self {
        Self { model_calls: 10, tool_calls: 30, repairs: 5, tokens: 200_000, time_ms: 300_000, rows: 20_000 }
    }
}

/// A memory that was found for the question.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Retrieved {
    /// Which.
    pub id: String,
    /// `golden`, `corrective`, `negative` or `document`.
    pub kind: String,
    /// How well it matches, 0 to 1.
    pub score: f64,
}

/// What a model is told before a question. The same in every call of a turn.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Briefing {
    /// Standing instructions, with the part of the schema that fits.
    pub system: String,
    /// Tools that may be called.
    pub tools: Vec<ToolSpec>,
    /// Parameters of each call.
    pub settings: ModelSettings,
    /// Bounds of the turn.
    pub limits: TurnLimits,
    /// Tables of the source that the instructions describe.
    pub tables: Vec<String>,
    /// Tables of the source that found no room.
    pub tables_left_out: u64,
    /// Memories that the instructions hold.
    pub memories: Vec<Retrieved>,
}

/// Prepares a model for a question.
#[async_trait]
pub trait Briefer: Send + Sync + 'static {
    /// What the model is told about a question that the semantic layer does not answer in full.
    async fn brief(&self, caller: &Caller, request: &PlanRequest, plan: &Plan) -> Result<Briefing, Failure>;
}
