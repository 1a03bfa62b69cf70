//! The payload of each event type.

use super::cell::Cell;
use super::keyed::Keyed;
use crate::chart::ChartSpec;
use crate::projections::lineage::Evidence;
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;
use utoipa::ToSchema;
use vanna_actors::ports::sql::ColumnType;

/// Where in its course a turn is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Status {
    /// The stage that begins.
    pub stage: Stage,
    /// What happens, for people.
    pub message: String,
}

/// Stage of a turn.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Stage {
    /// The question is recorded.
    Accepted,
    /// A plan is being made.
    Planning,
    /// The semantic model has been asked.
    Semantic,
    /// A statement runs.
    Sql,
    /// The statement was checked.
    Validating,
    /// The result is shown.
    Rendering,
}

/// A tool call begins.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ToolStart {
    /// Pairs with the result of the call.
    pub tool_call_id: String,
    /// Name of the tool.
    pub name: String,
    /// Its arguments, without values that the caller may not see.
    #[schema(value_type = HashMap<String, Json>)]
    pub arguments: serde_json::Map<String, Json>,
}

/// A tool call has ended.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ToolResult {
    /// Pairs with the start of the call.
    pub tool_call_id: String,
    /// Name of the tool.
    pub name: String,
    /// Whether it did what it was called for.
    pub success: bool,
    /// Time that it took, milliseconds.
    #[schema(minimum = 0.0)]
    pub duration_ms: f64,
    /// What came of it, for people.
    pub summary: String,
    /// Rows of the source; only when it succeeded.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub row_count: Option<u64>,
    /// Stable code; only when it failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false, pattern = "^[a-z][a-z0-9_]*$")]
    pub error_code: Option<String>,
}

/// Text of the answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AssistantText {
    /// The text.
    pub text: String,
    /// True: append it. False: it is the whole text and replaces the deltas so far.
    pub delta: bool,
}

/// Rows of the answer.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct TableResult {
    /// Names of the columns, unique, in order.
    #[schema(value_type = HashSet<String>)]
    pub columns: Vec<String>,
    /// Type of each column.
    #[schema(value_type = HashMap<String, ColumnKind>)]
    pub column_types: Keyed<ColumnType>,
    /// Rows, one value per column. Numbers that a double cannot hold exactly, dates, bytes (base64)
    /// and JSON documents are strings.
    #[schema(value_type = Vec<HashMap<String, Cell>>)]
    pub rows: Vec<Keyed<Json>>,
    /// Rows that the source produced until it ended or a limit stopped it.
    pub row_count: u64,
    /// Whether a limit cut the rows.
    pub truncated: bool,
}

/// Type of a column.
// Only its schema is used: the values are of the domain, which knows no OpenAPI.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
#[expect(dead_code, reason = "only its schema is used")]
enum ColumnKind {
    String,
    Integer,
    Number,
    Boolean,
    Date,
    DateTime,
    Json,
    Binary,
}

/// A chart of the answer.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ChartSpecPayload {
    /// The chart.
    pub chart_spec: ChartSpec,
}

/// Something that the reader of the answer should know.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Warning {
    /// Stable code.
    #[schema(pattern = "^[a-z][a-z0-9_]*$")]
    pub code: String,
    /// What to know, for people.
    pub message: String,
    /// What was done instead.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub fallback: Option<Fallback>,
}

/// What is done where the semantic layer does not reach.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Fallback {
    /// SQL outside the semantic layer.
    Sql,
    /// Nothing.
    None,
}

/// What the answer rests on.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Lineage {
    /// The evidence.
    pub evidence: Evidence,
}

/// The turn ended without an answer; the last event of its request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ErrorPayload {
    /// Stable code; `cancelled` when someone cancelled.
    #[schema(pattern = "^[a-z][a-z0-9_]*$")]
    pub code: String,
    /// What is wrong and what to do, for people.
    pub message: String,
    /// What to quote to the operator.
    pub correlation_id: String,
    /// Whether asking again may work.
    pub retryable: bool,
}

/// The turn ended with an answer; the last event of its request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Done {
    /// Always `completed`.
    pub status: DoneStatus,
    /// Events of the request, this one included.
    #[schema(minimum = 1)]
    pub event_count: u64,
}

/// How a turn that ended well ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum DoneStatus {
    /// To its end.
    Completed,
}
