//! The evidence object, as clients read it.

use super::confidence::Tier;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value as Json};
use utoipa::ToSchema;

/// What an answer rests on.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Evidence {
    /// Snapshot of the schema that the answer was made on; null when none was looked at.
    #[schema(required)]
    pub schema_snapshot_id: Option<String>,
    /// `blake3:` and the hash of that schema; null when none was looked at.
    #[schema(required)]
    pub schema_hash: Option<String>,
    /// Whether the schema changed between planning and running.
    pub schema_drifted: bool,
    /// What the semantic model covered.
    pub semantic: SemanticEvidence,
    /// What retrieval brought in.
    pub retrieved_memories: Vec<RetrievedMemory>,
    /// Tool calls in order.
    pub tool_calls: Vec<ToolCall>,
    /// Statements that ran to their end, in order.
    pub executed_sql: Vec<ExecutedSql>,
    /// Named checks and their last results.
    pub validation_checks: Vec<ValidationCheck>,
    /// How far to trust the answer, by fixed rules.
    pub confidence: Confidence,
    /// Where in the journal all this is recorded.
    pub journal: JournalSpan,
}

/// What the semantic model covered of a question.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SemanticEvidence {
    /// How much.
    pub coverage: CoverageName,
    /// The semantic query that was read; null when there is none.
    #[schema(required, value_type = Option<HashMap<String, Json>>)]
    pub query: Option<Json>,
    /// Words that stayed unexplained.
    pub missing: Vec<String>,
    /// Why the semantic layer did not answer; null when it did.
    #[schema(required)]
    pub fallback_reason: Option<String>,
    /// `verified_query:` and the name of the verified query that answered; absent when the words were read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub origin: Option<String>,
}

/// How much of a question is bound to the semantic model.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum CoverageName {
    /// Every part.
    Full,
    /// A metric, but not all the rest.
    Partial,
    /// No metric.
    Missing,
    /// The semantic layer was not asked.
    NotApplicable,
}

/// A memory that retrieval brought in.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RetrievedMemory {
    /// Which.
    pub id: String,
    /// `golden`, `corrective`, `negative` or `document`.
    pub kind: String,
    /// How well it matched, 0 to 1.
    pub score: f64,
}

/// A tool call.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ToolCall {
    /// The call.
    pub tool_call_id: String,
    /// Name of the tool.
    pub name: String,
    /// Its arguments.
    #[schema(value_type = HashMap<String, Json>)]
    pub arguments: Map<String, Json>,
    /// Whether it did what it was called for.
    pub success: bool,
    /// Time that it took, milliseconds.
    pub duration_ms: f64,
    /// What came of it.
    pub result: CallResult,
}

/// What came of a tool call: rows or an error.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CallResult {
    /// Rows of the source.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub row_count: Option<u64>,
    /// Stable code.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub error_code: Option<String>,
}

/// A statement that ran to its end.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ExecutedSql {
    /// The statement as people read it.
    pub sql: String,
    /// Its dialect.
    pub dialect: String,
    /// Source that it ran on.
    pub source: String,
    /// Rows of the source.
    pub row_count: u64,
    /// Time in the engine, milliseconds.
    pub runtime_ms: f64,
    /// Tables that it read.
    pub tables: Vec<String>,
    /// Columns that it read, as `table.column`.
    pub columns: Vec<String>,
    /// Policies that were applied to it.
    pub policies: Vec<String>,
}

/// A named check and its result.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ValidationCheck {
    /// Stable name.
    pub name: String,
    /// Whether it held.
    pub passed: bool,
    /// What was found.
    pub detail: String,
}

/// How far to trust an answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Confidence {
    /// The tier.
    pub tier: Tier,
    /// All signals with their values, such as `SEM=full`: the rules need nothing else.
    pub signals: Vec<String>,
    /// Version of the rules.
    pub rules_version: u32,
}

/// Where in the journal a request is recorded.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct JournalSpan {
    /// The stream, as `kind/tenant/id`.
    pub stream: String,
    /// Version of the question in it.
    pub first_version: u64,
    /// Version of the fact that ended the turn.
    pub last_version: u64,
    /// Head of the stream's hash chain at that version.
    pub head_hash: String,
}
