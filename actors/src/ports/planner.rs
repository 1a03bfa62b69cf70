//! From a question to a plan: what of it the semantic layer covers, and the statement that answers it.

use super::sql::{Check, Failure, SchemaMark, Statement};
use super::tools::Caller;
use crate::json::Json;
use async_trait::async_trait;
use serde::{Deserialize, Serialize};

/// How much of a question is bound to the semantic model.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CoverageStatus {
    /// Every part, by exactly one reading.
    Full,
    /// A metric, but not all the rest; or several readings tie.
    Partial,
    /// No metric.
    Missing,
    /// The semantic layer was not asked.
    NotApplicable,
}

/// Words of the question and what they were read as.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Covered {
    /// The words.
    pub text: String,
    /// What they were read as, such as `metric_time:month`.
    #[serde(rename = "as")]
    pub meaning: String,
}

/// Why words stay unexplained.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum UncoveredReason {
    /// No metric, dimension or grammar word.
    UnknownTerm,
    /// Stands where a value of a dimension would, and is none.
    UnknownValue,
    /// Known, but cannot be joined to the metric without multiplying rows.
    Unreachable,
    /// Known to be an operation that the layer does not do.
    UnsupportedOperation,
    /// A time without a defined meaning.
    UndefinedTime,
}

/// Words of the question that stay unexplained.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Uncovered {
    /// The words.
    pub text: String,
    /// Why.
    pub reason: UncoveredReason,
    /// Names of the model that may have been meant.
    pub suggestions: Vec<String>,
}

/// What of a question the semantic model covers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Coverage {
    /// How much.
    pub status: CoverageStatus,
    /// Whether several readings fit and the asker must choose.
    pub needs_clarification: bool,
    /// What was understood.
    pub covered: Vec<Covered>,
    /// What was not.
    pub uncovered: Vec<Uncovered>,
    /// Readings that were chosen by a rule and should be shown.
    pub assumptions: Vec<String>,
    /// Names to choose from when clarification is needed.
    pub candidates: Vec<String>,
}

/// What a question was read as that a verified query of the model answers, before `:` and its name.
const VERIFIED_QUERY: &str = "verified_query";

impl Coverage {
    /// Full coverage of a question by one verified query: all its words are read as that.
    #[must_use]
    pub fn verified(question: &str, name: &str) -> Self {
        Self {
            status: CoverageStatus::Full,
            needs_clarification: false,
            covered: vec![Covered { text: question.to_owned(), meaning: format!("{VERIFIED_QUERY}:{name}") }],
            uncovered: Vec::new(),
            assumptions: Vec::new(),
            candidates: Vec::new(),
        }
    }

    /// The name of the verified query that answers, as `verified_query:NAME`; none when another reading does.
    #[must_use]
    pub fn origin(&self) -> Option<&str> {
        match self.covered.as_slice() {
            [Covered { meaning, .. }] if meaning.split_once(':')?.0 == VERIFIED_QUERY => Some(meaning),
            _ => None,
        }
    }
}

/// A question to plan.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlanRequest {
    /// The question.
    pub message: String,
    /// Source to answer from; the default one when absent.
    pub source: Option<String>,
    /// The day that "today" means, `YYYY-MM-DD`.
    pub as_of: String,
}

/// What is going to be done about a question.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Plan {
    /// Source that the plan is for.
    pub source: String,
    /// What is covered.
    pub coverage: Coverage,
    /// The semantic query that was read, also when coverage is partial (then only as an offer).
    pub query: Option<Json>,
    /// The reading in words, such as "revenue by country in 2022".
    pub reading: String,
    /// What to run; only when coverage is full.
    pub statement: Option<Statement>,
    /// What to say when there is nothing to run: what is missing and what can be asked.
    pub message: String,
    /// Hash of the semantic model.
    pub model_hash: String,
    /// Hash of the compiled plan.
    pub plan_hash: String,
    /// The source's schema while planning.
    pub schema: SchemaMark,
}

/// The check that names what a statement was compiled from: the hashes of the semantic model and of its plan.
/// They are facts of the turn, and so a part of its lineage.
#[must_use]
pub fn compiled_check(model_hash: &str, plan_hash: &str) -> Check {
    Check {
        name: "semantic_plan".to_owned(),
        passed: true,
        blocking: false,
        detail: format!("compiled from the model {model_hash} as the plan {plan_hash}"),
    }
}

/// Makes plans. The same caller, request, model and values give the same plan.
#[async_trait]
pub trait Planner: Send + Sync + 'static {
    /// Plans one question of a caller, out of what the caller may read.
    async fn plan(&self, caller: &Caller, request: &PlanRequest) -> Result<Plan, Failure>;
}
